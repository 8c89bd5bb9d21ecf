"""Partitions: the weeks for which a report was asked.

Only the report and its history are kept by week; tasks look at the whole base and skip what is
fresh. The weeks are added as they come (`schedules.py`, `python -m assets report`).
"""

import dagster as dg

WEEKS = dg.DynamicPartitionsDefinition(name="week")


def add_week(instance: dg.DagsterInstance, week: str) -> None:
    """Make `week` (e.g. `2026-W31`) known as a partition; nothing happens if it is."""
    instance.add_dynamic_partitions("week", [week])
