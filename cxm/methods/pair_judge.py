"""Judging pairs of articles by their features: unrelated, similar or contradictory.

Learned from pairs known to be defects and from all others, some of which are defects nobody has
listed. What the features are stands in `cxm.methods.article_pairs`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.boosting import reproducible

CLASSES = ("unrelated", "similar", "contradictory")
_N_TREES = 80
_N_FOLDS = 5
_LEAST_SURE = 0.05
# An unlisted pair with this probability of being a defect is no example of an unrelated pair.
_DOUBT = 0.3


def _train(features: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any], seed: int) -> Any:
    import lightgbm

    options = {
        "objective": "multiclass",
        "num_class": len(CLASSES),
        "learning_rate": 0.1,
        "num_leaves": 7,
        "min_data_in_leaf": 8,
        "lambda_l2": 5.0,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_pre_filter": False,
        **reproducible(seed),
    }
    return lightgbm.train(options, lightgbm.Dataset(features, labels, weight=weights), _N_TREES)


def fit_judge(
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64],
    groups: NDArray[np.intp],
    seed: int,
) -> tuple[str, list[float]]:
    """A judge as LightGBM text, and how sure it is of a known defect of each class (`CLASSES`).

    `labels` `(n,)` index `CLASSES`; a 0 may be a defect that nobody listed. Therefore a known
    defect gets on average, out of fold, a probability of only c, and P(defect) = p / c (Elkan & Noto
    2008, "Learning classifiers from only positive and unlabeled data"). Unlisted pairs that look like
    defects to a judge that has not seen them are then left out, so that the last judge does not
    learn them by heart as unrelated (the two steps of Liu et al. 2003). Rows of one of the `groups`
    (one pair of articles seen several times) stay in one fold.
    """
    probability = _predict_out_of_fold(features, labels, weights, groups, seed)
    score = (probability / _sureness(probability, labels, weights))[:, 1:].max(axis=1)
    doubt = np.zeros(groups.max() + 1)
    np.maximum.at(doubt, groups[labels == 0], score[labels == 0])
    kept = (labels > 0) | (doubt[groups] < _DOUBT)
    features, labels, weights, groups = features[kept], labels[kept], weights[kept], groups[kept]
    probability = _predict_out_of_fold(features, labels, weights, groups, seed)
    sureness = _sureness(probability, labels, weights).tolist()
    return str(_train(features, labels, weights, seed).model_to_string()), sureness


def _predict_out_of_fold(
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64],
    groups: NDArray[np.intp],
    seed: int,
) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    kind = np.full(groups.max() + 1, -1)
    np.maximum.at(kind, groups, labels)
    fold_of_group = np.zeros(len(kind), dtype=int)
    for label in range(len(CLASSES)):
        members = np.flatnonzero(kind == label)
        fold_of_group[members] = generator.permutation(np.arange(len(members)) % _N_FOLDS)
    fold = fold_of_group[groups]
    probability = np.zeros((len(labels), len(CLASSES)))
    for number in range(_N_FOLDS):
        inside, outside = fold != number, fold == number
        if inside.any() and outside.any():
            booster = _train(features[inside], labels[inside], weights[inside], seed)
            probability[outside] = booster.predict(features[outside])
    return probability


def _sureness(
    probability: NDArray[np.float64], labels: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean probability of the known defects of each class, of those that count most."""
    sureness = np.ones(len(CLASSES))
    for label in range(1, len(CLASSES)):
        known = labels == label
        if known.any():
            known &= weights >= weights[known].max()
            sureness[label] = max(probability[known, label].mean(), _LEAST_SURE)
    return sureness


def judge_pairs(
    booster: str, sureness: list[float], features: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Each row's likeliest defect (an index of `CLASSES`, never 0) and its probability, `(n,)` both."""
    import lightgbm

    if not len(features):
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    predicted = np.asarray(lightgbm.Booster(model_str=booster).predict(features, num_threads=1))
    scores = np.clip(predicted[:, 1:] / np.array(sureness)[1:], 0, None)
    return scores.argmax(axis=1) + 1, np.clip(scores.max(axis=1), 0, 1)
