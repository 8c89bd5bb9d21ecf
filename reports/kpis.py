"""The key figures: each declared once with its definition, and computed for each week.

Add a figure as one `Kpi` here. Intervals come from `intervals`, rows that take work to make from
`contacts`; limits on a figure belong in `monitors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import polars as pl

from cxm.workspace import Workspace
from reports import periods
from reports.contacts import NEGATIVE_END, build_contacts
from reports.intervals import Z, mean_of_each, quantile_of_each, rate_of_each, share_of_each

MAIN_HORIZON_DAYS = 90


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
        frame = build_contacts(self.workspace)
        if self.period:
            frame = frame.filter(pl.col("started_at") < periods.end_of(self.period))
        return frame.collect().lazy()

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

    def at_period(self, value: float, low: float | None, high: float | None, n: int) -> pl.DataFrame:
        """One figure of the whole base, dated with the period of the report."""
        row = {"period": self.period, "value": value, "low": low, "high": high, "n": n}
        floats = dict.fromkeys(("value", "low", "high"), pl.Float64)
        return pl.DataFrame([row], schema={"period": pl.String, **floats, "n": pl.Int32})


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

    @property
    def is_changed(self) -> bool:
        """Whether it moved more than chance explains (two-sided z test at 1 %, from the intervals)."""
        ends = (self.low, self.high, self.previous_low, self.previous_high)
        if self.previous is None or any(end is None for end in ends):
            return False
        widths = (self.high - self.low, self.previous_high - self.previous_low)  # type: ignore[operator]
        error = sum((width / (2 * Z)) ** 2 for width in widths) ** 0.5
        return bool(abs(self.value - self.previous) > 2.5758 * error > 0)


@dataclass(frozen=True)
class KeyFigures:
    """All key figures: `weeks` as the table `kpis` (each week up to the period), those of the period,
    and what could not be computed with what is missing (empty: nothing to count in the period)."""

    weeks: pl.DataFrame
    readings: list[Reading]
    absent: list[tuple[Kpi, list[str]]]


def compute_kpis(workspace: Workspace, period: str | None) -> KeyFigures:
    """Every key figure the tables allow."""
    base = Base(workspace, period)
    weeks: list[pl.DataFrame] = []
    readings: list[Reading] = []
    absent: list[tuple[Kpi, list[str]]] = []
    for kpi in KPIS:
        missing = kpi.missing(base)
        figures = None if missing else kpi.compute(base)
        reading = None if figures is None else _reading(kpi, figures, period)
        if figures is not None:
            weeks.append(figures.select("period", pl.lit(kpi.name).alias("name"), pl.exclude("period")))
        if reading:
            readings.append(reading)
        else:
            absent.append((kpi, missing))
    dated = pl.concat(weeks).filter(pl.col("period").is_not_null()) if weeks else None
    empty = pl.DataFrame(schema={"period": pl.String, "name": pl.String, **_FLOATS, "n": pl.Int32})
    return KeyFigures(empty if dated is None else dated.sort("period", "name"), readings, absent)


_FLOATS = {"value": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def _reading(kpi: Kpi, figures: pl.DataFrame, period: str | None) -> Reading | None:
    rows = {row["period"]: row for row in figures.iter_rows(named=True)}
    if period not in rows:
        return None
    before: dict[str, Any] = rows.get(periods.week_before(period), {}) if period else {}
    return Reading(
        kpi,
        **rows[period],
        previous=before.get("value"),
        previous_low=before.get("low"),
        previous_high=before.get("high"),
    )


# ------------------------------------------------------------------ ways to count


def _values(base: Base, expression: pl.Expr) -> pl.LazyFrame:
    return base.contacts.select("period", expression.alias("value"))


def _share(expression: pl.Expr) -> Compute:
    return lambda base: share_of_each(_values(base, expression))


def _mean(expression: pl.Expr) -> Compute:
    return lambda base: mean_of_each(_values(base, expression))


def _quantile(expression: pl.Expr, q: float) -> Compute:
    return lambda base: quantile_of_each(_values(base, expression), q)


def _count_contacts(base: Base) -> pl.DataFrame:
    rows = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64), exposure=pl.lit(1.0))
    return rate_of_each(rows).with_columns(n=pl.col("value").cast(pl.Int32))


def _rate_of_contacts(base: Base) -> pl.DataFrame:
    contacts = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64)).collect()
    joined = base.workspace.read("customers").select("joined_at").collect()["joined_at"]
    always, dates = joined.null_count(), joined.drop_nulls().sort()
    ends = pl.Series([periods.end_of(week) for week in contacts["period"]], dtype=dates.dtype)
    customers = (dates.search_sorted(ends, side="left") + always).cast(pl.Float64)
    return rate_of_each(contacts.with_columns(exposure=customers).lazy())


def _share_without_article(base: Base) -> pl.DataFrame:
    workspace = base.workspace
    counts = workspace.read("knowledge_gaps").select("n_conversations", "n_queries").sum().collect()
    in_gaps, total = 0, 0
    for name, column in (("conversations", "n_conversations"), ("queries", "n_queries")):
        if workspace.has(name) and (name == "queries" or workspace.has("turns")):
            in_gaps += counts[column].item()
            total += workspace.read(name).select(pl.len()).collect().item()
    in_gap = pl.Series("value", [True] * min(in_gaps, total) + [False] * max(total - in_gaps, 0))
    rows = pl.LazyFrame({"value": in_gap}).select(pl.lit(base.period or "-").alias("period"), "value")
    return share_of_each(rows).with_columns(period=pl.lit(base.period, dtype=pl.String))


def main_horizon(horizons: list[int]) -> int:
    """The horizon risks are reported for: 90 days, else the one nearest to it."""
    return min(horizons, key=lambda days: (abs(days - MAIN_HORIZON_DAYS), days))


def _risks(base: Base, column: str) -> pl.Series:
    risk = base.workspace.read("churn_risk").select("horizon_days", column).collect()
    if risk.is_empty():
        return risk[column]
    horizon = main_horizon(risk["horizon_days"].unique().to_list())
    return risk.filter(pl.col("horizon_days") == horizon)[column].drop_nulls()


def _mean_risk(base: Base) -> pl.DataFrame:
    return _over_customers(base, _risks(base, "probability"), is_total=False)


def _value_at_risk(base: Base) -> pl.DataFrame:
    return _over_customers(base, _risks(base, "value_at_risk"), is_total=True)


def _over_customers(base: Base, values: pl.Series, is_total: bool) -> pl.DataFrame:
    n = values.len()
    if not n:
        return base.at_period(0.0, None, None, 0).clear()
    factor = n if is_total else 1
    mean, spread = float(values.mean()), values.std()  # type: ignore[arg-type]
    half = None if spread is None else Z * float(spread) / n**0.5  # type: ignore[arg-type]
    ends = (None, None) if half is None else ((mean - half) * factor, (mean + half) * factor)
    return base.at_period(mean * factor, *ends, n)


# ------------------------------------------------------------------ the key figures

_C = "conversations"
_WEEK = "Conversations that started in the ISO week (UTC)."
_ALL = "The whole base, as of the latest data."
_STARTED = f"{_C}.started_at"

KPIS: tuple[Kpi, ...] = (
    Kpi(
        "contacts",
        "Contacts",
        "count",
        None,
        "Number of conversations that started in the week. Its interval is what chance alone makes of it.",
        _WEEK,
        (_STARTED,),
        _count_contacts,
    ),
    Kpi(
        "contact_rate",
        "Contacts per customer",
        "rate",
        "low",
        "Conversations of the week over customers who had joined by its end (all, where no date is known).",
        _WEEK,
        (_STARTED, "customers"),
        _rate_of_contacts,
    ),
    Kpi(
        "csat",
        "Satisfied customers (CSAT)",
        "share",
        "high",
        "Share of 4 and 5 among answered satisfaction surveys (1-5).",
        _WEEK,
        (f"{_C}.csat",),
        _share(pl.when(pl.col("csat").is_not_null()).then(pl.col("csat") >= 4)),
    ),
    Kpi(
        "csat_response_share",
        "Survey response",
        "share",
        "high",
        "Share of conversations whose satisfaction survey was answered.",
        _WEEK,
        (f"{_C}.csat",),
        _share(pl.col("csat").is_not_null()),
    ),
    Kpi(
        "nps",
        "Net promoter score",
        "points",
        "high",
        "Percentage of 9-10 less percentage of 0-6 among answered surveys (0-10); -100 to 100.",
        _WEEK,
        (f"{_C}.nps",),
        _mean(
            pl.when(pl.col("nps") >= 9)
            .then(100.0)
            .when(pl.col("nps") <= 6)
            .then(-100.0)
            .when(pl.col("nps").is_not_null())
            .then(0.0)
        ),
    ),
    Kpi(
        "ces",
        "Customer effort score",
        "score",
        "high",
        "Mean ease of getting help as surveyed, 1 (hard) to 7 (easy).",
        _WEEK,
        (f"{_C}.ces",),
        _mean(pl.col("ces")),
    ),
    Kpi(
        "resolution_share",
        "Resolved",
        "share",
        "high",
        "Share of conversations marked as resolved, among those with a mark.",
        _WEEK,
        (f"{_C}.is_resolved",),
        _share(pl.col("is_resolved")),
    ),
    Kpi(
        "first_contact_resolution",
        "First-contact resolution",
        "share",
        "high",
        "Share of conversations after which the customer did not contact us again within 7 days; "
        "contacts younger than 7 days are left out.",
        _WEEK,
        (f"{_C}.customer_id",),
        _share(~pl.col("returned_in_7_days")),
    ),
    Kpi(
        "repeat_contact_share",
        "Repeat contacts",
        "share",
        "low",
        "Share of conversations whose customer had contacted us in the 7 days before; the first 7 days "
        "of the data are left out.",
        _WEEK,
        (f"{_C}.customer_id",),
        _share(pl.col("is_repeat")),
    ),
    Kpi(
        "handle_seconds_mean",
        "Handle time, mean",
        "seconds",
        "low",
        "Mean of talk, hold and after-contact work together.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        _mean(pl.col("handle_seconds")),
    ),
    Kpi(
        "handle_seconds_median",
        "Handle time, median",
        "seconds",
        "low",
        "Half of the conversations took no longer.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        _quantile(pl.col("handle_seconds"), 0.5),
    ),
    Kpi(
        "handle_seconds_p90",
        "Handle time, 90th percentile",
        "seconds",
        "low",
        "Nine of ten conversations took no longer.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        _quantile(pl.col("handle_seconds"), 0.9),
    ),
    Kpi(
        "wait_seconds_mean",
        "Wait, mean",
        "seconds",
        "low",
        "Mean wait until someone answered.",
        _WEEK,
        (f"{_C}.wait_seconds",),
        _mean(pl.col("wait_seconds")),
    ),
    Kpi(
        "abandonment_share",
        "Abandoned",
        "share",
        "low",
        "Share of conversations the customer gave up before an answer.",
        _WEEK,
        (f"{_C}.is_abandoned",),
        _share(pl.col("is_abandoned")),
    ),
    Kpi(
        "transfer_share",
        "Transferred",
        "share",
        "low",
        "Share of conversations handed to another agent or queue.",
        _WEEK,
        (f"{_C}.is_transferred",),
        _share(pl.col("is_transferred")),
    ),
    Kpi(
        "bot_containment_share",
        "Contained by the bot",
        "share",
        "high",
        "Share of conversations in which no human took part and after which the customer did not return "
        "within 72 hours; younger contacts and those without a customer are left out.",
        _WEEK,
        (f"{_C}.is_bot_only", f"{_C}.customer_id"),
        _share(pl.col("is_bot_only").and_(~pl.col("returned_in_72_hours")).over_observed()),
    ),
    Kpi(
        "negative_ending_share",
        "Ended badly",
        "share",
        "low",
        f"Share of conversations whose last customer turns score below {NEGATIVE_END} "
        "(-1 negative to 1 positive).",
        _WEEK,
        (_STARTED, "conversation_sentiment"),
        _share(pl.col("end_score") < NEGATIVE_END),
    ),
    Kpi(
        "quality_score",
        "Quality score",
        "share",
        "high",
        "Mean over conversations of the weighted share of yes among the criteria that apply; "
        "0 where a critical criterion is answered no. Answers are the task's, not a reviewer's.",
        _WEEK,
        (_STARTED, "quality_answers", "scorecard"),
        _mean(pl.col("quality_score")),
    ),
    Kpi(
        "critical_error_share",
        "Critical errors",
        "share",
        "low",
        "Share of conversations with a critical criterion answered no.",
        _WEEK,
        (_STARTED, "quality_answers", "scorecard"),
        _share(pl.col("has_critical_error")),
    ),
    Kpi(
        "knowledge_gap_share",
        "Not answered by the knowledge base",
        "share",
        "low",
        "Share of conversations and queries that lie in a knowledge gap.",
        _ALL,
        ("knowledge_gaps",),
        _share_without_article,
    ),
    Kpi(
        "churn_risk_mean",
        "Mean churn risk",
        "share",
        "low",
        f"Mean probability of leaving within {MAIN_HORIZON_DAYS} days (or the horizon nearest to it).",
        _ALL,
        ("churn_risk",),
        _mean_risk,
    ),
    Kpi(
        "value_at_risk",
        "Value at risk",
        "currency",
        "low",
        "Sum over customers of the probability of leaving times the spend expected over the horizon.",
        _ALL,
        ("churn_risk",),
        _value_at_risk,
    ),
)
