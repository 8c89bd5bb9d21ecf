"""When to say "none of these": a threshold on the best probability.

Out-of-scope detection by other means would stand here too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Without one out-of-scope example, at most this share of rows may turn from right to abstained.
_ACCURACY_FOR_SILENCE = 0.002


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
