import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.phrases import fit_phrases

SAID = ["is there anything else", "anything else? no", "Anything else I can do", "the parcel is late"]


def test_phrases_of_three_texts_are_known_whatever_stands_around_them():
    phrases = fit_phrases(SAID)
    assert phrases.names == ["anything", "anything else", "else"]
    long = phrases.transform([" ".join(["so much before"] * 50) + " anything else", "anything else"])
    assert (long[0] != long[1]).nnz == 0


def test_what_is_quoted_from_an_earlier_mail_was_not_said():
    phrases = fit_phrases(SAID)
    assert phrases.transform(["that is all\n> anything else?"]).nnz == 0


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_texts_give_finite_rows(texts):
    phrases = fit_phrases(texts)
    rows = phrases.transform(texts)
    assert rows.shape == (len(texts), len(phrases.names))
    assert np.isfinite(rows.data).all()
