"""Cutting articles into passages."""

import time

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.documents import plain_text
from cxm.methods.passages import SCHEMA, cut_articles, cut_text, embedded_texts, section_path


def article(title: str, body: str, section: str | None = None, body_format: str = "text") -> pl.DataFrame:
    row = {"article_id": "a", "title": title, "body": body, "body_format": body_format, "section": section}
    return pl.DataFrame([row], schema_overrides={"section": pl.String})


def test_sentences_are_packed_up_to_the_size() -> None:
    assert cut_text("One two. Three four. Five six.", 20) == ["One two. Three four.", "Five six."]


def test_a_sentence_longer_than_a_passage_is_cut_at_a_space() -> None:
    pieces = cut_text("word " * 50, 30)
    assert all(len(piece) <= 30 for piece in pieces)
    assert " ".join(pieces).split() == ["word"] * 50


def test_a_word_longer_than_a_passage_is_cut_anywhere() -> None:
    assert "".join(cut_text("x" * 95, 30)) == "x" * 95


def test_empty_text_gives_one_empty_passage() -> None:
    assert cut_text("") == [""]


@given(st.text(), st.integers(5, 50))
def test_no_passage_is_too_long(text: str, size: int) -> None:
    assert all(len(piece) <= size for piece in cut_text(text, size))


def test_a_passage_keeps_title_and_section() -> None:
    passages = cut_articles(article("Local delivery", "We deliver.", "Shipping > Methods > Local delivery"))
    assert passages.schema == SCHEMA
    assert embedded_texts(passages) == ["Local delivery\nShipping > Methods\nWe deliver."]


def test_headings_inside_the_body_become_steps_of_the_section() -> None:
    body = "Intro.\n\n# Fees\n\n## Gold\n\nThe gold card is free.\n\n## Silver\n\nIt costs $5.\n\n# Empty"
    passages = cut_articles(article("Cards", body, "Payments > Cards", "markdown"))
    assert passages.select("section", "text").rows() == [
        ("Payments", "Intro."),
        ("Payments > Fees > Gold", "The gold card is free."),
        ("Payments > Fees > Silver", "It costs $5."),
        ("Payments", "Empty"),
    ]


@given(st.text(), st.sampled_from(["text", "markdown", "html"]))
def test_a_passage_is_the_slice_of_the_clean_text_that_its_offsets_name(body: str, body_format: str) -> None:
    clean = plain_text(body, body_format)
    for row in cut_articles(article("T", body, None, body_format), 40).iter_rows(named=True):
        assert clean[row["start"] : row["end"]] == row["text"]


def test_a_long_text_without_ends_is_cut_in_linear_time() -> None:
    begin = time.perf_counter()
    assert len(cut_text("word " * 400_000)) == 5000
    assert time.perf_counter() - begin < 5


def test_a_section_that_only_repeats_the_title_is_left_out() -> None:
    assert section_path("ASHLEY HOTEL", "Ashley Hotel") == ""
    assert section_path(None, "Title") == ""


def test_null_bytes_and_emoji_are_no_harm() -> None:
    passages = cut_articles(article("a\x00b", "c\x00d 😀", None))
    assert "\x00" not in "".join(embedded_texts(passages))


def test_no_articles_give_no_passages() -> None:
    assert cut_articles(article("t", "b").clear()).height == 0
