import polars as pl
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods.criteria import content_words, guideline_of, read_criteria, steps_of


@pytest.mark.parametrize(
    ("question", "guideline"),
    [
        ("Did the agent offer a refund?", "offer a refund?"),
        ("Has our support representative greeted the customer?", "greeted the customer?"),
        ("Did the agent follow this guideline?\nAsk for the order number.", "Ask for the order number."),
        ("Refund offered", "Refund offered"),
    ],
)
def test_the_guideline_is_what_should_be_done(question, guideline):
    assert guideline_of(question) == guideline


def test_steps_are_lines_and_sentences_with_words():
    assert steps_of("Ask for the name. Then check the order\nok") == [
        "Ask for the name.",
        "Then check the order",
    ]
    assert steps_of("Greet") == ["Greet"]


def test_words_lose_their_endings_and_empty_ones_are_left_out():
    assert content_words("The agent asked for the orders") == ["ask", "order"]
    assert content_words("") == []


def test_criteria_are_sorted_and_know_what_they_are_about():
    scorecard = pl.DataFrame(
        {
            "criterion": ["z", "a", "m"],
            "question": [
                "Did the agent's last reply name a date?",
                "Did the agent avoid promises?",
                "Did the agent say hello?",
            ],
        }
    )
    criteria = read_criteria(scorecard, HashingEncoder().encode)
    assert criteria.names == ["a", "m", "z"]
    assert criteria.is_to_avoid.tolist() == [True, False, False]
    assert criteria.is_about_last_reply.tolist() == [False, False, True]
    assert len(criteria.step_starts) == 3
