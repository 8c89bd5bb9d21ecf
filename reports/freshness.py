"""Freshness: whether new conversations still arrive.

Silence is held against the silences there were: this is the one figure that looks at the clock, so
it is asked for by a timer and stands in no report. Its limits stand with the others.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from cxm.workspace import Workspace

FIGURE = "fresh:conversations"
_SHORTEST = timedelta(hours=1)
_QUANTILE = 0.995


def measure_silence(workspace: Workspace, now: datetime) -> dict[str, float]:
    """The time since the last conversation over the 99.5th percentile of the gaps (at least an hour).

    By its name as a figure for monitors; empty with fewer than two conversations.
    """
    if not workspace.has("conversations"):
        return {}
    starts = workspace.read("conversations").select(pl.col("started_at").sort()).collect().to_series()
    if starts.len() < 2:
        return {}
    usual = max(starts.diff().drop_nulls().quantile(_QUANTILE) or _SHORTEST, _SHORTEST)
    return {FIGURE: (now - starts[-1]) / usual}
