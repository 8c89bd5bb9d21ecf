"""Customers who buy like a given set of customers.

Groups of customers without a given set are segments (`cxm.methods.mixture`).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from cxm.errors import CxmError
from cxm.methods.purchases import purchase_features
from cxm.metrics.survival import lift_at_decile

_N_FOLDS = 5
_MIN_SEEDS_FOR_LIFT = 10


def rank_lookalikes(transactions: pl.LazyFrame, seeds: Collection[str], seed: int = 7) -> pl.DataFrame:
    """All other customers with a transaction, most alike first: rank, customer_id, score, lift_at_decile.

    `score` (0-1) is how much a logistic regression takes the customer for one of the set by
    buying rhythm and money. The lift is measured on held-out seeds: how many times as many of them
    are in the top tenth as by chance; null with fewer than ten. Raises `CxmError` if none of
    `seeds` has a transaction, or all customers are seeds.
    """
    last = transactions.select(pl.col("occurred_at").max()).collect().item()
    if last is None:
        raise CxmError("the table 'transactions' is empty; nothing to compare customers by")
    features = purchase_features(transactions, last)
    given = set(seeds)
    is_seed = np.array([customer in given for customer in features["customer_id"]])
    if not is_seed.any() or is_seed.all():
        found = f"{int(is_seed.sum())} of the {len(given)} given customers have a transaction"
        raise CxmError(f"{found}, of {features.height} in all; give some of them, not all")
    matrix = features.select(cs.numeric() | cs.boolean()).cast(pl.Float64).fill_null(0).to_numpy()
    matrix = (matrix - matrix.mean(axis=0)) / np.maximum(matrix.std(axis=0), 1e-9)
    score = _fit_and_score(matrix, is_seed, matrix)
    lift = _held_out_lift(matrix, is_seed, seed) if is_seed.sum() >= _MIN_SEEDS_FOR_LIFT else None
    return (
        features.select("customer_id", score=pl.Series(score))
        .filter(pl.Series(~is_seed))
        .sort("score", "customer_id", descending=[True, False])
        .select(
            pl.int_range(1, pl.len() + 1).alias("rank"),
            "customer_id",
            "score",
            lift_at_decile=pl.lit(lift, dtype=pl.Float64),
        )
    )


def _fit_and_score(
    matrix: NDArray[np.float64], is_seed: NDArray[np.bool_], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=500).fit(matrix, is_seed)
    return np.asarray(model.predict_proba(others)[:, 1], dtype=np.float64)


def _held_out_lift(matrix: NDArray[np.float64], is_seed: NDArray[np.bool_], seed: int) -> float:
    fold = np.random.default_rng(seed).permutation(len(is_seed)) % _N_FOLDS
    score = np.zeros(len(is_seed))
    for left_out in range(_N_FOLDS):
        train, test = fold != left_out, fold == left_out
        if is_seed[train].any():
            score[test] = _fit_and_score(matrix[train], is_seed[train], matrix[test])
    return lift_at_decile(score, is_seed)
