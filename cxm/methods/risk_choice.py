"""Which survival model to trust: every candidate and their stack, judged on customers they have not seen.

A candidate's figures and the weights of the stack come from out-of-fold predictions.
The models themselves are fitted in `tenure_risk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cxm.methods import covariates
from cxm.methods.cox import Cox, hazard_ratios
from cxm.methods.hazards import Array, Floats
from cxm.methods.tenure_risk import (
    COX,
    KAPLAN_MEIER,
    STACK,
    Recipe,
    RiskModel,
    fit_members,
    fit_risk,
    member_risks,
    possible,
    sampled,
    spells_of,
)
from cxm.metrics import Estimate, estimate
from cxm.metrics.survival import brier_weights, concordance_index, integrated_brier_score

_MIN_EVENTS_TO_COMPARE = 15
_MAX_CUSTOMERS = 20_000
_N_RESAMPLES = 30
_CLOSE = 0.01
_LEAST_WEIGHT = 0.02
_SHOWN_PENALIZER = 1e-5


@dataclass(frozen=True)
class Comparison:
    """The recipe to use, and the out-of-fold figures of each kind; none where departures are too few."""

    chosen: Recipe
    estimates: dict[str, list[Estimate]]

    def rows(self) -> list[dict[str, Any]]:
        """One record a kind and metric: model, metric, value, low, high; weights of the stack follow."""
        figures = [
            {"model": kind, "metric": e.metric, "value": e.value, "low": e.low, "high": e.high}
            for kind, found in self.estimates.items()
            for e in found
        ]
        weights = [
            {"model": kind, "metric": "stack_weight", "value": weight, "low": None, "high": None}
            for kind, weight in self.chosen.weights.items()
            if self.chosen.kind == STACK
        ]
        return figures + weights


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
    """Cross-validate over customers; the lowest integrated Brier score is chosen, and of those within 1 %
    of it (less than the figure can tell apart) the best concordance.

    Held-out customers are judged on `followed` (`customer_id`, `tenure` where the watch begins,
    `duration_days` from then on, `is_churned`) by the risk at `horizons[main]`. With fewer than 15
    departures there is nothing to choose by: Cox, which leans on its penalty.
    """
    labels = sampled(labels, _MAX_CUSTOMERS, seed)
    customers = labels["customer_id"].unique().sort()
    followed = followed.filter(pl.col("customer_id").is_in(customers.to_list())).sort("customer_id")
    if followed["is_churned"].sum() < _MIN_EVENTS_TO_COMPARE:
        return Comparison(Recipe.of(COX), {})
    drawn = np.random.default_rng(seed).permutation(len(customers)) % n_folds
    folds = dict(zip(customers, drawn.tolist(), strict=True))
    fold = np.array([folds[c] for c in labels["customer_id"]])
    fold_followed = np.array([folds[c] for c in followed["customer_id"]])
    kinds = possible(covariates.plan_covariates(labels, skip), int(labels["is_churned"].sum()))
    risks = {kind: np.zeros((followed.height, len(horizons))) for kind in kinds}
    for i in range(n_folds):
        held = np.flatnonzero(fold_followed == i)
        found = _fold_risks(
            labels.filter(pl.Series(fold != i)), followed[held], skip, kinds, horizons, penalizer, seed
        )
        for kind in kinds:
            # A fold that cannot bear a model is left to Kaplan-Meier.
            risks[kind][held] = found.get(kind, found[KAPLAN_MEIER])
    recipes = {kind: Recipe.of(kind) for kind in kinds}
    if len(kinds) > 1:
        recipes[STACK] = Recipe(STACK, _stack(followed, risks, horizons))
        risks[STACK] = _stacked_out_of_fold(followed, risks, horizons, fold_followed)
    estimates = {kind: _judge(followed, risk, horizons, main) for kind, risk in risks.items()}
    best = _better(estimates)
    return Comparison(Recipe(best, recipes[best].weights), estimates)


def choose_and_fit(
    labels: pl.DataFrame,
    followed: pl.DataFrame,
    skip: tuple[str, ...],
    horizons: Array,
    main: int,
    n_folds: int,
    penalizer: float,
    seed: int,
) -> tuple[RiskModel, list[dict[str, Any]]]:
    """The chosen model on all rows, and the records of the comparison; `main` is the horizon that ranks."""
    place = int(np.flatnonzero(horizons == main)[0])
    comparison = compare_models(labels, followed, skip, horizons, place, n_folds, penalizer, seed)
    return fit_risk(labels, skip, comparison.chosen, penalizer, seed), comparison.rows()


def shown_ratios(labels: pl.DataFrame, skip: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    """Hazard ratios of a Cox model that is hardly shrunk, as records; [] where there can be none.

    A penalty would draw the rare ones, and their intervals, to 1.
    """
    shown = fit_risk(labels, skip, Recipe.of(COX), _SHOWN_PENALIZER, seed)
    cox = shown.members.get(COX)
    return hazard_ratios(cox, shown.plan).to_dicts() if isinstance(cox, Cox) else []


def _fold_risks(
    rows: pl.DataFrame,
    held: pl.DataFrame,
    skip: tuple[str, ...],
    kinds: list[str],
    horizons: Array,
    penalizer: float,
    seed: int,
) -> dict[str, Floats]:
    spells, seen = spells_of(rows)
    plan = covariates.plan_covariates(seen, skip)
    able = [kind for kind in kinds if kind in possible(plan, int(spells.is_event.sum()))]
    members = fit_members(able, plan, covariates.encode(seen, plan), spells, penalizer, seed)
    return member_risks(members, covariates.encode(held, plan), held["tenure"].to_numpy(), horizons)


def _outcomes(followed: pl.DataFrame, horizons: Array) -> tuple[Floats, Floats]:
    """Who has left by each horizon, and what that is worth against censoring, `(n_rows, n_horizons)`."""
    duration, event = followed["duration_days"].to_numpy(), followed["is_churned"].to_numpy()
    left = (event[:, None] & (duration[:, None] <= horizons)).astype(float)
    weights = [brier_weights(duration, event, horizon) for horizon in horizons]
    return left, np.column_stack(weights)


def _stack(followed: pl.DataFrame, risks: dict[str, Floats], horizons: Array) -> dict[str, float]:
    """Weights, none negative, sum 1, that give the mixed risk the lowest Brier score over the horizons.

    (Wey, Connett & Rudser 2015, Biostatistics 16(3).) Weights below .02 go to the others.
    """
    from scipy.optimize import nnls

    left, weight = _outcomes(followed, horizons)
    root = np.sqrt(weight).ravel()
    columns = np.column_stack([risk.ravel() * root for risk in risks.values()])
    # A heavy last row holds the sum at 1.
    heavy = 1e3 * max(float(np.abs(columns).max(initial=0.0)), 1.0) * np.sqrt(len(root))
    rows = np.vstack([columns, np.full(len(risks), heavy)])
    found, _ = nnls(rows, np.append(left.ravel() * root, heavy))
    found = np.where(found < _LEAST_WEIGHT * found.sum(), 0.0, found)
    return {k: float(w / found.sum()) for k, w in zip(risks, found, strict=True) if w > 0}


def _stacked_out_of_fold(
    followed: pl.DataFrame, risks: dict[str, Floats], horizons: Array, fold: Array
) -> Floats:
    """The stack's risk of each row, its weights learned on the other folds."""
    mixed = np.zeros((followed.height, len(horizons)))
    for i in np.unique(fold):
        others, held = fold != i, fold == i
        known = {kind: risk[others] for kind, risk in risks.items()}
        for kind, weight in _stack(followed.filter(pl.Series(others)), known, horizons).items():
            mixed[held] += weight * risks[kind][held]
    return mixed


def _better(estimates: dict[str, list[Estimate]]) -> str:
    values = {kind: {e.metric: e.value for e in found} for kind, found in estimates.items()}
    brier = {kind: found.get("integrated_brier_score", 1.0) for kind, found in values.items()}
    close = [kind for kind, value in brier.items() if value <= min(brier.values()) * (1 + _CLOSE)]
    return max(close, key=lambda kind: values[kind].get("concordance_index", 0.0))


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
