"""The risk of leaving given tenure and covariates: fit, compare, choose and keep a survival model.

Three candidates: everyone alike (`kaplan_meier`), Cox (`cox`), boosted trees (`lightgbm_hazard`). The
models themselves stand in `cox` and `hazards`; customers without a contract in `repeat_purchase`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from cxm.methods import covariates
from cxm.methods.covariates import Plan
from cxm.methods.cox import Cox, fit_cox
from cxm.methods.hazards import (
    Array,
    BoostedHazard,
    Curve,
    Floats,
    Spells,
    fit_boosted_hazard,
    nelson_aalen,
    whole_days,
)
from cxm.metrics import Estimate, estimate
from cxm.metrics.survival import concordance_index, integrated_brier_score

KAPLAN_MEIER, COX, BOOSTED = "kaplan_meier", "cox", "lightgbm_hazard"

_MIN_EVENTS_COX = 3
_MIN_EVENTS_BOOSTED = 20
_MIN_EVENTS_TO_COMPARE = 15
_MAX_ROWS = 100_000
_MAX_ROWS_TO_COMPARE = 20_000
_N_RESAMPLES = 100
_CLOSE = 0.005


@dataclass(frozen=True)
class RiskModel:
    """A fitted model of one of the three kinds, with the covariates it reads."""

    plan: Plan
    fitted: Curve | Cox | BoostedHazard

    @property
    def kind(self) -> str:
        """`kaplan_meier`, `cox` or `lightgbm_hazard`."""
        kinds = {Curve: KAPLAN_MEIER, Cox: COX, BoostedHazard: BOOSTED}
        return kinds[type(self.fitted)]

    def risk(self, customers: pl.DataFrame, tenure: Array, horizons: Array) -> Floats:
        """P(leaving within each horizon | still there at `tenure`), `(n_customers, n_horizons)`.

        1 - S(tenure + horizon) / S(tenure); days throughout.
        """
        tenure, horizons = np.asarray(tenure, dtype=float), np.asarray(horizons, dtype=float)
        days = np.column_stack([tenure, tenure[:, None] + horizons])
        if isinstance(self.fitted, Curve):
            total = self.fitted.at(days)
        else:
            total = self.fitted.at(covariates.encode(customers, self.plan), days)
        return np.asarray(-np.expm1(-np.maximum(total[:, 1:] - total[:, :1], 0)))

    def reasons(self, customers: pl.DataFrame, tenure: Array) -> list[list[dict[str, Any]]]:
        """The three covariates that move each customer's log hazard most; [] without covariates."""
        if isinstance(self.fitted, Curve):
            return [[] for _ in range(customers.height)]
        matrix = covariates.encode(customers, self.plan)
        if isinstance(self.fitted, Cox):
            return covariates.strongest(self.fitted.contributions(matrix), self.plan)
        values = self.fitted.contributions(matrix, np.asarray(tenure, dtype=float))
        return covariates.strongest(values, self.plan)


# ------------------------------------------------------------------ fitting


def _candidates(plan: Plan, n_events: int) -> list[str]:
    kinds = [KAPLAN_MEIER]
    if plan and n_events >= _MIN_EVENTS_COX:
        kinds.append(COX)
    if plan and n_events >= _MIN_EVENTS_BOOSTED:
        kinds.append(BOOSTED)
    return kinds


def _fit(kind: str, plan: Plan, matrix: Floats, spells: Spells, penalizer: float, seed: int) -> RiskModel:
    if kind == COX:
        # With few departures a term, the penalty grows: about one event has to speak for each.
        shrunk = max(penalizer, 0.1 * len(plan) / max(int(spells.is_event.sum()), 1) ** 1.5)
        return RiskModel(plan, fit_cox(matrix, plan, spells, shrunk))
    if kind == BOOSTED:
        return RiskModel(plan, fit_boosted_hazard(matrix, spells, seed))
    return RiskModel([], nelson_aalen(spells))


def _sampled(labels: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    labels = labels.sort("customer_id")
    if labels.height <= most:
        return labels
    return labels[np.sort(np.random.default_rng(seed).permutation(labels.height)[:most])]


def _spells(labels: pl.DataFrame) -> tuple[Spells, pl.DataFrame]:
    spells, kept = whole_days(
        labels["duration_days"].to_numpy(),
        labels["is_churned"].to_numpy(),
        labels["entry_days"].cast(pl.Float64).fill_null(0).to_numpy(),
    )
    return spells, labels.filter(pl.Series(kept))


def fit_risk(
    labels: pl.DataFrame, skip: tuple[str, ...], kind: str, penalizer: float, seed: int
) -> RiskModel:
    """The model of one kind, on all rows (a sample of 100,000 at most); Kaplan-Meier where it cannot be.

    `labels`: `duration_days`, `is_churned`, `entry_days` and covariates; `skip` are not covariates.
    """
    spells, rows = _spells(_sampled(labels, _MAX_ROWS, seed))
    plan = [] if kind == KAPLAN_MEIER else covariates.plan_covariates(rows, skip)
    possible = _candidates(plan, int(spells.is_event.sum()))
    chosen = kind if kind in possible else possible[-1] if kind == BOOSTED else KAPLAN_MEIER
    return _fit(chosen, plan, covariates.encode(rows, plan), spells, penalizer, seed)


# ------------------------------------------------------------------ comparing


@dataclass(frozen=True)
class Comparison:
    """The kind to use, and the out-of-fold figures of each; none where departures are too few."""

    chosen: str
    estimates: dict[str, list[Estimate]]

    def rows(self) -> list[dict[str, Any]]:
        """One record a kind and metric: model, metric, value, low, high."""
        return [
            {"model": kind, "metric": e.metric, "value": e.value, "low": e.low, "high": e.high}
            for kind, found in self.estimates.items()
            for e in found
        ]


def compare_models(
    labels: pl.DataFrame,
    followed: pl.DataFrame,
    skip: tuple[str, ...],
    horizons: Array,
    main: int,
    n_folds: int,
    penalizer: float,
    seed: int,
) -> Comparison:
    """Cross-validate the three kinds over customers; the best concordance is chosen, and of those within
    .005 of it (less than the figure can tell apart) the lowest integrated Brier score.

    Held-out customers are judged on `followed` (`customer_id`, `tenure` where the watch begins,
    `duration_days` from then on, `is_churned`) by the risk at `horizons[main]`. With fewer than 15
    departures there is nothing to choose by: Cox, which leans on its penalty.
    """
    labels = _sampled(labels, _MAX_ROWS_TO_COMPARE, seed)
    followed = followed.filter(pl.col("customer_id").is_in(labels["customer_id"].to_list()))
    followed = followed.sort("customer_id")
    if followed["is_churned"].sum() < _MIN_EVENTS_TO_COMPARE:
        return Comparison(COX, {})
    kinds = _candidates(covariates.plan_covariates(labels, skip), int(labels["is_churned"].sum()))
    fold = np.random.default_rng(seed).permutation(labels.height) % n_folds
    folds = dict(zip(labels["customer_id"], fold, strict=True))
    fold_followed = np.array([folds[c] for c in followed["customer_id"]])
    risks = {kind: np.zeros((followed.height, len(horizons))) for kind in kinds}
    for i in range(n_folds):
        rows, held = labels.filter(pl.Series(fold != i)), np.flatnonzero(fold_followed == i)
        for kind in kinds:
            model = fit_risk(rows, skip, kind, penalizer, seed)
            risks[kind][held] = model.risk(followed[held], followed["tenure"].to_numpy()[held], horizons)
    estimates = {kind: _judge(followed, risk, horizons, main) for kind, risk in risks.items()}
    return Comparison(_better(estimates), estimates)


def _better(estimates: dict[str, list[Estimate]]) -> str:
    values = {kind: {e.metric: e.value for e in found} for kind, found in estimates.items()}
    concordance = {kind: found.get("concordance_index", 0.0) for kind, found in values.items()}
    close = [kind for kind, value in concordance.items() if value >= max(concordance.values()) - _CLOSE]
    return min(close, key=lambda kind: values[kind].get("integrated_brier_score", 1.0))


def _judge(followed: pl.DataFrame, risk: Floats, horizons: Array, main: int) -> list[Estimate]:
    duration, event = followed["duration_days"].to_numpy(), followed["is_churned"].to_numpy()

    def concordance(rows: Array) -> float:
        return concordance_index(duration[rows], event[rows], risk[rows, main])

    def brier(rows: Array) -> float:
        return integrated_brier_score(duration[rows], event[rows], risk[rows], horizons)

    units = followed["customer_id"].to_numpy()
    return [
        *estimate("concordance_index", concordance, units, _N_RESAMPLES),
        *estimate("integrated_brier_score", brier, units, _N_RESAMPLES),
    ]


# ------------------------------------------------------------------ keeping


def to_parts(model: RiskModel) -> tuple[dict[str, Any], dict[str, Array], str | None]:
    """The model as (JSON facts, arrays, LightGBM text or None)."""
    facts: dict[str, Any] = {"kind": model.kind, "plan": covariates.to_facts(model.plan)}
    fitted = model.fitted
    if isinstance(fitted, Curve):
        return facts | {"limit": fitted.limit}, {"times": fitted.times, "values": fitted.values}, None
    if isinstance(fitted, BoostedHazard):
        return facts, {"edges": fitted.edges, "base": fitted.base}, fitted.booster
    arrays = {key: value for key, value in asdict(fitted).items() if key != "baseline"}
    arrays |= {"times": fitted.baseline.times, "values": fitted.baseline.values}
    return facts | {"limit": fitted.baseline.limit}, arrays, None


def from_parts(facts: dict[str, Any], arrays: dict[str, Array], booster: str | None) -> RiskModel:
    """The model back from what `to_parts` gave."""
    plan = covariates.from_facts(facts["plan"])
    if facts["kind"] == BOOSTED:
        return RiskModel(plan, BoostedHazard(arrays["edges"], arrays["base"], booster or ""))
    curve = Curve(arrays["times"], arrays["values"], facts["limit"])
    if facts["kind"] == KAPLAN_MEIER:
        return RiskModel(plan, curve)
    return RiskModel(plan, Cox(arrays["coefficients"], arrays["errors"], arrays["center"], curve))
