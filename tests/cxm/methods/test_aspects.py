import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.aspects import ASPECTS, find_aspects


@pytest.mark.parametrize(
    ("text", "is_positive", "aspect"),
    [
        ("Your agent was so rude to me.", False, "agent"),
        ("The battery is awful, it broke after a day.", False, "product"),
        ("I am angry, the refund is still not here.", False, "driver"),
        ("I called about my phone. The lady was wonderful!", True, "agent"),
        ("The lady was wonderful! But the screen is terrible.", False, "product"),
        ("", False, "driver"),
    ],
)
def test_the_word_nearest_to_the_feeling_says_what_it_is_about(text, is_positive, aspect):
    assert find_aspects([text], [is_positive]) == [aspect]


@given(st.text(max_size=80), st.booleans())
def test_any_text_has_an_aspect(text, is_positive):
    assert find_aspects([text], [is_positive])[0] in ASPECTS
