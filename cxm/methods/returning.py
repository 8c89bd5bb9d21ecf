"""Customers without a contract over several horizons: one window model each, and BG/NBD beside them.

The single model stands in `repeat_purchase`, its features in `purchases`, BG/NBD itself in `alive`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from cxm.methods import repeat_purchase
from cxm.methods.alive import fit_bg_nbd, repeat_table
from cxm.methods.contact_facts import contact_facts
from cxm.methods.hazards import Array, Floats
from cxm.methods.observation import days_before, days_between
from cxm.methods.purchases import count_purchases, purchase_features
from cxm.methods.repeat_purchase import Features, WindowModel, fit_window
from cxm.methods.return_comparison import calibration_records, compared_models
from cxm.methods.risk_rows import Reasons

_YEAR = 364  # the same days of the week
_MIN_HISTORY = 180.0
_FEW = 30.0

Kept = tuple[dict[str, Any], dict[str, Array], dict[str, str]]


def features_of(
    tables: Mapping[str, pl.LazyFrame], customers: pl.DataFrame | None, is_naive: bool
) -> Features:
    """The function that gives customers' features at a moment; recency alone where `is_naive`."""
    conversations = None if is_naive else tables.get("conversations")
    told = None if conversations is None else contact_facts(tables)

    def at(moment: datetime) -> pl.DataFrame:
        found = purchase_features(tables["transactions"], moment, customers, conversations, told)
        return found.select("customer_id", "has_bought", "recency_days") if is_naive else found

    return at


def fit_horizons(
    features: Features,
    transactions: pl.LazyFrame,
    first: datetime,
    at: datetime,
    horizons: Sequence[int],
    n_folds: int,
    seed: int,
    kinds: tuple[str, ...],
    is_compared: bool,
) -> tuple[list[WindowModel], list[dict[str, Any]], list[dict[str, Any]]]:
    """A model for each horizon; how the kinds of model compare out of fold (`compared_models`), and how
    calibrated the chosen ones are (`calibration_records`): records.
    """
    known: dict[datetime, pl.DataFrame] = {}

    def once(moment: datetime) -> pl.DataFrame:
        if moment not in known:
            known[moment] = features(moment)
        return known[moment]

    models, records, calibration = [], [], []
    for horizon in horizons:
        model, found = fit_window(once, transactions, first, at, horizon, n_folds, seed, kinds)
        models.append(model)
        if found and is_compared:
            records += compared_models(horizon, model.kind, found)
            calibration += calibration_records(horizon, found)
    return models, records, calibration


def returning_risk(models: Sequence[WindowModel], features: pl.DataFrame) -> tuple[Floats, list[Reasons]]:
    """P(no purchase) `(n_customers, n_horizons)`, and why, by horizon.

    Staying away for longer is never more probable than for less.
    """
    columns = np.column_stack([model.probability(features) for model in models])
    return np.minimum.accumulate(columns, axis=1), [model.reasons(features) for model in models]


def with_repeats(rows: pl.DataFrame, transactions: pl.LazyFrame, at: datetime) -> pl.DataFrame:
    """Risk rows with `alive_probability` and `expected_purchases` within the horizon, by BG/NBD.

    Purchases are those of the season (`season_factor`). Null for who has not bought by `at`, and where there
    is too little to fit.
    """
    table = repeat_table(_bought_by(transactions, at))
    x, t_x, t = (table[name].to_numpy() for name in ("x", "t_x", "t"))
    model = fit_bg_nbd(x, t_x, t)
    if model is None:
        nothing = pl.lit(None, dtype=pl.Float64)
        return rows.with_columns(alive_probability=nothing, expected_purchases=nothing)
    of_customer = table.select("customer_id", alive_probability=pl.Series(model.alive(x, t_x, t)))
    horizons = rows["horizon_days"].unique().sort().to_list()
    expected = pl.concat(
        table.select(
            "customer_id",
            horizon_days=pl.lit(horizon, dtype=pl.Int32),
            expected_purchases=pl.Series(
                model.expected_purchases(x, t_x, t, float(horizon)) * season_factor(transactions, at, horizon)
            ),
        )
        for horizon in horizons
    )
    return rows.join(of_customer, "customer_id", "left", validate="m:1", maintain_order="left").join(
        expected, ["customer_id", "horizon_days"], "left", validate="1:1", maintain_order="left"
    )


def season_factor(transactions: pl.LazyFrame, at: datetime, n_days: int) -> float:
    """Purchases made over those BG/NBD would have expected, in the same `n_days` a year earlier.

    Between 1/2 and 2, and near 1 where they are few; 1 without half a year of history before that.
    """
    past, n_days = days_before(at, _YEAR), min(n_days, _YEAR)
    bought = _bought_by(transactions, past)
    if bought.is_empty() or bought["ago"].max() < _MIN_HISTORY:  # type: ignore[operator]
        return 1.0
    table = repeat_table(bought)
    x, t_x, t = (table[name].to_numpy() for name in ("x", "t_x", "t"))
    model = fit_bg_nbd(x, t_x, t)
    if model is None:
        return 1.0
    expected = float(model.expected_purchases(x, t_x, t, float(n_days)).sum())
    followed = count_purchases(transactions, past, n_days).join(table, "customer_id", "semi")
    made = float(followed["n"].sum())
    return float(np.clip((made + _FEW) / (expected + _FEW), 0.5, 2.0))


def _bought_by(transactions: pl.LazyFrame, at: datetime) -> pl.DataFrame:
    return (
        transactions.filter((pl.col("occurred_at") <= at) & (pl.col("amount") >= 0))
        .select("customer_id", ago=days_between(pl.col("occurred_at"), pl.lit(at)))
        .collect()
    )


# ------------------------------------------------------------------ keeping


def to_parts(models: Sequence[WindowModel], name: str) -> Kept:
    """The models as (JSON facts, arrays, LightGBM texts), each under `<name>_<horizon>`."""
    facts, arrays, boosters = {}, {}, {}
    for model in models:
        key = f"{name}_{model.horizon}"
        facts[key], arrays[key], booster = repeat_purchase.to_parts(model)
        if booster:
            boosters[key] = booster
    return facts, arrays, boosters


def from_parts(kept: Kept, name: str, horizons: Sequence[int]) -> list[WindowModel]:
    """The models back from what `to_parts` gave."""
    facts, arrays, boosters = kept
    keys = [f"{name}_{horizon}" for horizon in horizons]
    return [repeat_purchase.from_parts(facts[k], arrays[k], boosters.get(k)) for k in keys]
