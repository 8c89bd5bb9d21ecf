"""Dialogues as methods need them: the context before a turn, what the customer came for.

What is read out of the order of turns and speakers alone belongs here. How much a turn counts for a
search is in `cxm.methods.weighing`; what its words name or call for in `names`, `replies` and
`tool_choice`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

NEED_SCHEMA = {"conversation_id": pl.String, "text": pl.String}

_WORD = re.compile(r"\w+")
_ENOUGH_CONTENT = 4
_COURTESY = """
    a again all am and are be bye cheers day do done else everything fine for good goodbye great have
    hello help helped hey hi i im is it its just lovely me much my nice night no nope nothing now ok
    okay perfect please really so sorry sounds thank thanks that thats the this today very was well will
    wonderful you your youre
"""
_COURTESY_WORDS = frozenset(_COURTESY.split())
# Words that say nothing about what a dialogue is about.
_FUNCTION = """
    able about actually after also an another any anybody anyone anything as ask at because been before
    but by call calling can cant contact contacting could couldnt did didnt does doesnt doing dont
    either even ever get getting give go going got had has havent he her here hes him his hope how id if
    ill in into isnt ive just kind know let lets like little look looking made make many may maybe might
    mind moment more morning most must need needs never new not of off on one only or other our out over
    own perhaps point possible put question quick rather right said same say see shall she should since
    some somebody someone something sort speak still such sure take takes talk tell than their them then
    theres these they theyre thing things think those though to too touch tried try trying two under
    until up us use used using want wanted wasnt way we were weve what whats when where which while who
    whos why wonder wondering wont would wouldnt writing yeah yes yet youve
"""
_EMPTY_WORDS = _COURTESY_WORDS | frozenset(_FUNCTION.split())


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

    @property
    def is_asking(self) -> bool:
        """Whether a customer has spoken, and last of all asked for something."""
        customers = [turn.text for turn in self.turns if turn.speaker == "customer" and turn.text.strip()]
        return bool(customers) and not is_courtesy(customers[-1])


def words(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes dropped."""
    return _WORD.findall(text.casefold().replace("'", "").replace("’", ""))


def content_words(text: str) -> list[str]:
    """The words that say what a text is about: no function words, courtesies or numbers."""
    return [w for w in words(text) if not is_empty_word(w) and len(w) > 1 and not any(c.isdigit() for c in w)]


def is_empty_word(word: str) -> bool:
    """Whether a word (in lower case) says nothing about what a text is about."""
    return word in _EMPTY_WORDS


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

    Turns are added until they hold a sentence's worth of content. Columns of `NEED_SCHEMA`, by id;
    conversations where no customer says anything are left out.
    """
    rows = turns.filter(pl.col("speaker") == "customer").sort("conversation_id", "turn_index")
    said = rows.group_by("conversation_id", maintain_order=True).agg("text")
    needs = [(conversation_id, need_text(texts)) for conversation_id, texts in said.iter_rows()]
    return pl.DataFrame([need for need in needs if need[1]], schema=NEED_SCHEMA, orient="row")


def need_text(texts: Sequence[str]) -> str:
    """The first of a customer's turns that say something, as one text; empty where none does."""
    kept: list[str] = []
    n_content = 0
    for text in texts:
        found = len(content_words(text))
        if not found:
            continue
        kept.append(text.strip())
        n_content += found
        if n_content >= _ENOUGH_CONTENT:
            break
    return "\n".join(kept) or next((text.strip() for text in texts if not is_courtesy(text)), "")
