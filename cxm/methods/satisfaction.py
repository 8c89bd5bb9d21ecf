"""Satisfaction where no survey was answered: ridge regression with an honest interval.

Which columns describe a conversation is decided in the task.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 1.0, 5.0
_PENALTY = 5.0
_N_FOLDS = 5


@dataclass(frozen=True)
class SatisfactionModel:
    """`csat = intercept + scaled features @ weights`, give or take `half_width`."""

    centre: Floats
    scale: Floats
    weights: Floats
    intercept: float
    half_width: float = 0.0

    def predict(self, features: Floats) -> Floats:
        """Rows (csat, low, high) `(n_rows, 3)`, within 1 to 5; NaN in a feature means unknown."""
        value = _design(features, self.centre, self.scale) @ self.weights + self.intercept
        ends = np.stack([value, value - self.half_width, value + self.half_width], axis=1)
        return np.clip(ends, LOWEST, HIGHEST)


def fit_satisfaction(
    features: Floats, csat: Floats, generator: np.random.Generator, covered_share: float = 0.8
) -> SatisfactionModel:
    """Learn csat `(n_rows,)` from `features` `(n_rows, k)`; unknown (NaN) features are allowed.

    `half_width` is the conformal quantile of held-out residuals, so that the interval holds
    `covered_share` of new answers (Vovk et al. 2005; cross-conformal over five folds).
    """
    fold = generator.permutation(len(csat)) % _N_FOLDS
    residuals = np.empty(len(csat))
    for left_out in range(_N_FOLDS):
        test = fold == left_out
        model = _fit(features[~test], csat[~test])
        residuals[test] = np.abs(csat[test] - model.predict(features[test])[:, 0])
    level = min(1.0, np.ceil((len(csat) + 1) * covered_share) / len(csat))
    model = _fit(features, csat)
    half_width = float(np.quantile(residuals, level, method="higher"))
    return SatisfactionModel(model.centre, model.scale, model.weights, model.intercept, half_width)


def _design(features: Floats, centre: Floats, scale: Floats) -> Floats:
    """Scaled features with unknown ones at the mean, and a column each that says which were unknown."""
    unknown = np.isnan(features)
    return np.hstack([np.where(unknown, 0.0, (features - centre) / scale), unknown])


def _fit(features: Floats, csat: Floats) -> SatisfactionModel:
    n_known = np.maximum((~np.isnan(features)).sum(axis=0), 1)
    centre = np.nansum(features, axis=0) / n_known
    spread = np.sqrt(np.nansum((features - centre) ** 2, axis=0) / n_known)
    scale = np.where(spread > 0, spread, 1.0)
    design = _design(features, centre, scale)
    offset = design.mean(axis=0)
    centred = design - offset
    gram = centred.T @ centred + _PENALTY * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (csat - csat.mean()))
    return SatisfactionModel(centre, scale, weights, float(csat.mean() - offset @ weights))
