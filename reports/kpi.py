"""What a key figure is, and how it is computed for each week and read for one.

The mechanism; the figures themselves stand in `kpis`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import polars as pl

from cxm.workspace import Workspace
from reports import periods
from reports.contacts import build_contacts
from reports.intervals import Z, mean_of_each, quantile_of_each, share_of_each

_FIGURES = {
    "period": pl.String,
    "name": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int32,
}
_FEWEST = 20
_Z_OF_CHANGE = 2.5758293035489004


@dataclass
class Base:
    """What key figures are computed from: a workspace, and the week reported.

    `period` is None where nothing in the data has a date.
    """

    workspace: Workspace
    period: str | None

    @cached_property
    def contacts(self) -> pl.LazyFrame:
        """One row a conversation up to the end of the period (`build_contacts`)."""
        frame = build_contacts(self.workspace).collect().lazy()
        return frame.filter(pl.col("started_at") < periods.end_of(self.period)) if self.period else frame

    @cached_property
    def filled_columns(self) -> set[str]:
        """`conversations.csat` for each column of conversations that holds a value."""
        if not self.workspace.has("conversations"):
            return set()
        counts = self.workspace.read("conversations").select(pl.all().count()).collect().row(0, named=True)
        return {f"conversations.{name}" for name, count in counts.items() if count}

    def has(self, need: str) -> bool:
        """Whether a table, or a column of conversations with a value in it, is there."""
        return need in self.filled_columns if "." in need else self.workspace.has(need)

    def is_comparable(self, week: str) -> bool:
        """Whether the data covers all seven days of a week, so that its counts can be compared."""
        first, last = self.contacts.select(
            first=pl.col("started_at").min(), last=pl.col("data_ends_at").max()
        ).collect().row(0)  # fmt: skip
        return bool(first and first.date() <= periods.monday(week) and periods.is_complete(week, last))

    def whole(self, value: float | None, low: float | None, high: float | None, n: int) -> pl.DataFrame:
        """One figure of the whole base, dated with the period; no row where `value` is None."""
        row = {"period": self.period, "value": value, "low": low, "high": high, "n": n}
        schema = {name: dtype for name, dtype in _FIGURES.items() if name != "name"}
        return pl.DataFrame([row] if value is not None else [], schema=schema)


Compute = Callable[[Base], pl.DataFrame]
Unit = Literal["count", "share", "seconds", "points", "score", "rate", "currency"]


@dataclass(frozen=True)
class Kpi:
    """One key figure.

    `needs`: tables, and columns of conversations, without which it cannot be computed. `better`:
    which way is good, None where neither is. `compute` returns period, value, low, high, n.
    """

    name: str
    label: str
    unit: Unit
    better: Literal["high", "low"] | None
    definition: str
    window: str
    needs: tuple[str, ...]
    compute: Compute = field(repr=False)

    def missing(self, base: Base) -> list[str]:
        """What is needed and not there."""
        return [need for need in self.needs if not base.has(need)]


@dataclass(frozen=True)
class Reading:
    """A key figure of one period, beside the period before (None where there is none)."""

    kpi: Kpi
    period: str | None
    value: float
    low: float | None
    high: float | None
    n: int
    previous: float | None = None
    previous_low: float | None = None
    previous_high: float | None = None
    previous_n: int = 0

    @property
    def is_changed(self) -> bool:
        """Whether it moved more than chance explains: a two-sided z test at 1 %, from the intervals.

        False where either week counts fewer than 20 rows.
        """
        if self.previous is None or self.low is None or self.previous_low is None:
            return False
        if min(self.n, self.previous_n) < _FEWEST:
            return False
        widths = (self.high or 0) - self.low, (self.previous_high or 0) - self.previous_low
        error = math.hypot(*(width / (2 * Z) for width in widths))
        return abs(self.value - self.previous) > _Z_OF_CHANGE * error

    @property
    def is_better(self) -> bool | None:
        """Whether it moved the good way; None where neither way is good or it did not move."""
        if self.previous is None or self.kpi.better is None or self.value == self.previous:
            return None
        return (self.value > self.previous) == (self.kpi.better == "high")


@dataclass(frozen=True)
class KeyFigures:
    """All key figures.

    `weeks`: the table `kpis`, each week up to the period. `readings`: those of the period. `absent`:
    what could not be computed, with what is missing (empty: nothing to count in the period).
    """

    weeks: pl.DataFrame
    readings: list[Reading]
    absent: list[tuple[Kpi, list[str]]]


def read_all(kpis: Sequence[Kpi], base: Base) -> KeyFigures:
    """Compute the figures and read those of the period."""
    weeks = [pl.DataFrame(schema=_FIGURES)]
    readings: list[Reading] = []
    absent: list[tuple[Kpi, list[str]]] = []
    for kpi in kpis:
        missing = kpi.missing(base)
        reading = None
        if not missing:
            figures = kpi.compute(base)
            reading = _reading(kpi, figures, base)
            weeks.append(figures.with_columns(name=pl.lit(kpi.name)).select(list(_FIGURES)))
        if reading:
            readings.append(reading)
        else:
            absent.append((kpi, missing))
    dated = pl.concat(weeks).filter(pl.col("period").is_not_null())
    return KeyFigures(dated.sort("period", "name"), readings, absent)


def _reading(kpi: Kpi, figures: pl.DataFrame, base: Base) -> Reading | None:
    period = base.period
    rows = {row["period"]: row for row in figures.iter_rows(named=True)}
    if period not in rows:
        return None
    before: dict[str, Any] = {}
    if period and (kpi.unit not in ("count", "rate") or _covers_both(base, period)):
        before = rows.get(periods.week_before(period), {})
    return Reading(
        kpi,
        **rows[period],
        previous=before.get("value"),
        previous_low=before.get("low"),
        previous_high=before.get("high"),
        previous_n=before.get("n", 0),
    )


def _covers_both(base: Base, period: str) -> bool:
    return base.is_comparable(period) and base.is_comparable(periods.week_before(period))


# ------------------------------------------------------------------ ways to count


def _values(base: Base, expression: pl.Expr) -> pl.LazyFrame:
    return base.contacts.select("period", expression.alias("value"))


def share_of(expression: pl.Expr) -> Compute:
    """The share of true among the conversations where `expression` is not null."""
    return lambda base: share_of_each(_values(base, expression))


def mean_of(expression: pl.Expr, lowest: float = float("-inf"), highest: float = float("inf")) -> Compute:
    """The mean of `expression`; the interval is kept within [lowest, highest]."""
    ends = pl.col("low", "high").clip(lowest, highest)
    return lambda base: mean_of_each(_values(base, expression)).with_columns(ends)


def quantile_of(expression: pl.Expr, q: float) -> Compute:
    """A quantile of `expression`."""
    return lambda base: quantile_of_each(_values(base, expression), q)
