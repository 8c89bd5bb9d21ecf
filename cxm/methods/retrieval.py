"""Rankings from several signals: how they are fused, cut off and chosen between.

A way to combine search signals belongs here. Where the signals come from is in `cxm.index`; what
else speaks for an article in a dialogue is in `cxm.methods.names` and `past_answers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

_DECIMALS = 6


@dataclass(frozen=True)
class Fusion:
    """Weights of a fused score.

    `dense`: weight of the cosine; the lexical share gets `1 - dense`. `named`: added in full where
    the dialogue names the article. `past`: added in full where it answered the very same before.
    """

    dense: float = 0.45
    named: float = 0.3
    past: float = 0.0


def fuse(
    cosine: Scores, lexical: Scores, named: Scores | None, fusion: Fusion, past: Scores | None = None
) -> Scores:
    """One score per query and article, higher is better; all arrays are `(n_queries, n_articles)`."""
    score = fusion.dense * cosine + (1 - fusion.dense) * lexical
    for weight, boost in ((fusion.named, named), (fusion.past, past)):
        if boost is not None and weight:
            score = score + weight * boost
    return score


def top(scores: Scores, k: int) -> NDArray[np.intp]:
    """Columns of the k best scores of each row, best first, equal ones in order of column.

    `(n_rows, min(k, n_columns))`. Scores that differ beyond the sixth decimal count as equal: the
    last digits of a product depend on where its operands lie in memory.
    """
    rounded = np.round(scores, _DECIMALS)
    n_columns = rounded.shape[1]
    if 4 * k >= n_columns:
        return np.argsort(-rounded, axis=1, kind="stable")[:, :k]
    kth = -np.partition(-rounded, k - 1, axis=1)[:, k - 1]
    best = np.empty((len(rounded), k), dtype=np.intp)
    for i, row in enumerate(rounded):
        candidates = np.flatnonzero(row >= kth[i])
        best[i] = candidates[np.argsort(-row[candidates], kind="stable")][:k]
    return best


def choose(quality: NDArray[Any], folds: NDArray[np.intp]) -> int:
    """The candidate to use: the best one if choosing pays on rows not chosen on, else the first.

    `quality` is `(n_candidates, n_rows)`; `folds` `(n_rows,)` keeps together what is not
    independent. In each fold the best candidate of the others is tried (nested cross-validation).
    """
    if quality.shape[1] == 0 or len(np.unique(folds)) < 2:
        return 0
    held_out = np.empty(quality.shape[1])
    for fold in np.unique(folds):
        held = folds == fold
        held_out[held] = quality[int(np.argmax(quality[:, ~held].mean(axis=1)))][held]
    return int(np.argmax(quality.mean(axis=1))) if held_out.mean() > quality[0].mean() else 0


def draw_folds(units: NDArray[Any], n_folds: int, seed: int) -> NDArray[np.intp]:
    """A fold for each row, the same for all rows of a unit; independent of the order of rows."""
    names, unit = np.unique(units, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names)) % n_folds
    return np.asarray(fold[unit], dtype=np.intp)
