"""Checking replies against what they cite."""

import json

import polars as pl
import pytest

from cxm.methods.citations import check_citations, cited_articles

ARTICLES = pl.LazyFrame(
    {
        "article_id": ["a", "b"],
        "body": ["<p>Parking is free. Dogs are welcome.</p>", "Closed."],
        "body_format": ["html", "text"],
    }
)


def share(reply: str | None, *ids: str) -> list[bool]:
    citations = json.dumps([{"article_id": article_id, "quote": ""} for article_id in ids])
    prepared = pl.DataFrame(
        {"conversation_id": ["c"], "reply": [reply], "citations": [citations]},
        schema_overrides={"reply": pl.String},
    )
    return check_citations(prepared, ARTICLES)["is_supported"].to_list()


def test_a_sentence_counts_only_if_it_stands_in_a_cited_article() -> None:
    assert share("Parking is free. Dogs are welcome.", "a") == [True, True]
    assert share("Parking is free. Cats are welcome.", "a") == [True, False]
    assert share("Parking is free.", "b") == [False]
    assert share("Parking is free.") == [False]
    assert share(None, "a") == []


@pytest.mark.parametrize("text", [None, "", "no json", "{}", "[1]", '[{"x": 1}]', "null"])
def test_broken_citations_cite_nothing(text: str | None) -> None:
    assert cited_articles(text) == []
