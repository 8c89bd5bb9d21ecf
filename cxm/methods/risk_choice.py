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
from cxm.methods.calibration_curve import calibration_curve
from cxm.methods.cox import Cox, hazard_ratios
from cxm.methods.hazards import Array, Floats
from cxm.methods.proportionality import proportional_p_values
from cxm.methods.tenure_risk import (
    COX,
    KAPLAN_MEIER,
    MEAN,
    STACK,
    Recipe,
    RiskModel,
    fit_members,
    fit_risk,
    fitted_spells,
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
    """The recipe to use, the out-of-fold figures of each kind, and how calibrated the chosen one is.

    No figures where departures are too few.
    """

    chosen: Recipe
    estimates: dict[str, list[Estimate]]
    calibration: list[dict[str, Any]]

    @property
    def brier_score(self) -> float:
        """The integrated Brier score of the chosen kind, 1 where there are no figures."""
        found = {e.metric: e.value for e in self.estimates.get(self.chosen.kind, [])}
        return found.get("integrated_brier_score", 1.0)

    def rows(self) -> list[dict[str, Any]]:
        """Records model, metric, value, low, high: of each kind, then what is chosen and its weights."""
        figures = [
            {"model": kind, "metric": e.metric, "value": e.value, "low": e.low, "high": e.high}
            for kind, found in self.estimates.items()
            for e in found
        ]
        weights = [
            {"model": kind, "metric": "weight", "value": weight, "low": None, "high": None}
            for kind, weight in self.chosen.weights.items()
            if self.chosen.kind in (STACK, MEAN)
        ]
        chosen = {"model": self.chosen.kind, "metric": "is_chosen", "value": 1.0, "low": None, "high": None}
        return figures + weights + ([chosen] if figures else [])


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
    of it (less than the figure can tell apart) the best concordance. Beside the single models stand their
    stack, and the plain mean of the two best with covariates, whose weights cannot be wrong.

    Held-out customers are judged on `followed` (`customer_id`, `tenure` where the watch begins,
    `duration_days` from then on, `is_churned`) by the risk at `horizons[main]`. With fewer than 15
    departures there is nothing to choose by: Cox, which leans on its penalty.
    """
    labels = sampled(labels, _MAX_CUSTOMERS, seed)
    customers = labels["customer_id"].unique().sort()
    followed = followed.filter(pl.col("customer_id").is_in(customers.to_list())).sort("customer_id")
    if followed["is_churned"].sum() < _MIN_EVENTS_TO_COMPARE:
        return Comparison(Recipe.of(COX), {}, [])
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
        stacked = _stacked_out_of_fold(followed, risks, horizons, fold_followed)
        pair = _two_best(followed, risks, horizons)
        recipes[MEAN] = Recipe(MEAN, dict.fromkeys(pair, 1 / len(pair)))
        risks |= {MEAN: np.mean([risks[kind] for kind in pair], axis=0), STACK: stacked}
    estimates = {kind: _judge(followed, risk, horizons, main) for kind, risk in risks.items()}
    best = _better(estimates)
    left, weight = _outcomes(followed, horizons)
    calibration = [
        row
        for i, horizon in enumerate(horizons.tolist())
        for row in calibration_curve(horizon, risks[best][:, i], left[:, i], weight[:, i])
    ]
    return Comparison(Recipe(best, recipes[best].weights), estimates, calibration)


def choose_and_fit(
    labels: pl.DataFrame,
    followed: pl.DataFrame,
    skip: tuple[str, ...],
    horizons: Array,
    main: int,
    n_folds: int,
    penalizer: float,
    seed: int,
    further: tuple[str, ...] = (),
) -> tuple[RiskModel, Comparison]:
    """The chosen model on all rows, and the comparison that chose it; `main` is the horizon that ranks.

    Covariates named `further` are only used where the Brier score is better by 1 % with them: where
    departures are few, each covariate that says nothing costs.
    """
    place = int(np.flatnonzero(horizons == main)[0])
    settings = (horizons, place, n_folds, penalizer, seed)
    comparison = compare_models(labels, followed, (*skip, *further), *settings)
    used = (*skip, *further)
    if further and comparison.estimates:
        richer = compare_models(labels, followed, skip, *settings)
        if richer.brier_score < (1 - _CLOSE) * comparison.brier_score:
            comparison, used = richer, skip
    return fit_risk(labels, used, comparison.chosen, penalizer, seed), comparison


def shown_ratios(labels: pl.DataFrame, skip: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    """Hazard ratios of a Cox model that is hardly shrunk, as records; [] where there can be none.

    A penalty would draw the rare ones, and their intervals, to 1. `proportional_p_value` tests whether
    the ratio is the same at every tenure.
    """
    shown = fit_risk(labels, skip, Recipe.of(COX), _SHOWN_PENALIZER, seed)
    cox = shown.members.get(COX)
    if not isinstance(cox, Cox):
        return []
    spells, rows = fitted_spells(labels, seed)
    p_values = proportional_p_values(covariates.encode(rows, shown.plan), spells, cox.coefficients)
    tests = pl.DataFrame(
        {"term": [term.name for term in shown.plan], "proportional_p_value": p_values}
    ).with_columns(pl.col("proportional_p_value").fill_nan(None))
    ratios = hazard_ratios(cox, shown.plan)
    return ratios.join(
        tests.unique("term", keep="first"), "term", "left", validate="1:1", maintain_order="left"
    ).to_dicts()


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


def _two_best(followed: pl.DataFrame, risks: dict[str, Floats], horizons: Array) -> list[str]:
    """The two kinds with covariates, or the one, of the lowest integrated Brier score."""
    duration, event = followed["duration_days"].to_numpy(), followed["is_churned"].to_numpy()
    informed = [kind for kind in risks if kind != KAPLAN_MEIER]
    return sorted(informed, key=lambda k: integrated_brier_score(duration, event, risks[k], horizons))[:2]


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
