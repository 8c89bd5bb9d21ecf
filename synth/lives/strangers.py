"""People who contact us and are not identified: the same mix of reasons and weeks, no history.

Each has one contact; customers are in `population`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.causes import delays_after_purchase, keys_of, pick_by_edges
from synth.lives.drivers import BY_WEEKDAY, Drivers
from synth.lives.moments import Integers
from synth.streams import Floats, Kind, normals, stream

if TYPE_CHECKING:
    from synth.setting import Setting

_LONGEST_AGO = 45


def draw_strangers(setting: Setting, drivers: Drivers, first: int, last: int) -> pl.DataFrame:
    """The contacts of strangers `first` to `last` - 1, columns as those of `causes.first_contacts`."""
    knobs, pack = setting.knobs, setting.pack
    numbers = np.arange(first, last, dtype=np.int64)
    drawn = stream(knobs.seed, Kind.STRANGER, numbers)

    levels, intents_of_day = _daily_levels(setting, drivers)
    place = pick_by_edges(drawn(0), np.cumsum(levels)[None, :])
    kind, day = place // knobs.n_days, place % knobs.n_days
    intent = pick_by_edges(drawn(1), intents_of_day[drivers.months[day]])
    intent = np.where(kind == 1, drivers.incident, intent)
    if len(drivers.launched):
        weights = np.array([pack.intents[i].weight for i in drivers.launched])
        launched = drivers.launched[pick_by_edges(drawn(1), np.cumsum(weights)[None, :])]
        intent = np.where(kind == 2, launched, intent)
    product = _products(setting, drivers, intent, drawn(2))
    after = delays_after_purchase(drawn(3), drivers, intent)
    ordered = day - np.minimum(after, _LONGEST_AGO).astype(np.int64)
    ordered = np.where(kind == 2, np.maximum(ordered, knobs.launch_day or 0), ordered)
    segment = pack.segments[0]
    amount = segment.amount * np.exp(segment.spread * normals(knobs.seed, Kind.STRANGER, numbers, 4))
    return pl.DataFrame(
        {
            "row": np.zeros_like(numbers),
            "number": np.zeros_like(numbers),
            "key": keys_of(drawn(5)),
            "day": day,
            "intent": intent,
            "is_incident": kind == 1,
            "slot": numbers,
            "product": product,
            "amount": np.maximum(np.round(amount, 2), 0.5),
            "ordered_day": ordered,
        }
    )


def _daily_levels(setting: Setting, drivers: Drivers) -> tuple[Floats, Floats]:
    """Contacts to expect on each day: `(3 * n_days,)` ordinary, surplus, launched; and intents by month."""
    knobs = setting.knobs
    days = np.arange(knobs.n_days)
    by_month = drivers.seasons * drivers.shares
    week = BY_WEEKDAY[days % 7]
    ordinary = by_month.sum(axis=1)[drivers.months] * week * (days >= knobs.first_contact_day)
    surplus, launched = np.zeros(knobs.n_days), np.zeros(knobs.n_days)
    if knobs.incident_day is not None:
        usual = by_month[drivers.months, drivers.incident] * week
        surplus = usual * (knobs.incident_factor - 1) * (days >= knobs.incident_day)
    if knobs.launch_day is not None and len(drivers.launched):
        launched = week * knobs.launch_share / (1 - knobs.launch_share) * (days > knobs.launch_day)
    return np.concatenate([ordinary, surplus, launched]), np.cumsum(by_month, axis=1)


def _products(setting: Setting, drivers: Drivers, intents: Integers, drawn: Floats) -> Integers:
    """A product that fits each intent; the launched one for its intents."""
    fits = drivers.fits[intents][:, drivers.families[drivers.sold]]
    nth = np.floor(drawn * np.maximum(fits.sum(axis=1), 1))
    place = (np.cumsum(fits, axis=1) > nth[:, None]).argmax(axis=1)
    products: Integers = drivers.sold[place]
    if setting.catalog.launched is not None:
        products = np.where(drivers.is_launch[intents], setting.catalog.launched.number, products)
    return products
