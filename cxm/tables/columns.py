"""Column makers: one spelling of an id, a time, a share or a count for all tables.

A maker belongs here if two tables need the same kind of column. The tables themselves stand in
`inputs`, `gold` and `results`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dataframely as dy

# Beyond these a time is a typing error or a filler, and arithmetic on it would overflow.
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(2199, 12, 31, tzinfo=UTC)


def _column(
    kind: type[dy.Column],
    doc: str,
    *,
    key: bool = False,
    nullable: bool = False,
    unit: str | None = None,
    rules: Sequence[str] = (),
    **options: Any,
) -> Any:
    return kind(
        primary_key=key,
        nullable=nullable,
        description=doc,
        metadata={"unit": unit, "rules": list(rules)},
        **options,
    )


def identifier(doc: str, *, key: bool = False, nullable: bool = False) -> Any:
    """A non-empty string that names a thing."""
    return _column(dy.String, doc, key=key, nullable=nullable, min_length=1, rules=["not empty"])


def category(values: Sequence[str] | None, doc: str, *, key: bool = False, nullable: bool = False) -> Any:
    """A non-empty string; one of `values` where they are given."""
    if values is None:
        return identifier(doc, key=key, nullable=nullable)
    legal = list(values)
    return _column(
        dy.String,
        doc,
        key=key,
        nullable=nullable,
        rules=["one of: " + ", ".join(legal)],
        check={"one_of": lambda column: column.is_in(legal)},
    )


def text(doc: str, *, may_be_empty: bool = False, nullable: bool = False) -> Any:
    """Free text."""
    return _column(
        dy.String,
        doc,
        nullable=nullable,
        min_length=None if may_be_empty else 1,
        rules=[] if may_be_empty else ["not empty"],
    )


def json_text(doc: str, *, nullable: bool = False) -> Any:
    """JSON as text."""
    return _column(dy.String, doc, nullable=nullable, unit="JSON")


def texts(doc: str, *, nullable: bool = False) -> Any:
    """A list of strings."""
    return _column(dy.List, doc, nullable=nullable, inner=dy.String(nullable=True))


def turn_indices(doc: str, *, nullable: bool = False) -> Any:
    """A list of positions in a conversation."""
    return _column(dy.List, doc, nullable=nullable, inner=dy.Int32(nullable=True))


def time(doc: str, *, nullable: bool = False) -> Any:
    """A moment in UTC, of a year that a record of a contact center can have."""
    return _column(
        dy.Datetime,
        doc,
        nullable=nullable,
        unit="UTC",
        time_unit="us",
        time_zone="UTC",
        min=_FIRST,
        max=_LAST,
        rules=[f"from {_FIRST.year} to {_LAST.year}"],
    )


def boolean(doc: str, *, nullable: bool = False) -> Any:
    """True or false."""
    return _column(dy.Bool, doc, nullable=nullable)


def _between(low: float | None, high: float | None) -> list[str]:
    rules = [] if low is None else [f">= {low:g}"]
    return rules if high is None else [*rules, f"<= {high:g}"]


def count(
    doc: str,
    *,
    unit: str | None = None,
    low: int | None = 0,
    high: int | None = None,
    key: bool = False,
    nullable: bool = False,
) -> Any:
    """A whole number within [low, high]."""
    rules = _between(low, high)
    return _column(dy.Int32, doc, key=key, nullable=nullable, unit=unit, min=low, max=high, rules=rules)


def measure(
    doc: str,
    *,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    nullable: bool = False,
) -> Any:
    """A finite number within [low, high]."""
    return _column(
        dy.Float64, doc, nullable=nullable, unit=unit, min=low, max=high, rules=_between(low, high)
    )


def share(doc: str, *, nullable: bool = False) -> Any:
    """A part of a whole or a probability, 0 to 1."""
    return measure(doc, unit="0 to 1", low=0, high=1, nullable=nullable)


def seconds(doc: str, *, nullable: bool = False) -> Any:
    """A duration in seconds."""
    return measure(doc, unit="seconds", low=0, nullable=nullable)


def days(doc: str, *, nullable: bool = False) -> Any:
    """A duration in days, up to two centuries."""
    return measure(doc, unit="days", low=0, high=73_000, nullable=nullable)


def money(doc: str) -> Any:
    """An amount of money; 0 and negative are allowed."""
    return measure(doc, unit="currency", low=-1e12, high=1e12)


def conversation_id(*, key: bool = False, nullable: bool = False) -> Any:
    """The conversation a row belongs to."""
    return identifier("The conversation.", key=key, nullable=nullable)


def customer_id(*, key: bool = False, nullable: bool = False) -> Any:
    """The customer a row belongs to."""
    return identifier("The customer.", key=key, nullable=nullable)


def article_id(*, key: bool = False, nullable: bool = False) -> Any:
    """The knowledge-base article a row belongs to."""
    return identifier("The article.", key=key, nullable=nullable)


def query_id(*, key: bool = False) -> Any:
    """The search query a row belongs to."""
    return identifier("The query.", key=key)


def criterion(*, key: bool = False) -> Any:
    """The quality criterion a row belongs to."""
    return identifier("The criterion of the scorecard.", key=key)


def intent(doc: str = "The intent.", *, key: bool = False, nullable: bool = False) -> Any:
    """An intent of the taxonomy."""
    return identifier(doc, key=key, nullable=nullable)


def tool_name(doc: str = "The tool.", *, key: bool = False, nullable: bool = False) -> Any:
    """A tool."""
    return identifier(doc, key=key, nullable=nullable)


def turn_index(doc: str = "The turn, from 0.", *, key: bool = True) -> Any:
    """A position in a conversation, from 0."""
    return count(doc, key=key)


def rank(doc: str = "Rank, 1 is best.") -> Any:
    """A rank from 1."""
    return count(doc, low=1, key=True)


def period(doc: str = "ISO week, e.g. `2026-W31`.", *, key: bool = True) -> Any:
    """An ISO week."""
    return _column(dy.String, doc, key=key, regex=r"^\d{4}-W\d{2}$", rules=["YYYY-Www"])


def split() -> Any:
    """Whether a label may be learned from."""
    return category(("train", "test"), "`train` may be learned from, `test` only scored against.")
