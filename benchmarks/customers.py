"""Customers: seconds of survival models, at three sizes; transactions and segments: `segments`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.methods.covariates import encode, plan_covariates
from cxm.methods.cox import fit_cox
from cxm.methods.observation import from_entry
from cxm.methods.risk_choice import choose_and_fit
from cxm.methods.tenure_risk import spells_of

_CUSTOMERS = (10_000, 30_000, 100_000)
_N_COVARIATES = 40
_NOT_COVARIATES = ("customer_id", "duration_days", "is_churned", "entry_days")


def run() -> Iterator[Figure]:
    """Three sizes each, the largest held to its limit."""
    for n in _CUSTOMERS:
        labels = _labels(n)
        is_largest = n == _CUSTOMERS[-1]
        seconds = _seconds(partial(_fit_cox, labels))
        yield Figure(f"Cox on {n:,} customers", seconds, "s", "<=", 5.0 if is_largest else None)
        seconds = _seconds(partial(_fit_all, labels))
        limit = 300.0 if is_largest else None
        yield Figure(f"all survival models and stack on {n:,}", seconds, "s", "<=", limit)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _labels(n: int) -> pl.DataFrame:
    generator = np.random.default_rng(7)
    matrix = generator.normal(size=(n, _N_COVARIATES))
    rate = 0.001 * np.exp(matrix[:, :5].sum(axis=1) * 0.3)
    left, end = generator.exponential(1 / rate), generator.uniform(30, 900, n)
    covariates = {f"x{i:02}": matrix[:, i] for i in range(_N_COVARIATES)}
    return pl.DataFrame(
        {
            "customer_id": pl.Series(np.arange(n)).cast(pl.String).str.zfill(7),
            "duration_days": np.minimum(left, end),
            "is_churned": left <= end,
            "entry_days": np.zeros(n),
            **covariates,
        }
    )


def _fit_cox(labels: pl.DataFrame) -> object:
    spells, rows = spells_of(labels)
    plan = plan_covariates(rows, _NOT_COVARIATES)
    return fit_cox(encode(rows, plan), plan, spells, 0.001)


def _fit_all(labels: pl.DataFrame) -> object:
    horizons = np.array([30, 90, 180])
    return choose_and_fit(labels, from_entry(labels), _NOT_COVARIATES, horizons, 90, 5, 0.001, 7)
