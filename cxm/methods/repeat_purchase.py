"""P(no purchase within a horizon) for customers without a contract, learned from earlier windows.

For each horizon a logistic regression, boosted trees or the mean of their logits, on how customers bought
up to moments in the past, against whether they bought in the window after. Features come from `purchases`;
how the models compare is told in `return_comparison`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from cxm.methods import covariates
from cxm.methods.boosting import reproducible
from cxm.methods.covariates import gap_of
from cxm.methods.hazards import Array, Floats
from cxm.methods.observation import DAY_SECONDS, days_before
from cxm.methods.purchases import CONTACT_COUNTS, next_purchase, shown_features

Features = Callable[[datetime], pl.DataFrame]

PRIOR, LOGISTIC, BOOSTED, BLEND = "prior", "logistic", "lightgbm", "blend"
RECENCY, BG_NBD = "recency", "bg_nbd"

ALL = (LOGISTIC, BOOSTED, BLEND)

# What the models are compared with: few features, through a logistic regression.
_ALONE = {RECENCY: ("recency_days",), BG_NBD: ("bg_nbd_alive", "bg_nbd_expected_purchases")}

_STRENGTHS = (0.003, 0.03, 0.3)
_N_WINDOWS = 6
_MIN_OF_EACH = 10
_MAX_ROWS = 60_000
_NEWTON_STEPS = 50
# Whether contacts were recorded yet tells early windows from later ones, not customers from each other.
_NOT_FEATURES = ("customer_id", "has_left", "has_bought", *(gap_of(name) for name in CONTACT_COUNTS))


@dataclass(frozen=True)
class WindowModel:
    """The model of one horizon, learned on windows of `window_days` (shorter where history is).

    `rate_never` is the share of customers without a purchase so far who made none in the window,
    `rate` that of all others. `weights` `(n_terms + 1,)` end with the intercept; `calibration` is
    slope and offset on the logit.
    """

    horizon: int
    window_days: float
    kind: str
    rate: float
    rate_never: float
    plan: covariates.Plan
    weights: Floats
    calibration: tuple[float, float]
    booster: str = ""

    def probability(self, features: pl.DataFrame) -> Floats:
        """P(no purchase within the horizon), `(n_customers,)`.

        Beyond the window it was learned on, the pace of the window goes on: p ** (horizon / window).
        """
        stays_away = np.full(features.height, self.rate)
        if self.kind != PRIOR:
            matrix = covariates.encode(features, self.plan)
            logit = self.calibration[0] * self._logit(matrix) + self.calibration[1]
            stays_away = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        never = ~features["has_bought"].to_numpy()
        stays_away = np.where(never, self.rate_never, stays_away)
        return np.asarray(stays_away ** (self.horizon / self.window_days))

    def _logit(self, matrix: Floats) -> Floats:
        linear = np.asarray(matrix @ self.weights[:-1] + self.weights[-1]) if len(self.weights) > 1 else 0.0
        trees = _boosted_logit(self.booster, matrix) if self.booster else 0.0
        return np.asarray((linear + trees) / (2 if self.kind == BLEND else 1))

    def reasons(self, features: pl.DataFrame) -> list[list[dict[str, Any]]]:
        """The three features that move each customer's log odds of staying away most."""
        if self.kind == PRIOR:
            return [[] for _ in range(features.height)]
        matrix = covariates.encode(features, self.plan)
        total = matrix * self.weights[:-1] if len(self.weights) > 1 else np.zeros_like(matrix)
        if self.booster and len(matrix):
            from lightgbm import Booster

            booster = Booster(model_str=self.booster)
            total = total + np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1))[:, :-1]
        share = self.calibration[0] / (2 if self.kind == BLEND else 1)
        return covariates.strongest(share * total, self.plan, shown_features(features))


def _boosted_logit(text: str, matrix: Floats) -> Floats:
    from lightgbm import Booster

    if not len(matrix):
        return np.zeros(0)
    return np.asarray(Booster(model_str=text).predict(matrix, raw_score=True, num_threads=1))


# ------------------------------------------------------------------ fitting


@dataclass(frozen=True)
class OutOfFold:
    """What is said of rows by models that had not seen their customer, `(n_rows,)` each.

    `logits` of staying away by kind, `probability` the chosen one's, calibrated; `outcome` 1: stayed away.
    `customer` numbers the customers. `is_whole`: the window is as long as the horizon.
    """

    logits: dict[str, Floats]
    probability: Floats
    outcome: Floats
    customer: Array
    is_whole: bool


def fit_window(
    features: Features,
    transactions: pl.LazyFrame,
    first: datetime,
    at: datetime,
    horizon: int,
    n_folds: int,
    seed: int,
    kinds: tuple[str, ...] = ALL,
) -> tuple[WindowModel, OutOfFold | None]:
    """The model of one horizon from what was known by `at`, and what was said out of fold; None of that
    where there was too little to compare.

    History of 1.5 horizons is needed for a window as long as the horizon; where it is shorter, so is
    the window. Up to six windows, a sixth of their length apart, are learned from together. With
    fewer than ten customers on either side the model is the smoothed share (Laplace): 1/2 without
    any history.
    """
    span = (at - first).total_seconds() / DAY_SECONDS
    window = float(min(horizon, max(np.floor(span * 2 / 3), 0)))
    if window < 1:
        return _prior(horizon, float(horizon), pl.DataFrame(schema=_EMPTY)), None
    offsets = [window * i / _N_WINDOWS for i in range(_N_WINDOWS)]
    offsets = [o for o in offsets if o == 0 or span - window - o >= window / 2]
    moments = [days_before(at, window + offset) for offset in offsets]
    rows = pl.concat(
        [_labelled(features(moment), transactions, moment, window) for moment in moments],
        how="vertical_relaxed",
    )
    return _fit_rows(rows, horizon, window, n_folds, seed, kinds)


_EMPTY = {"customer_id": pl.String, "has_bought": pl.Boolean, "has_left": pl.Boolean}


def _labelled(
    features: pl.DataFrame, transactions: pl.LazyFrame, at: datetime, n_days: float
) -> pl.DataFrame:
    bought = next_purchase(transactions, at, n_days)["customer_id"]
    return features.with_columns(has_left=~pl.col("customer_id").is_in(bought.to_list()))


def _prior(horizon: int, window: float, rows: pl.DataFrame) -> WindowModel:
    never = rows.filter(~pl.col("has_bought"))["has_left"]
    known = rows.filter("has_bought")["has_left"]
    rate, rate_never = ((float(s.sum()) + 1) / (len(s) + 2) for s in (known, never))
    return WindowModel(horizon, window, PRIOR, rate, rate_never, [], np.zeros(1), (1.0, 0.0))


def _fit_rows(
    rows: pl.DataFrame, horizon: int, window: float, n_folds: int, seed: int, kinds: tuple[str, ...]
) -> tuple[WindowModel, OutOfFold | None]:
    prior = _prior(horizon, window, rows)
    rows = rows.filter("has_bought")
    generator = np.random.default_rng(seed)
    if rows.height > _MAX_ROWS:
        rows = rows[np.sort(generator.permutation(rows.height)[:_MAX_ROWS])]
    outcome = rows["has_left"].to_numpy().astype(float)
    plan = covariates.plan_covariates(rows, _NOT_FEATURES)
    if min(outcome.sum(), len(outcome) - outcome.sum()) < _MIN_OF_EACH or not plan:
        return prior, None
    matrix = covariates.encode(rows, plan)
    _, customer = np.unique(rows["customer_id"].to_numpy(), return_inverse=True)
    fold = (generator.permutation(customer.max() + 1) % n_folds)[customer]
    fitters = [fitter for fitter in _fitters(seed) if fitter[0] in kinds]
    logits = np.zeros((len(fitters), len(outcome)))
    for (_, fit), logit in zip(fitters, logits, strict=True):
        for i in range(n_folds):
            _, predict = fit(matrix[fold != i], outcome[fold != i])
            logit[fold == i] = predict(matrix[fold == i])
    losses = [log_loss(logit, outcome) for logit in logits]
    best = {
        name: min((i for i, (n, _) in enumerate(fitters) if n == name), key=lambda i: losses[i])
        for name in dict.fromkeys(n for n, _ in fitters)
    }
    found = {name: logits[i] for name, i in best.items()}
    if BLEND in kinds:
        found[BLEND] = (found[LOGISTIC] + found[BOOSTED]) / 2
    figures = {name: log_loss(logit, outcome) for name, logit in found.items()}
    kind = min(figures, key=lambda name: figures[name])
    weights, booster = np.zeros(1), ""
    for name, i in best.items():
        if kind in (name, BLEND):
            (w, text), _ = fitters[i][1](matrix, outcome)
            weights, booster = (w, booster) if name == LOGISTIC else (weights, text)
    calibration = _calibrate(found[kind], outcome)
    model = WindowModel(
        horizon, window, kind, prior.rate, prior.rate_never, plan, weights, calibration, booster
    )
    for name, features in _ALONE.items() if BLEND in kinds else ():
        columns = [i for i, term in enumerate(plan) if term.covariate in features]
        found[name] = _logistic_out_of_fold(matrix[:, columns], outcome, fold)
    found[PRIOR] = np.full(len(outcome), np.log(outcome.mean() / (1 - outcome.mean())))
    slope, offset = calibration
    probability = 1 / (1 + np.exp(-np.clip(slope * found[kind] + offset, -30, 30)))
    return model, OutOfFold(found, probability, outcome, customer, window == horizon)


def _logistic_out_of_fold(matrix: Floats, outcome: Floats, fold: Array) -> Floats:
    logit = np.zeros(len(outcome))
    for i in np.unique(fold):
        _, predict = _fit_logistic(matrix[fold != i], outcome[fold != i], _STRENGTHS[-1])
        logit[fold == i] = predict(matrix[fold == i])
    return logit


Fitted = tuple[tuple[Floats, str], Callable[[Floats], Floats]]


def _fitters(seed: int) -> list[tuple[str, Callable[[Floats, Floats], Fitted]]]:
    logistic = [(LOGISTIC, partial(_fit_logistic, strength=strength)) for strength in _STRENGTHS]
    return [*logistic, (BOOSTED, partial(_fit_boosted, seed=seed))]


def _fit_logistic(matrix: Floats, outcome: Floats, strength: float) -> Fitted:
    """Ridge-penalised logistic regression by Newton's steps; the intercept is not penalised."""
    rows = np.column_stack([matrix, np.ones(len(matrix))])
    ridge = np.append(np.full(matrix.shape[1], 1 / strength), 1e-3)
    weights = np.zeros(rows.shape[1])
    for _ in range(_NEWTON_STEPS):
        share = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (outcome - share) - ridge * weights
        curvature = (rows.T * (share * (1 - share))) @ rows + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return (weights, ""), lambda others: np.asarray(others @ weights[:-1] + weights[-1])


def _fit_boosted(matrix: Floats, outcome: Floats, seed: int) -> Fitted:
    import lightgbm

    settings = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 4,
        "feature_fraction": 0.4,
        "min_data_in_leaf": max(5, min(50, len(outcome) // 20)),
        "lambda_l2": 5.0,
        **reproducible(seed),
    }
    data = lightgbm.Dataset(matrix, label=outcome, params={"verbosity": -1})
    text = lightgbm.train(settings, data, num_boost_round=100).model_to_string()
    return (np.zeros(1), text), lambda rows: _boosted_logit(text, rows)


def log_loss(logit: Array, outcome: Array) -> float:
    """Mean negative log likelihood of outcomes 0 or 1 under their logits."""
    return float(np.mean(np.logaddexp(0, logit) - outcome * logit))


def _calibrate(logit: Floats, outcome: Floats) -> tuple[float, float]:
    """Slope and offset on out-of-fold logits (Platt 1999); the slope is kept positive."""
    (weights, _), _ = _fit_logistic(logit[:, None], outcome, strength=100.0)
    return (float(weights[0]), float(weights[1])) if weights[0] > 0.05 else (1.0, 0.0)


# ------------------------------------------------------------------ keeping


def to_parts(model: WindowModel) -> tuple[dict[str, Any], Floats, str | None]:
    """The model as (JSON facts, weights, LightGBM text or None)."""
    names = ("horizon", "window_days", "kind", "rate", "rate_never")
    facts = {name: getattr(model, name) for name in names}
    facts |= {"plan": covariates.to_facts(model.plan), "calibration": list(model.calibration)}
    return facts, model.weights, model.booster or None


def from_parts(facts: dict[str, Any], weights: Floats, booster: str | None) -> WindowModel:
    """The model back from what `to_parts` gave."""
    rest = {key: value for key, value in facts.items() if key not in ("plan", "calibration")}
    slope, offset = facts["calibration"]
    plan = covariates.from_facts(facts["plan"])
    return WindowModel(**rest, plan=plan, weights=weights, calibration=(slope, offset), booster=booster or "")
