"""Probabilities of leaving to rows of `churn_risk`, with what is at stake, in all and by experience.

One row a customer and horizon. Where the probabilities come from is in `tenure_risk` and
`repeat_purchase`; how good they were in `risk_scores`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from cxm.methods.covariates import gap_of
from cxm.methods.hazards import Array
from cxm.methods.purchases import daily_spend

Reasons = list[list[dict[str, Any]]]

_Z95 = 1.959963984540054
_MONEY = ("n_exposed", "excess_value", "excess_low", "excess_high")

_COLUMNS = (
    "customer_id",
    "horizon_days",
    "probability",
    "expected_value",
    "value_at_risk",
    "top_reasons",
    "basis",
)


def risk_rows(
    customer_id: pl.Series,
    probability: Array,
    horizons: Sequence[int],
    reasons: Sequence[Reasons],
    basis: str,
) -> pl.DataFrame:
    """Rows of every customer and horizon; `probability` `(n_customers, n_horizons)`, `reasons` by horizon."""
    n_customers = len(customer_id)
    parts = [
        pl.DataFrame(
            {
                "customer_id": customer_id,
                "horizon_days": pl.Series([horizon] * n_customers, dtype=pl.Int32),
                "probability": np.clip(probability[:, i], 0.0, 1.0),
                "top_reasons": pl.Series([json.dumps(r) for r in reasons[i]], dtype=pl.String),
                "basis": pl.Series([basis] * n_customers, dtype=pl.String),
            }
        )
        for i, horizon in enumerate(horizons)
    ]
    return pl.concat(parts)


def with_value(rows: pl.DataFrame, transactions: pl.LazyFrame | None, until: datetime | None) -> pl.DataFrame:
    """Adds the spend expected over the horizon and the part of it at risk.

    Null without transactions; 0 for a customer without one; nothing after `until` is read.
    """
    expected = pl.lit(None, dtype=pl.Float64)
    if until is not None and transactions is not None:
        spend = daily_spend(transactions, until)
        rows = rows.join(spend, "customer_id", "left", validate="m:1", maintain_order="left")
        is_known = spend["daily_spend"].null_count() == 0
        expected = (pl.col("daily_spend").fill_null(0) if is_known else pl.col("daily_spend")) * pl.col(
            "horizon_days"
        )
    rows = rows.with_columns(expected_value=expected)
    return rows.with_columns(value_at_risk=pl.col("probability") * pl.col("expected_value")).select(_COLUMNS)


def total_at_risk(rows: pl.DataFrame, horizon: int) -> tuple[float, float, float] | None:
    """Value at risk of all within a horizon, and the 95 % interval of what will truly leave.

    As if customers left independently with the risks given; None where no value is known.
    """
    known = rows.filter((pl.col("horizon_days") == horizon) & pl.col("value_at_risk").is_not_null())
    if not known.height:
        return None
    p, value = known["probability"].to_numpy(), known["expected_value"].to_numpy()
    total, spread = float(p @ value), float(np.sqrt((p * (1 - p)) @ value**2))
    return total, max(total - _Z95 * spread, 0.0), min(total + _Z95 * spread, float(value.sum()))


def stakes(rows: pl.DataFrame, model: str, horizons: Sequence[int]) -> list[dict[str, Any]]:
    """Records model, metric, value, low, high: the value at risk of all, by horizon."""
    found = []
    for horizon in horizons:
        if total := total_at_risk(rows, horizon):
            figures = dict(zip(("value", "low", "high"), total, strict=True))
            found.append({"model": model, "metric": f"value_at_risk_{horizon}_days"} | figures)
    return found


def cost_of_experience(
    ratios: pl.DataFrame, rows: pl.DataFrame, states: pl.DataFrame, horizon: int
) -> pl.DataFrame:
    """Hazard ratios with the money behind them: `n_exposed` customers, and of their value at risk within
    `horizon` what would not be there without the experience: `excess_value`, `excess_low`, `excess_high`.

    `states`: `customer_id` and a boolean column for each term that is an experience; of the other terms,
    and without values, the money is null. That contacts were not recorded yet is no experience: left out.
    """
    unknown = [gap_of(term) for term in states.columns]
    ratios = ratios.filter(~pl.col("term").is_in(unknown))
    at_horizon = rows.filter(pl.col("horizon_days") == horizon)
    joined = at_horizon.join(states, "customer_id", "left", validate="1:1", maintain_order="left")
    found = []
    for row in ratios.iter_rows(named=True):
        money: dict[str, float | int | None] = dict.fromkeys(_MONEY)
        if row["term"] in states.columns:
            exposed = joined.filter(pl.col(row["term"]).fill_null(False))
            money["n_exposed"] = exposed.height
            if exposed.height and not exposed["expected_value"].null_count():
                hazard = -np.log1p(-np.minimum(exposed["probability"].to_numpy(), 1 - 1e-9))
                value = exposed["expected_value"].to_numpy()
                ends = zip(_MONEY[1:], ("hazard_ratio", "low", "high"), strict=True)
                money |= {name: _excess(hazard, value, row[ratio]) for name, ratio in ends}
        found.append({"term": row["term"]} | money)
    schema = {"term": pl.String, "n_exposed": pl.Int32} | dict.fromkeys(_MONEY[1:], pl.Float64)
    return ratios.join(
        pl.DataFrame(found, schema=schema), "term", "left", validate="1:1", maintain_order="left"
    )


def _excess(hazard: Array, value: Array, ratio: float) -> float:
    """Value lost at `hazard` and not at a `ratio`th of it."""
    without = -np.expm1(-hazard / max(ratio, 1e-6))
    return float((-np.expm1(-hazard) - without) @ value)
