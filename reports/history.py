"""What was reported each week: key figures and scores, one row a figure and period.

`kpi_history` and `score_history` grow by the report's week when it is first built; what was reported
is never written anew. What a figure is belongs in `kpis`, a limit on it in `monitors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from cxm import store
from cxm.tables import TABLES
from cxm.workspace import Workspace

_COLUMNS = ["period", "name", "value", "low", "high", "n"]


def record(workspace: Workspace, name: str, rows: pl.DataFrame) -> None:
    """Add rows to a history table; a row there with the same period and name stays as it is."""
    past = workspace.read(name).collect() if workspace.has(name) else TABLES[name].empty()
    new = rows.select(_COLUMNS).join(past, on=["period", "name"], how="anti")
    store.write(pl.concat([past.select(_COLUMNS), new]).sort("period", "name"), workspace.out, name)


def score_rows(scores: Iterable[Mapping[str, Any]], period: str | None) -> pl.DataFrame:
    """Rows of `scores` as rows of `score_history`; none without a period."""
    rows = [
        {"period": period, "name": f"{row['task']}.{row['metric']}", **{c: row[c] for c in _COLUMNS[2:]}}
        for row in scores
        if period is not None
    ]
    return pl.DataFrame(rows, schema=TABLES["score_history"].empty().schema)
