"""Key figures that are not counted conversation by conversation: volumes, gaps, risks.

How a figure is computed and read is in `kpi`, what each means in `kpis`.
"""

from __future__ import annotations

import polars as pl

from cxm.methods.risk_rows import total_at_risk
from cxm.workspace import Workspace
from reports import periods
from reports.intervals import Z, rate_of_each, share_of_counts
from reports.kpi import Base

MAIN_HORIZON_DAYS = 90


def main_horizon(horizons: list[int]) -> int:
    """The horizon risks are reported for: 90 days, else the one nearest to it."""
    return min(horizons, key=lambda days: (abs(days - MAIN_HORIZON_DAYS), days))


def currency_of(workspace: Workspace) -> str | None:
    """The one currency of the transactions; None if it is unknown or mixed."""
    if not workspace.has("transactions"):
        return None
    codes = workspace.read("transactions").select(pl.col("currency").drop_nulls().unique()).collect()
    return str(codes.item(0, 0)) if codes.height == 1 else None


def count_contacts(base: Base) -> pl.DataFrame:
    """Conversations of each week."""
    rows = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64))
    counts = rate_of_each(rows.with_columns(exposure=pl.lit(1.0)))
    return counts.with_columns(n=pl.col("value").cast(pl.Int32))


def rate_of_contacts(base: Base) -> pl.DataFrame:
    """Conversations of each week over the customers who had joined by its end."""
    contacts = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64)).collect()
    joined = base.workspace.read("customers").select("joined_at").collect()["joined_at"]
    dates = joined.drop_nulls().sort()
    ends = pl.Series([periods.end_of(week) for week in contacts["period"]], dtype=dates.dtype)
    customers = dates.search_sorted(ends, side="left").cast(pl.Float64) + joined.null_count()
    return rate_of_each(contacts.with_columns(exposure=customers).lazy())


def share_in_gaps(base: Base) -> pl.DataFrame:
    """Share of conversations and queries that lie in a knowledge gap."""
    gaps = base.workspace.read("knowledge_gaps").select("n_conversations", "n_queries").sum().collect()
    hits, n = 0, 0
    for table, column in (("turns", "n_conversations"), ("queries", "n_queries")):
        if base.workspace.has(table):
            source = "conversations" if table == "turns" and base.workspace.has("conversations") else table
            key = "query_id" if table == "queries" else "conversation_id"
            hits += gaps[column].item()
            n += base.workspace.read(source).select(pl.col(key).n_unique()).collect().item()
    row = {"period": [base.period], "hits": [min(hits, n)], "n": [n]}
    return share_of_counts(pl.LazyFrame(row, schema={"period": pl.String, "hits": pl.Int64, "n": pl.Int64}))


def _risks(base: Base) -> tuple[pl.DataFrame, int]:
    risk = base.workspace.read("churn_risk").collect()
    horizon = main_horizon(risk["horizon_days"].unique().to_list() or [MAIN_HORIZON_DAYS])
    return risk.filter(pl.col("horizon_days") == horizon), horizon


def mean_risk(base: Base) -> pl.DataFrame:
    """Mean probability of leaving."""
    values = _risks(base)[0]["probability"].to_numpy()
    n = len(values)
    low = high = None
    if n > 1:
        half = Z * float(values.std(ddof=1)) / n**0.5
        low, high = float(values.mean()) - half, float(values.mean()) + half
    return base.whole(float(values.mean()) if n else None, low, high, n)


def value_at_risk(base: Base) -> pl.DataFrame:
    """Sum of the value at risk, with the interval of what will truly leave."""
    risk, horizon = _risks(base)
    known = risk["value_at_risk"].drop_nulls().len()
    value, low, high = total_at_risk(risk, horizon) or (None, None, None)
    return base.whole(value, low, high, known)
