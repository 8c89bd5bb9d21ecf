"""Which turns of a context make a query."""

import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods.dialogues import Context, Turn
from cxm.methods.weighing import ASKED_AND_FOUND, Weighing, context_vectors, search_texts, weigh_turns

TALK = Context(
    "c",
    4,
    (
        Turn("customer", "I want to cancel my order"),
        Turn("agent", "Shall I cancel it?"),
        Turn("system", "cancel_order: warehouse informed"),
        Turn("customer", "Yes, please."),
    ),
)


def test_a_short_yes_does_not_push_what_it_answers_out_of_sight() -> None:
    weighed = weigh_turns(TALK, Weighing(0.1))
    assert [text for text, _ in weighed] == ["Shall I cancel it?", "I want to cancel my order"]
    assert weighed[0][1] == 0.5
    assert weighed[1][1] == pytest.approx(0.1**0.5)


def test_what_tools_answered_can_count_instead_of_what_agents_said() -> None:
    texts = [text for text, _ in weigh_turns(TALK, Weighing(0.5, ASKED_AND_FOUND))]
    assert texts == ["cancel_order: warehouse informed", "I want to cancel my order"]
    assert search_texts([TALK], Weighing(0.01, ASKED_AND_FOUND)) == ["cancel_order: warehouse informed"]


def test_without_content_the_last_request_stands_and_silence_is_empty() -> None:
    weighing = Weighing(0.1)
    assert weigh_turns(Context("c", 1, (Turn("customer", "Hello?"),)), weighing) == [("Hello?", 1.0)]
    assert weigh_turns(Context("c", 1, (Turn("customer", "😀"),)), weighing) == []
    assert weigh_turns(Context("c", 0, ()), weighing) == []


def test_silence_has_the_zero_vector_and_words_a_unit_one() -> None:
    said, silent = context_vectors([TALK, Context("c", 0, ())], HashingEncoder().encode, Weighing(0.1))
    assert (said**2).sum() == pytest.approx(1)
    assert not silent.any()
