import re

import polars as pl

from cxm.methods.documents import plain_text
from synth.brands import larkfield
from synth.worlds import World


def texts(world: World) -> dict[str, str]:
    rows = world.tables["articles"].select("article_id", "body", "body_format").rows()
    return {article: " ".join(plain_text(body, form).split()) for article, body, form in rows}


def numbers(sentence: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", sentence)


def test_planted_pairs_stand_in_the_articles_as_the_truth_says(world: World) -> None:
    bodies = texts(world)
    pairs = world.truth["article_pairs"] + world.truth["near_misses"]
    for pair in pairs:
        assert pair["left"] < pair["right"]
        assert pair["left_quote"] in bodies[pair["left"]]
        assert pair["right_quote"] in bodies[pair["right"]]


def test_planted_pairs_and_labels_are_the_same(world: World) -> None:
    planted = {(p["left"], p["right"], p["relation"], p["split"]) for p in world.truth["article_pairs"]}
    assert set(world.tables["article_pair_labels"].rows()) == planted
    relations = [relation for _, _, relation, _ in planted]
    assert (relations.count("similar"), relations.count("contradictory")) == (12, 8)


def test_contradictions_differ_in_their_numbers_and_repetitions_do_not(world: World) -> None:
    for pair in world.truth["article_pairs"]:
        same = numbers(pair["left_quote"]) == numbers(pair["right_quote"])
        assert same == (pair["relation"] == "similar"), pair


def test_near_misses_are_about_two_products_and_not_labelled_for_it(world: World) -> None:
    labelled = {(p["left"], p["right"]) for p in world.truth["article_pairs"]}
    names = [product.name for product in larkfield().products]
    assert world.truth["near_misses"]
    for pair in world.truth["near_misses"]:
        assert (pair["left"], pair["right"]) not in labelled
        left, right = ([n for n in names if n in pair[side]] for side in ("left_quote", "right_quote"))
        assert len(left) == len(right) == 1
        assert left != right


def test_every_fact_stands_where_the_truth_says(world: World) -> None:
    bodies, facts = texts(world), larkfield().facts
    for key, articles in world.truth["facts"]["stated"].items():
        if key in facts:
            said = [facts[key].sentence(i) for i in range(len(facts[key].says))]
            for article in articles:
                assert any(sentence in bodies[article] for sentence in said), (key, article)


def test_all_three_formats_and_both_kinds_occur(world: World) -> None:
    articles = world.tables["articles"]
    assert set(articles["body_format"]) == {"html", "markdown", "text"}
    assert set(articles["kind"]) == {"information", "issue"}


def test_every_query_has_an_answer_and_seldom_its_words(world: World) -> None:
    found = world.tables["queries"].join(
        world.tables["qrels"].filter(pl.col("relevance") == 2), on="query_id", validate="1:1"
    )
    assert found.height == 80
    bodies = texts(world)
    is_quoted = [text.lower().rstrip("?") in bodies[a].lower() for _, text, a, _, _ in found.rows()]
    assert not any(is_quoted)
