"""A dialogue: turns, and the truth about each.

Only the values; what is said is decided in `course`, how a channel distorts it in `surfaces`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Turn:
    """One turn; `polarity` (negative, neutral, positive) is known for customers' turns.

    While a dialogue is held the text carries marks around personal data (`marks`).
    """

    speaker: str
    text: str
    polarity: str | None = None


@dataclass(frozen=True, slots=True)
class Grounding:
    """An agent's or bot's turn that rests on articles or calls a tool.

    `article_ids`: those that state it rightly, the topic's own first; `read_article_id`: the one
    the agent read, a wrong one where misled; `arguments`: values the tool was called with.
    """

    turn_index: int
    article_ids: tuple[str, ...] = ()
    read_article_id: str | None = None
    tool_name: str | None = None
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A place of personal data: characters `start` to `end` of a turn's text are `text`."""

    turn_index: int
    kind: str
    start: int
    end: int
    text: str


@dataclass(slots=True)
class Dialogue:
    """A conversation as it was held; `answers`: criterion → (answer, evidence turns)."""

    turns: list[Turn] = field(default_factory=list)
    groundings: list[Grounding] = field(default_factory=list)
    answers: dict[str, tuple[str, list[int]]] = field(default_factory=dict)
    personal_data: list[PersonalData] = field(default_factory=list)
