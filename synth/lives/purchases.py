"""What customers buy, when, and for how much; and the numbers of their orders.

A renewal process in a time that runs faster in a lively season (Erlang distributed gaps, shape 2).
Purchases of the launched product are added by `causes`; what goes wrong with a purchase is there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.knobs import DAYS_PER_YEAR
from synth.lives.moments import Integers, in_order, moment
from synth.streams import Floats, Kind, normals, stream, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

WARM_UP_DAYS = 180
"""Buying is followed since this long before observation, so that it has no visible beginning."""
MOST_PURCHASES = 1500
"""Of one customer; orders with higher numbers are those of the launched product."""
NUMBERS_EACH = 2048
_ROUND = 16
_SEASON, _PEAK_DAY = 0.15, 130
"""The liveliest day of the year, and by how much more than usual is bought then."""
_BY_WEEKDAY = np.array([0.95, 0.9, 0.95, 1.0, 1.1, 1.15, 0.95])
_EARLIEST, _LATEST = 6.5 * 3600, 23 * 3600
_REFUNDED, _REFUND_DAYS = 0.05, (3, 22)
_SMALL, _LARGE = (9_000, 10_000), (90_000, 100_000)
"""Order numbers of eight and of ten digits: their first and last half take so many values."""
_STRANGERS_BEGIN, _N_STRANGERS = 85_000_000, 5_000_000
"""Within the small numbers, above those of the customers who have them."""


def purchase_rate(setting: Setting) -> float:
    """Purchases a customer makes in a day, on average over the segments."""
    segments = setting.pack.segments
    return sum(s.share / s.gap_days for s in segments) / sum(s.share for s in segments)


def draw_purchases(setting: Setting, people: pl.DataFrame) -> pl.DataFrame:
    """All purchases up to the end of observation, sorted by `row` (of the customer) and `day`.

    `slot` numbers a customer's purchases, the first one made on joining or before observation;
    `day` counts from the beginning of observation, `second` from midnight; `product` is a number.
    """
    seed = setting.knobs.seed
    rows, slots, days = _purchase_days(setting, people)
    numbers = people["number"].to_numpy()[rows]
    drawn = stream(seed, Kind.PURCHASE, numbers, slots)

    segments = people["segment"].to_numpy()[rows]
    medians = np.array([s.amount for s in setting.pack.segments])[segments]
    spreads = np.array([s.spread for s in setting.pack.segments])[segments]
    spent = medians * np.exp(spreads * normals(seed, Kind.PURCHASE, numbers, slots, 2))
    sold = np.array([product.number for product in setting.sold])
    return pl.DataFrame(
        {
            "row": rows,
            "slot": slots,
            "day": days,
            "second": np.floor(_EARLIEST + drawn(3) * (_LATEST - _EARLIEST)).astype(np.int64),
            "amount": np.maximum(np.round(spent * people["purse"].to_numpy()[rows], 2), 0.5),
            "product": sold[np.floor(drawn(4) * len(sold)).astype(np.int64)],
        }
    )


def by_slot(purchases: pl.DataFrame) -> pl.DataFrame:
    """Purchases sorted by `row` and `slot`; frames that are nearly so take little time."""
    place = purchases["row"].to_numpy() * NUMBERS_EACH + purchases["slot"].to_numpy()
    return purchases[np.argsort(place, kind="stable")]


def _purchase_days(setting: Setting, people: pl.DataFrame) -> tuple[Integers, Integers, Integers]:
    """Row of the customer, slot and day of all purchases, in order.

    Gaps are drawn a few at a time, for the customers who are not at the end yet.
    """
    knobs = setting.knobs
    days, lively = _lively_time(setting)
    numbers, joined = people["number"].to_numpy(), people["joined_day"].to_numpy()
    earlier = -WARM_UP_DAYS * uniforms(knobs.seed, Kind.PURCHASE, numbers, 0, 0)
    now = np.interp(np.where(joined < -WARM_UP_DAYS, earlier, joined + 0.5), days, lively)
    usual = np.array([s.gap_days for s in setting.pack.segments])[people["segment"].to_numpy()]
    usual = usual / people["tempo"].to_numpy()
    rows: list[Integers] = [np.arange(len(numbers))]
    slots: list[Integers] = [np.zeros(len(numbers), dtype=np.int64)]
    times: list[Floats] = [now.copy()]
    active = np.arange(len(numbers))
    for begin in range(1, MOST_PURCHASES, _ROUND):
        places = np.arange(begin, begin + _ROUND)
        drawn = stream(knobs.seed, Kind.PURCHASE, numbers[active, None], places)
        gaps = -0.5 * (np.log1p(-drawn(0)) + np.log1p(-drawn(1))) * usual[active, None]
        steps = np.cumsum(np.concatenate([now[active, None], gaps], axis=1), axis=1)[:, 1:]
        which, place = np.nonzero(steps < lively[-1])
        rows.append(active[which])
        slots.append(places[place])
        times.append(steps[which, place])
        now[active] = steps[:, -1]
        active = active[steps[:, -1] < lively[-1]]
        if not len(active):
            break
    row, slot = np.concatenate(rows), np.concatenate(slots)
    order = np.argsort(row * NUMBERS_EACH + slot, kind="stable")
    day = np.floor(np.interp(np.concatenate(times), lively, days)).astype(np.int64)
    return row[order], slot[order], np.minimum(day[order], knobs.n_days - 1)


def _lively_time(setting: Setting) -> tuple[Floats, Floats]:
    """Days from the warm-up on, and the time passed by then where lively days count more."""
    knobs = setting.knobs
    days = np.arange(-WARM_UP_DAYS, knobs.n_days + 1, dtype=np.float64)
    from_peak = days[:-1] + knobs.observation_begins.timetuple().tm_yday - _PEAK_DAY
    season = 1 + _SEASON * np.cos(2 * np.pi * from_peak / DAYS_PER_YEAR)
    pace = season * _BY_WEEKDAY[days[:-1].astype(np.int64) % 7]
    return days, np.concatenate([[0.0], np.cumsum(pace)])


def order_numbers(setting: Setting, numbers: Integers, slots: Integers) -> pl.Series:
    """Order numbers: one for each customer number and slot, unlike any other, in no visible order.

    Customer number 0 stands for strangers; their slot is the number of the stranger.
    """
    place = numbers * NUMBERS_EACH + slots
    place = np.where(numbers == 0, _STRANGERS_BEGIN + slots % _N_STRANGERS, place)
    is_small = (numbers == 0) | (place < _STRANGERS_BEGIN)
    digits = _scatter(place, _SMALL, setting.knobs.seed)
    digits[~is_small] = _scatter(place[~is_small], _LARGE, setting.knobs.seed)
    prefix = pl.lit(setting.pack.brand.order_prefix)
    return pl.select(pl.concat_str(prefix, pl.Series(digits).cast(pl.String))).to_series()


def _scatter(place: Integers, halves: tuple[int, int], seed: int) -> Integers:
    """Numbers of even length, another one for each place below their count: a Feistel network."""
    n_left, n_right = halves
    left, right = place // n_right % n_left, place % n_right
    for turn in range(2):
        left = (left + np.floor(n_left * uniforms(seed, Kind.PURCHASE, 0, right, 2 * turn))) % n_left
        right = (right + np.floor(n_right * uniforms(seed, Kind.PURCHASE, 0, left, 2 * turn + 1))) % n_right
    first = n_left // 9
    return ((left + first) * n_right + right).astype(np.int64)


def transaction_rows(
    setting: Setting, people: pl.DataFrame, purchases: pl.DataFrame, left_days: Integers
) -> pl.DataFrame:
    """Rows of `transactions`: purchases and a few refunds from observation's beginning to leaving."""
    rows, slots = purchases["row"].to_numpy(), purchases["slot"].to_numpy()
    numbers = people["number"].to_numpy()[rows]
    left = np.minimum(left_days, setting.knobs.n_days)[rows]
    is_seen = (purchases["day"].to_numpy() >= 0) & (purchases["day"].to_numpy() < left)
    bought = purchases.with_columns(number=numbers, left=left).filter(is_seen)
    bought = bought.with_columns(
        transaction_id=order_numbers(setting, numbers[is_seen], slots[is_seen]),
    )
    numbers, slots = numbers[is_seen], slots[is_seen]
    refunded = uniforms(setting.knobs.seed, Kind.PURCHASE, numbers, slots, 5) < _REFUNDED
    drawn = uniforms(setting.knobs.seed, Kind.PURCHASE, numbers[refunded], slots[refunded], 6)
    low, high = _REFUND_DAYS
    refunds = (
        bought.filter(refunded)
        .with_columns(day=pl.col("day") + pl.Series(low + np.floor(drawn * (high - low))).cast(pl.Int64))
        .filter(pl.col("day") < pl.col("left"))
        .with_columns(transaction_id=pl.col("transaction_id") + "-R", amount=-pl.col("amount"))
    )
    both = in_order(pl.concat([bought, refunds]))
    return both.select(
        "transaction_id",
        customer_id=people["customer_id"].gather(both["row"]),
        occurred_at=moment(setting, pl.col("day"), pl.col("second")),
        amount="amount",
        currency=pl.lit(setting.pack.brand.currency),
    )
