"""The knowledge base: what is planted is there, known, and nothing else contradicts."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.errors import CxmError
from cxm.methods.documents import plain_text
from synth.catalog import Catalog, draw_catalog
from synth.knobs import END, Knobs
from synth.knowledge import base
from synth.knowledge.acronyms import Acronyms
from synth.knowledge.articles import Article, Knowledge, write_knowledge
from synth.knowledge.defects import Planter
from synth.knowledge.drafts import Author, Desk, word_banks
from synth.knowledge.information import write_products, write_topics
from synth.knowledge.issues import write_issues
from synth.knowledge.layouts import lay_out
from synth.knowledge.near_misses import MOST
from synth.packs import names, read_pack

BRANDS = names()


def make(brand: str = "larkfield", **settings: Any) -> tuple[Knobs, Catalog, Knowledge]:
    knobs = Knobs(brand=brand, **settings)
    pack = read_pack(brand)
    catalog = draw_catalog(pack, knobs)
    return knobs, catalog, write_knowledge(pack, catalog, knobs)


@pytest.fixture(scope="module", params=BRANDS)
def made(request: pytest.FixtureRequest) -> tuple[Knobs, Catalog, Knowledge]:
    return make(request.param)


@pytest.fixture(scope="module")
def texts(made: tuple[Knobs, Catalog, Knowledge]) -> dict[str, str]:
    knobs, _, knowledge = made
    rows = base.article_rows(read_pack(knobs.brand), knowledge, knobs)
    return {row["article_id"]: plain_text(row["body"], row["body_format"]) for row in rows}


# ------------------------------------------------------------------ articles


def test_there_are_as_many_articles_as_asked_for(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    knobs, _, knowledge = made
    assert Counter(article.kind for article in knowledge.articles) == {
        "information": knobs.information_articles,
        "issue": knobs.issue_articles,
    }
    ids = [article.article_id for article in knowledge.articles]
    assert ids == [f"KB-{number:04d}" for number in range(1, len(ids) + 1)]


def test_ids_give_nothing_away(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    kinds = [article.kind for article in made[2].articles]
    changes = sum(one != other for one, other in pairwise(kinds))
    assert changes > len(kinds) / 3


def test_articles_are_longer_than_a_paragraph_and_shorter_than_a_manual(texts: dict[str, str]) -> None:
    lengths = sorted(len(text.split()) for text in texts.values())
    assert lengths[len(lengths) // 20] >= 65
    assert lengths[len(lengths) // 2] >= 110
    assert lengths[-1] <= 300


def test_sentences_begin_with_a_capital_and_have_no_open_ends(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    for article in made[2].articles:
        for text in [article.title, *article.sentences, *article.steps, *article.closing]:
            assert not re.search(r"[{}\[\]|]|\.\.|  | [.,;:]|\b(\w+) \1 \1\b", text), text
            assert text == text.strip()
        for text in [*article.sentences, *article.steps, *article.closing]:
            assert not text[0].islower() or text.split()[0].rstrip("s") in ("e", "eSIM"), text


def test_dates_lie_before_the_end_of_observation(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    assert all(article.updated_at and article.updated_at < END for article in made[2].articles)


def test_all_layouts_and_formats_occur(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    articles = made[2].articles
    assert {a.layout for a in articles} == {"plain", "markdown", "markdown_table", "html", "html_table"}
    assert {a.body_format for a in articles} == {"text", "markdown", "html"}


def test_issue_articles_hold_steps_and_name_the_tools_of_the_pack(
    made: tuple[Knobs, Catalog, Knowledge], texts: dict[str, str]
) -> None:
    _, catalog, knowledge = made
    by_id = {article.article_id: article for article in knowledge.articles}
    for key, (article_id,) in ((k, v) for k, v in knowledge.stated.items() if k in catalog.troubles):
        assert by_id[article_id].kind == "issue"
        assert len(by_id[article_id].steps) >= 2
        assert all(tool in texts[article_id] for tool in catalog.troubles[key].tools)


def test_the_launched_product_has_no_article(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    _, catalog, knowledge = made
    launched = catalog.launched
    assert launched is not None
    keys = {f.key for f in launched.facts.values()} | {t.key for t in launched.troubles.values()}
    assert keys.isdisjoint(knowledge.stated)
    assert keys.isdisjoint(knowledge.misstated)
    assert not any(launched.name in article.title for article in knowledge.articles)


# ------------------------------------------------------------------ what is planted


def test_each_planted_pair_is_there_once_with_quotes_that_stand_in_the_bodies(
    made: tuple[Knobs, Catalog, Knowledge], texts: dict[str, str]
) -> None:
    knobs, _, knowledge = made
    assert Counter(pair.relation for pair in knowledge.pairs) == {
        "similar": knobs.near_duplicates + knobs.copied_passages,
        "contradictory": knobs.contradictions,
    }
    assert len({(pair.left, pair.right) for pair in knowledge.pairs}) == len(knowledge.pairs)
    for pair in [*knowledge.pairs, *knowledge.near_misses]:
        assert pair.left < pair.right
        assert pair.left_quote in texts[pair.left]
        assert pair.right_quote in texts[pair.right]


def test_both_splits_hold_as_many_pairs_of_each_relation(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    counts = Counter((pair.relation, pair.split) for pair in made[2].pairs)
    for relation in ("similar", "contradictory"):
        assert abs(counts[relation, "train"] - counts[relation, "test"]) <= 1


def test_a_misstated_fact_stands_rightly_in_its_own_article_alone(
    made: tuple[Knobs, Catalog, Knowledge],
) -> None:
    knobs, catalog, knowledge = made
    wrong = {pair.fact: pair for pair in knowledge.pairs if pair.relation == "contradictory"}
    assert wrong.keys() == knowledge.misstated.keys()
    assert len(wrong) == knobs.contradictions
    for key, pair in wrong.items():
        (own,) = knowledge.stated[key]
        assert {own, knowledge.misstated[key]} == {pair.left, pair.right}
        sides = {pair.left: pair.left_quote, pair.right: pair.right_quote}
        fact = catalog.facts[key]
        assert fact.value.lower() in sides[own].lower() or knobs.acronyms
        assert fact.wrong.lower() in sides[knowledge.misstated[key]].lower() or knobs.acronyms


@pytest.mark.parametrize("brand", BRANDS)
def test_without_acronyms_no_other_article_says_what_was_misstated_in_any_wording(brand: str) -> None:
    _, catalog, knowledge = make(brand, acronyms=0.0, seed=3)
    said: dict[str, set[str]] = {}
    for article in knowledge.articles:
        for text in [*article.sentences, *article.closing]:
            said.setdefault(text, set()).add(article.article_id)
    for key, article_id in knowledge.misstated.items():
        fact = catalog.facts[key]
        for wording in range(len(fact.says)):
            for is_true, where in ((True, set(knowledge.stated[key])), (False, {article_id})):
                sentence = fact.sentence(wording, is_true)
                assert said.get(sentence[:1].upper() + sentence[1:], set()) <= where


@pytest.mark.parametrize("brand", BRANDS)
def test_stated_facts_stand_in_just_the_articles_named(brand: str) -> None:
    _, catalog, knowledge = make(brand, acronyms=0.0)
    found: dict[str, set[str]] = {}
    for article in knowledge.articles:
        for text in article.facts:
            found.setdefault(text, set()).add(article.article_id)
    for key, article_ids in knowledge.stated.items():
        assert len(set(article_ids)) == len(article_ids)
        if key in catalog.facts:
            fact = catalog.facts[key]
            said = {fact.sentence(wording) for wording in range(len(fact.says))}
            places = {a for text in said for a in found.get(text[:1].upper() + text[1:], set())}
            assert places <= set(article_ids)


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("preset", [{}, {"information_articles": 1743, "contradictions": 120}])
def test_a_third_of_the_contradictions_are_about_what_customers_ask(
    brand: str, preset: dict[str, int]
) -> None:
    knobs, _, knowledge = make(brand, **preset)
    asked = {key for intent in read_pack(brand).intents for key in intent.facts}
    assert 3 * len(asked & knowledge.misstated.keys()) >= knobs.contradictions


def test_near_misses_of_each_kind_are_no_planted_pairs(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    knowledge = made[2]
    planted = {(pair.left, pair.right) for pair in knowledge.pairs}
    missed = [(pair.left, pair.right) for pair in knowledge.near_misses]
    assert planted.isdisjoint(missed)
    assert len(set(missed)) == len(missed)
    kinds = Counter(pair.relation for pair in knowledge.near_misses)
    assert kinds.keys() == {"other_product", "same_fact", "same_steps"}
    assert max(kinds["other_product"], kinds["same_steps"]) <= MOST


def test_near_misses_are_what_their_kind_says(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    knowledge = made[2]
    kinds = {article.article_id: article.kind for article in knowledge.articles}
    for pair in knowledge.near_misses:
        if pair.relation == "same_steps":
            assert kinds[pair.left] == kinds[pair.right] == "issue"
        else:
            assert pair.left_quote != pair.right_quote
        if pair.relation == "same_fact":
            assert {pair.left, pair.right} <= set(knowledge.stated[pair.fact])


NUMBERS = {"half": 0.5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "nine": 9}
NUMBERS |= {"seven": 7, "ten": 10, "eleven": 11, "twelve": 12, "eighteen": 18}
HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0}


def hours_of(value: str) -> float | None:
    """Hours of a value such as `two weeks` or `after 4 hours`; None for anything else."""
    found = re.fullmatch(r"(?:after |within )?(\S+)(?: an?)? (minute|hour|day|week|month|year)s?", value)
    if not found:
        return None
    if found[1] in NUMBERS:
        return NUMBERS[found[1]] * HOURS[found[2]]
    number = found[1].replace(",", "")
    return float(number) * HOURS[found[2]] if re.fullmatch(r"[\d.]+", number) else None


@pytest.mark.parametrize("brand", BRANDS)
def test_no_two_values_of_a_fact_are_the_same_time_in_other_words(brand: str) -> None:
    pack = read_pack(brand)
    facts = [fact for topic in pack.topics for fact in topic.facts]
    facts += [found for family in pack.families for found in pack.properties_of(family)]
    for fact in facts:
        hours = [time for value in fact.values if (time := hours_of(value))]
        assert len({round(time, 3) for time in hours}) == len(hours), fact.values


# ------------------------------------------------------------------ guidance


def test_pages_point_to_titles_that_exist(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    knowledge = make(made[0].brand, acronyms=0.0)[2]
    named = {
        title
        for article in knowledge.articles
        if article.kind == "information"
        for text in article.sentences
        for title in re.findall(r'"([^"]+)"', text)
    }
    assert len(named) > 100
    assert named <= {article.title for article in knowledge.articles}


def test_no_sentence_stands_in_a_twelfth_of_the_articles(made: tuple[Knobs, Catalog, Knowledge]) -> None:
    knowledge = made[2]
    said = Counter(text for article in knowledge.articles for text in set(article.sentences))
    assert max(said.values()) <= len(knowledge.articles) / 12


@given(
    st.integers(0, 2**32 - 1),
    st.integers(60, 400),
    st.integers(0, 200),
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8)),
    st.floats(0, 1),
)
@settings(max_examples=10, deadline=None)
def test_any_sizes_give_just_that_many_articles_and_pairs(
    seed: int, information: int, issues: int, planted: tuple[int, int, int], acronyms: float
) -> None:
    _, _, knowledge = make(
        seed=seed,
        information_articles=information,
        issue_articles=issues,
        near_duplicates=planted[0],
        copied_passages=planted[1],
        contradictions=planted[2],
        acronyms=acronyms,
    )
    assert len(knowledge.articles) == information + issues
    assert len(knowledge.pairs) == sum(planted)
    assert all(len(knowledge.stated[key]) == 1 for key in knowledge.misstated)
    ids = {article.article_id for article in knowledge.articles}
    assert {a for found in knowledge.stated.values() for a in found} <= ids


def test_the_same_seed_gives_the_same_base_and_another_seed_another() -> None:
    (_, _, one), (_, _, again), (_, _, other) = make(seed=1), make(seed=1), make(seed=2)
    assert one == again
    assert one != other


def test_a_larger_base_says_the_same_of_what_it_said_before() -> None:
    few = {a.title: a for a in make(near_duplicates=0, copied_passages=0, contradictions=0)[2].articles}
    more = make(
        near_duplicates=0, copied_passages=0, contradictions=0, information_articles=400, issue_articles=300
    )[2]
    kept = [a for a in more.articles if a.title in few and a.kind == "issue"]
    same = [a for a in kept if a.steps == few[a.title].steps and a.sentences == few[a.title].sentences]
    assert len(kept) >= 250
    assert len(same) > 0.9 * len(kept)


@pytest.mark.parametrize("defect", ["contradict", "duplicate", "copy"])
def test_more_defects_than_fit_are_refused_with_the_remedy(defect: str) -> None:
    pack, knobs = read_pack("larkfield"), Knobs()
    catalog, desk = draw_catalog(pack, knobs), Desk()
    for write in (write_topics, write_products, write_issues):
        write(desk, pack, catalog, knobs)
    planter = Planter(desk, catalog, knobs)
    with pytest.raises(CxmError, match="plant fewer or write more") as error:
        planter.copy(10_000) if defect == "copy" else getattr(planter, defect)(pack, 10_000)
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------ acronyms and layouts


def test_acronyms_take_the_place_of_words_with_their_article_and_plural() -> None:
    acronyms = Acronyms({"return label": "RL", "proof of purchase": "POP"})
    assert acronyms.shorten("Print a return label.") == "Print an RL."
    assert acronyms.shorten("Return labels need a proof of purchase.") == "RLs need a POP."


def test_words_are_spelt_out_once_where_an_author_does_so() -> None:
    acronyms = Acronyms({"return label": "RL"})
    spelt: set[str] = set()
    assert acronyms.shorten("Print a return label.", spelt) == "Print a return label (RL)."
    assert acronyms.shorten("Stick on the return label.", spelt) == "Stick on the RL."


def test_a_pack_without_acronyms_leaves_texts_alone() -> None:
    assert Acronyms({}).shorten("Print a return label.") == "Print a return label."


def test_the_share_of_shortened_articles_follows_the_knob() -> None:
    short = re.compile(r"\b(?:" + "|".join(read_pack("larkfield").acronyms.values()) + r")s?\b")
    shares = []
    for share in (0.0, 0.5, 1.0):
        articles = make(acronyms=share)[2].articles
        shares.append(sum(bool(short.search(" ".join([*a.sentences, *a.steps]))) for a in articles))
    assert shares[0] == 0
    assert 0 < shares[1] < shares[2]


@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60), min_size=1
    ),
    st.sampled_from(["plain", "markdown", "markdown_table", "html", "html_table"]),
    st.sampled_from(["information", "issue"]),
    st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_every_sentence_can_be_read_back_from_every_layout(
    sentences: list[str], layout: str, kind: str, number: float
) -> None:
    said = [f"W{' '.join(text.split())}w" for text in sentences]
    facts = dict.fromkeys(said[::2], "Weight")
    steps = said if kind == "issue" else []
    form = {"plain": "text", "html": "html", "html_table": "html"}.get(layout, "markdown")
    article = Article(
        "Title", "Section", kind, said, steps, "KB-1", form, layout, closing=said[:1], facts=facts
    )
    body = lay_out(article, word_banks(read_pack("larkfield")), Author(number))
    text = " ".join(plain_text(body, form).split())
    for sentence in said:
        assert sentence in text


def test_html_holds_entities_and_tables() -> None:
    knobs, _, knowledge = make()
    rows = base.article_rows(read_pack("larkfield"), knowledge, knobs)
    bodies = [row["body"] for row in rows if row["body_format"] == "html"]
    assert any("<table" in body for body in bodies)
    assert any(unescape(body) != body for body in bodies)


# ------------------------------------------------------------------ rows


def test_tools_that_are_called_are_always_there_and_others_fill_up() -> None:
    pack = read_pack("larkfield")
    rows = base.tool_rows(pack, Knobs(tools=1))
    called = {name for intent in pack.intents for name in intent.tools}
    assert called <= {row["tool_name"] for row in rows}
    n_tools = len(pack.tools)
    rows = base.tool_rows(pack, Knobs(tools=n_tools))
    assert len({row["tool_name"] for row in rows}) == n_tools
    for row in rows:
        schema = json.loads(row["parameters"])
        assert schema["type"] == "object"
        assert set(schema["required"]) <= schema["properties"].keys()
        assert all(argument["description"] for argument in schema["properties"].values())


def test_more_tools_only_add_some() -> None:
    pack = read_pack("larkfield")
    few, more = (
        {row["tool_name"] for row in base.tool_rows(pack, Knobs(tools=n))}
        for n in (len(pack.tools) - 5, len(pack.tools))
    )
    assert few < more


def test_more_tools_than_the_pack_has_are_refused() -> None:
    with pytest.raises(CxmError, match="add lookalikes"):
        base.tool_rows(read_pack("larkfield"), Knobs(tools=1000))


def test_the_taxonomy_leaves_out_what_is_none_of_our_business_and_the_launch() -> None:
    pack = read_pack("larkfield")
    intents = {row["intent"] for row in base.taxonomy_rows(pack)}
    assert intents == {i.intent for i in pack.intents if not i.is_stray and not i.is_launch}
    assert len(base.scorecard_rows(pack)) == len(pack.scorecard)
