"""Linear models with several answers: fitting, folds of the training rows, mixing two of them.

The small machinery below classifiers of texts (`cxm.methods.text_classifier`) and of criteria
(`cxm.methods.adherence`); what a row describes is decided there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_MAX_ITERATIONS = 60
_TOLERANCE = 1e-3
_ABSENT = -20.0  # log-odds of a class that a training part lacks
_PLAIN_MIX = 0.6


@dataclass(frozen=True)
class LinearModel:
    """Scores `features @ weights.T + intercepts`; weights `(n_classes, n_features)`."""

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def scores(self, features: Any) -> Floats:
        """Scores `(n_rows, n_classes)` of dense or sparse rows."""
        return np.asarray(features @ self.weights.T + self.intercepts.astype(float))

    def log_probabilities(self, features: Any) -> Floats:
        """Log-probabilities `(n_rows, n_classes)` of dense or sparse rows."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(self.scores(features), axis=1))


def fit_linear(features: Any, codes: Codes, n_classes: int, strength: float) -> LinearModel:
    """Multinomial logistic regression; classes that `codes` lacks get next to no probability."""
    weights = np.zeros((n_classes, features.shape[1]), dtype=np.float32)
    intercepts = np.full(n_classes, _ABSENT, dtype=np.float32)
    present = np.unique(codes)
    intercepts[present] = 0.0
    if len(present) < 2:
        return LinearModel(weights, intercepts)
    if not features.shape[1]:
        intercepts[present] = np.log(np.bincount(codes)[present] / len(codes))
        return LinearModel(weights, intercepts)
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    model = LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE)
    # One thread: faster at this size, and the same sums on every machine.
    with warnings.catch_warnings(), threadpool_limits(1):
        # Stopping early is a milder penalty, not a fault; held-out rows judge the outcome.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Few rows of many classes are meant as classes.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        model.fit(features, codes)
    is_binary = len(present) == 2
    rows = present[1:] if is_binary else present
    weights[rows], intercepts[rows] = model.coef_, model.intercept_
    return LinearModel(weights, intercepts)


def spread_folds(codes: Codes, n_folds: int, generator: np.random.Generator) -> Codes:
    """A fold for each row, the classes spread evenly over the folds."""
    shuffled = generator.permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(len(codes), dtype=np.intp)
    fold[by_class] = np.arange(len(codes)) % n_folds
    return fold


def mix_probabilities(parts: tuple[Floats, Floats], mix: tuple[float, float]) -> Floats:
    """Probabilities from two parts' log-probabilities, each raised to its power of `mix`."""
    from scipy.special import softmax

    return np.asarray(softmax(mix[0] * parts[0] + mix[1] * parts[1], axis=1))


def choose_mix(parts: tuple[Floats, Floats], codes: Codes) -> tuple[float, float]:
    """The powers of the two parts with the highest likelihood of the held-out labels."""
    if not len(codes):
        return (_PLAIN_MIX, _PLAIN_MIX)
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    rows = np.arange(len(codes))

    def loss(mix: Floats) -> tuple[float, Floats]:
        scores = mix[0] * parts[0] + mix[1] * parts[1]
        total = logsumexp(scores, axis=1)
        chances = np.exp(scores - total[:, None])
        slopes = [(np.vdot(chances, part) - part[rows, codes].sum()) / len(codes) for part in parts]
        # With few rows the likelihood alone would run to extremes.
        drawn = mix - _PLAIN_MIX
        fit = float((total - scores[rows, codes]).mean()) + float((drawn**2).sum()) / len(codes)
        return fit, np.array(slopes) + 2 * drawn / len(codes)

    start = np.full(2, _PLAIN_MIX)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 5.0)] * 2)
    return (float(found.x[0]), float(found.x[1]))
