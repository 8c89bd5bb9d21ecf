"""Contacts and dialogues as rows of the tables: conversations, turns, reply points and labels.

What a row holds belongs here. What is said is in `talks`, what happens in `lives`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import polars as pl

from cxm.tables import TABLES
from synth.lives.contact import Contact
from synth.packs import BEHAVIOURS
from synth.setting import Setting
from synth.shortlists import Shortlists
from synth.streams import Dice, Kind
from synth.talks.dialogue import Dialogue, Grounding, PersonalData

REVIEWED_SHARE = 0.7
"""Of the conversations with an agent, those a reviewer has gone through."""
_READS_PER_SECOND = {"voice": 14.0, "chat": 9.0, "email": 4.0, "messaging": 6.0, "social": 6.0}
_MICROSECONDS = timedelta(microseconds=1)

Rows = dict[str, list[dict[str, Any]]]
Held = tuple[Contact, Dialogue]


def make_frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame with the declared dtypes; further columns (of `customers`) keep their own."""
    table = TABLES[name]
    schema = {column: spec.dtype for column, spec in table.columns.items()}
    if not rows:
        return table.empty()
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)


def conversation_frame(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `conversations`; an agent only where one took part."""
    agents = pl.Series([agent.agent_id for agent in setting.agents])
    queues = pl.Series([intent.parent for intent in setting.pack.intents])
    has_agent = ~(pl.col("is_abandoned") | pl.col("is_bot_only"))
    return contacts.with_columns(
        agent_id=pl.when(has_agent).then(contacts["agent"].replace_strict(range(len(agents)), agents)),
        queue=contacts["intent"].replace_strict(range(len(queues)), queues),
        language=pl.lit("en"),
    ).select(list(TABLES["conversations"].columns))


def intent_frame(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `intent_labels`. Who gave up has not said what it was about."""
    names = [intent.intent for intent in setting.pack.intents]
    return contacts.filter(~pl.col("is_abandoned")).select(
        "conversation_id",
        pl.col("intent").replace_strict(range(len(names)), names, return_dtype=pl.String),
        "split",
    )


def contact_truth(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """What was decided about each contact, a record of `truth.json` a row."""
    names = [intent.intent for intent in setting.pack.intents]
    numbers, products = zip(*((p.number, p.name) for p in setting.catalog.products), strict=True)
    return contacts.select(
        "conversation_id",
        "repeat_of",
        "fact",
        "trouble",
        "persona",
        "is_upset",
        "is_misled",
        "is_incident",
        "ends_badly",
        pl.col("intent").replace_strict(range(len(names)), names, return_dtype=pl.String),
        pl.col("product").replace_strict(numbers, products, return_dtype=pl.String),
        *[f"does_{behaviour}" for behaviour in BEHAVIOURS],
    )


def turn_frame(held: Iterable[Held]) -> pl.DataFrame:
    """Rows of `turns`; what is said takes its time between the beginning and the end."""
    columns: dict[str, list[Any]] = {name: [] for name in TABLES["turns"].columns}
    for contact, dialogue in held:
        turns = dialogue.turns
        columns["conversation_id"] += [contact.conversation_id] * len(turns)
        columns["turn_index"] += range(len(turns))
        columns["speaker"] += [turn.speaker for turn in turns]
        columns["text"] += [turn.text for turn in turns]
        columns["spoken_at"] += _clock(contact, dialogue)
    schema = {name: column.dtype for name, column in TABLES["turns"].columns.items()}
    return pl.DataFrame(columns, schema={**schema, "spoken_at": pl.Int64}).with_columns(
        pl.from_epoch("spoken_at", time_unit="us").dt.replace_time_zone("UTC")
    )


def _clock(contact: Contact, dialogue: Dialogue) -> list[int]:
    """When each turn begins, in microseconds since 1970: a pause each, and the time to say it."""
    begin = int(contact.started_at.timestamp()) * 1_000_000
    length = (contact.ended_at - contact.started_at) // _MICROSECONDS
    pace = _READS_PER_SECOND[contact.channel]
    needed = [3.0 + (0 if turn.speaker == "system" else len(turn.text) / pace) for turn in dialogue.turns]
    whole, spent, times = sum(needed) or 1.0, 0.0, []
    for seconds in needed:
        times.append(begin + int(length * spent / whole) // 1_000_000 * 1_000_000)
        spent += seconds
    return times


def label_rows(setting: Setting, shortlists: Shortlists, held: Iterable[tuple[Held, str]]) -> Rows:
    """Rows of the gold tables about turns and of `reply_points`, for dialogues with their split."""
    names = ("sentiment_labels", "quality_labels", "reply_points", "reply_labels")
    rows: Rows = {name: [] for name in names}
    for (contact, dialogue), split in held:
        dice = Dice(setting.knobs.seed, Kind.LABEL, *contact.stream)
        key = {"conversation_id": contact.conversation_id}
        rows["sentiment_labels"] += [
            {**key, "turn_index": index, "polarity": turn.polarity, "split": split}
            for index, turn in enumerate(dialogue.turns)
            if turn.polarity
        ]
        if dice.chance(REVIEWED_SHARE) and dialogue.answers:
            rows["quality_labels"] += [
                {**key, "criterion": criterion, "answer": answer, "evidence_turns": evidence, "split": split}
                for criterion, (answer, evidence) in sorted(dialogue.answers.items())
            ]
        for grounding in dialogue.groundings:
            turn = {**key, "turn_index": grounding.turn_index}
            candidates = shortlists.draw(dice, grounding.tool_name) if grounding.tool_name else None
            rows["reply_points"].append({**turn, "tool_candidates": candidates})
            rows["reply_labels"].append(
                {
                    **turn,
                    "article_ids": list(grounding.article_ids),
                    "tool_name": grounding.tool_name,
                    "reply": dialogue.turns[grounding.turn_index].text,
                    "split": split,
                }
            )
    return rows


def _fields(value: Grounding | PersonalData) -> dict[str, Any]:
    """The fields of a flat value; ten times faster than `asdict`, which copies deeply."""
    return {name: getattr(value, name) for name in value.__slots__}


def dialogue_truth(held: Iterable[Held]) -> Rows:
    """What each reply rests on and where personal data stands, as records of `truth.json`."""
    rows: Rows = {"groundings": [], "personal_data": []}
    for contact, dialogue in held:
        key = {"conversation_id": contact.conversation_id}
        rows["groundings"] += [key | _fields(grounding) for grounding in dialogue.groundings]
        rows["personal_data"] += [key | _fields(place) for place in dialogue.personal_data]
    return rows
