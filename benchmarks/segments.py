"""Segments: seconds and memory for millions of transactions, three sizes; a published comparison repeated.

The comparison: five clusterings of raw recency, frequency and monetary, each with the number of groups of
the best silhouette, beside what they explain of the next period, and beside the segments of the task.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.figure import SHARED_DATA, Figure, absent, peak_gigabytes
from cxm.methods.clusterings import Floats, Labels, alternatives, separation
from cxm.methods.mixture import Settings, fit_mixture
from cxm.methods.observation import days_before
from cxm.methods.rfm import MEASURES, rfm_table
from cxm.methods.segment_choice import choose_numbers, explained_share, next_period

_FOLDER = "online_retail"
_END = datetime(2026, 8, 1, tzinfo=UTC)
_BEGIN = int((_END - timedelta(days=400)).timestamp() * 1_000_000)
_TRANSACTIONS = (1_000_000, 3_000_000, 10_000_000)
_CUSTOMERS = (10_000, 30_000, 100_000)
_EACH = 20
_PART = 1_000_000
_PERIOD_DAYS = 90
_STUDY_GROUPS = range(2, 11)


def run() -> list[Figure]:
    """Three sizes each, the largest held to its limit; then the published comparison."""
    figures = []
    for n in _TRANSACTIONS:
        is_largest = n == _TRANSACTIONS[-1]
        with tempfile.TemporaryDirectory() as folder:
            _write(n, Path(folder))
            call = f"from benchmarks.segments import measure; measure({folder!r})"
            done = subprocess.run([sys.executable, "-c", call], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        name = f"RFM of {n:,} transactions"
        figures.append(Figure(name, found["seconds"], "s", "<=", 10.0 if is_largest else None))
        figures.append(Figure(f"{name}: peak memory", found["gb"], "GB", "<", 4.0 if is_largest else None))
    for n in _CUSTOMERS:
        table = rfm_table(transactions(10 * n, n, 0).lazy(), _END, _PERIOD_DAYS)
        begin = time.perf_counter()
        fit_mixture(table, Settings())
        limit = 15.0 if n == _CUSTOMERS[-1] else None
        name = f"mixtures of 3 to 10 on {n:,} customers"
        figures.append(Figure(name, time.perf_counter() - begin, "s", "<=", limit))
    if not (SHARED_DATA / _FOLDER).is_dir():
        return [*figures, absent("five clusterings compared", _FOLDER)]
    return [*figures, *_study(pl.scan_parquet(SHARED_DATA / _FOLDER / "transactions.parquet"))]


def measure(folder: str) -> None:
    """Print, as JSON, seconds and peak memory of RFM over the Parquet files of a folder."""
    begin = time.perf_counter()
    rfm_table(pl.scan_parquet(f"{folder}/*.parquet"), _END, _PERIOD_DAYS)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "gb": peak_gigabytes()}))


def _write(n: int, folder: Path) -> None:
    for part in range(n // _PART):
        transactions(_PART, n // _EACH, part).write_parquet(folder / f"{part:03}.parquet")


def transactions(n: int, n_customers: int, seed: int) -> pl.DataFrame:
    """Made-up transactions of 400 days: customers and moments at random, amounts log-normal."""
    generator = np.random.default_rng([7, seed])
    customer = generator.integers(0, n_customers, n)
    second = (generator.uniform(0, 1, n) * 400 * 86_400).astype(np.int64)
    return pl.DataFrame(
        {
            "customer_id": pl.Series(customer).cast(pl.String),
            "occurred_at": (pl.Series(second * 1_000_000) + _BEGIN).cast(pl.Datetime("us", "UTC")),
            "amount": np.round(generator.lognormal(3, 1, n), 2),
        }
    )


# ------------------------------------------------------------------ the published comparison


def _mixture(k: int) -> Callable[[Floats, int], Labels]:
    def group(points: Floats, seed: int) -> Labels:
        from sklearn.mixture import GaussianMixture

        return np.asarray(GaussianMixture(k, n_init=3, random_state=seed).fit_predict(points))

    return group


def _study(transactions: pl.LazyFrame) -> list[Figure]:
    end = transactions.select(pl.col("occurred_at").max()).collect().item()
    cut = days_before(end, _PERIOD_DAYS)
    now, then = (rfm_table(transactions, moment, _PERIOD_DAYS) for moment in (end, cut))
    spend = next_period(transactions, then, cut, end).spend
    raw_now, raw_then = _raw(now), _raw(then)
    figures = []
    for name in ("gaussian_mixture", "k_means", "agglomerative", "birch", "dbscan"):

        def grouped(k: int, way: str = name) -> Callable[[Floats, int], Labels]:
            return _mixture(k) if way == "gaussian_mixture" else alternatives(k, 3)[way]

        tried = [2] if name == "dbscan" else list(_STUDY_GROUPS)
        found = {k: grouped(k)(raw_now, 7) for k in tried}
        scores = {k: _silhouette(raw_now, labels) for k, labels in found.items()}
        k = max(scores, key=lambda k: (scores[k], -k))
        sizes = np.unique(found[k], return_counts=True)[1]
        explained = explained_share(spend, grouped(k)(raw_then, 7))
        note = f"{len(sizes)} groups, smallest {sizes.min()} of {now.height}; next spend {explained:.3f}"
        figures.append(Figure(f"raw RFM, best silhouette: {name}", scores[k], "", note=note))
    choice = choose_numbers(transactions, cut, _PERIOD_DAYS, Settings())
    ours = fit_mixture(then, Settings(), choice.numbers, choice.shape)[0]
    explained = explained_share(spend, np.array(ours.assign(then)))
    note = f"{len(ours.names)} segments"
    return [*figures, Figure("segments of the task: next spend explained", explained, "", note=note)]


def _raw(table: pl.DataFrame) -> NDArray[np.float64]:
    raw = table.select(list(MEASURES)).cast(pl.Float64).to_numpy()
    return np.asarray((raw - raw.mean(axis=0)) / raw.std(axis=0))


def _silhouette(points: Floats, labels: Labels) -> float:
    found = separation(points, labels, 7)
    return float(found["silhouette"].mean()) if found else -1.0
