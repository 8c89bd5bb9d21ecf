"""Customers under observation: what was known of them at a date, and what followed.

Frames here hold one row a customer: `customer_id`, `duration_days`, `is_churned`, `entry_days?` and,
where the calendar matters, `joined_at`. Fitting on them belongs in `tenure_risk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from cxm.errors import CxmError
from cxm.tables import TABLES

DAY_SECONDS = 86_400.0
# Columns that are made here and in `experience`.
_MADE = ("tenure", "day", "until")


def moment_of(given: str | None, name: str) -> datetime | None:
    """The moment a parameter names as an ISO date (UTC unless it says otherwise); None stays None.

    Raises `CxmError` with the parameter's `name` where it is no date.
    """
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError as error:
        flag = name.replace("_", "-")
        raise CxmError(f"{name} is {given!r}; give an ISO date, e.g. --{flag} 2026-07-31") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def days_ahead(given: str | Sequence[int], name: str) -> list[int]:
    """The whole days of a parameter like `30,90,180`, ascending; `CxmError` with its `name` if none."""
    try:
        parts = given.split(",") if isinstance(given, str) else list(given)
        days = sorted({int(part) for part in parts})
    except (TypeError, ValueError):
        days = []
    if not days or days[0] < 1:
        raise CxmError(f"{name} is {given!r}; give whole days above 0, e.g. --{name} 30,90,180")
    return days


def known_of_customers(customers: pl.LazyFrame | None) -> pl.DataFrame | None:
    """Customers by id without columns that are named as labels, which foretell nothing; None as None.

    A column named as one that is made on the way gets another name, so that both are kept.
    """
    if customers is None:
        return None
    found = customers.collect().sort("customer_id")
    given = {name: f"{name} (given)" for name in _MADE if name in found.columns}
    return found.drop(named_as_labels(found.columns)).rename(given)


def named_as_labels(columns: Sequence[str]) -> list[str]:
    """The columns of customers that bear the name of a label: `is_churned`, `duration_days` and the like."""
    return [name for name in TABLES["churn_labels"].columns if name in columns and name != "customer_id"]


def days_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Days as a float from `start` to `end`, negative where `end` is first."""
    return (end - start).dt.total_microseconds() / (DAY_SECONDS * 1e6)


def tenure_at(at: datetime) -> pl.Expr:
    """Days since `joined_at`, null where that is not known, negative before joining."""
    return days_between(pl.col("joined_at"), pl.lit(at))


def end_of_observation(labels: pl.DataFrame) -> datetime | None:
    """The latest `joined_at + duration_days`; None if no row has a `joined_at`."""
    days = pl.duration(microseconds=(pl.col("duration_days") * DAY_SECONDS * 1e6).round().cast(pl.Int64))
    latest = labels.select((pl.col("joined_at") + days).max()).item()
    return latest if isinstance(latest, datetime) else None


def known_at(labels: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The labels as they stood at `at`: durations cut, departures after it still to come.

    Who joined later, came under observation later, or joined on an unknown date is left out.
    """
    tenure = tenure_at(at)
    return (
        labels.with_columns(tenure=tenure)
        .filter((pl.col("tenure") > 0) & (pl.col("entry_days").fill_null(0) < pl.col("tenure")))
        .with_columns(
            is_churned=pl.col("is_churned") & (pl.col("duration_days") <= pl.col("tenure")),
            duration_days=pl.min_horizontal("duration_days", "tenure"),
        )
        .drop("tenure")
    )


def follow(labels: pl.DataFrame, start: datetime, n_days: float) -> pl.DataFrame:
    """Who was still there and under observation at `start`, and the `n_days` after it.

    Adds `tenure` (days at `start`); `duration_days` then counts from `start`, and `is_churned` says
    whether the customer left within the window. Who was seen to its end, to the day, has a duration
    just beyond it: known to have stayed, not censored on the last day.
    """
    left_days = pl.col("duration_days") - pl.col("tenure")
    return (
        labels.with_columns(tenure=tenure_at(start))
        .filter(
            (pl.col("tenure") >= 0)
            & (left_days > 0)
            & (pl.col("entry_days").fill_null(0) <= pl.col("tenure"))
        )
        .with_columns(is_churned=pl.col("is_churned") & (left_days <= n_days), duration_days=left_days)
        .with_columns(
            duration_days=pl.when(~pl.col("is_churned") & (pl.col("duration_days") > n_days - 1))
            .then(pl.lit(just_beyond(n_days)))
            .otherwise("duration_days")
        )
    )


def from_entry(labels: pl.DataFrame) -> pl.DataFrame:
    """As `follow`, each customer from the tenure at which they came under observation to their own end."""
    entry = pl.col("entry_days").fill_null(0.0)
    return labels.with_columns(tenure=entry, duration_days=pl.col("duration_days") - entry)


def just_beyond(n_days: float) -> float:
    """The duration that says: seen through all of `n_days`, and still there."""
    return float(n_days) + 1e-3


def days_before(at: datetime, n_days: float) -> datetime:
    """The moment `n_days` before `at`; `CxmError` where the calendar does not reach that far."""
    try:
        return at - timedelta(days=n_days)
    except OverflowError:
        raise CxmError(f"{n_days:,.0f} days before {at:%Y-%m-%d} is no date; give fewer days") from None
