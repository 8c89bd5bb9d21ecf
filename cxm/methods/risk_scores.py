"""How good a risk of leaving was, on customers whose fate is known: scores with their intervals.

Frames in, estimates out; with labels the caller decides who is counted. The metric functions themselves
 stand in `cxm.metrics.survival`.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from cxm.methods.hazards import Array, Floats
from cxm.methods.purchases import count_purchases, follow_purchases
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import roc_auc
from cxm.metrics.survival import (
    censoring_survival,
    concordance_index,
    concordance_ipcw,
    integrated_brier_score,
    lift_at_decile,
)

_N_PAIRED = 100  # resamples of the two concordances, whose cost grows faster than the rows
_MAIN_HORIZON = 90
_N_BINS = 10


def main_horizon(horizons: list[int], longest: float = float("inf")) -> int:
    """The horizon nearest to 90 days, of those up to `longest` where there are any."""
    short = [h for h in horizons if h <= longest] or [min(horizons)]
    return min(short, key=lambda h: (abs(h - _MAIN_HORIZON), h))


def aligned_risk(risk: pl.DataFrame, followed: pl.DataFrame, horizons: list[int]) -> tuple[Floats, Array]:
    """(P(leaving) `(n_customers, n_horizons)` in the order of `followed`, who has a prediction).

    A missing prediction counts as wrong: 0 for who left within the horizon, 1 for who did not.
    """
    left = followed.select("customer_id")
    columns = []
    for horizon in horizons:
        of_horizon = risk.filter(pl.col("horizon_days") == horizon).select("customer_id", "probability")
        joined = left.join(of_horizon, "customer_id", "left", validate="1:1", maintain_order="left")
        columns.append(joined["probability"].to_numpy())
    found = np.column_stack(columns).astype(float)
    event, duration = followed["is_churned"].to_numpy(), followed["duration_days"].to_numpy()
    wrong = ~(event[:, None] & (duration[:, None] <= np.array(horizons)))
    return np.where(np.isnan(found), wrong, found), ~np.isnan(found).any(axis=1)


def calibration_by_weight(probability: Array, outcome: Array, weight: Array) -> float:
    """Mean |probability - frequency| over ten bins of equal count, the frequency weighted against censoring.

    `weight` is 0 for rows whose outcome at the horizon is not known (Graf et al. 1999). NaN without rows.
    """
    if not len(probability) or not weight.any():
        return float("nan")
    # Rows of one probability share their weighted outcome, so that no order among them can matter.
    _, tie = np.unique(probability, return_inverse=True)
    known = np.bincount(tie, weights=weight)
    shared = np.bincount(tie, weights=weight * np.asarray(outcome, dtype=float)) / np.maximum(known, 1e-12)
    outcome, weight = shared[tie], (known / np.bincount(tie))[tie]
    bins = np.array_split(np.argsort(probability, kind="stable"), min(_N_BINS, len(probability)))
    gaps, n_rows = 0.0, 0
    for rows in bins:
        if weight[rows].any():
            frequency = np.average(outcome[rows], weights=weight[rows])
            gaps += abs(probability[rows].mean() - frequency) * len(rows)
            n_rows += len(rows)
    return float(gaps / n_rows)


def score_risk(
    followed: pl.DataFrame,
    probability: Floats,
    horizons: list[int],
    main: int,
    from_start: Array | None = None,
) -> list[Estimate]:
    """Concordance, integrated Brier score, calibration error and lift of a risk, in that order.

    `followed`: `customer_id`, `duration_days` from the prediction on, `is_churned`; `probability`
    `(n_customers, n_horizons)`. Concordance, calibration and lift are those of the risk at `main`;
    the lift counts who left by then or is known to have stayed. `from_start` marks who was watched
    from the day of the prediction: only they can show an early departure, so only they count in what
    belongs to a horizon.
    """
    duration, event = followed["duration_days"].to_numpy(), followed["is_churned"].to_numpy()
    units = followed["customer_id"].to_numpy()
    at_main = probability[:, horizons.index(main)]

    def harrell(rows: Array) -> float:
        return concordance_index(duration[rows], event[rows], at_main[rows])

    def uno(rows: Array) -> float:
        return concordance_ipcw(duration[rows], event[rows], at_main[rows])

    found = estimate("concordance_index", harrell, units, _N_PAIRED)
    found += estimate("concordance_ipcw", uno, units, _N_PAIRED)
    if from_start is not None and from_start.any():
        duration, event, units = duration[from_start], event[from_start], units[from_start]
        probability, at_main = probability[from_start], at_main[from_start]

    def brier(rows: Array) -> float:
        return integrated_brier_score(duration[rows], event[rows], probability[rows], np.array(horizons))

    left = event & (duration <= main)
    is_known = left | (duration > main)
    seen = censoring_survival(duration, event, np.where(left, duration, np.nextafter(float(main), np.inf)))
    weight = is_known / np.maximum(seen, 1e-3)

    def calibration(rows: Array) -> float:
        return calibration_by_weight(at_main[rows], left[rows], weight[rows])

    known = np.flatnonzero(is_known)

    def lift(rows: Array) -> float:
        return lift_at_decile(at_main[known[rows]], left[known[rows]])

    found += estimate("integrated_brier_score", brier, units)
    found += estimate("calibration_error", calibration, units)
    found += estimate("lift_at_decile", lift, units[known])
    return found


def score_returns(
    backtest: pl.DataFrame, transactions: pl.LazyFrame, cut: datetime, n_days: int, horizons: list[int]
) -> list[Estimate]:
    """Scores without a contract: as of a risk, the lift of staying away, and what was bought after `cut`.

    `repeat_purchase_auc`: chance that a customer who returned had the lower risk of not returning.
    """
    main = main_horizon(horizons)
    followed = follow_purchases(transactions, cut, n_days).rename({"has_bought": "is_churned"})
    # P(purchase) in place of P(no purchase): the purchase is the event that is watched for.
    returns, _ = aligned_risk(
        backtest.with_columns(probability=1 - pl.col("probability")), followed, horizons
    )
    stays_away, units = 1 - returns[:, horizons.index(main)], followed["customer_id"].to_numpy()
    has_returned = followed["is_churned"].to_numpy()
    stayed = (followed["duration_days"] > main).to_numpy()
    found = [e for e in score_risk(followed, returns, horizons, main) if e.metric != "lift_at_decile"]
    found += estimate("lift_at_decile", lambda rows: lift_at_decile(stays_away[rows], stayed[rows]), units)
    found += estimate(
        "repeat_purchase_auc", lambda rows: roc_auc(-stays_away[rows], has_returned[rows]), units
    )
    found += score_value(backtest, followed, stayed.astype(float), main)
    return found + score_purchases(backtest, count_purchases(transactions, cut, main), main)


def score_value(risk: pl.DataFrame, followed: pl.DataFrame, has_left: Array, horizon: int) -> list[Estimate]:
    """`value_at_risk_ratio`: value at risk over the expected value of who truly left; 1 is right.

    `has_left` `(n,)` as `followed`: 1 left within `horizon`, 0 stayed, NaN not known (not counted).
    """
    of_horizon = risk.filter(pl.col("horizon_days") == horizon)
    of_horizon = of_horizon.select("customer_id", "expected_value", "value_at_risk")
    joined = followed.select("customer_id").join(
        of_horizon, "customer_id", "left", validate="1:1", maintain_order="left"
    )
    value = joined["expected_value"].cast(pl.Float64).to_numpy()
    at_risk = joined["value_at_risk"].cast(pl.Float64).to_numpy()
    known = np.flatnonzero(~np.isnan(value) & ~np.isnan(has_left))
    lost, at_risk = (value * has_left)[known], at_risk[known]

    def ratio(rows: Array) -> float:
        total = float(lost[rows].sum())
        return float(at_risk[rows].sum()) / total if total > 0 else float("nan")

    return estimate("value_at_risk_ratio", ratio, known)


def score_purchases(risk: pl.DataFrame, n_purchases: pl.DataFrame, horizon: int) -> list[Estimate]:
    """`expected_purchases_ratio`: purchases expected within the horizon over those made; 1 is right.

    `n_purchases`: `customer_id`, `n`, of who made any.
    """
    if "expected_purchases" not in risk.columns:
        return []
    rows = risk.filter((pl.col("horizon_days") == horizon) & pl.col("expected_purchases").is_not_null())
    rows = rows.join(n_purchases, "customer_id", "left", validate="1:1", maintain_order="left")
    expected, made = rows["expected_purchases"].to_numpy(), rows["n"].fill_null(0).to_numpy()

    def ratio(drawn: Array) -> float:
        total = float(made[drawn].sum())
        return float(expected[drawn].sum()) / total if total > 0 else float("nan")

    return estimate("expected_purchases_ratio", ratio, rows["customer_id"].to_numpy())


def left_by(followed: pl.DataFrame, horizon: float) -> Floats:
    """1 for who left within `horizon`, 0 for who was seen to stay, NaN for who was not seen so long."""
    duration, event = followed["duration_days"].to_numpy(), followed["is_churned"].to_numpy()
    left = event & (duration <= horizon)
    return np.where(left, 1.0, np.where(duration > horizon, 0.0, np.nan))
