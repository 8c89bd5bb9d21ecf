"""Customers: seconds for millions of transactions, segments and survival models, at three sizes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.methods.covariates import encode, plan_covariates
from cxm.methods.cox import fit_cox
from cxm.methods.mixture import fit_mixture
from cxm.methods.observation import from_entry
from cxm.methods.rfm import rfm_table
from cxm.methods.risk_choice import choose_and_fit
from cxm.methods.tenure_risk import spells_of

_END = datetime(2026, 8, 1, tzinfo=UTC)
_BEGIN = int((_END - timedelta(days=400)).timestamp() * 1_000_000)
_TRANSACTIONS = (1_000_000, 3_000_000, 10_000_000)
_CUSTOMERS = (10_000, 30_000, 100_000)
_N_COVARIATES = 40
_NOT_COVARIATES = ("customer_id", "duration_days", "is_churned", "entry_days")


def run() -> list[Figure]:
    """Three sizes each, the largest held to its limit."""
    figures = []
    for n in _TRANSACTIONS:
        transactions = _transactions(n, max(n // 20, 1)).lazy()
        limit = 10.0 if n == _TRANSACTIONS[-1] else None
        seconds = _seconds(partial(rfm_table, transactions, _END, 90))
        figures.append(Figure(f"RFM of {n:,} transactions", seconds, "s", "<=", limit))
    for n in _CUSTOMERS:
        table = rfm_table(_transactions(10 * n, n).lazy(), _END, 90)
        limit = 15.0 if n == _CUSTOMERS[-1] else None
        seconds = _seconds(partial(fit_mixture, table, 3, 10, 0.01, 10, 7))
        figures.append(Figure(f"mixtures of 3 to 10 on {n:,} customers", seconds, "s", "<=", limit))
    for n in _CUSTOMERS:
        labels = _labels(n)
        is_largest = n == _CUSTOMERS[-1]
        seconds = _seconds(partial(_fit_cox, labels))
        figures.append(Figure(f"Cox on {n:,} customers", seconds, "s", "<=", 5.0 if is_largest else None))
        seconds = _seconds(partial(_fit_all, labels))
        limit = 300.0 if is_largest else None
        figures.append(Figure(f"all survival models and stack on {n:,}", seconds, "s", "<=", limit))
    return figures


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _transactions(n: int, n_customers: int) -> pl.DataFrame:
    generator = np.random.default_rng(7)
    customer = generator.integers(0, n_customers, n)
    second = (generator.uniform(0, 1, n) * 400 * 86_400).astype(np.int64)
    return pl.DataFrame(
        {
            "customer_id": pl.Series(customer).cast(pl.String),
            "occurred_at": (pl.Series(second * 1_000_000) + _BEGIN).cast(pl.Datetime("us", "UTC")),
            "amount": np.round(generator.lognormal(3, 1, n), 2),
        }
    )


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
