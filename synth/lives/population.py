"""Who the customers are: traits, plan, segment, when they joined, how apt they are to leave.

One row a customer, drawn from the customer's number alone. What they do is in the other modules of
`lives`; a further trait of `customers` is a column here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synth.lives.moments import moment
from synth.streams import Floats, Kind, choose, exponentials, normals, split_of, stream, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

DAYS_PER_MONTH = 30.4375
_JOINED_BEFORE, _LONGEST_TENURE = 0.7, 1500
_PRICE_RISE, _AUTOPAY = 0.42, 0.55
_AGES, _YOUNGEST, _OLDEST, _REFERENCE_AGE = (46.0, 14.0), 18, 88, 45
_TEMPO_SPREAD, _PURSE_SPREAD = 0.35, 0.2
MOST_A_DAY = 5.0
"""The highest daily hazard: with it almost no one stays for a second day."""


def draw_plans(setting: Setting, kind: Kind, numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    """Each person's plan, as its place in the pack."""
    shares = [plan.share for plan in setting.pack.plans]
    return choose(uniforms(setting.knobs.seed, kind, numbers, 4), shares)


def draw_population(setting: Setting, first: int, last: int) -> pl.DataFrame:
    """Customers `first` to `last` - 1, a row each in this order.

    `joined_day` counts from the beginning of observation (negative: before), `bill_day` is the day
    of their first bill from then on. `tempo` and `purse` are factors on how often and for how much a
    customer buys, `frailty` on how often they contact us (mean 1 each); `hazard` is the daily hazard
    of leaving without contacts, `resistance` the cumulative hazard at which they leave.
    """
    pack, knobs = setting.pack, setting.knobs
    numbers = np.arange(first, last, dtype=np.int64)
    drawn = stream(knobs.seed, Kind.CUSTOMER, numbers)

    is_older = drawn(0) < _JOINED_BEFORE
    before = -1 - np.floor(drawn(1) ** 1.3 * _LONGEST_TENURE)
    joined_day = np.where(is_older, before, np.floor(drawn(1) * knobs.n_days)).astype(np.int64)
    ages = _AGES[0] + _AGES[1] * normals(knobs.seed, Kind.CUSTOMER, numbers, 2)
    people = pl.DataFrame(
        {
            "number": numbers,
            "joined_day": joined_day,
            "segment": choose(drawn(3), [segment.share for segment in pack.segments]),
            "plan": draw_plans(setting, Kind.CUSTOMER, numbers),
            "region": np.floor(drawn(5) * len(pack.regions)).astype(np.int64),
            "age": np.clip(np.round(ages), _YOUNGEST, _OLDEST).astype(np.int64),
            # The fee was raised when observation began, for a random part of those who were there.
            "has_price_rise": is_older & (drawn(6) < _PRICE_RISE),
            "has_autopay": drawn(7) < _AUTOPAY,
            "tempo": _lognormals(setting, numbers, 8, _TEMPO_SPREAD),
            "purse": _lognormals(setting, numbers, 9, _PURSE_SPREAD),
            # Gamma distributed with shape 2.
            "frailty": -0.5 * np.log1p(-drawn(10)) - 0.5 * np.log1p(-drawn(11)),
            "bill_day": np.floor(drawn(12) * DAYS_PER_MONTH).astype(np.int64),
            "resistance": exponentials(knobs.seed, Kind.CUSTOMER, numbers, 13),
            "split": split_of(drawn(14)),
        }
    )
    return people.with_columns(
        customer_id=pl.format("C{}", pl.col("number").cast(pl.String).str.zfill(6)),
        hazard=_base_hazards(setting, people),
    )


def _lognormals(setting: Setting, numbers: np.ndarray, place: int, spread: float) -> Floats:
    """Log-normal factors with mean 1."""
    drawn: Floats = np.exp(
        spread * normals(setting.knobs.seed, Kind.CUSTOMER, numbers, place) - spread**2 / 2
    )
    return drawn


def _base_hazards(setting: Setting, people: pl.DataFrame) -> Floats:
    """Daily hazard by plan, price rise, automatic payment and age."""
    knobs = setting.knobs
    plans = np.array([plan.hazard_ratio for plan in setting.pack.plans])
    hazards: Floats = (
        knobs.monthly_hazard
        / DAYS_PER_MONTH
        * (plans / plans[0])[people["plan"].to_numpy()]
        * np.where(people["has_price_rise"].to_numpy(), knobs.hazard_price_rise, 1.0)
        * np.where(people["has_autopay"].to_numpy(), knobs.hazard_autopay, 1.0)
        * knobs.hazard_age_decade ** ((people["age"].to_numpy() - _REFERENCE_AGE) / 10)
    )
    return np.minimum(hazards, MOST_A_DAY)


def customer_rows(setting: Setting, people: pl.DataFrame) -> pl.DataFrame:
    """Rows of `customers`."""
    plans = pl.Series([plan.plan for plan in setting.pack.plans], dtype=pl.String)
    regions = pl.Series(setting.pack.regions, dtype=pl.String)
    return people.select(
        "customer_id",
        joined_at=moment(setting, pl.col("joined_day")),
        plan=plans.gather(people["plan"]),
        region=regions.gather(people["region"]),
        age=pl.col("age").cast(pl.Int32),
        has_price_rise=pl.col("has_price_rise"),
        has_autopay=pl.col("has_autopay"),
    )


def segment_rows(setting: Setting, people: pl.DataFrame) -> pl.DataFrame:
    """Rows of `segment_labels`."""
    segments = pl.Series([segment.segment for segment in setting.pack.segments], dtype=pl.String)
    return people.select("customer_id", segment=segments.gather(people["segment"]))
