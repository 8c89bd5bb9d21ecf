"""A learned ranker: features of candidates in, one score each out, and a guard that it pays.

LambdaRank over any features of (query, candidate) pairs belongs here; what the features are is the
business of who ranks (`cxm.tasks.article_search`, `cxm.tasks.multi_turn_rag`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.boosting import reproducible

Array = NDArray[np.float64]
Quality = Callable[[Array, NDArray[np.intp]], Array]

_N_TREES = 120
_LEAST_QUERIES = 20


@dataclass(frozen=True)
class Candidates:
    """Candidates of queries, those of one query in a row.

    `features` `(n, n_features)`; `relevance` `(n,)`, 0 and up; `starts` `(n_queries + 1,)`: query q has
    rows `starts[q]:starts[q + 1]`; `plain` `(n,)`: the score without learning, higher is better.
    """

    features: Array
    relevance: Array
    starts: NDArray[np.intp]
    plain: Array

    @property
    def n_queries(self) -> int:
        """How many queries there are."""
        return len(self.starts) - 1

    def take(self, queries: NDArray[np.intp]) -> Candidates:
        """The candidates of some queries, in the order given."""
        sizes = np.diff(self.starts)[queries]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        rows = np.repeat(self.starts[:-1][queries] - starts[:-1], sizes) + np.arange(starts[-1])
        return Candidates(self.features[rows], self.relevance[rows], starts, self.plain[rows])


@dataclass(frozen=True)
class Fit:
    """`booster`: LightGBM text, None where plain scores are to be used.

    `learned` and `plain`: mean quality of both on queries that the ranker had not seen.
    """

    booster: str | None
    learned: float
    plain: float
    n_queries: int


def fit_ranker(candidates: Candidates, folds: NDArray[np.intp], quality: Quality, seed: int) -> Fit:
    """A ranker if it beats plain scores on held-out queries, else none.

    `folds` `(n_queries,)`; `quality(scores (n,), queries (m,))` gives one number a query, higher is
    better. Too few queries, or only one fold, give no ranker. LambdaRank: Burges 2010, "From RankNet to
    LambdaRank to LambdaMART".
    """
    everybody = np.arange(candidates.n_queries)
    plain = quality(candidates.plain, everybody)
    if candidates.n_queries < _LEAST_QUERIES or len(np.unique(folds)) < 2:
        return Fit(None, 0.0, float(plain.mean()) if len(plain) else 0.0, candidates.n_queries)
    scores = np.zeros(len(candidates.plain))
    for fold in np.unique(folds):
        held = folds == fold
        booster = _train(candidates.take(np.flatnonzero(~held)), seed)
        rows = np.repeat(held, np.diff(candidates.starts))
        scores[rows] = _predict(booster, candidates.features[rows])
    learned = quality(scores, everybody)
    is_better = learned.mean() > plain.mean()
    booster = train_forest(candidates, seed) if is_better else None
    return Fit(booster, float(learned.mean()), float(plain.mean()), candidates.n_queries)


def train_forest(candidates: Candidates, seed: int) -> str:
    """A LambdaRank model of the candidates as LightGBM text, without a check that it pays."""
    return str(_train(candidates, seed).model_to_string())


def rank_scores(booster: str, features: Array) -> Array:
    """Scores `(n,)` of candidates, higher is better; no rows give none."""
    import lightgbm

    if not len(features):
        return np.zeros(0)
    return _predict(lightgbm.Booster(model_str=booster), features)


def _train(candidates: Candidates, seed: int) -> Any:
    import lightgbm

    options = {
        "objective": "lambdarank",
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "lambda_l2": 5.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        **reproducible(seed),
    }
    data = lightgbm.Dataset(
        candidates.features, candidates.relevance.astype(int), group=np.diff(candidates.starts)
    )
    return lightgbm.train(options, data, _N_TREES)


def _predict(booster: Any, features: Array) -> Array:
    return np.asarray(booster.predict(features, num_threads=1), dtype=np.float64)
