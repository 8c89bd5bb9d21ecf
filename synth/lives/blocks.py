"""Whole lives, a block of customers at a time, as frames ready for the tables.

The one place where the parts of a life come together; each part has a module of its own. Blocks of
any size give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.browsing import event_rows
from synth.lives.causes import first_contacts
from synth.lives.clock import CHANNELS
from synth.lives.contact import PERSONAS
from synth.lives.drivers import weigh_drivers
from synth.lives.leaving import churn_rows, decide_leaving
from synth.lives.moments import moment
from synth.lives.outcomes import settle
from synth.lives.population import customer_rows, draw_population, segment_rows
from synth.lives.purchases import draw_purchases, order_numbers, transaction_rows
from synth.lives.strangers import draw_strangers
from synth.lives.surveys import survey
from synth.packs import BEHAVIOURS
from synth.streams import Kind, choose, split_of, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

CONTACT_COLUMNS = (
    "conversation_id", "customer", "number", "customer_id", "mark", "split",
    "intent", "product", "fact", "trouble", "agent", "colleague", "channel", "persona",
    "started_at", "ended_at", "handle_seconds", "hold_seconds", "acw_seconds", "wait_seconds",
    "order", "amount", "ordered_on", "days",
    "is_upset", "is_abandoned", "is_bot_only", "is_transferred", "is_resolved", "is_misled", "ends_badly",
    "is_repeat", "repeat_of", "generation", "is_incident",
    *(f"does_{behaviour}" for behaviour in BEHAVIOURS),
    "felt_csat", "csat", "nps", "ces",
)  # fmt: skip
"""Of the frame of contacts. `customer`: number, 0 for a stranger; `number`: of the contact among the
customer's (of the stranger); `mark`: uniform, for sampling; `intent`, `agent`, `colleague`: places in
pack and setting; `product`: number; `fact`, `trouble`: keys; `repeat_of`: the contact before on the
same matter, `generation`: how many there are before; `days`: since the order."""


@dataclass(frozen=True)
class CustomerBlock:
    """Rows of the tables about some customers, sorted by customer and time; and their contacts."""

    customers: pl.DataFrame
    transactions: pl.DataFrame
    events: pl.DataFrame
    churn_labels: pl.DataFrame
    segment_labels: pl.DataFrame
    contacts: pl.DataFrame


def simulate_customers(setting: Setting, first: int, last: int) -> CustomerBlock:
    """The lives of customers `first` to `last` - 1 (numbers from 1)."""
    drivers = weigh_drivers(setting)
    people = draw_population(setting, first, last)
    matters, purchases = first_contacts(setting, drivers, people, draw_purchases(setting, people))
    own = _personas(setting, Kind.CUSTOMER, people["number"].to_numpy())[matters["row"].to_numpy()]
    contacts = pl.concat(settle(setting, drivers, matters, own))
    left_days = decide_leaving(setting, people, contacts)
    contacts = contacts.filter(pl.col("day") < pl.Series(left_days).gather(contacts["row"]))
    contacts = contacts.sort("number", "day", "start", "key").with_columns(
        customer="number", number=1 + pl.int_range(pl.len()).over("number")
    )
    return CustomerBlock(
        customers=customer_rows(setting, people),
        transactions=transaction_rows(setting, people, purchases, left_days),
        events=event_rows(setting, people, purchases, contacts, left_days),
        churn_labels=churn_rows(setting, people, left_days),
        segment_labels=segment_rows(setting, people),
        contacts=_finish(setting, contacts),
    )


def simulate_strangers(setting: Setting, first: int, last: int) -> pl.DataFrame:
    """The contacts of strangers `first` to `last` - 1 (numbers from 1), who were not identified."""
    drivers = weigh_drivers(setting)
    matters = draw_strangers(setting, drivers, first, last)
    own = _personas(setting, Kind.STRANGER, matters["slot"].to_numpy())
    contacts = settle(setting, drivers, matters, own, follow_ups=0)[0]
    return _finish(setting, contacts.with_columns(customer=pl.lit(0, pl.Int64), number="slot"))


def _personas(setting: Setting, kind: Kind, numbers: np.ndarray) -> np.ndarray:
    return choose(uniforms(setting.knobs.seed, kind, numbers, 30), list(PERSONAS.values()))


def _finish(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """The columns of contacts, named and typed as tables have them."""
    keys = contacts["key"].to_numpy()
    numbers, slots = contacts["customer"].to_numpy(), contacts["slot"].to_numpy()
    customer = pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(6))
    place = pl.col("number").cast(pl.String)
    prefix = setting.pack.brand.order_prefix
    begin = moment(setting, pl.col("day"), pl.col("start"))
    named = survey(
        setting,
        contacts.with_columns(channel=pl.Series(CHANNELS, dtype=pl.String).gather(contacts["channel"])),
    ).with_columns(
        conversation_id=pl.when(pl.col("customer") > 0)
        .then(pl.format(prefix + "{}-{}", customer, place.str.zfill(2)))
        .otherwise(pl.format(prefix + "X{}", place.str.zfill(6))),
        customer_id=pl.when(pl.col("customer") > 0).then(customer),
        mark=uniforms(setting.knobs.seed, Kind.CONTACT, keys, 5),
        split=split_of(uniforms(setting.knobs.seed, Kind.CONTACT, keys, 6)),
        started_at=begin,
        ended_at=moment(setting, pl.col("day"), pl.col("end")),
        order=order_numbers(setting, numbers, slots),
        ordered_on=moment(setting, pl.col("ordered_day")).dt.date(),
        days=pl.col("day") - pl.col("ordered_day"),
        is_repeat=pl.col("generation") > 0,
    )
    parents = named.select(parent="key", repeat_of="conversation_id")
    return named.join(parents, on="parent", how="left", maintain_order="left").select(CONTACT_COLUMNS)
