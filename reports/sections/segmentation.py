"""Who the customers are: the segments, how many are in each and what they spend; tables: `segment_grids`."""

from __future__ import annotations

import polars as pl

from reports import words
from reports.figures import Figure, draw_bars
from reports.sections.section import MOST_ROWS, Evidence, Grid, Story, say_score
from reports.sections.segment_grids import (
    comparison_grid,
    cut_point_grid,
    migration_grid,
    profile_grid,
    say_why_not_silhouette,
)


def tell(evidence: Evidence) -> Story:
    """The largest and the most valuable segment."""
    profiles = _profiles(evidence)
    if profiles.is_empty():
        return Story("No customer with a transaction.")
    largest = profiles.sort(["n_customers", "segment"], descending=[True, False]).row(0, named=True)
    richest = profiles.row(0, named=True)
    n = int(profiles["n_customers"].sum())
    finding = f"{words.plural(n, 'customer')} form {words.plural(profiles.height, 'segment')}. "
    shares = f"{words.percent(largest['customer_share'])} of customers"
    if richest["monetary_share"] is not None:
        shares += f", {words.percent(largest['monetary_share'])} of spend"
    finding += f"The largest is “{words.readable(largest['segment'])}” ({shares})"
    if richest["segment"] != largest["segment"] and richest["monetary_share"] is not None:
        finding += (
            f"; the most valuable is “{words.readable(richest['segment'])}” "
            f"({words.percent(richest['customer_share'])} of customers, "
            f"{words.percent(richest['monetary_share'])} of spend)"
        )
    lead = "Segments explain"
    quality = say_score(evidence, lead, "spend_explained_share", "what customers spend in the next period")
    quality += say_why_not_silhouette(evidence)
    grids = (
        _grid(evidence, profiles),
        *profile_grid(evidence),
        *migration_grid(evidence),
        *comparison_grid(evidence),
        *cut_point_grid(evidence),
    )
    return Story(f"{finding}.", (_draw(profiles),), grids, quality=quality.strip())


def _profiles(evidence: Evidence) -> pl.DataFrame:
    """One row a segment as in `segment_profiles`, most spend first."""
    results = evidence.result("customer_segments")
    if results is None:
        return pl.DataFrame()
    # Sums are rounded: their last digits depend on the order in which rows come.
    spend = pl.col("monetary").clip(lower_bound=0).sum().round(6)
    profiles = results.group_by("segment", maintain_order=True).agg(
        n_customers=pl.len(),
        spend=spend,
        median_recency_days=pl.col("recency_days").median(),
        median_frequency=pl.col("frequency").median(),
        median_monetary=pl.col("monetary").median(),
    )
    total = pl.col("spend").sum().round(6)
    return (
        profiles.with_columns(
            customer_share=pl.col("n_customers") / pl.col("n_customers").sum(),
            monetary_share=pl.when(total > 0).then(pl.col("spend") / total),
        )
        .sort(["spend", "segment"], descending=[True, False])
        .collect()
    )


def _draw(profiles: pl.DataFrame) -> Figure:
    has_spend = profiles["monetary_share"].null_count() == 0
    value = "monetary_share" if has_spend else "customer_share"
    rows = [
        {
            "label": words.readable(row["segment"]),
            "value": row[value],
            "previous": row["customer_share"] if has_spend else None,
            "text": words.percent(row[value]),
        }
        for row in profiles.head(MOST_ROWS).iter_rows(named=True)
    ]
    what = "spend" if has_spend else "customers"
    caption = f"Share of {what} by segment."
    return draw_bars("segments", rows, f"share of {what}", caption, previous="the share of customers")


def _grid(evidence: Evidence, profiles: pl.DataFrame) -> Grid:
    unit = evidence.currency
    rows = [
        (
            words.readable(row["segment"]),
            words.integer(row["n_customers"]),
            words.percent(row["customer_share"]),
            "–" if row["monetary_share"] is None else words.percent(row["monetary_share"]),
            words.integer(row["median_recency_days"]),
            words.decimal(row["median_frequency"], 0 if row["median_frequency"] % 1 == 0 else 1),
            words.money(row["median_monetary"], unit),
        )
        for row in profiles.head(MOST_ROWS).iter_rows(named=True)
    ]
    header = (
        "Segment", "Customers", "Share", "Share of spend", "Days since last purchase (median)",
        "Purchases (median)", "Spend (median)",
    )  # fmt: skip
    numeric = tuple(range(1, len(header)))
    return Grid("Segments", header, rows, "customer_segments.parquet", profiles.height, numeric)
