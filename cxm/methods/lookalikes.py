"""Customers who buy like a given set of customers, and how far that can be trusted.

Groups of customers without a given set are segments (`cxm.methods.mixture`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from cxm.errors import CxmError
from cxm.methods.purchases import purchase_features
from cxm.metrics import Estimate, estimate
from cxm.metrics.survival import lift_at_decile

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# From what is known of customers and which of them are seeds: how much others are like them.
Score = Callable[[Floats, Flags, Floats], Floats]

_N_FOLDS = 5
_MIN_SEEDS_FOR_LIFT = 10
_N_NEAREST = 5
_RFM = ("recency_days", "frequency", "monetary")
_CLIP = 3.0


@dataclass(frozen=True)
class Lookalikes:
    """`ranked`: rank, customer_id, score (0-1) of all others, most alike first.

    `lift`: of seeds held out, how many times as many are in the top tenth as by chance; `rfm_lift`: the same
    of the nearest by recency, frequency and monetary. Both None with fewer than ten seeds.
    """

    ranked: pl.DataFrame
    n_seeds: int
    lift: Estimate | None
    rfm_lift: float | None


def rank_lookalikes(transactions: pl.LazyFrame, seeds: Collection[str], seed: int = 7) -> Lookalikes:
    """All other customers with a transaction, by how much they buy like `seeds`.

    A logistic regression takes customers for one of the set by rhythm and money, and by their squares:
    what marks the set may be a middle value. Raises `CxmError` if none of `seeds` has a transaction, or all
    customers are seeds.
    """
    last = transactions.select(pl.col("occurred_at").max()).collect().item()
    if last is None:
        raise CxmError("the table 'transactions' is empty; nothing to compare customers by")
    features = purchase_features(transactions, last)
    given = set(seeds)
    is_seed = features["customer_id"].is_in(list(given)).to_numpy()
    if not is_seed.any() or is_seed.all():
        found = f"{int(is_seed.sum())} of the {len(given)} given customers have a transaction"
        raise CxmError(f"{found}, of {features.height} in all; give some of them, not all")
    matrix = _standard(_numbers(features.select(cs.numeric() | cs.boolean())))
    matrix = _standard(np.column_stack([matrix, np.clip(matrix, -_CLIP, _CLIP) ** 2]))
    ranked = (
        features.select("customer_id", score=pl.Series(_by_regression(matrix, is_seed, matrix)))
        .filter(pl.Series(~is_seed))
        .sort("score", "customer_id", descending=[True, False])
        .select(pl.int_range(1, pl.len() + 1).alias("rank"), "customer_id", "score")
    )
    n_seeds = int(is_seed.sum())
    if n_seeds < _MIN_SEEDS_FOR_LIFT:
        return Lookalikes(ranked, n_seeds, None, None)
    held_out = _held_out(_by_regression, matrix, is_seed, seed)
    lift = estimate(
        "lift_at_decile",
        lambda rows: lift_at_decile(held_out[rows], is_seed[rows]),
        features["customer_id"].to_numpy(),
    )
    rfm = _standard(_numbers(features.select(_RFM)))
    nearest = lift_at_decile(_held_out(_by_nearness, rfm, is_seed, seed), is_seed)
    return Lookalikes(ranked, n_seeds, lift[0] if lift else None, nearest)


def _numbers(features: pl.DataFrame) -> Floats:
    """The features as numbers `(n, n_features)`; 0 where one is not known or not finite."""
    matrix = features.cast(pl.Float64).fill_null(0).to_numpy()
    return np.asarray(np.nan_to_num(matrix, posinf=0, neginf=0))


def _standard(matrix: Floats) -> Floats:
    return np.asarray((matrix - matrix.mean(axis=0)) / np.maximum(matrix.std(axis=0), 1e-9))


def _by_regression(known: Floats, is_seed: Flags, others: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    # Strongly shrunk: seeds are few.
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=500).fit(known, is_seed)
    return np.asarray(model.predict_proba(others)[:, 1], dtype=np.float64)


def _by_nearness(known: Floats, is_seed: Flags, others: Floats) -> Floats:
    from sklearn.neighbors import NearestNeighbors

    n_nearest = min(_N_NEAREST, int(is_seed.sum()))
    distances, _ = NearestNeighbors(n_neighbors=n_nearest).fit(known[is_seed]).kneighbors(others)
    return np.asarray(-distances.mean(axis=1), dtype=np.float64)


def _held_out(score: Score, matrix: Floats, is_seed: Flags, seed: int) -> Floats:
    """The score of each customer by what the other four fifths of customers say."""
    fold = np.random.default_rng(seed).permutation(len(is_seed)) % _N_FOLDS
    scores = np.zeros(len(is_seed))
    for left_out in range(_N_FOLDS):
        known, others = fold != left_out, fold == left_out
        if is_seed[known].any() and not is_seed[known].all():
            scores[others] = score(matrix[known], is_seed[known], matrix[others])
    return scores
