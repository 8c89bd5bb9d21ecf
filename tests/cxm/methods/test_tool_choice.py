"""Choosing a tool."""

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.dialogues import Context, Turn
from cxm.methods.tool_choice import (
    Dialogues,
    Tools,
    choose_tools,
    fit_tools,
    memory_facts,
    memory_from,
    plain_memory,
    score_tools,
    tool_text,
)

ENCODER = HashingEncoder()
TOOLS = Tools.from_frame(
    pl.DataFrame(
        {
            "tool_name": ["track_parcel", "cancel_order", "book_repair"],
            "description": ["Where a parcel is now", "Cancel an order", "Book a repair visit"],
            "parameters": ["", "{", '{"properties": {"visitDay": {"description": "the day"}}}'],
        }
    ),
    ENCODER.encode,
)


def dialogues(*texts: str) -> Dialogues:
    contexts = [Context(f"c{i}", 1, (Turn("customer", text),)) for i, text in enumerate(texts)]
    vectors = ENCODER.encode(list(texts))
    return Dialogues(contexts, vectors, vectors)


def test_a_tool_is_described_by_its_name_words_and_parameters() -> None:
    assert tool_text("bookRepair", "Book.", '{"properties": {"visitDay": {"description": "the day"}}}') == (
        "book repair\nBook.\nvisit day: the day"
    )


def test_without_labels_the_tool_most_like_the_request_is_chosen_and_courtesy_needs_none() -> None:
    scores = score_tools(dialogues("please cancel my order", "Thanks, bye!"), TOOLS, plain_memory(64))
    assert choose_tools(scores, TOOLS, [None, None]) == ["cancel_order", None]


def test_candidates_restrict_the_choice() -> None:
    scores = score_tools(dialogues("cancel the order, book a repair"), TOOLS, plain_memory(64))
    assert choose_tools(scores, TOOLS, [["book_repair", "unknown"]]) == ["book_repair"]
    assert choose_tools(scores, TOOLS, [[]]) == [None]


def test_labels_teach_what_words_do_not_say() -> None:
    texts = [f"my thing number {i} went missing" for i in range(20)] + [f"nothing new {i}, just a chat" for i in range(20)]
    called = ["track_parcel"] * 20 + [None] * 20
    memory = fit_tools(dialogues(*texts), called, TOOLS, 7)
    new = dialogues("my thing went missing", "just a chat, nothing new")
    new = Dialogues([Context("new", 1, c.turns) for c in new.contexts], new.requests, new.vectors)
    assert choose_tools(score_tools(new, TOOLS, memory), TOOLS, [None, None]) == ["track_parcel", None]
    again = memory_from(memory_facts(memory), memory.vectors)
    assert (score_tools(new, TOOLS, again) == score_tools(new, TOOLS, memory)).all()


def test_few_labels_or_unknown_tools_teach_nothing() -> None:
    assert fit_tools(dialogues("a", "b"), ["track_parcel", None], TOOLS, 7).called == ()
    assert fit_tools(dialogues(*"abcdefghijkl"), ["gone"] * 12, TOOLS, 7).called == ()


def test_no_tools_and_no_dialogues_are_no_trouble() -> None:
    frame = pl.DataFrame(schema={"tool_name": pl.String, "description": pl.String, "parameters": pl.String})
    none = Tools.from_frame(frame, ENCODER.encode)
    assert choose_tools(score_tools(dialogues("hello there"), none, plain_memory(64)), none, [None]) == [None]
    empty = Dialogues([], np.zeros((0, 64), dtype=np.float32), np.zeros((0, 64), dtype=np.float32))
    assert choose_tools(score_tools(empty, TOOLS, plain_memory(64)), TOOLS, []) == []
