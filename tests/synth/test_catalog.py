"""The catalog holds as many products as its articles need, and stays as it is when they grow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.errors import CxmError
from synth.catalog import Catalog, covered_topics, draw_catalog, name_slots, put
from synth.knobs import Knobs
from synth.packs import names, read_pack
from synth.phrases import Template
from synth.streams import Dice, Kind


def draw(brand: str = "larkfield", **knobs: Any) -> Catalog:
    return draw_catalog(read_pack(brand), Knobs(brand=brand, **knobs))


@pytest.mark.parametrize("brand", names())
def test_every_value_comes_from_the_pack_and_the_wrong_one_is_another(brand: str) -> None:
    pack = read_pack(brand)
    catalog = draw(brand)
    values = {f"{topic.topic}.{fact.key}": fact.values for topic in pack.topics for fact in topic.facts}
    for product in catalog.products:
        for spec in pack.properties_of(product.family):
            values[product.facts[spec.key].key] = spec.values
    assert values.keys() == catalog.facts.keys()
    for key, fact in catalog.facts.items():
        assert {fact.value, fact.wrong} <= set(values[key])
        assert fact.value != fact.wrong


@pytest.mark.parametrize("brand", names())
def test_products_have_names_of_their_own_and_prices_within_the_familys_range(brand: str) -> None:
    products = draw(brand).products
    assert len({product.name for product in products}) == len(products)
    assert [product.number for product in products] == list(range(len(products)))
    for product in products:
        low, high = product.family.prices
        assert low <= product.price <= high


@pytest.mark.parametrize("brand", names())
def test_the_launched_product_is_the_last_and_has_facts_and_troubles(brand: str) -> None:
    catalog = draw(brand)
    assert catalog.launched is catalog.products[-1]
    assert catalog.launched is not None
    assert catalog.launched.family.is_launch
    assert catalog.launched.facts
    assert catalog.launched.troubles


@pytest.mark.parametrize("brand", names())
def test_there_is_a_product_of_each_family_however_small_the_base(brand: str) -> None:
    small = draw(
        brand,
        information_articles=2,
        issue_articles=0,
        near_duplicates=0,
        copied_passages=0,
        contradictions=1,
    )
    assert {product.thing for product in small.products} == {
        family.kind for family in read_pack(brand).families
    }


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_more_articles_only_add_products(further: int, further_issues: int, seed: int) -> None:
    small = draw(seed=seed, information_articles=300, issue_articles=200)
    large = draw(seed=seed, information_articles=300 + 5 * further, issue_articles=200 + 5 * further_issues)
    known = [product for product in small.products if product is not small.launched]
    for before, after in zip(known, large.products, strict=False):
        assert (before.number, before.name, before.price) == (after.number, after.name, after.price)
        assert {key: fact.value for key, fact in before.facts.items()} == {
            key: fact.value for key, fact in after.facts.items()
        }
        assert before.troubles == after.troubles
    assert small.launched is not None
    assert large.launched is not None
    assert small.launched.name == large.launched.name
    assert [fact.value for fact in small.launched.facts.values()] == [
        fact.value for fact in large.launched.facts.values()
    ]


def test_seeds_differ_in_values_and_names() -> None:
    one, other = draw(seed=1), draw(seed=2)
    assert [p.name for p in one.products] != [p.name for p in other.products]
    assert [f.value for f in one.facts.values()] != [f.value for f in other.facts.values()]


def test_the_same_fault_of_two_products_is_told_differently() -> None:
    catalog = draw(information_articles=600, issue_articles=500)
    by_fault: dict[tuple[str, str], list[Any]] = {}
    for product in catalog.products:
        for fault, trouble in product.troubles.items():
            by_fault.setdefault((product.thing, fault), []).append(trouble)
    pairs = [found[:2] for found in by_fault.values() if len(found) > 1]
    assert pairs
    assert all(one.steps != other.steps and one.titles != other.titles for one, other in pairs)


def test_a_pack_with_too_few_names_is_refused_with_the_remedy() -> None:
    with pytest.raises(CxmError, match="add names to its families") as error:
        draw(information_articles=19_000)
    assert "\n" not in str(error.value)


def test_a_small_base_covers_what_customers_ask_about_first() -> None:
    pack = read_pack("larkfield")
    knobs = Knobs(information_articles=30, near_duplicates=0, copied_passages=0, contradictions=2)
    covered = covered_topics(pack, knobs)
    asked = {key.partition(".")[0] for intent in pack.intents for key in intent.facts}
    assert len(covered) == 20
    assert all(topic.topic in asked for topic in covered)


@pytest.mark.parametrize(
    ("thing", "wanted"),
    [
        ("lawn mower", "a"),
        ("eSIM", "an"),
        ("LED lamp", "an"),
        ("USB stick", "a"),
        ("SIM card", "a"),
        ("LTE stick", "an"),
    ],
)
def test_things_take_the_article_they_are_spoken_with(thing: str, wanted: str) -> None:
    assert name_slots(f"Duet {thing}", thing)["a_thing"] == f"{wanted} {thing}"


def test_a_phrase_takes_the_article_of_the_name() -> None:
    slots = name_slots("Old Faithful phone", "phone")
    said = put(
        Template("A {product} is a phone, not a {thing} for a {product}."), Dice(0, Kind.CATALOG), slots
    )
    assert said == "An Old Faithful phone is a phone, not a phone for an Old Faithful phone."


def test_a_phrase_that_nothing_fills_is_refused() -> None:
    with pytest.raises(CxmError, match=r"nothing fills \{order\}"):
        put(Template("Your order {order}"), Dice(0, Kind.CATALOG), {})


def test_a_value_that_ends_in_a_full_stop_brings_no_second_one() -> None:
    assert (
        put(Template("It closes at {v}."), Dice(0, Kind.CATALOG), {"v": "11 p.m."}) == "It closes at 11 p.m."
    )
