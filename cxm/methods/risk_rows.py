"""Probabilities of leaving to rows of `churn_risk`, with what is at stake.

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

from cxm.methods.hazards import Array
from cxm.methods.purchases import daily_spend

Reasons = list[list[dict[str, Any]]]

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
