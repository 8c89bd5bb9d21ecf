"""Contexts, needs and courtesies."""

import polars as pl
import pytest

from cxm.methods.dialogues import (
    contexts,
    customer_needs,
    is_courtesy,
    points_after_last_turn,
)


def turns(*rows: tuple[str, int, str, str]) -> pl.DataFrame:
    schema = {"conversation_id": pl.String, "turn_index": pl.Int32, "speaker": pl.String, "text": pl.String}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


TALK = turns(
    ("c", 0, "agent", "Hello, how can I help?"),
    ("c", 1, "customer", "Hi"),
    ("c", 2, "customer", "My new drill does not start any more"),
    ("c", 5, "agent", "Is it charged?"),
    ("c", 7, "customer", ""),
    ("d", 0, "agent", "Anybody there?"),
)


def test_a_context_is_every_turn_with_a_smaller_index() -> None:
    points = pl.DataFrame({"conversation_id": ["c", "c", "x"], "turn_index": [5, 0, 3]})
    nothing, first, unknown = contexts(TALK, points)
    assert nothing.turns == ()
    assert [turn.text for turn in first.turns][-1].startswith("My new drill")
    assert unknown.turns == ()
    assert unknown.last_request == ""


def test_the_last_request_is_the_customers_last_words() -> None:
    found = contexts(TALK, points_after_last_turn(TALK))
    assert [context.turn_index for context in found] == [8, 1]
    assert found[0].last_request.startswith("My new drill")
    assert found[1].last_request == "Anybody there?"


def test_a_need_is_the_first_thing_of_substance_the_customer_says() -> None:
    assert customer_needs(TALK).rows() == [("c", "My new drill does not start any more")]
    assert customer_needs(TALK.clear()).height == 0


@pytest.mark.parametrize("text", ["", "Thanks!", "ok thank you so much, bye", "Hello", "😀", "That's all"])
def test_courtesies_ask_for_nothing(text: str) -> None:
    assert is_courtesy(text)


@pytest.mark.parametrize("text", ["Is it?", "thanks, but it still fails", "yes please", "order 1234"])
def test_requests_are_no_courtesies(text: str) -> None:
    assert not is_courtesy(text)


def test_a_need_skips_small_talk() -> None:
    small = turns(
        ("c", 0, "customer", "I hope you can help me."), ("c", 1, "customer", "The lamp flickers at night")
    )
    assert customer_needs(small)["text"].to_list() == ["The lamp flickers at night"]
