"""Judging pairs of articles by their features: unrelated, similar or contradictory.

Learned from pairs known to be defects and from all others, some of which are defects nobody has
listed. What the features are stands in `cxm.methods.article_pairs` and `cxm.methods.conflicts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.boosting import reproducible

CLASSES = ("unrelated", "similar", "contradictory")
RELATIONS = CLASSES[1:]
_SIMILAR, _CONTRADICTORY = 1, 2
_N_TREES = 80
_N_FOLDS = 5
# Pairs are judged by the mean over several divisions into folds: no single one decides what is found.
_N_DIVISIONS = 4
_LEAST_SURE = 0.05
# An unlisted pair with this probability of being a defect is no example of an unrelated pair.
_DOUBT = 0.3
_CHOICES = 2
_LEAST_ROWS = 20
# Where nothing is doubted, and what is doubted most, the trees decide all the same.
_LEAST_DOUBT, _MOST_DOUBT = 0.01, 0.97
_LEAST_CHANCE = 1e-6
# Of the defects of a base, the share that is known: labels are samples of what people came upon.
_KNOWN_SHARE = 0.35
# How far the count of known defects is trusted beside what is expected: relations that are easily told
# apart can be counted, of the others a few more or less known ones would decide.
_COUNTED = {"similar": 0.25, "contradictory": 0.0}
_SURE = 1 - 1e-6
"""A threshold that nothing reaches."""


@dataclass(frozen=True)
class Examples:
    """Pairs of articles and, for each, the sentences it may conflict in.

    `pairs` `(n, f)` features; `conflicts` `(m, g)` features; `owner` `(m,)` the pair of each conflict,
    ascending, the most promising conflict of a pair first, `doubts` `(m,)` what the knowledge base itself
    says of it, 0 to 1. `labels` `(n,)` index `CLASSES`; `weights`
    `(n,)`; rows with one of the `keys` `(n,)` (one pair seen several times, see `key_pairs`) stay
    together; a threshold is chosen on pairs that are `counted` `(n,)`.
    """

    pairs: NDArray[np.float64]
    conflicts: NDArray[np.float64]
    owner: NDArray[np.intp]
    doubts: NDArray[np.float64]
    labels: NDArray[np.intp]
    weights: NDArray[np.float64]
    keys: NDArray[np.uint64]
    counted: NDArray[np.bool_]


@dataclass(frozen=True)
class Judge:
    """LightGBM texts, `similar_<division>_<fold>` and `contradictory_…`, each of one that has not seen
    the pairs of that fold; one threshold for each of `RELATIONS`."""

    boosters: dict[str, str]
    thresholds: dict[str, float]


def key_pairs(left: Iterable[str], right: Iterable[str]) -> NDArray[np.uint64]:
    """A number for each pair of ids, `(n,)`, the same whenever and wherever the pair is met."""
    digests = (
        blake2b(f"{one}\x00{other}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for one, other in zip(left, right, strict=True)
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


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
    start = _log_odds(examples.doubts, _LEAST_DOUBT, _MOST_DOUBT)
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


def _log_odds(chances: NDArray[np.float64], least: float, most: float) -> NDArray[np.float64]:
    kept = np.clip(chances, least, most)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def _predict_conflicts(
    booster: Any, rows: NDArray[np.float64], doubts: NDArray[np.float64]
) -> NDArray[np.float64]:
    raw: NDArray[np.float64] = np.asarray(booster.predict(rows, raw_score=True, num_threads=1))
    raw += _log_odds(doubts, _LEAST_DOUBT, _MOST_DOUBT)
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-raw))
    return chance


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
    that has not seen them are therefore no examples of unrelated ones (the two steps of Liu et al.
    2003), and every pair is judged by boosters that have not seen it: then those that were listed as
    unrelated are judged like any other, and a threshold chosen on the known pairs is right for the rest.
    """
    rows = _join(examples)
    everything = np.ones(len(examples.labels), dtype=bool)
    _, scores = _cross_fit(examples, rows, everything, seed, 1)
    names, group = np.unique(examples.keys, return_inverse=True)
    doubt = np.zeros(len(names))
    unlisted = examples.labels == 0
    sure = np.stack([s / _sureness(s, examples, code) for code, s in enumerate(scores, 1)]).max(axis=0)
    np.maximum.at(doubt, group[unlisted], sure[unlisted])
    boosters, scores = _cross_fit(examples, rows, ~unlisted | (doubt[group] < _DOUBT), seed, _N_DIVISIONS)
    return Judge(
        boosters,
        {
            name: _best_threshold(s, examples, code)
            for code, (name, s) in enumerate(zip(RELATIONS, scores, strict=True), 1)
        },
    )


def _train_similar(examples: Examples, used: NDArray[np.bool_], seed: int) -> Any:
    return _train(examples.pairs[used], (examples.labels == _SIMILAR)[used], examples.weights[used], seed)


def _cross_fit(
    examples: Examples, rows: NDArray[np.float64], used: NDArray[np.bool_], seed: int, n_divisions: int
) -> tuple[dict[str, str], NDArray[np.float64]]:
    """Boosters as in `Judge`, and what they say of pairs that they have not seen, `(2, n)`."""
    boosters: dict[str, str] = {}
    for division in range(n_divisions):
        fold = _deal_folds(examples.keys, division)
        for number in range(_N_FOLDS):
            inside = used & (fold != number)
            for name, booster in (
                ("similar", _train_similar(examples, inside, seed + division)),
                ("contradictory", _train_conflicts(examples, rows, inside, seed + division)),
            ):
                boosters[f"{name}_{division}_{number}"] = str(booster.model_to_string())
    probability, _ = _judge(
        boosters, n_divisions, examples.pairs, rows, examples.owner, examples.doubts, examples.keys
    )
    return boosters, probability


def _deal_folds(keys: NDArray[np.uint64], division: int) -> NDArray[np.int_]:
    """Fold of each pair: the digits of its key are as good as random."""
    return ((keys // np.uint64(_N_FOLDS**division)) % np.uint64(_N_FOLDS)).astype(int)


def _sureness(scores: NDArray[np.float64], examples: Examples, code: int) -> float:
    """Mean probability of the known defects: that of any defect, were all listed (Elkan & Noto 2008)."""
    known = (examples.labels == code) & examples.counted
    return max(float(scores[known].mean()), _LEAST_SURE) if known.any() else 1.0


def _best_threshold(scores: NDArray[np.float64], examples: Examples, code: int) -> float:
    """The threshold with the greatest F1 to be expected (Lewis 1995), from calibrated probabilities (Platt
    2000): counts of a handful of known defects would jump from one to the next."""
    from sklearn.linear_model import LogisticRegression

    score, known = scores[examples.counted], (examples.labels == code)[examples.counted]
    if not known.any() or known.all():
        return _SURE
    odds = _log_odds(score, _LEAST_CHANCE, 1 - _LEAST_CHANCE)[:, None]
    chance = LogisticRegression(C=10).fit(odds, known).predict_proba(odds)[:, 1]
    order = np.argsort(-score, kind="stable")
    counted = _COUNTED[CLASSES[code]]
    score, right = score[order], (1 - counted) * chance[order] + counted * known[order]
    n_right = right.cumsum()
    expected = 2 * n_right / (_KNOWN_SHARE * np.arange(1, len(score) + 1) + known.sum())
    expected[:-1][score[1:] == score[:-1]] = 0  # equal scores fall together
    last = int(expected.argmax())
    following = score[last + 1] if last + 1 < len(score) else 0.0
    return float(np.clip((score[last] + following) / 2, 1e-6, _SURE))


def judge_pairs(
    judge: Judge,
    pairs: NDArray[np.float64],
    conflicts: NDArray[np.float64],
    owner: NDArray[np.intp],
    doubts: NDArray[np.float64],
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """For each pair its likelier defect (an index of `CLASSES`, never 0), how sure that is, and the
    row of its likeliest conflict (-1 without any), `(n,)` each.

    0.5 is the threshold of the relation, whatever its probability.
    """
    rows = np.hstack([conflicts, pairs[owner]])
    probability, likeliest = _judge(judge.boosters, _N_DIVISIONS, pairs, rows, owner, doubts, keys)
    threshold = np.array([judge.thresholds[name] for name in RELATIONS])[:, None]
    sure = np.where(
        probability <= threshold,
        0.5 * probability / threshold,
        0.5 + 0.5 * (probability - threshold) / (1 - threshold),
    )
    return sure.argmax(axis=0) + 1, np.clip(sure.max(axis=0), 0, 1), likeliest


def _judge(
    boosters: Mapping[str, str],
    n_divisions: int,
    pairs: NDArray[np.float64],
    rows: NDArray[np.float64],
    owner: NDArray[np.intp],
    doubts: NDArray[np.float64],
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Probability of either relation `(2, n)`, and the likeliest conflict of each pair (-1 without any)."""
    import lightgbm

    n = len(pairs)
    similar, of_row = np.zeros(n), np.zeros(len(rows))
    for division in range(n_divisions):
        fold = _deal_folds(keys, division)
        for number in range(_N_FOLDS):
            inside = fold == number
            if inside.any():
                booster = lightgbm.Booster(model_str=boosters[f"similar_{division}_{number}"])
                similar[inside] += booster.predict(pairs[inside], num_threads=1) / n_divisions
            inside = inside[owner]
            if inside.any():
                booster = lightgbm.Booster(model_str=boosters[f"contradictory_{division}_{number}"])
                of_row[inside] += _predict_conflicts(booster, rows[inside], doubts[inside]) / n_divisions
    contradictory = _most_of_each(owner, of_row, n)
    first = np.flatnonzero(_first_of_each(owner, of_row == contradictory[owner]))
    likeliest = np.full(n, -1, dtype=np.intp)
    likeliest[owner[first]] = first
    return np.stack([similar, contradictory]), likeliest
