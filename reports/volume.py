"""How many contacts the week should have had: the eight weeks before, day of week and holidays allowed for.

A seasonal baseline with a prediction interval. What moved within the contacts is in `changes`, what
drifted in `drift`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.errors import CxmError
from reports import periods
from reports.intervals import Z
from reports.kpi import p_of_step

REFERENCE_WEEKS = 8
_FEWEST_DAYS = 4
_FEWEST_CONTACTS = 20.0


@dataclass(frozen=True)
class Volume:
    """Contacts of the `n_days` of the week that could be compared, beside those to expect.

    `low` and `high` are the 95 % prediction interval; `holidays` names the days left out of the week.
    """

    n: int
    expected: float
    low: float
    high: float
    p_value: float
    n_days: int
    holidays: tuple[str, ...] = ()


def expect_volume(contacts: pl.DataFrame | None, period: str | None, country: str = "") -> Volume | None:
    """The contacts to expect on the week's days, from the same weekdays of the eight weeks before.

    Left out are holidays of `country` (ISO 3166 code; empty: none are known), and days that the data
    does not cover. The error is that of quasi-Poisson counts, days and weeks apart. None with fewer
    than four of each weekday before, or fewer than 20 contacts to expect. `CxmError` for an unknown country.
    """
    if contacts is None or period is None or contacts.is_empty():
        return None
    ends = contacts.select(first=pl.col("started_at").min(), last=pl.col("data_ends_at").max())
    first, last = ends.row(0)
    monday = periods.monday(period)
    days = [monday + timedelta(days=i) for i in range(-7 * REFERENCE_WEEKS, 7)]
    free = _holidays(country, days)
    counts = dict(contacts.group_by(pl.col("started_at").dt.date()).len().iter_rows())
    # The last day of the data may not be over, unless the week is.
    until = last.date() if periods.is_complete(period, last) else last.date() - timedelta(days=1)
    is_known = [first.date() <= day <= until and day not in free for day in days]
    shape = (REFERENCE_WEEKS + 1, 7)
    table = np.array([counts.get(day, 0) for day in days], dtype=float).reshape(shape)
    known = np.array(is_known).reshape(shape)
    return _compare(
        table, known, tuple(f"{periods.day(day)} ({free[day]})" for day in days[-7:] if day in free)
    )


def _compare(
    table: NDArray[np.float64], known: NDArray[np.bool_], holidays: tuple[str, ...]
) -> Volume | None:
    """The last row of counts `(n_weeks, 7)` against those above it."""
    past, before, now = table[:-1], known[:-1], known[-1]
    n_before = before.sum(axis=0)
    if not now.any() or (n_before[now] < _FEWEST_DAYS).any():
        return None
    means = np.where(before, past, 0.0).sum(axis=0) / np.maximum(n_before, 1)
    expected = float(means[now].sum())
    if expected < _FEWEST_CONTACTS:
        return None
    # Pearson's statistic over its degrees of freedom, of days and of whole weeks (their days go together).
    fitted = np.where(before, means, 0.0)
    residuals = np.where(before, past - means, 0.0)
    by_day = (residuals**2 / np.maximum(fitted, 1e-9))[before & (fitted > 0)].sum() / max(before.sum() - 7, 1)
    weeks = before.sum(axis=1) > 0
    by_week = (residuals.sum(axis=1)[weeks] ** 2 / fitted.sum(axis=1)[weeks]).sum() / max(weeks.sum() - 1, 1)
    error = math.sqrt(
        max(float(by_day), float(by_week), 1.0) * float((means / n_before.clip(1) + means)[now].sum())
    )
    n = int(table[-1][now].sum())
    low, high = max(expected - Z * error, 0.0), expected + Z * error
    return Volume(n, expected, low, high, p_of_step(n - expected, error), int(now.sum()), holidays)


def _holidays(country: str, days: list[date]) -> dict[date, str]:
    """Public holidays among the days, with their names; none without a country."""
    if not country:
        return {}
    from holidays import country_holidays

    try:
        known = country_holidays(country, years={day.year for day in days}, language="en_US")
    except NotImplementedError as error:
        raise CxmError(
            f"no holidays are known for the country '{country}'; set CXM_COUNTRY like GB or DE"
        ) from error
    return {day: known[day] for day in days if day in known}
