"""ISO weeks: naming them, choosing one, saying which days they are.

All weeks are ISO 8601 weeks of UTC, Monday to Sunday, written `2026-W31`. What is counted in a
week belongs in `kpis`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import polars as pl

from cxm.errors import CxmError
from cxm.workspace import Workspace

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def week_of(moment: datetime | date) -> str:
    """The ISO week a moment lies in."""
    year, week, _ = moment.isocalendar()
    return f"{year:04d}-W{week:02d}"


def week_expr(column: str) -> pl.Expr:
    """The ISO week of a time column."""
    return pl.col(column).dt.strftime("%G-W%V")


def monday(week: str) -> date:
    """The first day of a week; `CxmError` if it is not one."""
    match = _WEEK.fullmatch(week)
    try:
        if match:
            return date.fromisocalendar(int(match[1]), int(match[2]), 1)
    except ValueError:
        pass
    raise CxmError(f"'{week}' is not an ISO week; write it like 2026-W31")


def sunday(week: str) -> date:
    """The last day of a week."""
    return monday(week) + timedelta(days=6)


def end_of(week: str) -> datetime:
    """The moment a week is over."""
    return datetime.combine(sunday(week) + timedelta(days=1), datetime.min.time(), UTC)


def week_before(week: str) -> str:
    """The week before."""
    return week_of(monday(week) - timedelta(days=7))


def is_complete(week: str, last: datetime) -> bool:
    """Whether data that ends at `last` reaches the week's Sunday."""
    return last.date() >= sunday(week)


def choose(weeks: Collection[str], last: datetime, wanted: str | None = None) -> str:
    """The week of the report: `wanted`, else the last complete one with conversations.

    Where only unfinished weeks have conversations it is the last of them. `CxmError` if `wanted` is
    no week or has no conversations; it names the range there is.
    """
    ordered = sorted(weeks)
    if wanted is None:
        complete = [week for week in ordered if is_complete(week, last)]
        return (complete or ordered)[-1]
    there = ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
    try:
        monday(wanted)
    except CxmError as error:
        raise CxmError(f"{error}; conversations are there for {there}") from error
    if wanted not in weeks:
        raise CxmError(f"no conversations in {wanted}; there are some for {there}")
    return wanted


def day(moment: date | datetime) -> str:
    """`27 July 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def days_of(week: str) -> str:
    """`27 July to 2 August 2026`."""
    first, last = monday(week), sunday(week)
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    start = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
    return f"{start} to {day(last)}"


def choose_period(
    workspace: Workspace, week: str | None
) -> tuple[str | None, tuple[datetime, datetime] | None]:
    """The week reported, and the first and last moment in the data.

    The week is `week`, else the last complete one with conversations; without conversations it is
    the week of the last transaction; both are None where nothing has a date. Raises `CxmError` for a
    week without conversations.
    """
    for table, column in (("conversations", "started_at"), ("transactions", "occurred_at")):
        if not workspace.has(table):
            continue
        times = workspace.read(table)
        ends = times.select(first=pl.col(column).min(), last=pl.col(column).max()).collect()
        first, last = ends.row(0)
        if last is None:
            continue
        if table == "conversations":
            weeks = times.select(week_expr(column).unique()).collect().to_series().to_list()
            return choose(weeks, last, week), (first, last)
        if week is None:
            return week_of(last), (first, last)
    if week is not None:
        raise CxmError(
            f"no conversations in {workspace.data}, so there is no week to choose; leave out --week"
        )
    return None, None
