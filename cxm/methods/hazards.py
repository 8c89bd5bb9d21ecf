"""Cumulative hazards over tenure: without covariates (Nelson-Aalen), and by a LightGBM in discrete time.

Tenure is in whole days: an event on day 30.4 has happened by day 31. The proportional-hazards model
stands in `cox`; choosing between them in `risk_choice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.boosting import reproducible

Array = NDArray[Any]
Floats = NDArray[np.float64]

_MAX_INTERVALS = 24
_MAX_ROWS = 2_000_000
_TAIL = 0.75


@dataclass(frozen=True)
class Spells:
    """Time under observation, `(n_rows,)` each: `entry` < `exit` in whole days, and how it ended."""

    entry: Floats
    exit: Floats
    is_event: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.exit)

    def take(self, rows: Array) -> Spells:
        """The spells of these rows."""
        return Spells(self.entry[rows], self.exit[rows], self.is_event[rows])


def whole_days(duration: Array, is_event: Array, entry: Array) -> tuple[Spells, NDArray[np.bool_]]:
    """Spells in whole days, and which rows they are: those without any time under observation are left out.

    A departure on the very first day counts on day 1.
    """
    event = np.asarray(is_event, dtype=bool)
    start = np.floor(np.nan_to_num(np.asarray(entry, dtype=float)))
    stop = np.ceil(np.asarray(duration, dtype=float))
    stop = np.where(event & (start == 0), np.maximum(stop, 1), stop)
    kept = stop > start
    return Spells(start[kept], stop[kept], event[kept]), kept


@dataclass(frozen=True)
class Curve:
    """A cumulative hazard: a step function over `times`, continued beyond `limit` at its late pace."""

    times: Floats
    values: Floats
    limit: float

    def at(self, days: Array) -> Floats:
        """The cumulative hazard at `days`, any shape."""
        steps = np.concatenate([[0.0], self.values])
        inside = steps[np.searchsorted(self.times, np.minimum(days, self.limit), side="right")]
        ends = steps[np.searchsorted(self.times, [_TAIL * self.limit, self.limit], side="right")]
        pace = (ends[1] - ends[0]) / max((1 - _TAIL) * self.limit, 1.0)
        return np.asarray(inside + pace * np.maximum(np.asarray(days, dtype=float) - self.limit, 0))


def nelson_aalen(spells: Spells) -> Curve:
    """The cumulative hazard of everyone (Nelson 1969, Aalen 1978), late entry allowed.

    Without a single event it rises at half an event over all time observed (Jeffreys' prior), so that
    nobody is certain to stay.
    """
    limit = float(spells.exit.max()) if len(spells) else 1.0
    if not spells.is_event.any():
        exposure = float((spells.exit - spells.entry).sum())
        days = np.arange(1.0, limit + 1)
        return Curve(days, 0.5 / max(exposure, 1.0) * days, limit)
    times, n_events = np.unique(spells.exit[spells.is_event], return_counts=True)
    n_left = np.searchsorted(np.sort(spells.exit), times, side="left")
    n_entered = np.searchsorted(np.sort(spells.entry), times, side="left")
    return Curve(times, np.cumsum(n_events / np.maximum(n_entered - n_left, 1)), limit)


# ------------------------------------------------------------------ LightGBM in discrete time


@dataclass(frozen=True)
class BoostedHazard:
    """Hazard of each interval `(edges[k], edges[k + 1]]`: a logit of its own plus trees over covariates.

    Within an interval it goes as `course`, everyone's: where departures fall on a month's end only, none
    is expected before it.
    """

    edges: Floats
    base: Floats
    booster: str
    course: Curve

    def cumulative(self, matrix: Floats) -> Floats:
        """Cumulative hazard at each edge, `(n_rows, n_edges)`, 0 at the first."""
        from lightgbm import Booster

        booster = Booster(model_str=self.booster)
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        totals = np.zeros((len(matrix), len(self.edges)))
        for k, middle in enumerate(middles):
            rows = np.column_stack([matrix, np.full(len(matrix), middle)])
            logit = self.base[k] + booster.predict(rows, raw_score=True, num_threads=1) if len(rows) else 0.0
            totals[:, k + 1] = totals[:, k] + np.logaddexp(0, logit)  # -log(1 - hazard)
        return totals

    def at(self, matrix: Floats, days: Floats) -> Floats:
        """Cumulative hazard of each row at its columns of `days` `(n_rows, n_times)`."""
        totals = self.cumulative(matrix)
        k = np.clip(np.searchsorted(self.edges, days, side="left") - 1, 0, len(self.edges) - 2)
        low, high = np.take_along_axis(totals, k, 1), np.take_along_axis(totals, k + 1, 1)
        share = self._passed(days, k)
        limit = self.edges[-1]
        tail = int(np.clip(np.searchsorted(self.edges, _TAIL * limit), 0, len(self.edges) - 2))
        pace = (totals[:, -1] - totals[:, tail]) / (limit - self.edges[tail])
        return np.asarray(low + share * (high - low) + pace[:, None] * np.maximum(days - limit, 0))

    def _passed(self, days: Floats, k: Array) -> Floats:
        """Share of the hazard of interval `k` that lies before `days`; even where nobody left in it."""
        start, stop = self.edges[k], self.edges[k + 1]
        before = self.course.at(start)
        within = self.course.at(stop) - before
        even = np.minimum((days - start) / (stop - start), 1)
        passed = self.course.at(np.minimum(days, stop)) - before
        return np.where(within > 0, passed / np.where(within > 0, within, 1), even)

    def contributions(self, matrix: Floats, tenure: Floats) -> Floats:
        """What each covariate adds to the logit at a tenure: SHAP values `(n_rows, n_terms)`."""
        from lightgbm import Booster

        if not len(matrix):
            return np.zeros_like(matrix)
        rows = np.column_stack([matrix, tenure])
        values = np.asarray(Booster(model_str=self.booster).predict(rows, pred_contrib=True, num_threads=1))
        return values[:, : matrix.shape[1]]


def _edges(spells: Spells) -> Floats:
    events = spells.exit[spells.is_event]
    quantiles = np.quantile(events, np.linspace(0, 1, _MAX_INTERVALS + 1)[1:], method="higher")
    return np.unique(np.concatenate([[0.0], np.ceil(quantiles), [spells.exit.max()]]))


def _person_periods(spells: Spells, edges: Floats) -> tuple[Array, Array, Array, Array]:
    """(row, interval, left in it, share of it observed) for every interval a row was observed in."""
    starts, stops = edges[:-1], edges[1:]
    seen = np.minimum(spells.exit[:, None], stops) - np.maximum(spells.entry[:, None], starts)
    row, interval = np.nonzero(seen > 0)
    left = spells.is_event[row] & (spells.exit[row] <= stops[interval])
    share = seen[row, interval] / (stops - starts)[interval]
    return row, interval, left, np.where(left, 1.0, share)


def fit_boosted_hazard(matrix: Floats, spells: Spells, seed: int) -> BoostedHazard:
    """A discrete-time hazard by gradient boosting (Singer & Willett 1993; at most 24 intervals).

    An interval that was observed in part weighs as its part. Needs at least one event. The trees only
    learn what differs from the hazard of everyone in that interval.
    """
    import lightgbm

    edges = _edges(spells)
    generator = np.random.default_rng(seed)
    most = _MAX_ROWS // (len(edges) - 1)
    sample = np.sort(generator.permutation(len(spells))[:most])
    matrix, spells = matrix[sample], spells.take(sample)
    row, interval, left, weight = _person_periods(spells, edges)
    n_left = np.bincount(interval, left * weight, len(edges) - 1)
    n_seen = np.bincount(interval, weight, len(edges) - 1)
    hazard = (n_left + 0.5) / (n_seen + 1)
    base = np.log(hazard / (1 - hazard))
    middles = (edges[:-1] + edges[1:]) / 2
    data = lightgbm.Dataset(
        np.column_stack([matrix[row], middles[interval]]),
        label=left.astype(float),
        weight=weight,
        init_score=base[interval],
        params={"verbosity": -1},
    )
    settings = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": 0.06,
        "num_leaves": 6,
        "feature_fraction": 0.5,
        "min_data_in_leaf": max(5, min(200, len(row) // 50)),
        "lambda_l2": 5.0,
        **reproducible(seed),
    }
    booster = lightgbm.train(settings, data, num_boost_round=200)
    return BoostedHazard(edges, base, booster.model_to_string(), nelson_aalen(spells))
