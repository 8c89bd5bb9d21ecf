"""Dialogues as methods need them: the context before a turn, what the customer came for.

What is read out of the order of turns and speakers alone belongs here. What the words mean for a
search or a tool is in `cxm.methods.names`, `replies` and `tool_choice`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

NEED_SCHEMA = {"conversation_id": pl.String, "text": pl.String}

_WORD = re.compile(r"\w+")
_LEAST_WORDS = 3
_ENOUGH_WORDS = 8
_COURTESY = """
    a again all am and are be bye cheers day do done else everything fine for good goodbye great have hello
    help helped hey hi i im is it its just lovely me much my nice night no nope nothing now ok okay perfect
    please really so sorry sounds thank thanks that thats the this today very was well will wonderful you
    your youre
"""
_COURTESY_WORDS = frozenset(_COURTESY.split())


@dataclass(frozen=True)
class Turn:
    """One turn of a context."""

    speaker: str
    text: str


@dataclass(frozen=True)
class Context:
    """What was said before the turn to prepare, in order; may be empty."""

    conversation_id: str
    turn_index: int
    turns: tuple[Turn, ...]

    @property
    def key(self) -> tuple[str, int]:
        """(conversation_id, turn_index)."""
        return self.conversation_id, self.turn_index

    @property
    def last_request(self) -> str:
        """The customer's last turn that is not empty; without one, the last turn of anybody."""
        spoken = [turn for turn in self.turns if turn.text.strip()]
        customers = [turn for turn in spoken if turn.speaker == "customer"]
        return (customers or spoken)[-1].text if spoken else ""


def words(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes dropped."""
    return _WORD.findall(text.casefold().replace("'", "").replace("’", ""))


def is_courtesy(text: str) -> bool:
    """Whether a text asks for nothing: greetings, thanks, a farewell, or nothing at all."""
    return "?" not in text and all(word in _COURTESY_WORDS for word in words(text))


def points_after_last_turn(turns: pl.DataFrame) -> pl.DataFrame:
    """One point after each conversation's last turn: conversation_id, turn_index."""
    last = turns.group_by("conversation_id").agg((pl.col("turn_index").max() + 1).cast(pl.Int32))
    return last.sort("conversation_id")


def contexts(turns: pl.DataFrame, points: pl.DataFrame) -> list[Context]:
    """The context of each point, in the order of its key: every turn with a smaller index."""
    said: dict[str, list[tuple[int, Turn]]] = {}
    wanted = turns.join(points.select("conversation_id").unique(), on="conversation_id", how="semi")
    rows = wanted.sort("conversation_id", "turn_index").select(
        "conversation_id", "turn_index", "speaker", "text"
    )
    for conversation_id, turn_index, speaker, text in rows.iter_rows():
        said.setdefault(conversation_id, []).append((turn_index, Turn(speaker, text)))
    found = []
    keys = points.select("conversation_id", "turn_index").sort("conversation_id", "turn_index")
    for conversation_id, at in keys.iter_rows():
        before = tuple(turn for i, turn in said.get(conversation_id, []) if i < at)
        found.append(Context(conversation_id, at, before))
    return found


def customer_needs(turns: pl.DataFrame) -> pl.DataFrame:
    """What each conversation is about: its first customer turns that say something.

    Turns are added until they hold a sentence's worth of words. Columns of `NEED_SCHEMA`, by id;
    conversations where no customer says anything are left out.
    """
    rows = turns.filter(pl.col("speaker") == "customer").sort("conversation_id", "turn_index")
    said = rows.group_by("conversation_id", maintain_order=True).agg("text")
    needs = [(conversation_id, _need(texts)) for conversation_id, texts in said.iter_rows()]
    return pl.DataFrame([need for need in needs if need[1]], schema=NEED_SCHEMA, orient="row")


def _need(texts: Sequence[str]) -> str:
    kept: list[str] = []
    n_words = 0
    for text in texts:
        if is_courtesy(text) or (len(words(text)) < _LEAST_WORDS and not kept):
            continue
        kept.append(text.strip())
        n_words += len(words(text))
        if n_words >= _ENOUGH_WORDS:
            break
    return "\n".join(kept)
