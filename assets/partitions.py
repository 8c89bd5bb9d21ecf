"""Partitions: the weeks for which a report was asked.

Only the report and its history are kept by week; tasks look at the whole base and skip what is
fresh. The weeks are added as they come (`schedules.py`, `python -m assets report`).
"""

from datetime import UTC, datetime

import dagster as dg

from cxm.workspace import Workspace
from reports import periods

WEEKS = dg.DynamicPartitionsDefinition(name="week")


def add_week(instance: dg.DagsterInstance, week: str) -> None:
    """Make `week` (e.g. `2026-W31`) known as a partition; nothing happens if it is."""
    instance.add_dynamic_partitions("week", [week])


def has_weeks(workspace: Workspace) -> bool:
    """Whether there are conversations, so that a report can be of a certain week."""
    return (
        workspace.has("conversations") and not workspace.read("conversations").limit(1).collect().is_empty()
    )


def choose_week(workspace: Workspace, wanted: str | None = None) -> str:
    """The week to report as `reports` chooses it; the present one where nothing has a date.

    Raises `CxmError` if there are no conversations in `wanted`.
    """
    return periods.choose_period(workspace, wanted)[0] or periods.week_of(datetime.now(UTC))
