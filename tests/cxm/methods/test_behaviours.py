"""Common behaviours: which a question asks for, in which words agents show them, when they are called for."""

import time

import numpy as np
import polars as pl
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods.behaviour_answers import NO, NOT_APPLICABLE, YES, Talk
from cxm.methods.behaviours import find_behaviours, said_by
from cxm.methods.criterion_matches import Turns
from cxm.methods.feelings import prototype_weights

PROTOTYPES = prototype_weights(HashingEncoder().encode)


@pytest.mark.parametrize(
    ("question", "behaviour"),
    [
        ("Did the agent greet the customer and introduce themselves?", "greeting"),
        ("Proper greeting used", "greeting"),
        ("Did the representative authenticate the caller?", "identity"),
        ("Was the customer's identity verified according to data protection rules?", "identity"),
        ("Did the agent show empathy?", "empathy"),
        ("Did the agent apologise for the inconvenience?", "empathy"),
        ("Did the agent ask probing questions?", "clarifying"),
        ("Did the agent obtain consent before making changes?", "permission"),
        ("Did the agent avoid promising anything we cannot keep?", "promise"),
        ("Did the agent offer further assistance before closing the call?", "further_help"),
        ("Did the agent close the conversation politely?", "farewell"),
        ("Did the agent quote the right price?", None),
        ("Was the tone of voice even?", None),
    ],
)
def test_a_question_is_known_by_its_words(question, behaviour):
    assert find_behaviours([question], np.array([False])) == [behaviour]


def test_the_last_reply_and_long_guidelines_are_no_common_behaviour():
    assert find_behaviours(["Did the agent's last reply greet?"], np.array([True])) == [None]
    assert find_behaviours(["Follow this: " + "greet the customer and then " * 20], np.array([False])) == [
        None
    ]


@pytest.mark.parametrize(
    ("behaviour", "said", "not_said"),
    [
        ("greeting", "Good morning, this is Ann from Acme.", "The order left on Monday."),
        ("identity", "Could you confirm your postcode and date of birth?", "It arrives on Monday."),
        ("empathy", "I'm so sorry to hear that, I understand how annoying it is.", "Turn it off and on."),
        ("promise", "I guarantee it will be there tomorrow.", "It should be there tomorrow."),
        ("permission", "Shall I go ahead and book it?", "I have booked it."),
        ("further_help", "Is there anything else I can help you with?", "Please press the button."),
        ("farewell", "Thank you for calling, have a nice day, goodbye!", "Let's have a look."),
        ("clarifying", "Which model do you have, and since when does it beep?", "Press the button."),
    ],
)
def test_a_behaviour_is_known_by_what_is_said(behaviour, said, not_said):
    assert said_by(behaviour, [said, not_said, ""]).tolist() == [True, False, False]


def talk(*turns):
    frame = pl.DataFrame(turns, schema=["speaker", "text"], orient="row").with_row_index("turn_index")
    vectors = HashingEncoder().encode(frame["text"].to_list())
    return Talk(Turns(frame, vectors, np.zeros(len(turns), dtype=np.intp), 1), PROTOTYPES)


def answer(behaviour, *turns):
    heard = talk(*turns)
    probabilities, shown = heard.answer(behaviour, heard.says(behaviour))
    assert probabilities.sum() == pytest.approx(1)
    return int(probabilities[0].argmax()), heard.rows[shown].tolist()


def test_a_greeting_counts_at_the_start_and_a_farewell_at_the_end():
    hello, bye, middle = ("agent", "Hello, I'm Ann."), ("agent", "Goodbye."), ("agent", "One moment.")
    assert answer("greeting", hello, middle) == (YES, [0])
    assert answer("greeting", middle, hello) == (NO, [])
    assert answer("farewell", middle, bye) == (YES, [1])
    assert answer("farewell", bye, middle) == (NO, [])


def test_what_is_not_called_for_does_not_apply():
    ask, used = ("agent", "Your date of birth, please?"), ("system", "order 12 -> found")
    told = ("agent", "We open at nine.")
    assert answer("identity", told)[0] == NOT_APPLICABLE
    assert answer("identity", told, used)[0] == NO
    assert answer("identity", ask, used) == (YES, [0])
    assert answer("permission", told, used)[0] == NOT_APPLICABLE


def test_a_go_ahead_is_asked_for_before_the_change_not_after():
    ask, changed = ("agent", "Shall I cancel it?"), ("system", "cancel_order -> cancelled")
    assert answer("permission", ask, ("customer", "yes"), changed) == (YES, [0])
    assert answer("permission", changed, ask)[0] == NO


def test_every_promise_is_named():
    promise = ("agent", "I promise it comes tomorrow.")
    assert answer("promise", promise, ("agent", "Fine."), promise) == (NO, [0, 2])
    assert answer("promise", ("agent", "Fine.")) == (YES, [])


def test_words_of_an_answered_e_mail_are_not_the_agent_s():
    assert answer("promise", ("agent", "Thanks.\n> you promised, I promise you will hear from me"))[0] == YES


def test_an_endless_turn_takes_no_endless_time():
    texts = ["do you " * 40_000, "who is " * 40_000, "a" * 200_000, "if there " * 40_000]
    begin = time.monotonic()
    for behaviour in ("clarifying", "identity", "further_help", "empathy", "permission"):
        said_by(behaviour, texts)
    talk(*[("agent", text) for text in texts]).says("clarifying")
    assert time.monotonic() - begin < 20
