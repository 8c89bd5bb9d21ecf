"""When customers leave: a hazard that is constant between the days on which something changes.

The cumulative hazard is inverted exactly, stretch by stretch; no day is gone through one by one.
What the hazard of a customer without contacts is stands in `population`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.moments import DAY_SECONDS, Integers
from synth.lives.outcomes import end_days
from synth.lives.population import MOST_A_DAY

if TYPE_CHECKING:
    from synth.setting import Setting

UNRESOLVED_DAYS = 60
"""For so many days an unresolved contact counts, from the day after it ended."""
_STILL_THERE = 1
_UNITS = 2.0**40
"""Parts of a unit of hazard: sums of whole numbers do not depend on what else is summed."""


def decide_leaving(setting: Setting, people: pl.DataFrame, contacts: pl.DataFrame) -> Integers:
    """The day at whose first midnight each customer has left `(n_customers,)`; n_days + 1: not seen to.

    A day's hazard is that of the state in which it begins; who leaves during a day has left at the
    midnight that ends it, so the last one to be seen is the end of observation.
    """
    knobs = setting.knobs
    row, day, weight, mood = _changes(people, contacts)
    n_open = np.cumsum(weight)
    begins = np.searchsorted(row, np.arange(people.height))
    n_open -= (n_open - weight)[begins][row]
    known = np.maximum.accumulate(np.where(mood >= 0, np.arange(len(mood)), 0))
    hazard = people["hazard"].to_numpy()[row]
    hazard = np.where(n_open > 0, hazard * knobs.hazard_unresolved, hazard)
    hazard = np.where(mood[known] == 1, hazard * knobs.hazard_negative_ending, hazard)
    rate = np.maximum(np.round(np.minimum(hazard, MOST_A_DAY) * _UNITS), 1).astype(np.int64)
    until = np.append(day[1:], 0)
    until[np.append(begins[1:], len(row)) - 1] = knobs.n_days
    length = np.maximum(np.minimum(until, knobs.n_days) - np.minimum(day, knobs.n_days), 0)
    after = np.cumsum(rate * length)
    before = after - rate * length
    before -= before[begins][row]
    resistance = np.maximum(np.round(people["resistance"].to_numpy() * _UNITS), 1).astype(np.int64)[row]
    needed = -((before - resistance) // rate)
    left = np.where((resistance > before) & (needed <= length), day + needed, knobs.n_days + _STILL_THERE)
    found: Integers = np.minimum.reduceat(left, begins)
    return found


def _changes(people: pl.DataFrame, contacts: pl.DataFrame) -> tuple[Integers, ...]:
    """Row, day, change in open contacts, and mood from then on (1 bad, 0 not, -1 as before), in order.

    Each customer's first row is the beginning: of observation or, if they joined later, of that.
    """
    n = people.height
    effective = end_days(contacts) + 1
    rows = contacts["row"].to_numpy()
    is_open = ~contacts["is_resolved"].to_numpy()
    mood = contacts["ends_badly"].to_numpy().astype(np.int64)
    joined = np.maximum(people["joined_day"].to_numpy(), 0)
    ends = contacts["day"].to_numpy() * DAY_SECONDS + contacts["end"].to_numpy().astype(np.int64)
    row = np.concatenate([np.arange(n), rows, rows[is_open]])
    day = np.concatenate([joined, effective, effective[is_open] + UNRESOLVED_DAYS])
    nothing, over = np.zeros(n, dtype=np.int64), np.full(is_open.sum(), -1)
    weight = np.concatenate([nothing, is_open.astype(np.int64), over])
    moods = np.concatenate([nothing, mood, over])
    moment = np.concatenate([nothing - 1, ends, over])
    order = np.lexsort((moment, day, row))
    return row[order], day[order], weight[order], moods[order]


def churn_rows(setting: Setting, people: pl.DataFrame, left_days: Integers) -> pl.DataFrame:
    """Rows of `churn_labels`; durations are whole days."""
    left = pl.Series(left_days)
    n_days = setting.knobs.n_days
    return people.select(
        "customer_id",
        duration_days=(left.clip(upper_bound=n_days) - people["joined_day"]).cast(pl.Float64),
        is_churned=left <= n_days,
        entry_days=(-pl.col("joined_day")).clip(lower_bound=0).cast(pl.Float64),
        split="split",
    )
