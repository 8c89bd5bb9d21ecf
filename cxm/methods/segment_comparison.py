"""One table of ways to group the same customers: how neat, how stable and how useful each is.

The ways themselves stand in `mixture` and `clusterings`; which numbers they are given is decided in
`segment_choice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.clusterings import (
    MOST_IN_PAIRS,
    PAIRWISE,
    Floats,
    Labels,
    Refit,
    alternatives,
    k_means,
    refit_agreement,
    sample_rows,
    separation,
)
from cxm.methods.mixture import Mixture, Settings, refitted, scale
from cxm.methods.rfm import MEASURES, Cuts, add_scores
from cxm.methods.segment_choice import NextPeriod, explained_share
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of

MIXTURE, CELLS, RAW = "gaussian_mixture", "rfm_cell", "k_means_2_raw"
N_REFITS = 10


@dataclass(frozen=True)
class Grouping:
    """The group of some of the customers: `labels` of `rows` of `points`; `refit` does the same anew."""

    points: Floats
    rows: NDArray[np.intp]
    labels: Labels
    refit: Refit | None = None


def groupings(table: pl.DataFrame, mixture: Mixture, cuts: Cuts, settings: Settings) -> dict[str, Grouping]:
    """The mixture, four other ways with as many groups, the classical cells, and the trap, by name.

    All see the mixture's scaled numbers, but for the trap: two means of raw recency, frequency and
    monetary, which look neat by cutting off a handful. DBSCAN and agglomerative see at most 20,000
    customers, drawn at random.
    """
    points, seed = scale(table, mixture.scaling), settings.seed
    everyone = np.arange(table.height)
    k = len(mixture.names)
    refit = refitted(k, mixture.shape, settings.n_starts)
    found = {MIXTURE: Grouping(points, everyone, mixture.components.assign(points), refit)}
    cells = np.unique(add_scores(table, cuts)["rfm_cell"].to_numpy(), return_inverse=True)[1]
    found[CELLS] = Grouping(points, everyone, cells)
    if not 1 < k < table.height:
        return found
    for name, group in alternatives(k, settings.n_starts).items():
        rows = sample_rows(table.height, MOST_IN_PAIRS, seed) if name in PAIRWISE else everyone
        found[name] = Grouping(points, rows, group(points[rows], seed), group)
    raw = table.select(list(MEASURES)).cast(pl.Float64).to_numpy()
    raw = (raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-9)
    two = k_means(2, settings.n_starts)
    found[RAW] = Grouping(raw, everyone, two(raw, seed), two)
    return found


def judge_shape(groups: dict[str, Grouping], seed: int) -> list[dict[str, Any]]:
    """Separation, stability and sizes of each grouping, as rows of `model_comparison` without `task`.

    `n_customers`: how many it was made of.
    """
    rows = []
    for name, group in groups.items():
        points = group.points[group.rows]
        sizes = np.unique(group.labels, return_counts=True)[1]
        found = separation(points, group.labels, seed)
        if found:
            silhouettes = found.pop("silhouette")
            rows += _rows(name, estimate("silhouette", mean_of(silhouettes), np.arange(len(silhouettes))))
        if group.refit:
            rows += stability_rows(name, refit_agreement(points, group.labels, group.refit, N_REFITS, seed))
        found["smallest_share"] = sizes.min() / len(points)
        found |= {"n_segments": float(len(sizes)), "n_customers": float(len(points))}
        rows += [comparison_row(name, metric, value) for metric, value in found.items()]
    return rows


def judge_usefulness(
    groups: dict[str, Grouping], after: NextPeriod, customers: NDArray[Any]
) -> list[dict[str, Any]]:
    """Of groups made before a period, what they explain of it: of spend, and of who is gone."""
    rows = []
    for name, group in groups.items():
        for metric, values in (
            ("spend_explained_share", after.spend[group.rows]),
            ("churn_explained_share", after.is_gone[group.rows]),
        ):
            rows += _rows(name, estimate_explained(metric, values, group.labels, customers[group.rows]))
    return rows


def estimate_explained(
    metric: str, values: NDArray[np.float64], labels: Labels, customers: NDArray[Any]
) -> list[Estimate]:
    """The share of `values` that lies between groups, with its interval over customers."""
    codes = np.unique(labels, return_inverse=True)[1]
    return estimate(metric, lambda drawn: explained_share(values[drawn], codes[drawn]), customers)


def stability_rows(model: str, agreement: list[float]) -> list[dict[str, Any]]:
    """The mean agreement of refits with its interval, as rows of `model_comparison` without `task`."""
    return _rows(model, estimate("stability_ari", mean_of(np.array(agreement)), np.arange(len(agreement))))


def comparison_row(
    model: str, metric: str, value: float, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    """A row of `model_comparison` without `task`."""
    return {"model": model, "metric": metric, "value": float(value), "low": low, "high": high}


def _rows(model: str, estimates: list[Estimate]) -> list[dict[str, Any]]:
    return [comparison_row(model, e.metric, e.value, e.low, e.high) for e in estimates]
