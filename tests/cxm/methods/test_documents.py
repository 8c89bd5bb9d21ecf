"""Documents to clean lines and sentences."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.documents import plain_text, read_lines, sentence_spans, sentences

HTML_TABLE = (
    "<table><tr><th>Plan</th><th>Fee</th></tr><tr><td>Gold</td><td>$95</td></tr>"
    "<tr><td rowspan=2>Silver</td><td>$0</td></tr><tr><td>$5 <p>late</p></td></tr></table>"
)


def test_a_row_of_a_table_is_a_line_that_says_what_each_value_is() -> None:
    assert plain_text(HTML_TABLE, "html").splitlines() == [
        "Plan: Gold; Fee: $95",
        "Plan: Silver; Fee: $0",
        "Plan: Silver; Fee: $5, late",
    ]
    markdown = "|Plan|Fee|\n|-|-|\n|Gold|$95|"
    assert plain_text(markdown, "markdown") == "Plan: Gold; Fee: $95"


def test_a_table_without_headers_pairs_its_two_columns() -> None:
    table = "<table><tr><td>Weight</td><td>3 kg</td></tr><tr><th>Colour</th><td>red</td></tr></table>"
    assert plain_text(table, "html") == "Weight: 3 kg\nColour: red"


def test_a_cell_that_is_a_sentence_is_a_sentence() -> None:
    table = "|No.|What|\n|-|-|\n|1|You pay nothing.|\n|2|It takes a day.|"
    assert sentences(plain_text(table, "markdown")) == ["You pay nothing.", "It takes a day."]


def test_headings_keep_their_level_and_scripts_are_not_read() -> None:
    lines = read_lines("<h2>Fees</h2><script>x()</script><p>None<b>!</b></p>", "html")
    assert [(line.text, line.level) for line in lines] == [("Fees", 2), ("None!", 0)]


def test_sentences_end_in_scripts_without_capitals_and_without_spaces() -> None:
    assert sentences("خلال ٣٠ يومًا. الملصق في حسابك؟ نعم") == ["خلال ٣٠ يومًا.", "الملصق في حسابك؟", "نعم"]
    assert sentences("תוך 30 יום. המדבקה בחשבון.") == ["תוך 30 יום.", "המדבקה בחשבון."]
    assert sentences("三十日以内。送料は無料です！") == ["三十日以内。", "送料は無料です！"]
    assert sentences("Das geht. Über Nacht, ca. über die Brücke.") == [
        "Das geht.",
        "Über Nacht, ca. über die Brücke.",
    ]


def test_right_to_left_text_emoji_and_null_bytes_are_only_text() -> None:
    assert plain_text("<p>مرحبا &#0; 😀</p>\x00", "html").replace("\ufffd", "").split() == ["مرحبا", "😀"]


@given(st.text(), st.sampled_from(["text", "markdown", "html"]))
def test_clean_text_has_no_empty_line_and_no_control_character(body: str, body_format: str) -> None:
    clean = plain_text(body, body_format)
    assert all(line == line.strip() != "" for line in clean.split("\n")) or clean == ""
    assert not any(ord(c) < 32 and c != "\n" for c in clean)


@given(st.text())
def test_spans_are_the_sentences(text: str) -> None:
    spans = sentence_spans(text)
    assert [text[start:end] for start, end in spans] == sentences(text)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@pytest.mark.parametrize(
    ("body", "body_format"),
    [
        ("<div>" * 1_000_000 + "x", "html"),
        ("<b>x</b>" * 300_000, "html"),
        ("<table><tr>" + "<td>1" * 100_000, "html"),
        ("<table>" * 3000 + "<tr><td>x", "html"),
        ("<a " * 300_000, "html"),
        ("[" * 20_000 + "`" * 20_000 + ">" * 20_000, "markdown"),
        ("word " * 400_000, "text"),
    ],
    ids=["depth", "tags", "cells", "tables", "unclosed", "markdown", "long"],
)
def test_what_is_made_to_choke_a_reader_is_read_in_linear_time(body: str, body_format: str) -> None:
    begin = time.perf_counter()
    plain_text(body, body_format)
    assert time.perf_counter() - begin < 8
