"""Weights of classes that turn calibrated probabilities into decisions good on every class.

The most probable class is right most often, but rarely a rare one; weights trade a little of the
one for much of the other. Making probabilities belongs in `cxm.methods.text_classifier`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEW_ROWS = 200
_STEPS = np.exp(np.linspace(-1.2, 1.2, 17))
_ROUNDS = 3


def choose_class_weights(probabilities: Floats) -> Floats:
    """Weights `(n_classes,)` whose weighted argmax has the best macro-F1 to be expected.

    `probabilities` `(n_rows, n_classes)` are of held-out rows and calibrated, so that they say what share
    of the rows given a class has it (Ye et al. 2012: expected F); what chance made of the labels is no
    part of the choice. Coordinate search from equal weights; with fewer than 200 rows they stay equal.
    """
    weights = np.ones(probabilities.shape[1])
    if len(probabilities) < _FEW_ROWS:
        return weights
    best = _expected_macro_f1(probabilities, weights)
    for _ in range(_ROUNDS):
        before = best
        for column in range(len(weights)):
            for step in _STEPS:
                tried = weights.copy()
                tried[column] = step
                found = _expected_macro_f1(probabilities, tried)
                if found > best:
                    best, weights = found, tried
        if best == before:
            break
    return weights


def _expected_macro_f1(probabilities: Floats, weights: Floats) -> float:
    n_classes = len(weights)
    given = (probabilities * weights).argmax(axis=1)
    right = np.bincount(given, probabilities[np.arange(len(given)), given], n_classes)
    counted = np.bincount(given, minlength=n_classes) + probabilities.sum(axis=0)
    return float(np.mean(2 * right / np.maximum(counted, 1e-12)))
