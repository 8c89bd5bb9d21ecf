"""Queries made from the base."""

import polars as pl

from cxm.methods.made_queries import KINDS, SCHEMA, make_queries

BODY = 'The filter number {} must be cleaned every two months. Rinse it under warm water. It hums: "My filter number {} hums all night."'


def articles(n: int) -> pl.DataFrame:
    rows = [
        {"article_id": f"a{i:03}", "title": f"Filter {i}", "body": BODY.format(i, i), "body_format": "text"}
        for i in range(n)
    ]
    return pl.DataFrame(rows)


def test_queries_are_of_several_kinds_and_name_their_article() -> None:
    made = make_queries(articles(40), 20, 3)
    assert made.schema == SCHEMA
    assert made.height == 20
    assert set(made["kind"]) == set(KINDS)
    assert made["query_id"].n_unique() == 20
    for text, ids in made.select("text", "article_ids").iter_rows():
        assert text.strip()
        assert len(ids) == 1


def test_what_several_articles_say_names_none_of_them() -> None:
    made = make_queries(articles(40), 40, 3)
    assert not made.filter(pl.col("text").str.contains("(?i)rinse it under")).height


def test_they_do_not_depend_on_the_order_of_articles_and_an_empty_base_gives_none() -> None:
    assert make_queries(articles(9), 5, 3).equals(make_queries(articles(9).reverse(), 5, 3))
    assert make_queries(articles(2).clear(), 5, 3).height == 0
    empty = articles(3).with_columns(body=pl.lit(""))
    assert make_queries(empty, 5, 3).height == 0
