"""A linear ranker of few parameters: for as few labelled queries as people have.

Weights of standardised features, fitted by the softmax over each query's candidates and drawn towards
weights that served other bases. The forest of `cxm.methods.ranker` needs more queries.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cxm.methods.matching import FEATURES
from cxm.methods.ranker import Array, Candidates

PULL = 0.03
_MAX_STEPS = 200
_TINY = 1e-12


@cache
def scales() -> tuple[Array, Array, Array]:
    """Mean, deviation and weight of each of `FEATURES`, as learned from queries of other bases.

    From the train queries of a public manual and of simulated brands, pooled; see `data`.
    """
    text = (files("cxm.methods") / "data" / "search_weights.csv").read_text()
    rows = {row["feature"]: row for row in csv.DictReader(text.splitlines())}
    mean, deviation, weight = (
        np.array([float(rows[name][column]) for name in FEATURES])
        for column in ("mean", "deviation", "weight")
    )
    return mean, deviation, weight


def linear_scores(features: Array, weights: Array) -> Array:
    """Scores `(n,)`, higher is better."""
    mean, deviation, _ = scales()
    return np.asarray((features - mean) / deviation @ weights)


def fit_weights(candidates: Candidates, pull: float = PULL) -> Array:
    """The weights that make relevant candidates likeliest (Cao et al. 2007, ListNet, top one).

    `pull` is the penalty of moving away from the weights of other bases; queries without a relevant
    candidate teach nothing, and no queries leave those weights.
    """
    from scipy.optimize import minimize

    mean, deviation, prior = scales()
    starts = candidates.starts
    sums = np.add.reduceat(candidates.relevance, starts[:-1]) if candidates.n_queries else np.zeros(0)
    taught = candidates.take(np.flatnonzero(sums > 0))
    if not taught.n_queries:
        return prior
    features = (taught.features - mean) / deviation
    sizes, begins = np.diff(taught.starts), taught.starts[:-1]
    target = taught.relevance / np.repeat(np.add.reduceat(taught.relevance, begins), sizes)

    def loss(weights: Array) -> tuple[float, Array]:
        scores = features @ weights
        exponents = np.exp(scores - np.repeat(np.maximum.reduceat(scores, begins), sizes))
        share = exponents / np.repeat(np.add.reduceat(exponents, begins), sizes)
        moved = weights - prior
        missed = -float(target @ np.log(share + _TINY)) / taught.n_queries
        gradient = features.T @ (share - target) / taught.n_queries + 2 * pull * moved
        return missed + pull * float(moved @ moved), gradient

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_STEPS})
    return np.round(np.asarray(found.x), 6)


def centred(scores: Array, starts: NDArray[np.intp]) -> Array:
    """Scores with mean 0 and deviation 1 within each query, so that rankers can be averaged."""
    sizes = np.diff(starts)
    if not len(scores):
        return scores
    counts = np.repeat(sizes, sizes)
    off = scores - np.repeat(np.add.reduceat(scores, starts[:-1]), sizes) / counts
    variance = np.repeat(np.add.reduceat(off**2, starts[:-1]), sizes) / counts
    return np.asarray(off / np.sqrt(variance + _TINY))
