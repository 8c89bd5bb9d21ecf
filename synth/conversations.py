"""Contacts and dialogues as table rows: the clock, the survey, and the labels.

What a conversation's row holds belongs here. What is said is in `dialogues`, why it happened in
`contacts`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from synth.contacts import Contact, Setting
from synth.dialogues import Dialogue
from synth.streams import Kind, chance, split_of, stream

GAP_SECONDS = {
    "voice": (4, 22),
    "chat": (12, 75),
    "email": (600, 2400),
    "messaging": (60, 900),
    "social": (120, 1500),
}
WAIT_SECONDS = {"voice": 110, "chat": 45, "email": 5400, "messaging": 600, "social": 1500}
LIVE = ("voice", "chat")
REVIEWED_SHARE = 0.7

Rows = dict[str, list[dict[str, Any]]]


def conversation_tables(setting: Setting, held: list[tuple[Contact, Dialogue]]) -> Rows:
    """Rows of the tables about conversations: inputs and gold."""
    tables = (
        "conversations",
        "turns",
        "reply_points",
        "intent_labels",
        "sentiment_labels",
        "quality_labels",
        "reply_labels",
    )
    rows: Rows = {name: [] for name in tables}
    for contact, dialogue in held:
        rng = stream(setting.knobs.seed, Kind.SURVEY, *contact.seeds)
        times = _clock(rng, contact, dialogue)
        rows["conversations"].append(_conversation(rng, contact, dialogue, times))
        rows["turns"] += _turns(contact, dialogue, times)
        _label(rows, rng, setting, contact, dialogue)
    return rows


def _clock(rng: np.random.Generator, contact: Contact, dialogue: Dialogue) -> list[datetime]:
    """When each turn is spoken, and the end of the conversation."""
    low, high = GAP_SECONDS[contact.channel]
    times = [contact.started_at]
    for turn in dialogue.turns:
        own = 2 if turn.speaker in ("system", "bot") else int(rng.integers(low, high))
        reading = len(turn.text) // (12 if contact.channel == "voice" else 40)
        times.append(times[-1] + timedelta(seconds=own + reading))
    return times


def _turns(contact: Contact, dialogue: Dialogue, times: list[datetime]) -> list[dict[str, Any]]:
    return [
        {
            "conversation_id": contact.conversation_id,
            "turn_index": index,
            "speaker": turn.speaker,
            "text": turn.text,
            "spoken_at": when,
        }
        for index, (turn, when) in enumerate(zip(dialogue.turns, times, strict=False))
    ]


def _conversation(
    rng: np.random.Generator, contact: Contact, dialogue: Dialogue, times: list[datetime]
) -> dict[str, Any]:
    has_agent = not (contact.is_abandoned or contact.is_bot_only)
    talk = (times[-1] - times[0]).total_seconds()
    if contact.channel not in LIVE:
        talk = float(sum(35 + len(turn.text) / 3 for turn in dialogue.turns if turn.speaker == "agent"))
    hold = float(rng.integers(15, 120)) if contact.channel == "voice" and chance(rng, 0.3) else 0.0
    after = float(rng.integers(15, 100))
    wait = float(round(rng.gamma(1.5, WAIT_SECONDS[contact.channel] / 1.5)))
    return {
        "conversation_id": contact.conversation_id,
        "customer_id": contact.customer_id,
        "agent_id": contact.agent.agent_id if has_agent else None,
        "channel": contact.channel,
        "queue": contact.intent.parent or "General",
        "language": "en",
        "started_at": contact.started_at,
        "ended_at": times[-1],
        "handle_seconds": round(talk + hold + after) * 1.0 if has_agent else None,
        "hold_seconds": hold if has_agent else None,
        "acw_seconds": after if has_agent else None,
        "wait_seconds": wait if not contact.is_bot_only else None,
        "is_abandoned": contact.is_abandoned,
        "is_transferred": contact.is_transferred,
        "is_bot_only": contact.is_bot_only,
        "is_resolved": contact.is_resolved,
        **_survey(rng, contact, wait),
    }


def _survey(rng: np.random.Generator, contact: Contact, wait: float) -> dict[str, int | None]:
    """Csat, nps and ces of those who answer: the pleased and the angry more often than others."""
    felt = 4.1 if contact.is_resolved else 1.9
    felt -= 0.5 * contact.is_upset + 0.4 * contact.is_transferred
    felt += 0.3 * (contact.is_upset and contact.does["empathy"])
    felt -= 0.3 * (wait > 2 * WAIT_SECONDS[contact.channel])
    felt += float(rng.normal(0, 0.7))
    answers = not contact.is_abandoned and chance(rng, 0.12 + 0.15 * abs(felt - 3))
    is_asked_more = chance(rng, 0.5)
    csat = int(np.clip(round(felt), 1, 5))
    nps = int(np.clip(round(2.2 * felt - 0.6 + rng.normal(0, 1)), 0, 10))
    ces = int(np.clip(round(1.3 * felt + 0.4 + rng.normal(0, 0.8)), 1, 7))
    return {
        "csat": csat if answers else None,
        "nps": nps if answers and is_asked_more else None,
        "ces": ces if answers and not is_asked_more else None,
    }


def _label(
    rows: Rows, rng: np.random.Generator, setting: Setting, contact: Contact, dialogue: Dialogue
) -> None:
    """All labels of a conversation share one split. Who gave up has not said what it was about."""
    key, split = {"conversation_id": contact.conversation_id}, split_of(rng)
    if not contact.is_abandoned:
        rows["intent_labels"].append({**key, "intent": contact.intent.intent, "split": split})
    rows["sentiment_labels"] += [
        {**key, "turn_index": index, "polarity": turn.polarity, "split": split}
        for index, turn in enumerate(dialogue.turns)
        if turn.polarity
    ]
    if dialogue.answers and chance(rng, REVIEWED_SHARE):
        rows["quality_labels"] += [
            {**key, "criterion": criterion, "answer": answer, "evidence_turns": evidence, "split": split}
            for criterion, (answer, evidence) in sorted(dialogue.answers.items())
        ]
    for point in dialogue.points:
        turn = {**key, "turn_index": point.turn_index}
        rows["reply_points"].append({**turn, "tool_candidates": _candidates(rng, setting, point.tool_name)})
        rows["reply_labels"].append(
            {
                **turn,
                "article_ids": list(point.article_ids),
                "tool_name": point.tool_name,
                "reply": dialogue.turns[point.turn_index].text,
                "split": split,
            }
        )


def _candidates(rng: np.random.Generator, setting: Setting, tool_name: str | None) -> list[str] | None:
    """For half the tool calls the six tools to choose from, in order of name; else None (all)."""
    if tool_name is None or chance(rng, 0.5):
        return None
    others = [name for name in setting.brand.tools if name != tool_name]
    return sorted([tool_name, *(others[int(i)] for i in rng.permutation(len(others))[:5])])
