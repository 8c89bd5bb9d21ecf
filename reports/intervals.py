"""A figure of each week with its 95 % interval: shares, means, quantiles, rates.

Each function takes rows of `(period, value)` or of counts and returns one row a period: period,
value, low, high, n. Nulls are not counted; a period without a value has no row. What the value
means belongs in `kpis`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

Z = 1.959963984540054
_UPPER = 0.975
_COLUMNS = ["period", "value", "low", "high", "n"]


def share_of_counts(rows: pl.LazyFrame) -> pl.DataFrame:
    """The share `hits` / `n`, with Wilson's score interval (Wilson 1927)."""
    n, p = pl.col("n"), pl.col("hits") / pl.col("n")
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (p * (1 - p) / n + Z**2 / (4 * n**2)).sqrt()
    low, high = (centre - half).clip(0, 1), (centre + half).clip(0, 1)
    return _sorted(
        rows.filter(n > 0).with_columns(
            value=p, low=pl.min_horizontal(p, low), high=pl.max_horizontal(p, high), n=n.cast(pl.Int32)
        )
    )


def share_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """The share of true values."""
    counts = (
        rows.drop_nulls()
        .group_by("period", maintain_order=True)
        .agg(pl.col("value").sum().alias("hits"), n=pl.len())
    )
    return share_of_counts(counts.with_columns(pl.col("hits", "n").cast(pl.Float64)))


def mean_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """The mean, with Student's interval; null ends where there is one value only."""
    from scipy.stats import t

    values = pl.col("value").cast(pl.Float64)
    means = (
        rows.drop_nulls()
        .group_by("period", maintain_order=True)
        .agg(values.mean(), values.std().alias("std"), n=pl.len().cast(pl.Int32))
        .collect()
    )
    quantiles = t.ppf(_UPPER, (means["n"] - 1).clip(1).to_numpy())
    half = pl.Series(quantiles, dtype=pl.Float64) * means["std"] / means["n"].sqrt()
    return _sorted(means.lazy().with_columns(low=means["value"] - half, high=means["value"] + half))


def quantile_of_each(rows: pl.LazyFrame, q: float) -> pl.DataFrame:
    """A quantile, with the interval between order statistics (Conover 1999, section 3.2)."""
    groups = (
        rows.drop_nulls()
        .group_by("period", maintain_order=True)
        .agg(pl.col("value").cast(pl.Float64).sort())
        .collect()
    )
    figures = []
    for period, values in zip(groups["period"], groups["value"], strict=True):
        ordered = values.to_numpy()
        n = len(ordered)
        spread = Z * np.sqrt(n * q * (1 - q))
        low = ordered[max(int(np.floor(n * q - spread)) - 1, 0)]
        high = ordered[min(int(np.ceil(n * q + spread)), n - 1)]
        figures.append((period, float(np.quantile(ordered, q)), float(low), float(high), n))
    floats = dict.fromkeys(("value", "low", "high"), pl.Float64)
    schema = {"period": pl.String, **floats, "n": pl.Int32}
    return _sorted(pl.LazyFrame(figures, schema=schema, orient="row"))


def rate_of_each(rows: pl.LazyFrame) -> pl.DataFrame:
    """`events` over `exposure`, which fills `n`.

    The interval is what chance alone makes of the events (Poisson, on the square-root scale).
    """
    events, exposure = pl.col("events"), pl.col("exposure")
    low, high = (events.sqrt() - Z / 2).clip(lower_bound=0) ** 2, (events.sqrt() + Z / 2) ** 2
    return _sorted(
        rows.filter(exposure > 0).with_columns(
            value=events / exposure, low=low / exposure, high=high / exposure, n=exposure.cast(pl.Int32)
        )
    )


def _sorted(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.select(_COLUMNS).sort("period").collect()
