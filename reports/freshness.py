"""Freshness: whether new conversations still arrive.

Silence is held against the silences there were: this is the one figure that looks at the clock, so
it is asked for by a timer and stands in no report.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from cxm.workspace import Workspace
from reports.monitors import Monitor, MonitorState

FRESHNESS = Monitor(
    "freshness",
    "fresh:conversations",
    2,
    4,
    "How long there has been no new conversation, in the longest silences usual before.",
    "above",
)
_SHORTEST = timedelta(hours=1)
_QUANTILE = 0.995


def watch_freshness(workspace: Workspace, now: datetime) -> MonitorState:
    """The time since the last conversation over the 99.5th percentile of the gaps (at least an hour).

    No data with fewer than two conversations.
    """
    if not workspace.has("conversations"):
        return FRESHNESS.check({})
    starts = workspace.read("conversations").select(pl.col("started_at").sort()).collect().to_series()
    if starts.len() < 2:
        return FRESHNESS.check({})
    usual = max(starts.diff().drop_nulls().quantile(_QUANTILE) or _SHORTEST, _SHORTEST)
    return FRESHNESS.check({FRESHNESS.figure: (now - starts[-1]) / usual})
