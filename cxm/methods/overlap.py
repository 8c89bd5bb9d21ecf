"""Pairs of labels that are easily confused, with examples.

Frames of findings for a reader; metrics of a whole classifier are in `cxm.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIN_CONFUSED = 2
_EXAMPLES = 5


def find_overlaps(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.intp],
    labels: Sequence[str],
    ids: Sequence[str],
    description_vectors: NDArray[np.float32],
) -> list[dict[str, Any]]:
    """Pairs confused at least twice, most confused first, as rows of `intent_overlaps`.

    `probabilities` `(n, n_labels)` must be out-of-fold; `truth` holds label numbers. The confusion
    share counts rows of either label that were given the other.
    """
    if len(labels) < 2 or not len(truth):
        return []
    guess = probabilities.argmax(axis=1)
    n_of = np.bincount(truth, minlength=len(labels))
    similarity = description_vectors @ description_vectors.T
    confused: dict[tuple[int, int], list[str]] = {}
    for i in np.flatnonzero(guess != truth).tolist():
        pair = (int(min(guess[i], truth[i])), int(max(guess[i], truth[i])))
        confused.setdefault(pair, []).append(ids[i])
    rows = [
        {
            "left_intent": min(labels[a], labels[b]),
            "right_intent": max(labels[a], labels[b]),
            "confusion_share": len(examples) / int(n_of[a] + n_of[b]),
            "similarity": float(similarity[a, b]),
            "example_ids": sorted(examples)[:_EXAMPLES],
        }
        for (a, b), examples in confused.items()
        if len(examples) >= _MIN_CONFUSED
    ]
    return sorted(rows, key=lambda row: (-row["confusion_share"], row["left_intent"], row["right_intent"]))
