"""Which ranker orders the articles of a search: learned ones tried against plain fusion, on queries unseen.

The candidates for ranking a search, and the check that another than plain fusion pays, belong here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxm.methods.linear_ranker import centred, fit_weights, linear_scores, scales
from cxm.methods.matching import FEATURES
from cxm.methods.ranker import Array, Candidates, rank_scores, train_forest
from cxm.methods.retrieval import choose

PLAIN = "fusion"
_GENERAL, _LINEAR, _BOTH = "fusion and weights of other bases", "linear", "linear and LambdaRank"
_FUSION_WEIGHTS = (0.25, 0.65)
_LEAST_QUERIES = 20
_LEAST_FOR_FOREST = 60


@dataclass(frozen=True)
class SearchRanker:
    """How candidates are scored: `name` says by what, `weights` are linear, `forest` LightGBM text.

    With `is_half_plain` plain fusion has half a say.
    """

    name: str = PLAIN
    weights: tuple[float, ...] = ()
    forest: str = ""
    is_half_plain: bool = False

    def scores(self, features: Array, plain: Array, starts: NDArray[np.intp]) -> Array:
        """Scores `(n,)` of candidates, higher is better; `plain` is returned where nothing is learned."""
        if not self.weights:
            return plain
        linear = linear_scores(features, np.array(self.weights))
        if self.is_half_plain:
            return centred(linear, starts) + centred(plain, starts)
        if not self.forest:
            return linear
        return centred(linear, starts) + centred(rank_scores(self.forest, features), starts)


@dataclass(frozen=True)
class Trial:
    """A way to rank and the reciprocal rank and first hit of each query that it had not seen."""

    name: str
    reciprocal_ranks: Array
    hits: Array


def learn_ranker(
    candidates: Candidates, folds: NDArray[np.intp], seed: int, is_labelled: bool = True
) -> tuple[SearchRanker, list[Trial]]:
    """The ranker to use and what was tried; plain fusion unless another pays on queries not chosen on.

    Each way is fitted without a fold and asked about it; the choice among ways is itself checked on
    held-out folds (`choose`). With `is_labelled=False` the queries were made, not asked: they may only
    decide for weights that served other bases, with half a say. Fewer than 20 queries decide nothing.
    """
    if candidates.n_queries < _LEAST_QUERIES or len(np.unique(folds)) < 2:
        return SearchRanker(), []
    ways = [PLAIN, _GENERAL]
    if is_labelled:
        ways += [f"fusion, {weight:.2f} dense" for weight in _FUSION_WEIGHTS]
        ways += [_LINEAR, _BOTH][: 1 + (candidates.n_queries >= _LEAST_FOR_FOREST)]
    trials = []
    for name in ways:
        scores = np.zeros(len(candidates.plain))
        for fold in np.unique(folds) if name in (_LINEAR, _BOTH) else []:
            held = np.repeat(folds == fold, np.diff(candidates.starts))
            ranker = _fit(name, candidates.take(np.flatnonzero(folds != fold)), seed)
            part = candidates.take(np.flatnonzero(folds == fold))
            scores[held] = ranker.scores(part.features, part.plain, part.starts)
        if name not in (_LINEAR, _BOTH):
            scores = _fit(name, candidates, seed).scores(
                candidates.features, candidates.plain, candidates.starts
            )
        trials.append(Trial(name, *_quality(candidates, scores)))
    chosen = choose(np.stack([trial.reciprocal_ranks + trial.hits for trial in trials]), folds)
    return _fit(trials[chosen].name, candidates, seed), trials


def _fit(name: str, candidates: Candidates, seed: int) -> SearchRanker:
    if name == PLAIN:
        return SearchRanker()
    if name == _GENERAL:
        # Weights learned elsewhere alone once ranked a base of another kind worse than plain fusion.
        return SearchRanker(name, tuple(scales()[2].tolist()), is_half_plain=True)
    if name.endswith(" dense"):
        return SearchRanker(name, _fusion_weights(float(name.split()[1])))
    weights = tuple(fit_weights(candidates).tolist())
    return SearchRanker(name, weights, train_forest(candidates, seed) if name == _BOTH else "")


def _fusion_weights(dense: float) -> tuple[float, ...]:
    """A fused score as a linear one, by the weights of its two features."""
    raw = {"cosine": dense, "lexical": 1 - dense}
    return tuple(float(raw.get(name, 0.0) * d) for name, d in zip(FEATURES, scales()[1], strict=True))


def _quality(candidates: Candidates, scores: Array) -> tuple[Array, Array]:
    """Reciprocal rank of the first relevant candidate among ten, and whether it is the first."""
    ranks = np.zeros(candidates.n_queries)
    rounded = np.round(scores, 6)
    for query, (start, stop) in enumerate(zip(candidates.starts[:-1], candidates.starts[1:], strict=True)):
        order = np.argsort(-rounded[start:stop], kind="stable")[:10]
        right = np.flatnonzero(candidates.relevance[start:stop][order] > 0)
        ranks[query] = 1 / (1 + right[0]) if len(right) else 0.0
    return ranks, (ranks == 1).astype(np.float64)
