"""Whether what is said to happen happens as often: predicted against observed, by tenth of the risk.

A description of out-of-fold probabilities; the single figure made of it stands in `risk_scores`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cxm.methods.hazards import Array

_N_BINS = 10
_Z95 = 1.959963984540054


def calibration_curve(
    horizon: int, probability: Array, outcome: Array, weight: Array
) -> list[dict[str, Any]]:
    """Records `horizon_days`, `bin` (1 lowest), `n`, `probability`, `frequency`, `low`, `high`.

    Ten bins of equal count, fewer with fewer rows; `weight` `(n_rows,)` makes good for rows whose outcome
    was not seen, whose own is 0 (Graf et al. 1999). The interval is Wilson's (1927) at the effective count
    (Kish 1965). Bins without a seen outcome are left out.
    """
    records = []
    order = np.argsort(probability, kind="stable")
    for i, rows in enumerate(np.array_split(order, min(_N_BINS, len(order))) if len(order) else []):
        of_bin = weight[rows]
        if not of_bin.any():
            continue
        frequency = float(np.average(np.asarray(outcome, dtype=float)[rows], weights=of_bin))
        low, high = _wilson(frequency, float(of_bin.sum() ** 2 / (of_bin @ of_bin)))
        record: dict[str, Any] = {"horizon_days": horizon, "bin": i + 1, "n": len(rows)}
        record |= {"probability": float(probability[rows].mean()), "frequency": frequency}
        records.append(record | {"low": min(low, frequency), "high": max(high, frequency)})
    return records


def _wilson(share: float, n: float) -> tuple[float, float]:
    square = _Z95**2 / n
    middle, half = share + square / 2, float(np.sqrt(square * (share * (1 - share) + square / 4)))
    return max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0)
