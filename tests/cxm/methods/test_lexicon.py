import numpy as np
import pytest

from cxm.methods.lexicon import FEELING_CUES, feeling_cues, feeling_words


def balance(text):
    return float(feeling_cues([text])[0, FEELING_CUES.index("balance")])


@pytest.mark.parametrize(
    "text",
    ["no problem", "not bad", "Thank you so much!", "I can't wait for it", "👍", "never had any issues"],
)
def test_pleased_texts_are_positive(text):
    assert balance(text) > 0


@pytest.mark.parametrize(
    "text", ["this is not good", "Not working!!", "I can't recommend this", "😡 again", "thanks for nothing"]
)
def test_annoyed_texts_are_negative(text):
    assert balance(text) < 0


@pytest.mark.parametrize("text", ["", "my order number is 48213", "which gate?"])
def test_plain_texts_have_no_feeling(text):
    assert balance(text) == 0


def test_emphasis_strengthens_and_negation_turns_and_weakens():
    assert balance("very good") > balance("good") > 0
    assert balance("not terrible") > 0 > balance("terrible")
    assert balance("not terrible") < -balance("terrible")


def test_what_follows_but_counts_more():
    assert balance("nice but slow") < balance("slow but nice")


def test_cues_are_bounded_and_no_texts_give_no_rows():
    cues = feeling_cues(["love " * 500, "HATE HATE HATE!!!!!!!!!!", "?", " \n"])
    assert np.abs(cues).max() <= 1
    assert feeling_cues([]).shape == (0, len(FEELING_CUES))


def test_every_listed_strength_is_between_minus_three_and_three():
    assert all(-3 <= strength <= 3 for strength in feeling_words().values())
    assert all(term == term.strip().lower() for term in feeling_words())
