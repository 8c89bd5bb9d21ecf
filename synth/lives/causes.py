"""Why contacts come about: purchases, bills, faults, the incident, the launched product.

Every process is a thinned Poisson process of one customer: as many candidates as at the liveliest
time, of which those stay whose day is lively enough. Follow-ups of a contact are in `matters`.
A new reason for contact is a `Source` and a process here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.drivers import BY_WEEKDAY, Drivers, Source
from synth.lives.moments import Integers
from synth.lives.population import DAYS_PER_MONTH
from synth.lives.purchases import MOST_PURCHASES, NUMBERS_EACH, WARM_UP_DAYS, by_slot
from synth.streams import Floats, Kind, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

_CELL_DAYS = 28
_PER_PURCHASE = (Source.PURCHASE, Source.FAULT, Source.OWNED)
_AFTER_PURCHASE_DAYS, _AFTER_BILL_DAYS = 25, 10
_UNTIL_FAULT_DAYS, _UNTIL_QUESTION_DAYS = 100.0, 60.0
_LONGEST_DELAY = 400
_NO_PURCHASE = -1
_ORDINARY, _SURPLUS, _LAUNCH = 0, 10, 20
"""Where the numbers of the processes begin, for draws of their own."""


def first_contacts(
    setting: Setting, drivers: Drivers, people: pl.DataFrame, purchases: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What each customer contacts us for, follow-ups left out; and the purchases, launched ones added.

    Contacts have `row` (of the customer), `number`, `key` (names its random streams), `day`, `intent`,
    `is_incident`, and of the purchase they are about `slot`, `ordered_day`, `product`, `amount`.
    """
    knobs = setting.knobs
    window = (knobs.first_contact_day, knobs.n_days)
    found = [_ordinary(setting, drivers, people, purchases, drivers.shares, window, _ORDINARY)]
    if knobs.incident_day is not None:
        surplus = np.zeros_like(drivers.shares)
        surplus[drivers.incident] = drivers.shares[drivers.incident] * (knobs.incident_factor - 1)
        week = (knobs.incident_day, knobs.n_days)
        found.append(_ordinary(setting, drivers, people, purchases, surplus, week, _SURPLUS))
    contacts = _about_purchases(pl.concat(found), purchases, knobs.n_days)
    if knobs.launch_day is not None and len(drivers.launched):
        launched = _launched(setting, drivers, people, knobs.launch_day)
        contacts = pl.concat([contacts, launched.select(contacts.columns)])
        bought = launched.select(
            "row", "slot", "amount", "product", day="ordered_day", second=pl.lit(12 * 3600, pl.Int64)
        )
        purchases = by_slot(pl.concat([purchases, bought.select(purchases.columns)]))
    return contacts, purchases


def _ordinary(
    setting: Setting,
    drivers: Drivers,
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    shares: Floats,
    window: tuple[int, int],
    process: int,
) -> pl.DataFrame:
    """Contacts on the days of a window from all sources, with these shares of the daily contacts."""
    parts = [
        _over_time(setting, drivers, people, shares, window, process),
        _after_bills(setting, drivers, people, shares, window, process),
        _after_purchases(setting, drivers, people, purchases, shares, window, process),
    ]
    both = pl.concat(parts)
    days, intents = both["day"].to_numpy(), both["intent"].to_numpy()
    is_within = (days >= window[0]) & (days < window[1])
    factors = drivers.liveliness(np.where(is_within, days, 0), intents) / drivers.peaks[intents]
    thinning = uniforms(setting.knobs.seed, Kind.CONTACT, both["key"].to_numpy(), 0)
    joined = people["joined_day"].to_numpy()[both["row"].to_numpy()]
    return both.filter(is_within & (thinning < factors) & (days > joined)).with_columns(
        is_incident=pl.lit(process == _SURPLUS)
    )


def _over_time(
    setting: Setting,
    drivers: Drivers,
    people: pl.DataFrame,
    shares: Floats,
    window: tuple[int, int],
    process: int,
) -> pl.DataFrame:
    """Contacts at any time, in cells of four weeks."""
    wanted = np.where(drivers.sources == Source.ANY, shares * drivers.peaks, 0.0)
    cells = np.arange(window[0] // _CELL_DAYS, -(-window[1] // _CELL_DAYS))
    row, cell = (grid.ravel() for grid in np.indices((people.height, len(cells))))
    means = people["frailty"].to_numpy()[row] * (drivers.daily * _CELL_DAYS * wanted.sum())
    some = _strike(setting, people, row, cells[cell], means, process + Source.ANY)
    day = some["unit"].to_numpy() * _CELL_DAYS + np.floor(_draw(setting, some, 2) * _CELL_DAYS)
    intent = pick_by_edges(_draw(setting, some, 1), np.cumsum(wanted)[None, :])
    return _candidates(some, day, intent)


def _after_bills(
    setting: Setting,
    drivers: Drivers,
    people: pl.DataFrame,
    shares: Floats,
    window: tuple[int, int],
    process: int,
) -> pl.DataFrame:
    """Contacts in the days after a monthly bill."""
    wanted = np.where(drivers.sources == Source.BILL, shares * drivers.peaks, 0.0)
    first, last = (int(day / DAYS_PER_MONTH) for day in window)
    bills = np.arange(max(first - 1, 0), last + 1)
    row, bill = (grid.ravel() for grid in np.indices((people.height, len(bills))))
    means = people["frailty"].to_numpy()[row] * (drivers.daily * DAYS_PER_MONTH * wanted.sum())
    some = _strike(setting, people, row, bills[bill], means, process + Source.BILL)
    billed = people["bill_day"].to_numpy()[some["row"].to_numpy()]
    billed = billed + np.floor(some["unit"].to_numpy() * DAYS_PER_MONTH)
    day = billed + np.floor(_draw(setting, some, 2) ** 1.5 * _AFTER_BILL_DAYS)
    intent = pick_by_edges(_draw(setting, some, 1), np.cumsum(wanted)[None, :])
    return _candidates(some, day, intent)


def _after_purchases(
    setting: Setting,
    drivers: Drivers,
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    shares: Floats,
    window: tuple[int, int],
    process: int,
) -> pl.DataFrame:
    """Contacts about a purchase: soon after it, when it breaks, or when a question comes up.

    An intent that fits few products comes the more often with those, so that its share is kept.
    """
    is_ours = np.isin(drivers.sources, _PER_PURCHASE) & (drivers.reach > 0)
    wanted = np.where(is_ours, shares * drivers.peaks / np.maximum(drivers.reach, 1e-9), 0.0)
    by_family = np.cumsum(drivers.fits.T * wanted, axis=1)
    days = purchases["day"].to_numpy()
    near = np.flatnonzero((days > window[0] - _LONGEST_DELAY) & (days < window[1]))
    row, slot = purchases["row"].to_numpy()[near], purchases["slot"].to_numpy()[near]
    family = drivers.families[purchases["product"].to_numpy()[near]]
    means = people["frailty"].to_numpy()[row] * drivers.per_purchase * by_family[family, -1]
    some = _strike(setting, people, row, slot, means, process + Source.PURCHASE, near)
    purchase = some["purchase"].to_numpy()
    intent = pick_by_edges(
        _draw(setting, some, 1), by_family[drivers.families[purchases["product"].to_numpy()[purchase]]]
    )
    return _candidates(
        some, days[purchase] + delays_after_purchase(_draw(setting, some, 2), drivers, intent), intent
    )


def delays_after_purchase(drawn: Floats, drivers: Drivers, intents: Integers) -> Floats:
    """Days from a purchase to the contact, at least one."""
    rare = -np.log1p(-drawn)
    source = drivers.sources[intents]
    return np.select(
        [source == Source.PURCHASE, source == Source.FAULT],
        [
            1 + np.floor(drawn**1.6 * _AFTER_PURCHASE_DAYS),
            3 + np.floor(rare * _UNTIL_FAULT_DAYS),
        ],
        1 + np.floor(rare * _UNTIL_QUESTION_DAYS),
    )


def _launched(setting: Setting, drivers: Drivers, people: pl.DataFrame, launch_day: int) -> pl.DataFrame:
    """Contacts about the launched product, each with the purchase of it."""
    knobs, product = setting.knobs, setting.catalog.launched
    assert product is not None
    rate = drivers.daily * knobs.launch_share / (1 - knobs.launch_share) * BY_WEEKDAY.max()
    cells = np.arange(launch_day // _CELL_DAYS, -(-knobs.n_days // _CELL_DAYS))
    row, cell = (grid.ravel() for grid in np.indices((people.height, len(cells))))
    means = people["frailty"].to_numpy()[row] * (rate * _CELL_DAYS)
    some = _strike(setting, people, row, cells[cell], means, _LAUNCH)
    weights = np.array([setting.pack.intents[i].weight for i in drivers.launched])
    rows = some["row"].to_numpy()
    day = some["unit"].to_numpy() * _CELL_DAYS + np.floor(_draw(setting, some, 2) * _CELL_DAYS)
    earliest = np.maximum(launch_day, people["joined_day"].to_numpy()[rows])
    ordered = np.maximum(earliest, day - 1 - np.floor(_draw(setting, some, 3) * _AFTER_PURCHASE_DAYS))
    is_kept = (day > earliest) & (day < knobs.n_days)
    is_kept &= _draw(setting, some, 0) < BY_WEEKDAY[day.astype(np.int64) % 7] / BY_WEEKDAY.max()
    intent = drivers.launched[pick_by_edges(_draw(setting, some, 1), np.cumsum(weights)[None, :])]
    prices = np.round(product.price * (0.9 + 0.2 * _draw(setting, some, 4)), 2)
    return (
        _candidates(some, day, intent)
        .with_columns(
            slot=MOST_PURCHASES + pl.int_range(pl.len()).over("row"),
            ordered_day=ordered.astype(np.int64),
            product=pl.lit(product.number, pl.Int64),
            amount=prices,
            is_incident=pl.lit(False),
        )
        .filter(pl.Series(is_kept) & (pl.col("slot") < NUMBERS_EACH))
    )


# ------------------------------------------------------------------ candidates


def _strike(
    setting: Setting,
    people: pl.DataFrame,
    rows: Integers,
    units: Integers,
    means: Floats,
    process: int,
    purchases: Integers | None = None,
) -> pl.DataFrame:
    """As many rows for each unit of a customer as a Poisson number with its mean."""
    numbers = people["number"].to_numpy()
    able = np.flatnonzero(means)
    drawn = uniforms(setting.knobs.seed, Kind.CONTACT, numbers[rows[able]], process, units[able])
    counts = poisson_numbers(drawn, means[able])
    hit = np.repeat(able, counts)
    nth = np.arange(len(hit)) - np.repeat(np.cumsum(counts) - counts, counts)
    number = numbers[rows[hit]]
    keys = keys_of(uniforms(setting.knobs.seed, Kind.CONTACT, number, process, units[hit], nth))
    purchase = np.full(len(hit), _NO_PURCHASE) if purchases is None else purchases[hit]
    return pl.DataFrame(
        {"row": rows[hit], "number": number, "unit": units[hit], "key": keys, "purchase": purchase}
    )


def poisson_numbers(drawn: Floats, means: Floats) -> Integers:
    """Poisson numbers with these means (up to 700), by inversion of uniform ones."""
    counts = np.zeros(len(drawn), dtype=np.int64)
    chances = np.exp(-means)
    reached = chances.copy()
    open_ = np.flatnonzero(drawn >= reached)
    while len(open_):
        counts[open_] += 1
        chances[open_] *= means[open_] / counts[open_]
        reached[open_] += chances[open_]
        open_ = open_[(drawn[open_] >= reached[open_]) & (chances[open_] > 0)]
    return counts


def keys_of(drawn: Floats) -> Integers:
    """Whole numbers that name streams, one for each uniform number."""
    keys: Integers = (drawn * 2.0**53).astype(np.int64)
    return keys


def _draw(setting: Setting, some: pl.DataFrame, place: int) -> Floats:
    return uniforms(setting.knobs.seed, Kind.CONTACT, some["key"].to_numpy(), place)


def pick_by_edges(drawn: Floats, edges: Floats) -> Integers:
    """The option each number falls on, by cumulative weights `(n or 1, n_options)`."""
    place = (edges <= drawn[:, None] * edges[:, -1:]).sum(axis=1)
    found: Integers = np.minimum(place, edges.shape[1] - 1)
    return found


def _candidates(some: pl.DataFrame, day: Floats, intent: Integers) -> pl.DataFrame:
    return some.select(
        "row", "number", "key", "purchase", day=pl.Series(day.astype(np.int64)), intent=pl.Series(intent)
    )


def _about_purchases(contacts: pl.DataFrame, purchases: pl.DataFrame, n_days: int) -> pl.DataFrame:
    """With the purchase each is about: its own, or the last one before the day of the contact."""
    span = n_days + WARM_UP_DAYS
    place = purchases["row"].to_numpy() * span + purchases["day"].to_numpy()
    until = contacts["row"].to_numpy() * span + contacts["day"].to_numpy()
    own = contacts["purchase"].to_numpy()
    last = np.searchsorted(place, until, side="left") - 1
    about = purchases[np.where(own == _NO_PURCHASE, last, own)]
    return contacts.drop("purchase").with_columns(
        about["slot"], about["product"], about["amount"], about["day"].alias("ordered_day")
    )
