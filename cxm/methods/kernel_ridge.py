"""Kernel ridge regression over several views of a thing, with probabilities from held-out rows.

How likenesses in several views are added up, weighed and turned into probabilities belongs here; what
the views of a conversation are is in `cxm.methods.conversations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.linear import Codes

Kernel = NDArray[np.float32]

UNTESTED = -1  # fold of rows that are always learned from and never held out

# Widths of the Gaussian kernel: narrow where labels are many, wide where they are few.
WIDTHS = (0.5, 1.0)
# Weights of a view against a penalty of 1; the search begins at the middle.
_WEIGHTS = (0.0, 1.0, 3.0, 10.0, 30.0)
_START = 3.0
_ROUNDS = 2
_LEAST_GAIN = 1e-3
_SCALES = (0.5, 100.0)
# A column that more than this share of the rows have is multiplied as a dense one, which is faster then.
_COMMON = 0.05
_CHUNK = 1_000


def dot_kernel(rows: Any) -> Kernel:
    """Dot products `(n, n)` of sparse rows `(n, d)`."""
    is_common = np.bincount(rows.indices, minlength=rows.shape[1]) > _COMMON * rows.shape[0]
    common = rows[:, np.flatnonzero(is_common)].toarray()
    rare = rows[:, np.flatnonzero(~is_common)]
    flipped = rare.T.tocsr()
    with _one_thread():
        kernel = common @ common.T
    for start in range(0, rows.shape[0], _CHUNK):
        kernel[start : start + _CHUNK] += (rare[start : start + _CHUNK] @ flipped).toarray()
    return np.asarray(kernel, dtype=np.float32)


def near_kernel(left: NDArray[np.float32], right: NDArray[np.float32], width: float) -> Kernel:
    """Gaussian kernel `(n_left, n_right)` of unit vectors; small beside a zero vector."""
    kernel = left @ right.T
    kernel -= 1
    kernel *= 1 / width**2
    return np.asarray(np.exp(kernel, out=kernel))


def add_kernels(kernels: Mapping[str, Kernel], weights: Mapping[str, float]) -> Kernel:
    """Weighted sum of kernels of one shape; those without a weight are left out."""
    some = next(iter(kernels.values()))
    total = np.zeros_like(some)
    for name, weight in weights.items():
        if weight:
            total += np.float32(weight) * kernels[name]
    return total


def fit_ridge(kernel: Kernel, codes: Codes, n_classes: int) -> tuple[Kernel, NDArray[np.float32]]:
    """Dual coefficients `(n, n_classes)` and intercepts of ridge regression with a penalty of 1.

    The targets are the classes, one-hot, less their shares, which are the intercepts (Saunders,
    Gammerman & Vovk 1998). Scores of rows are `kernel_to_training_rows @ coefficients + intercepts`.
    """
    from scipy.linalg import cho_factor, cho_solve

    targets = np.zeros((len(codes), n_classes), dtype=np.float32)
    targets[np.arange(len(codes)), codes] = 1
    shares = targets.mean(axis=0)
    penalised = kernel.copy()
    penalised[np.diag_indices(len(penalised))] += 1
    with _one_thread():
        # A symmetric matrix turned over is itself, and lies as Fortran wants it: no copy is made.
        factor = cho_factor(penalised.T, lower=True, overwrite_a=True, check_finite=False)
        coefficients = cho_solve(factor, targets - shares, check_finite=False)
    return coefficients.astype(np.float32), shares


def _one_thread() -> Any:
    """A context of one thread: the same sums on every machine."""
    return _thread_pools().limit(limits=1)


@cache
def _thread_pools() -> Any:
    """The loaded libraries of linear algebra; to look for them takes longer than a small fit."""
    import scipy.linalg  # noqa: F401  brings the one that fits
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def held_out_scores(kernel: Kernel, codes: Codes, n_classes: int, fold: Codes) -> Kernel:
    """Scores `(n, n_classes)` of each row by a model of the rows in other folds; NaN for `UNTESTED` ones."""
    scores = np.full((len(codes), n_classes), np.nan, dtype=np.float32)
    for left_out in np.unique(fold[fold != UNTESTED]):
        train, test = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
        if not len(train):
            scores[test] = 1 / n_classes
            continue
        others = kernel.take(train, axis=1)
        coefficients, intercepts = fit_ridge(others[train], codes[train], n_classes)
        scores[test] = others[test] @ coefficients + intercepts
    return scores


def choose_scale(scores: Kernel, codes: Codes) -> tuple[float, float]:
    """(factor on scores whose softmax fits held-out labels best, mean log loss under it)."""
    from scipy.optimize import minimize_scalar

    exact = scores.astype(np.float64)
    # The highest of each row is 0, so that under no factor a power runs over.
    exact -= exact.max(axis=1, keepdims=True)
    true = exact[np.arange(len(codes)), codes]

    def loss(log_scale: float) -> float:
        scale = np.exp(log_scale)
        return float((np.log(np.exp(scale * exact).sum(axis=1)) - scale * true).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(_SCALES)), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def choose_weights(
    kernels: Mapping[str, Kernel], codes: Codes, n_classes: int, fold: Codes
) -> tuple[dict[str, float], float]:
    """(weights of the views under which held-out labels are most likely, their mean log loss).

    Coordinate search from equal weights. A class with one row judges nothing, nor do `UNTESTED` rows; where
    none is left to judge the weights stay equal.
    """
    weights = dict.fromkeys(kernels, _START)
    judged = (np.bincount(codes)[codes] > 1) & (fold != UNTESTED)
    if not judged.any():
        return weights, 0.0

    def loss(tried: dict[str, float]) -> float:
        scores = held_out_scores(add_kernels(kernels, tried), codes, n_classes, fold)
        return choose_scale(scores[judged], codes[judged])[1]

    least = loss(weights)
    for _ in range(_ROUNDS):
        before = least
        for name in kernels:
            for weight in _WEIGHTS:
                tried = weights | {name: weight}
                if weight == weights[name] or not any(tried.values()):
                    continue
                found = loss(tried)
                if found < least - _LEAST_GAIN:
                    least, weights = found, tried
        if least == before:
            break
    return weights, least
