"""Judging pairs of articles by their features: unrelated, similar or contradictory.

Learned from pairs known to be defects and from all others, some of which are defects nobody has
listed. What the features are stands in `cxm.methods.article_pairs` and `cxm.methods.conflicts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.boosting import reproducible

CLASSES = ("unrelated", "similar", "contradictory")
RELATIONS = CLASSES[1:]
_SIMILAR, _CONTRADICTORY = 1, 2
_N_TREES = 80
_N_FOLDS = 5
# Similar pairs are judged by the mean of several boosters, thresholds set on several divisions into
# folds: then no single division decides what is found.
_N_JUDGES = 4
_LEAST_SURE = 0.05
# An unlisted pair with this probability of being a defect is no example of an unrelated pair.
_DOUBT = 0.3
_CHOICES = 2
_LEAST_ROWS = 20
# Where nothing is doubted, and what is doubted most, the trees decide all the same.
_LEAST_DOUBT, _MOST_DOUBT = 0.01, 0.97
# A threshold that nothing reaches.
_NEVER = 1 - 1e-6


@dataclass(frozen=True)
class Examples:
    """Pairs of articles and, for each, the sentences it may conflict in.

    `pairs` `(n, f)` features; `conflicts` `(m, g)` features; `owner` `(m,)` the pair of each conflict,
    ascending, the most promising conflict of a pair first, `doubts` `(m,)` what the knowledge base itself
    says of it, 0 to 1. `labels` `(n,)` index `CLASSES`; `weights`
    `(n,)`; rows of one of the `groups` `(n,)` (one pair seen several times) stay together; a
    threshold is chosen on pairs that are `counted` `(n,)`.
    """

    pairs: NDArray[np.float64]
    conflicts: NDArray[np.float64]
    owner: NDArray[np.intp]
    doubts: NDArray[np.float64]
    labels: NDArray[np.intp]
    weights: NDArray[np.float64]
    groups: NDArray[np.intp]
    counted: NDArray[np.bool_]


@dataclass(frozen=True)
class Judge:
    """LightGBM texts (`similar_0`, …, `contradictory`) and one threshold for each of `RELATIONS`."""

    boosters: dict[str, str]
    thresholds: dict[str, float]


def _train(
    features: NDArray[Any],
    is_defect: NDArray[Any],
    weights: NDArray[Any],
    seed: int,
    start: NDArray[np.float64] | None = None,
) -> Any:
    """A booster; from the log odds `start` where they are given, which its raw score leaves out."""
    import lightgbm

    options = {
        "objective": "binary",
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
    # Bagging needs some rows; these say that nothing is a defect.
    n_missing = max(_LEAST_ROWS - len(features), 0)
    if n_missing:
        features = np.vstack([features, np.zeros((n_missing, features.shape[1]))])
        is_defect = np.concatenate([is_defect, np.zeros(n_missing)])
        weights = np.concatenate([weights, np.ones(n_missing)])
        start = None if start is None else np.concatenate([start, np.full(n_missing, start.min(initial=0))])
    data = lightgbm.Dataset(features, is_defect.astype(float), weight=weights, init_score=start)
    return lightgbm.train(options, data, _N_TREES)


def _train_conflicts(
    examples: Examples, rows: NDArray[np.float64], is_used: NDArray[np.bool_], seed: int
) -> Any:
    """A booster over conflicts. Of a contradictory pair one is the contradiction, and no label says
    which: the most promising first, then the one the booster itself finds likeliest (mi-SVM of
    Andrews et al. 2003)."""
    owner = examples.owner
    is_defect = examples.labels == _CONTRADICTORY
    usable = is_used[owner]
    of_defect = usable & is_defect[owner]
    start = _log_odds(examples.doubts)
    most = _most_of_each(owner, np.where(of_defect, examples.doubts, -1), len(is_defect))
    chosen = _first_of_each(owner, of_defect & (examples.doubts == most[owner]))
    for _ in range(_CHOICES):
        kept = (usable & ~is_defect[owner]) | chosen
        booster = _train(rows[kept], is_defect[owner[kept]], examples.weights[owner[kept]], seed, start[kept])
        score = np.full(len(owner), -1.0)
        if of_defect.any():
            score[of_defect] = _predict_conflicts(booster, rows[of_defect], examples.doubts[of_defect])
        best = _most_of_each(owner, score, len(is_defect))
        chosen = _first_of_each(owner, of_defect & (score == best[owner]))
    return booster


def _log_odds(doubts: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.clip(doubts, _LEAST_DOUBT, _MOST_DOUBT)
    return np.log(kept / (1 - kept))


def _predict_conflicts(
    booster: Any, rows: NDArray[np.float64], doubts: NDArray[np.float64]
) -> NDArray[np.float64]:
    raw = np.asarray(booster.predict(rows, raw_score=True, num_threads=1)) + _log_odds(doubts)
    return 1 / (1 + np.exp(-raw))


def _first_of_each(owner: NDArray[np.intp], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.zeros(len(owner), dtype=bool)
    places = np.flatnonzero(mask)
    _, first = np.unique(owner[places], return_index=True)
    found[places[first]] = True
    return found


def _most_of_each(owner: NDArray[np.intp], score: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    best = np.zeros(n)
    np.maximum.at(best, owner, score)
    return best


def _join(examples: Examples) -> NDArray[np.float64]:
    return np.hstack([examples.conflicts, examples.pairs[examples.owner]])


def fit_judge(examples: Examples, seed: int) -> Judge:
    """A judge learned from `examples`, at least one of them a defect.

    A label of 0 may be a defect that nobody listed. Unlisted pairs that look like defects to a judge
    that has not seen them are therefore left out, so that the last judge does not learn them by
    heart as unrelated (the two steps of Liu et al. 2003). For the same reason the threshold of each
    relation is that with the greatest recall² / share found, out of fold, which grows with precision
    x recall and does not ask how many defects were listed (Lee & Liu 2003).
    """
    rows = _join(examples)
    everything = np.ones(len(examples.labels), dtype=bool)
    scores = _predict_out_of_fold(examples, rows, everything, seed)
    doubt = np.zeros(examples.groups.max() + 1)
    unlisted = examples.labels == 0
    sure = np.stack([s / _sureness(s, examples, code) for code, s in enumerate(scores, 1)]).max(axis=0)
    np.maximum.at(doubt, examples.groups[unlisted], sure[unlisted])
    used = ~unlisted | (doubt[examples.groups] < _DOUBT)
    scores = _predict_out_of_fold(examples, rows, used, seed)
    boosters = {
        f"similar_{number}": _train_similar(examples, used, seed + number) for number in range(_N_JUDGES)
    } | {"contradictory": _train_conflicts(examples, rows, used, seed)}
    return Judge(
        {name: str(booster.model_to_string()) for name, booster in boosters.items()},
        {
            name: _best_threshold(s, examples, code)
            for code, (name, s) in enumerate(zip(RELATIONS, scores, strict=True), 1)
        },
    )


def _train_similar(examples: Examples, used: NDArray[np.bool_], seed: int) -> Any:
    return _train(examples.pairs[used], (examples.labels == _SIMILAR)[used], examples.weights[used], seed)


def _predict_out_of_fold(
    examples: Examples, rows: NDArray[np.float64], used: NDArray[np.bool_], seed: int
) -> list[NDArray[np.float64]]:
    n = len(examples.labels)
    scores = [np.zeros(n), np.zeros(n)]
    for judge in range(_N_JUDGES):
        fold = _deal_folds(examples, seed + judge)
        for number in range(_N_FOLDS):
            outside = fold == number
            inside = used & ~outside
            if not (inside.any() and outside.any()):
                continue
            booster = _train_similar(examples, inside, seed + judge)
            scores[0][outside] += booster.predict(examples.pairs[outside], num_threads=1) / _N_JUDGES
            of_outside = outside[examples.owner]
            if judge == 0 and of_outside.any():
                booster = _train_conflicts(examples, rows, inside, seed)
                score = np.zeros(len(rows))
                score[of_outside] = _predict_conflicts(booster, rows[of_outside], examples.doubts[of_outside])
                scores[1][outside] = _most_of_each(examples.owner, score, n)[outside]
    return scores


def _deal_folds(examples: Examples, seed: int) -> NDArray[np.int_]:
    """Fold of each pair; each fold has as many of each label as the others."""
    generator = np.random.default_rng(seed)
    kind = np.full(examples.groups.max() + 1, -1)
    np.maximum.at(kind, examples.groups, examples.labels)
    fold = np.zeros(len(kind), dtype=int)
    for label in range(len(CLASSES)):
        members = np.flatnonzero(kind == label)
        fold[members] = generator.permutation(np.arange(len(members)) % _N_FOLDS)
    return fold[examples.groups]


def _sureness(scores: NDArray[np.float64], examples: Examples, code: int) -> float:
    """Mean probability of the known defects: that of any defect, were all listed (Elkan & Noto 2008)."""
    known = (examples.labels == code) & examples.counted
    return max(float(scores[known].mean()), _LEAST_SURE) if known.any() else 1.0


def _best_threshold(scores: NDArray[np.float64], examples: Examples, code: int) -> float:
    counted = examples.counted
    score, known = scores[counted], (examples.labels == code)[counted]
    if not known.any():
        return _NEVER
    order = np.argsort(-score, kind="stable")
    score, n_right = score[order], known[order].cumsum()
    worth = n_right**2 / np.arange(1, len(score) + 1)
    worth[:-1][score[1:] == score[:-1]] = 0  # equal scores fall together
    last = int(worth.argmax())
    following = score[last + 1] if last + 1 < len(score) else 0.0
    return float(np.clip((score[last] + following) / 2, 1e-6, _NEVER))


def judge_pairs(
    judge: Judge,
    pairs: NDArray[np.float64],
    conflicts: NDArray[np.float64],
    owner: NDArray[np.intp],
    doubts: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """For each pair its likelier defect (an index of `CLASSES`, never 0), how sure that is, and the
    row of its likeliest conflict (-1 without any), `(n,)` each.

    0.5 is the threshold of the relation, whatever its probability.
    """
    import lightgbm

    n = len(pairs)
    probability = np.zeros((2, n))
    likeliest = np.full(n, -1, dtype=np.intp)
    if n:
        texts = [judge.boosters[f"similar_{number}"] for number in range(_N_JUDGES)]
        judges = [lightgbm.Booster(model_str=text).predict(pairs, num_threads=1) for text in texts]
        probability[0] = np.mean(judges, axis=0)
    if len(owner):
        rows = np.hstack([conflicts, pairs[owner]])
        booster = lightgbm.Booster(model_str=judge.boosters["contradictory"])
        score = _predict_conflicts(booster, rows, doubts)
        probability[1] = _most_of_each(owner, score, n)
        first = np.flatnonzero(_first_of_each(owner, score == probability[1][owner]))
        likeliest[owner[first]] = first
    threshold = np.array([judge.thresholds[name] for name in RELATIONS])[:, None]
    sure = np.where(
        probability <= threshold,
        0.5 * probability / threshold,
        0.5 + 0.5 * (probability - threshold) / (1 - threshold),
    )
    return sure.argmax(axis=0) + 1, np.clip(sure.max(axis=0), 0, 1) if n else np.zeros(0), likeliest
