"""Contacts as values: each row of the frame of contacts with the people and things it is about.

The frame is made in `blocks`, the shape of a value stands in `contact`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from synth.lives.contact import Contact
from synth.lives.people import introduce
from synth.packs import BEHAVIOURS
from synth.streams import Kind

if TYPE_CHECKING:
    from synth.catalog import Fact, Product, Trouble
    from synth.setting import Setting

_AT_ONCE = 1000


def contact_values(setting: Setting, contacts: pl.DataFrame) -> Iterator[Contact]:
    """A `Contact` for each row of a frame with the columns of `blocks.CONTACT_COLUMNS`, in its order."""
    for first in range(0, contacts.height, _AT_ONCE):
        yield from _values(setting, contacts.slice(first, _AT_ONCE))


def _values(setting: Setting, contacts: pl.DataFrame) -> Iterator[Contact]:
    intents, agents = setting.pack.intents, setting.agents
    products = {product.number: product for product in setting.catalog.products}
    strangers = contacts.filter(pl.col("customer") == 0)["number"].to_list()
    customers = contacts.filter(pl.col("customer") > 0)["customer"].unique(maintain_order=True).to_list()
    people = {(0, p): v for p, v in zip(strangers, introduce(setting, Kind.STRANGER, strangers), strict=True)}
    known = dict(zip(customers, introduce(setting, Kind.CUSTOMER, customers), strict=True))
    for row in contacts.iter_rows(named=True):
        stream = (row["customer"], row["number"])
        product = products[row["product"]]
        yield Contact(
            conversation_id=row["conversation_id"],
            stream=stream,
            person=known[row["customer"]] if row["customer"] else people[stream],
            agent=agents[row["agent"]],
            colleague=agents[row["colleague"]],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            channel=row["channel"],
            persona=row["persona"],
            intent=intents[row["intent"]],
            product=product,
            fact=_fact(setting, product, row["fact"]),
            trouble=_trouble(setting, product, row["trouble"]),
            order=row["order"],
            amount=f"{row['amount']:.2f}",
            ordered_on=row["ordered_on"],
            days=row["days"],
            does={behaviour: row[f"does_{behaviour}"] for behaviour in BEHAVIOURS},
            is_upset=row["is_upset"],
            is_abandoned=row["is_abandoned"],
            is_bot_only=row["is_bot_only"],
            is_transferred=row["is_transferred"],
            is_resolved=row["is_resolved"],
            is_misled=row["is_misled"],
            ends_badly=row["ends_badly"],
            is_repeat=row["is_repeat"],
            is_incident=row["is_incident"],
        )


def _fact(setting: Setting, product: Product, key: str | None) -> Fact | None:
    """The fact of this key; a product's own come first, since the launched one's stand nowhere else."""
    if key is None:
        return None
    found = product.facts.get(key.partition(".")[2])
    return found if found is not None and found.key == key else setting.catalog.facts[key]


def _trouble(setting: Setting, product: Product, key: str | None) -> Trouble | None:
    if key is None:
        return None
    found = product.troubles.get(key.partition(".")[2])
    return found if found is not None and found.key == key else setting.catalog.troubles[key]
