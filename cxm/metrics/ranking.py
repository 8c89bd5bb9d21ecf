"""Metrics of ranked lists: hit, recall, reciprocal rank, nDCG, set F1.

Each takes one ranking and its right answers; a task averages them over queries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np


def hit_at(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1 if a relevant item is among the first k."""
    return float(any(item in relevant for item in ranked[:k]))


def recall_at(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share of the relevant items among the first k; NaN if nothing is relevant."""
    return sum(item in relevant for item in ranked[:k]) / len(relevant) if relevant else float("nan")


def reciprocal_rank_at(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1 / rank of the first relevant item among the first k, else 0."""
    return next((1 / (i + 1) for i, item in enumerate(ranked[:k]) if item in relevant), 0.0)


def ndcg_at(ranked: Sequence[str], relevance: Mapping[str, int], k: int) -> float:
    """Discounted cumulative gain over the best possible (Järvelin & Kekäläinen 2002, linear gain)."""
    gains = [relevance.get(item, 0) for item in ranked[:k]]
    best = sorted(relevance.values(), reverse=True)[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = float(np.dot(best, discounts[: len(best)]))
    return float(np.dot(gains, discounts[: len(gains)])) / ideal if ideal else float("nan")


def set_f1(found: Collection[object], right: Collection[object]) -> float:
    """F1 of two sets; 1 if both are empty."""
    if not found and not right:
        return 1.0
    return 2 * len(set(found) & set(right)) / (len(set(found)) + len(set(right)))
