"""What marks each segment: size, money, typical customers, why they contact us, how it ends, who may leave.

What other tasks found is read where it is there, and null where it is not. How customers come to be in a
segment is in `mixture`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

_N_REPRESENTATIVES = 3
_FEWEST_OF_A_DRIVER = 5
_NULLS = {
    "contacts_per_customer": pl.Float64,
    "top_driver": pl.String,
    "top_driver_lift": pl.Float64,
    "mean_end_score": pl.Float64,
    "mean_risk": pl.Float64,
    "expected_value": pl.Float64,
    "value_at_risk": pl.Float64,
}


def profile_segments(
    customers: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], end: datetime, period_days: int
) -> pl.DataFrame:
    """One row a segment, sorted by its name, from customers with their `segment`.

    Where there is a `distance` to its centre, the nearest customers represent it. Contacts, drivers and
    endings are of conversations up to `end`; the risk is of the horizon nearest to `period_days`.
    """
    profiles = _sizes(customers)
    if "distance" in customers.columns:
        near = customers.sort("segment", "distance", "customer_id").group_by("segment", maintain_order=True)
        typical = near.agg(representative_ids=pl.col("customer_id").head(_N_REPRESENTATIVES))
        profiles = profiles.join(typical, "segment", "left", validate="1:1", maintain_order="left")
    for further in (*_contacts(customers, tables, end), *_risks(customers, tables, period_days)):
        profiles = profiles.join(further, "segment", "left", validate="1:1", maintain_order="left")
    absent = [pl.lit(None, dtype=t).alias(c) for c, t in _NULLS.items() if c not in profiles.columns]
    profiles = profiles.with_columns(absent)
    first = [c for c in profiles.columns if c not in _NULLS]
    return profiles.select(*first, *_NULLS)


def _sizes(customers: pl.DataFrame) -> pl.DataFrame:
    spend = pl.col("monetary").sum().round(6).clip(lower_bound=0)
    profiles = (
        customers.group_by("segment")
        .agg(
            n_customers=pl.len().cast(pl.Int32),
            customer_share=pl.len() / customers.height,
            spend=spend,
            median_recency_days=pl.col("recency_days").median(),
            median_frequency=pl.col("frequency").cast(pl.Float64).median(),
            median_monetary=pl.col("monetary").median(),
        )
        .sort("segment")
    )
    total = profiles["spend"].sum()
    share = pl.col("spend") / total if total > 0 else pl.lit(None, dtype=pl.Float64)
    return profiles.with_columns(monetary_share=share).drop("spend")


def _contacts(
    customers: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], end: datetime
) -> list[pl.DataFrame]:
    if "conversations" not in tables:
        return []
    known = customers.select("customer_id", "segment")
    contacts = (
        tables["conversations"]
        .filter(pl.col("started_at") <= end)
        .select("conversation_id", "customer_id")
        .collect()
        .join(known, "customer_id", "inner", validate="m:1")
        .select("conversation_id", "segment")
        .sort("conversation_id")
    )
    n = known.group_by("segment").agg(n=pl.len())
    each = n.join(contacts.group_by("segment").agg(m=pl.len()), "segment", "left", validate="1:1")
    found = [each.select("segment", contacts_per_customer=pl.col("m").fill_null(0) / pl.col("n"))]
    if "predicted_intents" in tables:
        given = tables["predicted_intents"].filter((pl.col("rank") == 1) & ~pl.col("is_abstained"))
        found.append(_drivers(contacts, given.select("conversation_id", "intent").collect()))
    if "conversation_sentiment" in tables:
        ends = tables["conversation_sentiment"].select("conversation_id", "end_score").collect()
        joined = contacts.join(ends, "conversation_id", "inner", validate="1:1", maintain_order="left")
        found.append(joined.group_by("segment").agg(mean_end_score=pl.col("end_score").mean()))
    return found


def _drivers(contacts: pl.DataFrame, intents: pl.DataFrame) -> pl.DataFrame:
    """The driver that most sets a segment apart: by the residual (n - expected) / sqrt(expected)."""
    joined = contacts.join(intents, "conversation_id", "inner", validate="1:1")
    counts = joined.group_by("segment", "intent").agg(n=pl.len())
    of_intent, of_segment = pl.col("n").sum().over("intent"), pl.col("n").sum().over("segment")
    counts = counts.with_columns(expected=of_intent * of_segment / pl.col("n").sum())
    residual = (pl.col("n") - pl.col("expected")) / pl.col("expected").sqrt()
    return (
        counts.filter((pl.col("n") >= _FEWEST_OF_A_DRIVER) & (pl.col("n") > pl.col("expected")))
        .with_columns(residual=residual)
        .sort("segment", pl.col("residual").neg(), "intent")
        .group_by("segment", maintain_order=True)
        .first()
        .select("segment", top_driver="intent", top_driver_lift=pl.col("n") / pl.col("expected"))
    )


def _risks(
    customers: pl.DataFrame, tables: Mapping[str, pl.LazyFrame], period_days: int
) -> list[pl.DataFrame]:
    if "churn_risk" not in tables:
        return []
    risks = tables["churn_risk"].collect()
    horizons = sorted(risks["horizon_days"].unique(), key=lambda days: (abs(days - period_days), days))
    if not horizons:
        return []
    of_one = risks.filter(pl.col("horizon_days") == horizons[0]).sort("customer_id")
    joined = customers.select("customer_id", "segment").join(
        of_one, "customer_id", "inner", validate="1:1", maintain_order="left"
    )

    def total(name: str) -> pl.Expr:
        return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum().round(6))

    return [
        joined.group_by("segment").agg(
            mean_risk=pl.col("probability").mean(),
            expected_value=total("expected_value"),
            value_at_risk=total("value_at_risk"),
        )
    ]
