"""What a key figure is, and how it is computed for each week and read for one.

The mechanism; the figures themselves stand in `kpis`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
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
_LEAST_P = 0.01
_MOST_REFERENCE_WEEKS, _FEWEST_REFERENCE_WEEKS, _FEWEST_STEPS = 8, 4, 6
TIME_ZONE = "UTC"


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

    @cached_property
    def reported(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What was reported in earlier weeks of this data: name -> period -> row."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        if self.workspace.has("kpi_history"):
            history = self.workspace.read("kpi_history").select(list(_FIGURES)).collect()
            for row in history.iter_rows(named=True):
                found.setdefault(row.pop("name"), {})[row["period"]] = row
        return found

    @cached_property
    def _span(self) -> tuple[Any, Any]:
        ends = self.contacts.select(first=pl.col("started_at").min(), last=pl.col("data_ends_at").max())
        return ends.collect().row(0)

    def is_comparable(self, week: str) -> bool:
        """Whether the data covers all seven days of a week, so that its counts can be compared."""
        first, last = self._span
        return bool(first and first.date() <= periods.monday(week) and periods.is_complete(week, last))

    def whole(self, value: float | None, low: float | None, high: float | None, n: int) -> pl.DataFrame:
        """One figure of the whole base, dated with the period; no row where `value` is None."""
        row = {"period": self.period, "value": value, "low": low, "high": high, "n": n}
        schema = {name: dtype for name, dtype in _FIGURES.items() if name != "name"}
        return pl.DataFrame([row] if value is not None else [], schema=schema)


@dataclass(frozen=True)
class PerConversation:
    """A way to count that looks at one conversation at a time.

    `measure`: what a conversation adds, null where it does not count; `summarise`: rows of (period,
    value) to one figure a period.
    """

    measure: pl.Expr
    summarise: Callable[[pl.LazyFrame], pl.DataFrame]

    def __call__(self, base: Base) -> pl.DataFrame:
        """The figure of each week."""
        return self.summarise(base.contacts.select("period", value=self.measure))


Compute = Callable[[Base], pl.DataFrame]
Unit = Literal["count", "share", "seconds", "points", "score", "rate", "currency"]


@dataclass(frozen=True)
class Kpi:
    """One key figure.

    `numerator` over `denominator` (for a mean: what is added up, over what) in the `window`. `needs`:
    tables, and columns of conversations, without which it cannot be computed. `better`: which way is
    good, None where neither is. `compute` returns period, value, low, high, n. Figures of one `topic`
    move together, and are told once. One that `may_lag` is that of the week before where nothing in the
    week is old enough to count.
    """

    name: str
    label: str
    unit: Unit
    better: Literal["high", "low"] | None
    definition: str
    numerator: str
    denominator: str
    window: str
    needs: tuple[str, ...]
    compute: Compute = field(repr=False)
    topic: str = ""
    may_lag: bool = False

    @property
    def measure(self) -> pl.Expr | None:
        """What one conversation adds; None where the figure is not counted over conversations."""
        return self.compute.measure if isinstance(self.compute, PerConversation) else None

    def missing(self, base: Base) -> list[str]:
        """What is needed and not there."""
        return [need for need in self.needs if not base.has(need)]


@dataclass(frozen=True)
class Reading:
    """A key figure of one period, beside the period before (None where there is none).

    `reference`: the median of the weeks before (up to eight), None with fewer than four. `usual_step`:
    how far two weeks in a row usually lie apart (a robust standard deviation), None with fewer than
    six steps. `course`: (period, value) of the weeks up to this one.
    """

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
    reference: float | None = None
    usual_step: float | None = None
    course: tuple[tuple[str, float], ...] = ()

    @property
    def p_value(self) -> float | None:
        """How often so large a step from the week before comes by itself (two-sided z test).

        Its error is that of the two intervals, or the usual step from week to week where that is
        larger. None where either week counts fewer than 20 rows.
        """
        if self.previous is None or self.low is None or self.previous_low is None:
            return None
        if min(self.n, self.previous_n) < _FEWEST:
            return None
        widths = (self.high or 0) - self.low, (self.previous_high or 0) - self.previous_low
        error = max(math.hypot(*(width / (2 * Z) for width in widths)), self.usual_step or 0.0)
        return p_of_step(self.value - self.previous, error)

    @property
    def is_changed(self) -> bool:
        """Whether it moved more than chance explains, at 1 %."""
        return self.p_value is not None and self.p_value < _LEAST_P

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
    `contacts`: the conversations they were counted from, None without any.
    """

    weeks: pl.DataFrame
    readings: list[Reading]
    absent: list[tuple[Kpi, list[str]]]
    contacts: pl.DataFrame | None = None


def p_of_step(step: float, error: float) -> float:
    """Two-sided p of a step with a normal error; 1 where there is neither."""
    return math.erfc(abs(step) / error / math.sqrt(2)) if error > 0 else float(step == 0)


def usual_step(values: Sequence[float]) -> float | None:
    """The robust standard deviation of the steps between `values`: their median size x 1.4826.

    The last step, the one in question, is left out. None with fewer than six others.
    """
    steps = np.diff(np.asarray(values, dtype=float))[:-1]
    if len(steps) < _FEWEST_STEPS:
        return None
    return float(1.4826 * np.median(np.abs(steps)))


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
    contacts = base.contacts.collect() if base.workspace.has("conversations") else None
    return KeyFigures(dated.sort("period", "name"), readings, absent, contacts)


def _reading(kpi: Kpi, figures: pl.DataFrame, base: Base) -> Reading | None:
    period = base.period
    rows = {row["period"]: row for row in figures.iter_rows(named=True)}
    past = base.reported.get(kpi.name, {})
    is_count = kpi.unit in ("count", "rate")
    if period:
        rows = {week: row for week, row in past.items() if week < period} | rows
        if kpi.measure is None and not is_count and period in past and max(past) > period:
            # What the whole base was like in a past week stands in what was reported then only.
            rows[period] = past[period]
        if kpi.may_lag and period not in rows:
            period = periods.week_before(period)
    if period not in rows:
        return None
    before: dict[str, Any] = {}
    if period and (not is_count or _covers_both(base, period)):
        before = rows.get(periods.week_before(period), {})
    weeks = sorted(week for week in rows if week and period and week <= period)
    course = [(week, rows[week]["value"]) for week in weeks if not is_count or base.is_comparable(week)]
    earlier = [value for week, value in course if week != period][-_MOST_REFERENCE_WEEKS:]
    return Reading(
        kpi,
        **rows[period],
        previous=before.get("value"),
        previous_low=before.get("low"),
        previous_high=before.get("high"),
        previous_n=before.get("n", 0),
        reference=float(np.median(earlier)) if len(earlier) >= _FEWEST_REFERENCE_WEEKS else None,
        usual_step=usual_step([value for _, value in course]),
        course=tuple(course),
    )


def _covers_both(base: Base, period: str) -> bool:
    return base.is_comparable(period) and base.is_comparable(periods.week_before(period))


# ------------------------------------------------------------------ ways to count


def share_of(expression: pl.Expr) -> PerConversation:
    """The share of true among the conversations where `expression` is not null."""
    return PerConversation(expression, share_of_each)


def mean_of(
    expression: pl.Expr, lowest: float = float("-inf"), highest: float = float("inf")
) -> PerConversation:
    """The mean of `expression`; the interval is kept within [lowest, highest]."""
    ends = pl.col("low", "high").clip(lowest, highest)
    return PerConversation(expression, lambda rows: mean_of_each(rows).with_columns(ends))


def quantile_of(expression: pl.Expr, q: float) -> PerConversation:
    """A quantile of `expression`."""
    return PerConversation(expression, lambda rows: quantile_of_each(rows, q))
