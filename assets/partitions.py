"""Partitions: the weeks for which a report was asked.

Only the report and its history are kept by week; tasks look at the whole base and skip what is
fresh. The weeks are added as they come (`schedules.py`, `python -m assets report`).
"""

from datetime import UTC, datetime

import dagster as dg
import polars as pl

from cxm.errors import CxmError
from cxm.workspace import Workspace
from reports import periods

WEEKS = dg.DynamicPartitionsDefinition(name="week")


def add_week(instance: dg.DagsterInstance, week: str) -> None:
    """Make `week` (e.g. `2026-W31`) known as a partition; nothing happens if it is."""
    instance.add_dynamic_partitions("week", [week])


def _times(workspace: Workspace, table: str, column: str) -> pl.Series:
    if not workspace.has(table):
        return pl.Series(dtype=pl.Datetime("us", "UTC"))
    return workspace.read(table).select(column).collect()[column]


def has_weeks(workspace: Workspace) -> bool:
    """Whether there are conversations, so that a report can be of a certain week."""
    return not _times(workspace, "conversations", "started_at").is_empty()


def choose_week(workspace: Workspace, wanted: str | None = None) -> str:
    """The week to report: `wanted`, else the last complete one with conversations.

    Without conversations it is the week of the last transaction, without these the present one.
    Raises `CxmError` if there are no conversations in `wanted`.
    """
    contacts = _times(workspace, "conversations", "started_at")
    if not contacts.is_empty():
        last = contacts.dt.max()
        assert isinstance(last, datetime)
        return periods.choose(set(contacts.dt.strftime("%G-W%V")), last, wanted)
    if wanted is not None:
        raise CxmError(f"no conversations in {workspace.data}, so no week to choose; leave out --week")
    purchases = _times(workspace, "transactions", "occurred_at")
    return periods.week_of(datetime.now(UTC) if purchases.is_empty() else purchases.dt.max())  # type: ignore[arg-type]
