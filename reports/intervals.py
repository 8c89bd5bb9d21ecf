"""A figure of each week with its 95 % interval: shares, means, quantiles, counts.

Each function takes rows of `(period, value)` and returns one row a period: period, value, low,
high, n. Nulls are not counted; a period without a value has no row. What the value means belongs
in `kpis`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

Z = 1.959963984540054
FIGURES = ["period", "value", "low", "high", "n"]


def share_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """The share of true values, with Wilson's score interval (Wilson 1927)."""
    n, p = pl.col("n"), pl.col("value")
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (p * (1 - p) / n + Z**2 / (4 * n**2)).sqrt()
    return _select(
        rows.drop_nulls()
        .group_by("period")
        .agg(pl.col("value").cast(pl.Float64).mean(), pl.len().cast(pl.Int32).alias("n"))
        .with_columns(
            low=pl.min_horizontal(p, (centre - half).clip(0, 1)),
            high=pl.max_horizontal(p, (centre + half).clip(0, 1)),
        )
    )


def mean_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """The mean, with a normal interval; of one value the interval is not known."""
    half = Z * pl.col("std") / pl.col("n").sqrt()
    values = pl.col("value").cast(pl.Float64)
    return _select(
        rows.drop_nulls()
        .group_by("period")
        .agg(values.mean().alias("value"), values.std().alias("std"), pl.len().cast(pl.Int32).alias("n"))
        .with_columns(low=pl.col("value") - half, high=pl.col("value") + half)
    )


def quantile_of_each(rows: pl.LazyFrame, q: float) -> pl.DataFrame:
    """A quantile, with the interval between order statistics (Conover 1999, section 3.2)."""
    groups = rows.drop_nulls().group_by("period").agg(pl.col("value").cast(pl.Float64).sort()).collect()
    figures = []
    for period, values in zip(groups["period"], groups["value"], strict=True):
        ordered = values.to_numpy()
        n = len(ordered)
        spread = Z * np.sqrt(n * q * (1 - q))
        low = ordered[max(int(np.floor(n * q - spread)) - 1, 0)]
        high = ordered[min(int(np.ceil(n * q + spread)), n - 1)]
        figures.append((period, float(np.quantile(ordered, q)), float(low), float(high), n))
    schema = {"period": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int32}
    return _select(pl.LazyFrame(figures, schema=schema, orient="row"))


def rate_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """Events per unit of exposure; rows are `(period, events, exposure)`, exposure fills `n`.

    The interval is what chance alone makes of the events (Poisson, on the square-root scale).
    """
    events, exposure = pl.col("events"), pl.col("exposure")
    root = events.sqrt()
    return _select(
        rows.filter(exposure > 0).with_columns(
            value=events / exposure,
            low=((root - Z / 2).clip(lower_bound=0) ** 2) / exposure,
            high=((root + Z / 2) ** 2) / exposure,
            n=exposure.cast(pl.Int32),
        )
    )


def _select(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.select(FIGURES).sort("period").collect()
