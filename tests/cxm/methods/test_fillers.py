"""What fills the gaps of sentences, and which gaps take the same."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.fillers import compare_fillers, find_gaps

_FORMS = [
    "A faulty product is collected from your home.",
    "A faulty product is handed in at a store.",
    "Once you have told us, the product is collected from your home.",
    "Once you have told us, the product is sent by parcel post.",
    "The product weighs # kilograms.",
]


def _compare(one: int, two: int) -> tuple[float, float]:
    pairs = pl.DataFrame(
        {"form_one": [one], "form_two": [two]}, schema=dict.fromkeys(("form_one", "form_two"), pl.Int32)
    )
    return compare_fillers(find_gaps(_FORMS), pairs).row(0)


def test_frames_that_take_the_same_words_ask_for_one_thing() -> None:
    filler, fills = _compare(0, 2)
    assert filler > 0
    assert fills > 0  # both are filled with "collected from your home"


def test_such_frames_filled_differently_give_different_values() -> None:
    filler, fills = _compare(1, 3)
    assert filler > 0
    assert fills == 0


def test_other_sentences_share_no_gap() -> None:
    assert _compare(0, 4) == (0, 0)


def test_no_forms_have_no_gaps() -> None:
    assert find_gaps([]).height == 0
    assert (
        compare_fillers(
            find_gaps([]), pl.DataFrame(schema={"form_one": pl.Int32, "form_two": pl.Int32})
        ).height
        == 0
    )


@given(st.lists(st.text("ab c#.", max_size=20), max_size=8))
def test_a_frame_with_its_filler_is_the_form_again(forms: list[str]) -> None:
    for form, frame, filler in find_gaps(forms).iter_rows():
        words = forms[form].lower().rstrip(".!? ").split(" ")
        before, after = frame.split(" _ ")
        assert [*before.split(" "), *filler.split(" "), *after.split(" ")] == words or not before or not after
