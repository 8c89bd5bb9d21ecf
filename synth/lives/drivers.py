"""Drivers of contact: the pack's intents as arrays, and what they arise from.

How often, from what, in which months and about which products each intent comes. That it does come
to a certain customer is drawn in `causes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synth.lives.moments import Integers
from synth.lives.purchases import purchase_rate
from synth.streams import Floats

if TYPE_CHECKING:
    from synth.packs import Intent, Pack
    from synth.setting import Setting

Booleans = NDArray[np.bool_]

STRAY_SHARE = 0.04
"""Of first contacts, those that are none of our business."""
BY_WEEKDAY = np.array([1.25, 1.1, 1.05, 1.0, 1.0, 0.85, 0.75])
"""Contacts from Monday to Sunday; observation begins on a Monday."""
_BUSY = 2.0
"""How much more often an intent comes in its months."""


class Source(IntEnum):
    """What a contact arises from: each a process of its own in `causes`."""

    NONE = 0
    ANY = 1
    BILL = 2
    PURCHASE = 3
    FAULT = 4
    OWNED = 5


@dataclass(frozen=True)
class Drivers:
    """`shares` `(n_intents,)` of first contacts outside the incident and the launch; sum 1.

    `seasons` `(12, n_intents)`: factor by month, mean 1 over a year. `fits` `(n_intents, n_families)`:
    which families an intent can be about; `reach`: share of sold products that fit. `families`:
    family by product number. `daily`: contacts a day of a customer with frailty 1; `per_purchase`:
    the same for each purchase.
    """

    shares: Floats
    sources: Integers
    seasons: Floats
    fits: Booleans
    reach: Floats
    families: Integers
    sold: Integers
    daily: float
    per_purchase: float
    months: Integers
    launched: Integers
    incident: int
    upset: Floats
    n_tools: Integers
    is_easy: Booleans
    is_stray: Booleans
    is_launch: Booleans

    @property
    def peaks(self) -> Floats:
        """The highest factor of each intent's seasons, times that of the week."""
        peaks: Floats = self.seasons.max(axis=0) * BY_WEEKDAY.max()
        return peaks

    def liveliness(self, days: Any, intents: Any) -> Floats:
        """Factor on an intent's contacts on these days of observation."""
        factors: Floats = self.seasons[self.months[days], intents] * BY_WEEKDAY[days % 7]
        return factors


def weigh_drivers(setting: Setting) -> Drivers:
    """The drivers of a world; an intent that fits none of its products never comes."""
    pack, catalog, knobs = setting.pack, setting.catalog, setting.knobs
    kinds = {family.kind: number for number, family in enumerate(pack.families)}
    families = np.zeros(max(p.number for p in catalog.products) + 1, dtype=np.int64)
    for product in catalog.products:
        families[product.number] = kinds[product.family.kind]
    sold = np.array([product.number for product in setting.sold], dtype=np.int64)
    fits = np.array([[not i.families or kind in i.families for kind in kinds] for i in pack.intents])
    reach = fits[:, families[sold]].mean(axis=1)
    is_launch = np.array([intent.is_launch for intent in pack.intents])
    actions = {tool.tool_name for tool in pack.tools if tool.action}
    daily = knobs.yearly_contacts / 365.25
    first = np.datetime64(knobs.observation_begins.replace(tzinfo=None), "D")
    calendar = first + np.arange(knobs.n_days)
    return Drivers(
        shares=_shares(pack, is_launch | (reach == 0)),
        sources=np.array([_source(intent) for intent in pack.intents], dtype=np.int64),
        seasons=_seasons(pack),
        fits=fits,
        reach=reach,
        families=families,
        sold=sold,
        daily=daily,
        per_purchase=daily / purchase_rate(setting),
        months=calendar.astype("datetime64[M]").astype(np.int64) % 12,
        launched=np.flatnonzero(is_launch) if catalog.launched else np.zeros(0, dtype=np.int64),
        incident=[intent.intent for intent in pack.intents].index(pack.incident.intent),
        upset=np.array([intent.upset for intent in pack.intents]),
        n_tools=np.array([len(intent.tools) for intent in pack.intents], dtype=np.int64),
        is_easy=np.array([_is_easy(intent, actions) for intent in pack.intents]),
        is_stray=np.array([intent.is_stray for intent in pack.intents]),
        is_launch=is_launch,
    )


def _shares(pack: Pack, is_out: Booleans) -> Floats:
    weights = np.array([intent.weight for intent in pack.intents])
    weights[is_out] = 0
    is_stray = np.array([intent.is_stray for intent in pack.intents])
    strays, known = weights[is_stray].sum(), weights[~is_stray].sum()
    stray_share = STRAY_SHARE if strays else 0.0
    shares: Floats = np.where(
        is_stray, weights * stray_share / (strays or 1), weights * (1 - stray_share) / (known or 1)
    )
    return shares


def _source(intent: Intent) -> Source:
    if intent.is_launch:
        return Source.NONE
    if intent.trigger == "purchase":
        return Source.PURCHASE
    if intent.trigger == "fault":
        return Source.FAULT
    if intent.families:
        return Source.OWNED
    return Source.BILL if intent.trigger == "bill" else Source.ANY


def _seasons(pack: Pack) -> Floats:
    seasons = np.ones((12, len(pack.intents)))
    for number, intent in enumerate(pack.intents):
        seasons[[month - 1 for month in intent.months], number] = _BUSY
    normed: Floats = seasons / seasons.mean(axis=0)
    return normed


def _is_easy(intent: Intent, actions: set[str]) -> bool:
    """Whether a bot can settle it: nothing goes wrong, and nothing is to be changed."""
    about_trouble = intent.faults or intent.problems or intent.is_stray or intent.is_launch
    return not about_trouble and not actions & set(intent.tools)
