"""How contact drivers change from one week to the next.

Frames in, frames out: share, significance, volume and mix effect. Which intent a conversation
has is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

WEEK = "%G-W%V"


def compare_periods(conversations: pl.DataFrame, n_customers: pl.DataFrame | None = None) -> pl.DataFrame:
    """Rows of `driver_changes` for every ISO week and intent.

    `conversations` has one row a conversation: intent, started_at, handle_seconds, csat.
    `n_customers` (period, n_active) gives the rate per 1,000. A week without the intent counts 0;
    the first week has no previous share. The test is the pooled two-proportion z-test, q is
    Benjamini & Hochberg (1995) within a week. Volume effect = previous share x change of all
    contacts, mix effect = change of share x all contacts; they add up to the change in contacts.
    """
    rows = conversations.with_columns(period=pl.col("started_at").dt.strftime(WEEK))
    weeks = rows.group_by("period").agg(total=pl.len(), mean_csat=pl.col("csat").mean()).sort("period")
    weeks = weeks.with_columns(previous_total=pl.col("total").shift(1))
    grid = weeks.join(rows.select("intent").unique().sort("intent"), how="cross")
    counts = rows.group_by("period", "intent").agg(
        n=pl.len(),
        handle_seconds=pl.when(pl.col("handle_seconds").count() > 0).then(pl.col("handle_seconds").sum()),
        csat=pl.col("csat").mean(),
    )
    table = (
        grid.join(counts, on=["period", "intent"], how="left", validate="1:1")
        .with_columns(pl.col("n").fill_null(0))
        .sort("intent", "period")
        .with_columns(share=pl.col("n") / pl.col("total"), previous=pl.col("n").shift(1).over("intent"))
        .with_columns(previous_share=pl.col("previous") / pl.col("previous_total"))
    )
    p_values = _two_proportions(
        *(table[name].cast(pl.Float64).to_numpy() for name in ("n", "total", "previous", "previous_total"))
    )
    table = table.with_columns(p_value=pl.Series(p_values, dtype=pl.Float64).fill_nan(None))
    if n_customers is not None:
        table = table.join(n_customers, on="period", how="left", validate="m:1")
    else:
        table = table.with_columns(n_active=pl.lit(None, dtype=pl.Int64))
    return (
        table.sort("period", "intent")
        .with_columns(q_value=pl.col("p_value").map_batches(_adjust, return_dtype=pl.Float64).over("period"))
        .select(
            "period",
            "intent",
            n_conversations=pl.col("n").cast(pl.Int32),
            share="share",
            previous_share="previous_share",
            rate_per_1000=pl.when(pl.col("n_active") > 0).then(1000 * pl.col("n") / pl.col("n_active")),
            p_value="p_value",
            q_value="q_value",
            volume_effect=pl.col("previous_share")
            * (pl.col("total").cast(pl.Float64) - pl.col("previous_total").cast(pl.Float64)),
            mix_effect=(pl.col("share") - pl.col("previous_share")) * pl.col("total"),
            handle_seconds=pl.col("handle_seconds").cast(pl.Float64),
            csat_gap=pl.col("csat") - pl.col("mean_csat"),
        )
    )


def count_customers(customers: pl.LazyFrame, conversations: pl.LazyFrame) -> pl.DataFrame | None:
    """Customers who had joined by the end of each week with conversations: period, n_active.

    None where nobody's time of joining is known.
    """
    joined = customers.select("joined_at").drop_nulls().sort("joined_at").collect()
    if not joined.height:
        return None
    weeks = conversations.select(week_end=pl.col("started_at").dt.truncate("1w").dt.offset_by("1w"))
    ends = weeks.unique().sort("week_end").collect()["week_end"]
    n_active = np.searchsorted(joined["joined_at"].to_numpy(), ends.to_numpy(), side="left")
    return pl.DataFrame({"period": ends.dt.offset_by("-1d").dt.strftime(WEEK), "n_active": n_active})


def _two_proportions(
    n: NDArray[np.float64],
    total: NDArray[np.float64],
    before: NDArray[np.float64],
    total_before: NDArray[np.float64],
) -> NDArray[np.float64]:
    from scipy.stats import norm

    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (n + before) / (total + total_before)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / total + 1 / total_before))
        z = (n / total - before / total_before) / spread
        p: NDArray[np.float64] = 2 * norm.sf(np.abs(z))
    return np.where((spread == 0) & np.isfinite(before), 1.0, p)


def _adjust(p_values: pl.Series) -> pl.Series:
    from scipy.stats import false_discovery_control

    known = p_values.is_not_null()
    adjusted = np.full(len(p_values), np.nan)
    if known.any():
        adjusted[known.to_numpy()] = false_discovery_control(p_values.drop_nulls().to_numpy())
    return pl.Series(p_values.name, adjusted, dtype=pl.Float64).fill_nan(None)
