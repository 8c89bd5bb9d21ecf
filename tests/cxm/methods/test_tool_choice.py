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
    return Dialogues(contexts, vectors, vectors, vectors)


def test_a_tool_is_described_by_its_name_words_and_parameters() -> None:
    assert tool_text("bookRepair", "Book.", '{"properties": {"visitDay": {"description": "the day"}}}') == (
        "book repair\nBook.\nvisit day: the day"
    )


def choose(found: Dialogues, memory=None, candidates=None) -> list[str | None]:
    return choose_tools(found, TOOLS, memory or plain_memory(64), candidates or [None] * len(found.contexts))


def test_without_labels_the_tool_most_like_the_request_is_chosen_and_courtesy_needs_none():
    assert choose(dialogues("please cancel my order", "Thanks, bye!")) == ["cancel_order", None]


def test_after_a_tool_has_answered_none_is_called():
    turns = (Turn("customer", "please cancel my order"), Turn("system", "cancel_order: done"))
    found = dialogues("please cancel my order")
    after = Dialogues([Context("c0", 2, turns)], found.requests, found.vectors, found.last_turns)
    assert choose(after) == [None]


def test_candidates_restrict_the_choice():
    found = dialogues("cancel the order, book a repair")
    assert choose(found, candidates=[["book_repair", "unknown"]]) == ["book_repair"]
    assert choose(found, candidates=[[]]) == [None]


def test_labels_teach_what_words_do_not_say():
    texts = [f"my thing number {i} went missing" for i in range(20)]
    texts += [f"nothing new {i}, just a chat" for i in range(20)]
    memory = fit_tools(dialogues(*texts), ["track_parcel"] * 20 + [None] * 20, TOOLS, 7)
    new = dialogues("my thing went missing", "just a chat, nothing new")
    contexts = [Context("new", 1, context.turns) for context in new.contexts]
    new = Dialogues(contexts, new.requests, new.vectors, new.last_turns)
    assert choose(new, memory) == ["track_parcel", None]
    again = memory_from(memory_facts(memory), memory.vectors, memory.last_turns)
    assert choose(new, again) == ["track_parcel", None]
    assert again.tool_weights == memory.tool_weights


def test_few_labels_or_unknown_tools_teach_nothing():
    assert fit_tools(dialogues("a", "b"), ["track_parcel", None], TOOLS, 7).called == ()
    assert fit_tools(dialogues(*"abcdefghijkl"), ["gone"] * 12, TOOLS, 7).called == ()


def test_one_tool_and_only_calls_is_no_trouble():
    alone = Tools(TOOLS.names[:1], TOOLS.vectors[:1], TOOLS.name_words[:1])
    found = dialogues(*(f"order {i}" for i in range(12)))
    memory = fit_tools(found, [alone.names[0]] * 12, alone, 7)
    assert choose_tools(found, alone, memory, [None] * 12) == [alone.names[0]] * 12


def test_no_tools_and_no_dialogues_are_no_trouble():
    frame = pl.DataFrame(schema={"tool_name": pl.String, "description": pl.String, "parameters": pl.String})
    none = Tools.from_frame(frame, ENCODER.encode)
    assert choose_tools(dialogues("hello there"), none, plain_memory(64), [None]) == [None]
    nothing = np.zeros((0, 64), dtype=np.float32)
    assert choose(Dialogues([], nothing, nothing, nothing)) == []
