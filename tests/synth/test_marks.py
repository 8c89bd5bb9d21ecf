"""Marks around personal data are exact, invisible once removed, and survive what is put around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.talks.marks import KINDS, mark, spans, unmark

plain = st.text(st.characters(exclude_categories=("Cs", "Co")), max_size=20)
pieces = st.lists(st.tuples(st.sampled_from(["", *KINDS]), plain), max_size=8)


@given(pieces)
def test_spans_stand_where_the_marked_text_stands(drawn: list[tuple[str, str]]) -> None:
    marked = "".join(mark(kind, text) if kind else text for kind, text in drawn)
    text, places = spans(marked)
    assert text == unmark(marked) == "".join(piece for _, piece in drawn)
    assert [(kind, data) for kind, _, _, data in places] == [
        (kind, piece) for kind, piece in drawn if kind and piece
    ]
    assert all(text[start:end] == data for _, start, end, data in places)


@given(plain)
def test_a_text_without_marks_is_left_as_it_is(text: str) -> None:
    assert spans(text) == (text, [])
    assert unmark(text) == text


def test_the_outer_mark_wins_over_those_inside_it() -> None:
    address = mark("address", f"4 Mill Lane, {mark('postcode', 'AB1 2CD')}")
    assert spans(f"to {address}.") == (
        "to 4 Mill Lane, AB1 2CD.",
        [("address", 3, 23, "4 Mill Lane, AB1 2CD")],
    )


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError):
        mark("shoe size", "43")
