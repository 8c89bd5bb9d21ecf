"""Metrics of labels: accuracy, F1, Matthews correlation, calibration, ROC AUC, kappa, Rand index.

Every function takes codes or numbers as arrays `(n_rows,)` and returns one float, NaN where it is
not defined. Fast enough to be bootstrapped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]


def encode(*columns: NDArray[Any]) -> tuple[list[Codes], list[str]]:
    """Shared integer codes of string arrays, and the labels they stand for, sorted."""
    labels, codes = np.unique(
        np.concatenate([np.asarray(c, dtype=str) for c in columns]), return_inverse=True
    )
    ends = np.cumsum([len(c) for c in columns])[:-1]
    return list(np.split(codes, ends)), labels.tolist()


def confusion(truth: Codes, answer: Codes, n_labels: int) -> NDArray[np.int_]:
    """Counts `(n_labels, n_labels)`, rows are the truth."""
    return np.bincount(truth * n_labels + answer, minlength=n_labels**2).reshape(n_labels, n_labels)


def _f1_by_label(truth: Codes, answer: Codes) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    n_labels = int(max(truth.max(), answer.max())) + 1
    table = confusion(truth, answer, n_labels)
    n_true = table.sum(1)
    total = n_true + table.sum(0)
    f1 = 2 * np.diag(table) / np.maximum(total, 1)
    seen = n_true > 0
    return f1[seen], n_true[seen]


def macro_f1(truth: Codes, answer: Codes) -> float:
    """Mean F1 over the labels that occur in the truth."""
    return float(_f1_by_label(truth, answer)[0].mean()) if len(truth) else float("nan")


def weighted_f1(truth: Codes, answer: Codes) -> float:
    """Mean F1 over labels, weighted by how often each occurs."""
    if not len(truth):
        return float("nan")
    f1, weights = _f1_by_label(truth, answer)
    return float(np.average(f1, weights=weights))


def matthews(truth: Codes, answer: Codes) -> float:
    """Multi-class Matthews correlation (Gorodkin 2004); 0 where one side is constant."""
    if not len(truth):
        return float("nan")
    n_labels = int(max(truth.max(), answer.max())) + 1
    table = confusion(truth, answer, n_labels).astype(float)
    n, right = table.sum(), np.trace(table)
    by_truth, by_answer = table.sum(1), table.sum(0)
    spread = (n**2 - (by_answer**2).sum()) * (n**2 - (by_truth**2).sum())
    return float((right * n - by_truth @ by_answer) / np.sqrt(spread)) if spread > 0 else 0.0


def calibration_error(probability: NDArray[Any], outcome: NDArray[Any], n_bins: int = 10) -> float:
    """Mean |probability - frequency| over bins of equal count (Naeini et al. 2015)."""
    if not len(probability):
        return float("nan")
    # Rows of one probability share their mean outcome, so that no order among them can matter.
    _, tie = np.unique(probability, return_inverse=True)
    outcome = (np.bincount(tie, weights=np.asarray(outcome, dtype=float)) / np.bincount(tie))[tie]
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, min(n_bins, len(order)))
    gaps = [abs(probability[rows].mean() - outcome[rows].mean()) * len(rows) for rows in bins]
    return float(np.sum(gaps) / len(order))


def roc_auc(score: NDArray[Any], outcome: NDArray[Any]) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN with one class only."""
    from scipy.stats import rankdata

    positive = np.asarray(outcome, dtype=bool)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def cohen_kappa(truth: Codes, answer: Codes) -> float:
    """Agreement beyond chance (Cohen 1960); 1 where both sides are the same constant."""
    if not len(truth):
        return float("nan")
    n_labels = int(max(truth.max(), answer.max())) + 1
    table = confusion(truth, answer, n_labels) / len(truth)
    expected = float(table.sum(1) @ table.sum(0))
    return float((np.trace(table) - expected) / (1 - expected)) if expected < 1 else 1.0


def adjusted_rand_index(left: NDArray[Any], right: NDArray[Any]) -> float:
    """Agreement of two partitions beyond chance (Hubert & Arabie 1985); NaN without rows."""
    if not len(left):
        return float("nan")
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(left, right))
