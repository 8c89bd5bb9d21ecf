"""Metrics of time to event: concordance (Harrell, IPCW), Brier score, lift.

Durations are in days, events boolean, risk is higher for who should leave sooner; all `(n_rows,)`.
NaN where nothing can be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def concordance_index(duration: Array, is_event: Array, risk: Array) -> float:
    """Harrell's C (1982): among comparable pairs, the share where the earlier leaver has more risk."""
    from lifelines.utils import concordance_index as harrell

    if not np.any(is_event):
        return float("nan")
    try:
        return float(harrell(duration, -np.asarray(risk, dtype=float), is_event))
    except ZeroDivisionError:
        return float("nan")


def censoring_survival(duration: Array, is_event: Array, at: Array) -> NDArray[np.float64]:
    """Kaplan-Meier probability that censoring comes after each of `at` (left limits)."""
    order = np.argsort(duration, kind="stable")
    times = np.asarray(duration, dtype=float)[order]
    censored = ~np.asarray(is_event, dtype=bool)[order]
    distinct, first = np.unique(times, return_index=True)
    at_risk = len(times) - first
    n_censored = np.add.reduceat(censored.astype(float), first) if len(times) else np.zeros(0)
    survival = np.concatenate([[1.0], np.cumprod(1 - n_censored / np.maximum(at_risk, 1))])
    return survival[np.searchsorted(distinct, at, side="left")]


def concordance_ipcw(duration: Array, is_event: Array, risk: Array, until: float | None = None) -> float:
    """Uno's C (2011): concordance with each event weighted by the inverse chance of being seen.

    Events after `until` (default: the latest event) do not count.
    """
    duration, risk = np.asarray(duration, dtype=float), np.asarray(risk, dtype=float)
    event = np.asarray(is_event, dtype=bool)
    if until is not None:
        event = event & (duration <= until)
    if not event.any():
        return float("nan")
    weight = 1 / np.maximum(censoring_survival(duration, is_event, duration), 1e-3) ** 2
    # Walk from the longest duration down, counting in a sorted tree of risks seen so far.
    ranks = np.searchsorted(np.unique(risk), risk) + 1
    size = int(ranks.max()) + 1
    tree = np.zeros(size + 1, dtype=np.int64)
    right = total = 0.0
    order = np.argsort(-duration, kind="stable")
    start = 0
    n_seen = 0
    while start < len(order):
        stop = start
        while stop < len(order) and duration[order[stop]] == duration[order[start]]:
            stop += 1
        for i in order[start:stop]:
            if event[i] and n_seen:
                below, upto = _count(tree, ranks[i] - 1), _count(tree, ranks[i])
                right += weight[i] * (below + 0.5 * (upto - below))
                total += weight[i] * n_seen
        for i in order[start:stop]:
            _add(tree, ranks[i])
            n_seen += 1
        start = stop
    return right / total if total else float("nan")


def _add(tree: NDArray[np.int64], rank: int) -> None:
    while rank < len(tree):
        tree[rank] += 1
        rank += rank & -rank


def _count(tree: NDArray[np.int64], rank: int) -> int:
    total = 0
    while rank > 0:
        total += tree[rank]
        rank -= rank & -rank
    return int(total)


def brier_weights(duration: Array, is_event: Array, horizon: float) -> NDArray[np.float64]:
    """What each row counts at `horizon`: the inverse chance of being seen so long, 0 if it was not."""
    duration = np.asarray(duration, dtype=float)
    event = np.asarray(is_event, dtype=bool)
    happened, alive = event & (duration <= horizon), duration > horizon
    weight = np.zeros(len(duration))
    seen = censoring_survival(duration, is_event, np.minimum(duration, horizon))
    weight[happened] = 1 / np.maximum(seen[happened], 1e-3)
    at_horizon = censoring_survival(duration, is_event, np.array([np.nextafter(horizon, np.inf)]))[0]
    weight[alive] = 1 / max(at_horizon, 1e-3)
    return weight


def brier_score(duration: Array, is_event: Array, probability: Array, horizon: float) -> float:
    """Mean squared error of P(event by `horizon`), weighted against censoring (Graf et al. 1999)."""
    weight = brier_weights(duration, is_event, horizon)
    if not weight.any():
        return float("nan")
    happened = np.asarray(is_event, dtype=bool) & (np.asarray(duration, dtype=float) <= horizon)
    return float(np.mean(weight * (happened - np.asarray(probability, dtype=float)) ** 2))


def integrated_brier_score(duration: Array, is_event: Array, probability: Array, horizons: Array) -> float:
    """Brier score averaged over `horizons` `(n_horizons,)` by trapezoid; `probability` is `(n, h)`."""
    scores = [brier_score(duration, is_event, probability[:, i], h) for i, h in enumerate(horizons)]
    if len(scores) == 1:
        return scores[0]
    return float(np.trapezoid(scores, horizons) / (horizons[-1] - horizons[0]))


def lift_at_decile(probability: Array, outcome: Array) -> float:
    """Rate of the outcome in the tenth with the highest probability over the rate of all."""
    outcome = np.asarray(outcome, dtype=float)
    if not len(outcome) or not outcome.mean():
        return float("nan")
    top = np.argsort(-np.asarray(probability, dtype=float), kind="stable")[: max(1, len(outcome) // 10)]
    return float(outcome[top].mean() / outcome.mean())
