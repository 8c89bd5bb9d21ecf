"""Queries ask for one matter each, and the judgements say which articles answer it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.catalog import Catalog, draw_catalog
from synth.knobs import PRESETS, Knobs
from synth.knowledge.articles import Knowledge, write_knowledge
from synth.knowledge.drafts import Author
from synth.knowledge.queries import _keywords, _misspell, write_queries
from synth.packs import names, read_pack

Made = tuple[Catalog, Knowledge, list[dict[str, Any]], list[dict[str, Any]]]


def make(brand: str = "larkfield", **sizes: Any) -> Made:
    knobs = Knobs(brand=brand, **sizes)
    pack = read_pack(brand)
    catalog = draw_catalog(pack, knobs)
    knowledge = write_knowledge(pack, catalog, knobs)
    return catalog, knowledge, *write_queries(pack, catalog, knowledge, knobs)


@pytest.fixture(scope="module", params=names())
def made(request: pytest.FixtureRequest) -> Made:
    return make(request.param)


def test_there_are_six_queries_for_ten_articles_and_no_two_alike(made: Made) -> None:
    _, knowledge, queries, _ = made
    assert len(queries) == round(0.6 * len(knowledge.articles))
    assert len({query["text"] for query in queries}) == len(queries)
    assert all(query["text"].strip() == query["text"] != "" for query in queries)


def test_no_query_leaves_a_slot_open_or_holds_signs_of_a_template(made: Made) -> None:
    assert not [q["text"] for q in made[2] if set("{}[]|") & set(q["text"]) or ".." in q["text"]]


def test_each_query_has_one_own_article_and_those_that_state_it_rightly(made: Made) -> None:
    _, knowledge, queries, qrels = made
    judged: dict[str, dict[str, int]] = {}
    for row in qrels:
        assert row["article_id"] not in judged.setdefault(row["query_id"], {})
        judged[row["query_id"]][row["article_id"]] = row["relevance"]
    assert judged.keys() == {query["query_id"] for query in queries}
    known = {
        frozenset(articles) | {key_wrong} if key_wrong else frozenset(articles)
        for articles, key_wrong in (
            (articles, knowledge.misstated.get(key)) for key, articles in knowledge.stated.items()
        )
    }
    for articles in judged.values():
        assert Counter(articles.values())[2] == 1
        assert frozenset(articles) in known


def test_an_article_that_states_it_wrongly_is_judged_not_to_answer(made: Made) -> None:
    _, knowledge, _, qrels = made
    wrong = [row for row in qrels if row["relevance"] == 0]
    assert wrong
    assert {row["article_id"] for row in wrong} <= set(knowledge.misstated.values())


def test_both_splits_hold_as_many_queries_and_a_query_is_in_one(made: Made) -> None:
    splits = {(row["query_id"], row["split"]) for row in made[3]}
    counts = Counter(split for _, split in splits)
    assert abs(counts["train"] - counts["test"]) <= 1
    assert len(splits) == len(made[2])


def test_queries_about_a_product_name_it(made: Made) -> None:
    catalog, knowledge, queries, qrels = made
    own = {row["query_id"]: row["article_id"] for row in qrels if row["relevance"] == 2}
    kept = {article.article_id: article for article in knowledge.articles}
    named = missing = 0
    for query in queries:
        section = kept[own[query["query_id"]]].section
        product = next((p.name for p in catalog.products if f" {p.name} " in f" {section} > "), None)
        if product:
            is_named = product.split()[0].lower() in query["text"].lower()
            named, missing = named + is_named, missing + (not is_named)
    # The rest: typos in the name, and statements that leave it out.
    assert named > 8 * missing


def test_a_large_base_has_600_queries_at_most() -> None:
    assert len(make(**{k: v for k, v in PRESETS["arena"].items() if k.endswith("articles")})[2]) == 600


def test_a_base_of_one_article_has_its_queries() -> None:
    sizes = {"information_articles": 1, "issue_articles": 0, "near_duplicates": 0, "copied_passages": 0}
    assert len(make(contradictions=0, **sizes)[2]) == 1


def test_the_same_seed_gives_the_same_queries() -> None:
    assert make(seed=5)[2:] == make(seed=5)[2:]
    assert make(seed=5)[2] != make(seed=6)[2]


@given(st.text(max_size=200), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_typos_and_keywords_never_lose_a_whole_query(text: str, number: float) -> None:
    misspelt = _misspell(text, Author(number))
    assert abs(len(misspelt) - len(text)) <= 2
    assert bool(_keywords(text).strip()) == bool(text.strip())
