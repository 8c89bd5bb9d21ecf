"""How many are still there by tenure: Kaplan-Meier of everyone and of each group of customers.

Description only, without a model; the cumulative hazards that models stand on are in `hazards`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.methods.hazards import Array, Floats, Spells
from cxm.methods.tenure_risk import spells_of

EVERYONE = "everyone"
_MAX_LEVELS = 6
_MIN_CUSTOMERS = 10
_MAX_COVARIATES = 20
_N_POINTS = 24
_Z95 = 1.959963984540054
_SCHEMA = {
    "covariate": pl.String,
    "level": pl.String,
    "tenure_days": pl.Int32,
    "survival": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n_at_risk": pl.Int32,
}


def survival_curves(labels: pl.DataFrame, skip: tuple[str, ...]) -> pl.DataFrame:
    """`covariate`, `level`, `tenure_days`, `survival`, `low`, `high`, `n_at_risk` at 25 tenures at most.

    `labels`: one row a customer, as `fit_risk` reads them. Groups are the levels of the first 20 covariates
    with two to six of them (text or boolean), and everyone; those of fewer than ten customers are left out.
    """
    spells, rows = spells_of(labels)
    if not rows.height:
        return pl.DataFrame(schema=_SCHEMA)
    tenures = np.unique(np.ceil(np.linspace(0, spells.exit.max(), _N_POINTS + 1)))
    parts = [_of_group(EVERYONE, EVERYONE, spells, tenures)]
    for name, levels in _groupings(rows, skip):
        for level in sorted(set(levels)):
            if len(members := np.flatnonzero(levels == level)) >= _MIN_CUSTOMERS:
                parts.append(_of_group(name, level, spells.take(members), tenures))
    return pl.concat(parts)


def _groupings(rows: pl.DataFrame, skip: tuple[str, ...]) -> list[tuple[str, Array]]:
    found = []
    for name in sorted(c for c in rows.columns if c not in skip and c != EVERYONE):
        if rows[name].dtype in (pl.String, pl.Boolean):
            levels = rows[name].cast(pl.String).str.strip_chars()
            levels = levels.set(levels == "", None).fill_null("unknown")
            if 2 <= levels.n_unique() <= _MAX_LEVELS:
                found.append((name, levels.to_numpy()))
    return found[:_MAX_COVARIATES]


def _of_group(covariate: str, level: str, spells: Spells, tenures: Floats) -> pl.DataFrame:
    survival, low, high, n_at_risk = kaplan_meier(spells, tenures)
    columns = {"tenure_days": tenures, "survival": survival, "low": low, "high": high, "n_at_risk": n_at_risk}
    frame = pl.DataFrame({"covariate": covariate, "level": level} | columns, schema_overrides={})
    # Where nobody is watched the curve says nothing.
    return frame.filter(pl.col("n_at_risk") > 0).cast({k: v for k, v in _SCHEMA.items() if k in columns})


def kaplan_meier(spells: Spells, at: Floats) -> tuple[Floats, Floats, Floats, Array]:
    """Survival at tenures `at`, ends of its 95 % interval, and how many are watched then; `(n_times,)` each.

    Kaplan & Meier (1958) with late entry; the interval is Greenwood's on the log(-log) scale, which stays
    between 0 and 1 (Kalbfleisch & Prentice 1980). Before the first event all three are 1.
    """
    exits, entries = np.sort(spells.exit), np.sort(spells.entry)
    times, n_events = np.unique(spells.exit[spells.is_event], return_counts=True)
    watched = np.searchsorted(entries, times, side="left") - np.searchsorted(exits, times, side="left")
    step = np.searchsorted(times, at, side="right")
    survival = np.concatenate([[1.0], np.cumprod(1 - n_events / np.maximum(watched, 1))])[step]
    left_over = np.maximum(watched - n_events, 0)
    with np.errstate(all="ignore"):
        greenwood = np.concatenate([[0.0], np.cumsum(n_events / (watched * left_over))])[step]
        error = _Z95 * np.sqrt(greenwood) / np.abs(np.log(survival))
        low, high = survival ** np.exp(error), survival ** np.exp(-error)
    is_inside = (survival > 0) & (survival < 1) & np.isfinite(error)
    low, high = np.where(is_inside, low, survival), np.where(is_inside, high, survival)
    n_at_risk = np.searchsorted(entries, at, side="right") - np.searchsorted(exits, at, side="left")
    return survival, low, high, n_at_risk
