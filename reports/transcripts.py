"""Transcripts in the page: what was said, personal data masked, the turns that show something marked.

Which conversations are wanted is decided in `listings`; here, which fit, and what stands beside a
turn. The page holds a bounded sample; `cxm show` prints any conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import polars as pl

from cxm.workspace import Workspace
from reports import periods, words
from reports.listings import Listing

MOST_CONVERSATIONS = 300
MOST_LETTERS = 700_000
_MOST_TURN_LETTERS = 1_500


@dataclass(frozen=True)
class Turn:
    """One turn; `notes` say what it shows (empty: nothing)."""

    speaker: str
    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Transcript:
    """A conversation: its id, what is known about it, and its turns."""

    conversation_id: str
    facts: tuple[str, ...]
    turns: tuple[Turn, ...]


def write_transcripts(workspace: Workspace, lists: Sequence[Listing]) -> list[Transcript]:
    """The transcripts of the conversations listed, as many as fit, in the order of their ids.

    The first of every list is taken before the second of any, until 300 conversations or 700,000
    characters are reached.
    """
    if not lists or not workspace.has("turns"):
        return []
    wanted = list(
        dict.fromkeys(id_ for row in zip_longest(*(listing.ids for listing in lists)) for id_ in row if id_)
    )
    chosen = wanted[:MOST_CONVERSATIONS]
    turns = _rows(workspace, "turns", chosen, ["turn_index", "speaker", "text"])
    sizes = {
        id_: sum(min(len(t["text"]), _MOST_TURN_LETTERS) + 60 for t in rows) for id_, rows in turns.items()
    }
    fitting, used = [], 0
    for id_ in chosen:
        used += sizes.get(id_, 0)
        if used > MOST_LETTERS:
            break
        if id_ in turns:
            fitting.append(id_)
    notes, facts = _notes(workspace, fitting), _facts(workspace, fitting)
    return [_transcript(workspace, id_, turns[id_], notes, facts) for id_ in sorted(fitting)]


def _rows(
    workspace: Workspace, table: str, ids: Iterable[str], columns: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of a table by conversation, in the order of `columns`; none where it is not there."""
    if not workspace.has(table):
        return {}
    frame = workspace.read(table).filter(pl.col("conversation_id").is_in(list(ids)))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (
        frame.select("conversation_id", *columns).sort("conversation_id", columns[0]).collect().to_dicts()
    ):
        found.setdefault(row.pop("conversation_id"), []).append(row)
    return found


def _notes(workspace: Workspace, ids: list[str]) -> dict[tuple[str, int], list[str]]:
    """What turns show: a criterion not met, the lowest point of a conversation, the words of its reason."""
    notes: dict[tuple[str, int], list[str]] = {}
    answers = _rows(workspace, "quality_answers", ids, ["criterion", "answer", "evidence_turns"])
    for id_, rows in answers.items():
        for row in rows:
            for index in row["evidence_turns"] or [] if row["answer"] == "no" else []:
                notes.setdefault((id_, index), []).append(f"{words.readable(row['criterion'])}: no")
    for id_, rows in _rows(
        workspace, "conversation_sentiment", ids, ["lowest_turn_index", "lowest_score"]
    ).items():
        for row in rows:
            score = words.decimal(row["lowest_score"])
            notes.setdefault((id_, row["lowest_turn_index"]), []).append(f"lowest point: {score}")
    columns = ["rank", "is_abstained", "deciding_turn_index", "deciding_words"]
    for id_, rows in _rows(workspace, "predicted_intents", ids, columns).items():
        best = rows[0]
        if best["deciding_turn_index"] is not None and not best["is_abstained"]:
            said = f": {', '.join(best['deciding_words'])}" if best["deciding_words"] else ""
            notes.setdefault((id_, best["deciding_turn_index"]), []).append(f"reason for contact{said}")
    return notes


def _facts(workspace: Workspace, ids: list[str]) -> dict[str, list[str]]:
    """Date, channel, outcome and reason of each conversation."""
    facts: dict[str, list[str]] = {}
    columns = ["started_at", "channel", "is_resolved", "csat"]
    for id_, rows in _rows(workspace, "conversations", ids, columns).items():
        row = rows[0]
        said = [periods.day(row["started_at"]), words.readable(row["channel"])]
        if row["is_resolved"] is not None:
            said.append("resolved" if row["is_resolved"] else "not resolved")
        if row["csat"] is not None:
            said.append(f"CSAT {row['csat']}")
        facts[id_] = said
    for id_, rows in _rows(workspace, "predicted_intents", ids, ["rank", "intent", "is_abstained"]).items():
        best = rows[0]
        facts.setdefault(id_, []).append(
            "no known reason" if best["is_abstained"] else words.readable(best["intent"])
        )
    return facts


def _transcript(
    workspace: Workspace,
    id_: str,
    rows: list[dict[str, Any]],
    notes: dict[tuple[str, int], list[str]],
    facts: dict[str, list[str]],
) -> Transcript:
    masked = workspace.redactor.mask_all([row["text"] for row in rows])
    turns = tuple(
        Turn(
            row["speaker"],
            words.excerpt(text, _MOST_TURN_LETTERS),
            tuple(notes.get((id_, row["turn_index"]), ())),
        )
        for row, text in zip(rows, masked, strict=True)
    )
    return Transcript(words.key(id_), tuple(facts.get(id_, ())), turns)
