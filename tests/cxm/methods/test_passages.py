"""Cutting articles into passages."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.passages import SCHEMA, cut_articles, cut_text, embedded_texts, section_path


def article(title: str, body: str, section: str | None = None, body_format: str = "text") -> pl.DataFrame:
    row = {"article_id": "a", "title": title, "body": body, "body_format": body_format, "section": section}
    return pl.DataFrame([row], schema_overrides={"section": pl.String})


def test_sentences_are_packed_up_to_the_size() -> None:
    assert cut_text("One two. Three four. Five six.", 20) == ["One two.\nThree four.", "Five six."]


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


def test_a_section_that_only_repeats_the_title_is_left_out() -> None:
    assert section_path("ASHLEY HOTEL", "Ashley Hotel") == ""
    assert section_path(None, "Title") == ""


def test_null_bytes_and_emoji_are_no_harm() -> None:
    passages = cut_articles(article("a\x00b", "c\x00d 😀", None))
    assert "\x00" not in "".join(embedded_texts(passages))


def test_no_articles_give_no_passages() -> None:
    assert cut_articles(article("t", "b").clear()).height == 0
