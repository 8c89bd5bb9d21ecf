"""Which turns of a context make its query, and how much each weighs."""

import numpy as np
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods.dialogues import Context, Turn
from cxm.methods.weighing import ASKED_AND_FOUND, Weighing, context_vectors, search_texts, weigh_turns

CHECKED = (
    Turn("customer", "When does my garden table arrive?"),
    Turn("agent", "Before we start, tell me your order number and your postcode please."),
    Turn("customer", "LF79328455, 47561"),
    Turn("agent", "Thank you, one moment, I am opening your account now."),
    Turn("system", "track_parcel: status in transit, delay yes"),
)


def test_a_short_yes_does_not_push_what_it_answers_out_of_sight() -> None:
    turns = [
        Turn("customer", "I want to cancel my order"),
        Turn("agent", "Shall I cancel it?"),
        Turn("system", '{"order": "open"}'),
        Turn("customer", "Yes, please."),
    ]
    weighed = weigh_turns(Context("c", 4, tuple(turns)), Weighing(0.1))
    assert [text for text, _ in weighed] == ["Shall I cancel it?", "I want to cancel my order"]
    assert weighed[0][1] == 0.5
    assert weighed[1][1] == pytest.approx(0.1**0.5)


def test_of_what_was_asked_and_found_checks_take_nothing_away() -> None:
    weighed = weigh_turns(Context("c", 5, CHECKED), Weighing(0.5, ASKED_AND_FOUND))
    assert weighed == [(CHECKED[4].text, 1.0), (CHECKED[0].text, 0.5)]
    assert search_texts([Context("c", 5, CHECKED)], Weighing(0.5, ASKED_AND_FOUND)) == [
        f"{CHECKED[4].text}\n{CHECKED[0].text}"
    ]


def test_words_that_weigh_under_a_third_of_the_heaviest_are_not_searched_for() -> None:
    assert search_texts([Context("c", 5, CHECKED)], Weighing(0.1, ASKED_AND_FOUND)) == [CHECKED[4].text]


def test_without_content_the_last_request_stands_and_silence_is_empty() -> None:
    assert weigh_turns(Context("c", 1, (Turn("customer", "Hello?"),)), Weighing(0.1)) == [("Hello?", 1.0)]
    assert weigh_turns(Context("c", 1, (Turn("customer", "😀"),)), Weighing(0.1)) == []
    assert weigh_turns(Context("c", 0, ()), Weighing(0.1)) == []
    only_agents = Context("c", 1, (Turn("agent", "Welcome to our parcel service"),))
    assert weigh_turns(only_agents, Weighing(0.1, ASKED_AND_FOUND)) == [
        ("Welcome to our parcel service", 1.0)
    ]


def test_a_context_is_a_unit_vector_or_nothing() -> None:
    found = [Context("c", 5, CHECKED), Context("d", 0, ())]
    vectors = context_vectors(found, HashingEncoder().encode, Weighing(0.5))
    assert np.linalg.norm(vectors, axis=1).round(5).tolist() == [1.0, 0.0]
    assert context_vectors([], HashingEncoder().encode, Weighing(0.5)).shape[0] == 0
