"""A value with its 95 % interval, by bootstrap over units.

The unit is what was drawn independently: a conversation, a query or a customer, never a single
row of one. Metrics themselves stand in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Statistic = Callable[[Rows], float]

N_RESAMPLES = 300
_SEED = 20
_TAIL = 0.025


@dataclass(frozen=True)
class Estimate:
    """One metric: value, 95 % interval (None where it has no meaning) and rows counted."""

    metric: str
    value: float
    low: float | None
    high: float | None
    n: int


def estimate(
    metric: str,
    statistic: Statistic,
    units: NDArray[Any],
    n_resamples: int = N_RESAMPLES,
    n: int | None = None,
) -> list[Estimate]:
    """The statistic over all rows, with a percentile interval (Efron & Tibshirani 1993, ch. 13).

    `units` `(n_rows,)` names the unit of each row; `statistic` gets row numbers, some repeated, and
    may return NaN where it is not defined. No row, or an undefined value, gives an empty list.
    """
    n_rows = len(units)
    if n_rows == 0:
        return []
    rows = np.arange(n_rows)
    value = float(statistic(rows))
    if not np.isfinite(value):
        return []
    _, unit_of_row = np.unique(units, return_inverse=True)
    n_units = int(unit_of_row.max()) + 1
    generator = np.random.default_rng(_SEED)
    draws = []
    for _ in range(n_resamples):
        counts = np.bincount(generator.integers(0, n_units, n_units), minlength=n_units)
        draws.append(statistic(np.repeat(rows, counts[unit_of_row])))
    finite = np.array(draws)[np.isfinite(draws)]
    low, high = np.quantile(finite, [_TAIL, 1 - _TAIL]) if len(finite) else (value, value)
    return [Estimate(metric, value, min(float(low), value), max(float(high), value), n or n_rows)]


def mean_of(values: NDArray[Any]) -> Statistic:
    """The statistic that averages `values` `(n_rows,)`."""
    array = np.asarray(values, dtype=float)
    return lambda rows: float(array[rows].mean()) if len(rows) else float("nan")
