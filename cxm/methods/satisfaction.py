"""Satisfaction where no survey was answered: ridge regression with an honest interval.

What describes a conversation stands in `cxm.methods.circumstances`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.covariates import Plan, encode, from_facts, plan_covariates, to_facts
from cxm.metrics.intervals import estimate, mean_of

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 5.0
_PENALTY = 5.0
_N_FOLDS = 5


@dataclass(frozen=True)
class SatisfactionModel:
    """`csat = intercept + terms of the plan @ weights`, give or take `half_width`.

    `held_out` `(n_rows,)` predicts each training row without rows of its group; `is_covered` says whether
    the interval that the other folds make holds its answer. Both None after loading.
    """

    plan: Plan
    weights: Floats
    intercept: float
    half_width: float = 0.0
    held_out: Floats | None = None
    is_covered: NDArray[np.bool_] | None = None

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Rows (csat, low, high) `(n_rows, 3)`, within 1 to 5; a null, or a column absent, is unknown."""
        value = encode(frame, self.plan) @ self.weights + self.intercept
        ends = np.stack([value, value - self.half_width, value + self.half_width], axis=1)
        return np.clip(ends, LOWEST, HIGHEST)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same model."""
        facts = {"plan": to_facts(self.plan), "intercept": self.intercept, "half_width": self.half_width}
        return facts, {"satisfaction_weights": self.weights}

    @staticmethod
    def from_parts(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SatisfactionModel:
        """The model that `to_parts` took apart."""
        weights = arrays["satisfaction_weights"]
        return SatisfactionModel(
            from_facts(facts["plan"]), weights, float(facts["intercept"]), float(facts["half_width"])
        )


def fit_satisfaction(
    frame: pl.DataFrame,
    csat: Floats,
    groups: NDArray[Any],
    generator: np.random.Generator,
    covered_share: float = 0.8,
) -> SatisfactionModel:
    """Learn csat `(n_rows,)` from the columns of `frame`; `groups` `(n_rows,)` are never split (customers).

    `half_width` is the conformal quantile of held-out residuals, so that the interval holds
    `covered_share` of new answers (Vovk et al. 2005; cross-conformal over five folds).
    """
    _, group = np.unique(groups, return_inverse=True)
    fold = (generator.permutation(group.max() + 1) % _N_FOLDS)[group]
    held_out = np.empty(len(csat))
    for left_out in np.unique(fold):
        test = fold == left_out
        train = ~test if not test.all() else test
        held_out[test] = _fit(frame.filter(train), csat[train]).predict(frame.filter(test))[:, 0]
    residuals = np.abs(csat - held_out)
    is_covered = np.zeros(len(csat), dtype=bool)
    for left_out in np.unique(fold):
        test = fold == left_out
        is_covered[test] = residuals[test] <= _half_width(residuals[~test], covered_share)
    model = _fit(frame, csat)
    width = _half_width(residuals, covered_share)
    return SatisfactionModel(model.plan, model.weights, model.intercept, width, held_out, is_covered)


def compare_satisfaction(
    fitted: Mapping[str, SatisfactionModel], csat: Floats, units: NDArray[Any]
) -> list[dict[str, Any]]:
    """Rows of `model_comparison` without `task`: each model on surveys held out, beside the plain mean.

    Rank correlation (Spearman 1904; the mean has none), mean absolute error, and the share of answers
    that the interval holds; intervals over `units` (customers).
    """
    from scipy.stats import rankdata

    rows: list[dict[str, Any]] = []

    def add(model: str, metric: str, statistic: Callable[[Any], float]) -> None:
        for found in estimate(metric, statistic, units):
            rows.append(
                {"model": model, "metric": metric, "value": found.value, "low": found.low, "high": found.high}
            )

    def correlation(held_out: Floats) -> Callable[[Any], float]:
        def of(drawn: Any) -> float:
            pair = rankdata(held_out[drawn]), rankdata(csat[drawn])
            return float(np.corrcoef(*pair)[0, 1]) if min(np.ptp(p) for p in pair) > 0 else float("nan")

        return of

    add("mean of the surveys", "csat_error", mean_of(np.abs(csat - csat.mean())))
    for name, model in fitted.items():
        assert model.held_out is not None
        assert model.is_covered is not None
        add(name, "csat_spearman", correlation(model.held_out))
        add(name, "csat_error", mean_of(np.abs(csat - model.held_out)))
        add(name, "csat_coverage", mean_of(model.is_covered))
    return rows


def _half_width(residuals: Floats, covered_share: float) -> float:
    if not len(residuals):
        return HIGHEST - LOWEST
    level = min(1.0, np.ceil((len(residuals) + 1) * covered_share) / len(residuals))
    return float(np.quantile(residuals, level, method="higher"))


def _fit(frame: pl.DataFrame, csat: Floats) -> SatisfactionModel:
    plan = plan_covariates(frame)
    design = encode(frame, plan)
    offset = design.mean(axis=0)
    centred = design - offset
    gram = centred.T @ centred + _PENALTY * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (csat - csat.mean()))
    return SatisfactionModel(plan, weights, float(csat.mean() - offset @ weights))
