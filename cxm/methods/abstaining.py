"""When to say "none of these", and how likely that is: a threshold on the best probability, and its repair.

Out-of-scope detection by other means would stand here too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Without one out-of-scope example, at most this share of rows may turn from right to abstained: nothing
# says that any are out of scope, so that silence is for what is like nothing seen.
_ACCURACY_FOR_SILENCE = 0.0005
_LEAST = 1e-6


def choose_threshold(
    inside: NDArray[np.float64], truth: NDArray[np.intp], outside: NDArray[np.float64]
) -> float:
    """The probability below which abstaining pays.

    `inside` `(n, n_classes)`: out-of-fold probabilities of rows whose class is `truth` `(n,)`;
    `outside` `(m, n_classes)`: probabilities of rows that are none of the classes. With such rows the
    threshold maximises accuracy over both, where abstaining is right outside; without them it is
    the highest that costs next to no right answer. No rows at all give 0.
    """
    if not len(inside):
        return 0.0
    top = inside.max(axis=1)
    right = inside.argmax(axis=1) == truth
    if not len(outside):
        order = np.sort(top[right])
        return float(order[int(len(order) * _ACCURACY_FOR_SILENCE)]) * (1 - 1e-9) if len(order) else 0.0
    candidates = np.unique(np.concatenate([[0.0], top, outside.max(axis=1)]))
    n_right = np.array([(right & (top >= c)).sum() + (outside.max(axis=1) < c).sum() for c in candidates])
    return float(candidates[int(n_right.argmax())])


def fit_sureness(
    inside: NDArray[np.float64], truth: NDArray[np.intp], outside: NDArray[np.float64]
) -> tuple[float, float]:
    """(slope, offset) on the log-odds of the best probability under which guesses are right as often as said.

    Platt's (1999) scaling on held-out rows, those out of scope among them, for which every guess is wrong.
    Drawn to (1, 0), which changes nothing, where rows are few; without a row out of scope it is that.
    """
    if not len(outside) or not len(inside):
        return 1.0, 0.0
    from scipy.optimize import minimize

    odds = _log_odds(np.concatenate([inside.max(axis=1), outside.max(axis=1)]))
    right = np.concatenate([inside.argmax(axis=1) == truth, np.zeros(len(outside), dtype=bool)])

    def loss(line: NDArray[np.float64]) -> float:
        scores = line[0] * odds + line[1]
        fit = float((np.logaddexp(0, scores) - right * scores).mean())
        return fit + float((line[0] - 1) ** 2 + line[1] ** 2) / len(right)

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 5.0), (-10.0, 10.0)])
    return float(found.x[0]), float(found.x[1])


def apply_sureness(probabilities: NDArray[np.float64], sureness: tuple[float, float]) -> NDArray[np.float64]:
    """Probabilities `(n, n_classes)` in the same order, the best repaired by `fit_sureness`.

    What the best one loses is the chance of none of these (rows then sum to less than 1); what it gains
    comes from the others.
    """
    if sureness == (1.0, 0.0) or not probabilities.size:
        return probabilities
    from scipy.special import expit

    top = probabilities.max(axis=1, keepdims=True)
    new = expit(sureness[0] * _log_odds(top) + sureness[1])
    of_others = np.where(new < top, new / np.maximum(top, _LEAST), (1 - new) / np.maximum(1 - top, _LEAST))
    is_top = np.zeros_like(probabilities, dtype=bool)
    np.put_along_axis(is_top, probabilities.argmax(axis=1)[:, None], values=True, axis=1)
    return np.asarray(np.where(is_top, new, probabilities * of_others))


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import logit

    return np.asarray(logit(np.clip(probabilities, _LEAST, 1 - _LEAST)))
