"""The lives of members: joining, buying, contacting us, leaving.

Segments and the hazard of leaving are planted here. What happens within one contact is in
`contacts`; nothing happens after a member has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from synth.contacts import Contact, Setting, contact_days, member_contact
from synth.knobs import END
from synth.streams import Kind, chance, pick, split_of, stream

DAYS_PER_MONTH = 30.4375
MONTHLY_HAZARD = 0.045
"""Of a member of 45 on the monthly plan, without a price rise, automatic payment or contacts."""

HAZARD_RATIOS = {
    "plan=annual": 0.35,
    "plan=household": 0.6,
    "has_price_rise": 2.2,
    "has_autopay": 0.6,
    "age_decade": 0.85,
    "unresolved_contact_60_days": 3.0,
}
PLANS = {"monthly": 0.45, "annual": 0.35, "household": 0.2}
REGIONS = ("north", "east", "south", "west")


@dataclass(frozen=True)
class Segment:
    """A way of buying: share of members, mean days between purchases, median amount and its spread."""

    name: str
    share: float
    gap_days: float
    amount: float
    spread: float


SEGMENTS = (
    Segment("regular", 0.25, 10, 48, 0.35),
    Segment("project", 0.2, 50, 330, 0.4),
    Segment("bargain", 0.25, 24, 9, 0.35),
    Segment("occasional", 0.3, 150, 60, 0.5),
)


@dataclass(frozen=True)
class Purchase:
    """One transaction; a negative amount is a refund."""

    transaction_id: str
    occurred_at: datetime
    amount: float


@dataclass(frozen=True)
class Customer:
    """A member and all that happened to them; `left_at` is None for one who is still there."""

    customer_id: str
    joined_at: datetime
    left_at: datetime | None
    segment: Segment
    traits: dict[str, Any]
    purchases: list[Purchase]
    contacts: list[Contact]
    events: list[tuple[datetime, str]]
    split: str


def live(setting: Setting, number: int) -> Customer:
    """The life of one member, drawn from streams of their own."""
    rng = stream(setting.knobs.seed, Kind.CUSTOMER, number)
    begin = setting.knobs.observation_begins
    joined_before = chance(rng, 0.7)
    if joined_before:
        joined_at = begin - timedelta(days=int(rng.integers(1, 1300)))
    else:
        joined_at = begin + timedelta(days=int(rng.integers((END - begin).days - 100)))
    segment = pick(rng, SEGMENTS, [segment.share for segment in SEGMENTS])
    traits = {
        "plan": pick(rng, list(PLANS), list(PLANS.values())),
        "region": pick(rng, REGIONS),
        "age": int(np.clip(rng.normal(47, 14), 19, 88)),
        # The fee was raised when observation began, for a random part of those who were members.
        "has_price_rise": joined_before and chance(rng, 0.45),
        "has_autopay": chance(rng, 0.6),
    }
    purchases = _buy(rng, number, max(joined_at, begin), segment)
    split = split_of(rng)
    uniforms = rng.random((END - begin).days)

    def last_order(when: datetime) -> str | None:
        orders = [p.transaction_id for p in purchases if p.amount > 0 and p.occurred_at < when]
        return orders[-1] if orders else None

    days = contact_days(setting, rng)
    contacts = [member_contact(setting, number, k, *days[k], last_order) for k in range(len(days))]
    contacts = [contact for contact in contacts if contact.started_at >= joined_at + timedelta(days=1)]
    left_at = _leave(traits, joined_at, begin, contacts, uniforms)
    until = left_at or END
    purchases = [purchase for purchase in purchases if purchase.occurred_at < until]
    return Customer(
        customer_id=f"C{number:05d}",
        joined_at=joined_at,
        left_at=left_at,
        segment=segment,
        traits=traits,
        purchases=purchases,
        contacts=[contact for contact in contacts if contact.started_at < until],
        events=_browse(rng, setting.knobs.contacts_begin, purchases, left_at),
        split=split,
    )


def _buy(rng: np.random.Generator, number: int, start: datetime, segment: Segment) -> list[Purchase]:
    """Purchases from `start` to the end at random intervals, a few of them refunded later."""
    found: list[tuple[datetime, float]] = []
    day = rng.exponential(segment.gap_days / 2)
    while (date := start + timedelta(days=int(day))) < END:
        when = date + timedelta(seconds=int(rng.integers(8 * 3600, 22 * 3600)))
        amount = round(float(segment.amount * np.exp(rng.normal(0, segment.spread))), 2)
        found.append((when, amount))
        refunded_at = when + timedelta(days=int(rng.integers(4, 25)))
        if chance(rng, 0.04) and refunded_at < END:
            found.append((refunded_at, -amount))
        day += rng.gamma(2, segment.gap_days / 2)
    return [
        Purchase(f"LF{number:05d}{k:03d}", when, amount) for k, (when, amount) in enumerate(sorted(found))
    ]


def _leave(
    traits: dict[str, Any],
    joined_at: datetime,
    begin: datetime,
    contacts: list[Contact],
    uniforms: np.ndarray[Any, np.dtype[np.float64]],
) -> datetime | None:
    """The midnight a member leaves at, from a daily hazard with the planted ratios."""
    relative = HAZARD_RATIOS.get(f"plan={traits['plan']}", 1.0)
    relative *= HAZARD_RATIOS["has_price_rise"] if traits["has_price_rise"] else 1
    relative *= HAZARD_RATIOS["has_autopay"] if traits["has_autopay"] else 1
    relative *= HAZARD_RATIOS["age_decade"] ** ((traits["age"] - 45) / 10)
    hazard = np.full(len(uniforms), relative * MONTHLY_HAZARD / DAYS_PER_MONTH)
    is_troubled = np.zeros(len(uniforms), dtype=bool)
    for contact in contacts:
        if not contact.is_resolved:
            day = (contact.started_at - begin).days
            is_troubled[day + 1 : day + 61] = True
    hazard[is_troubled] *= HAZARD_RATIOS["unresolved_contact_60_days"]
    hazard[: max(0, (joined_at - begin).days + 1)] = 0
    leaves = np.flatnonzero(uniforms < 1 - np.exp(-hazard))
    # Leaving at the end of observation itself is not seen.
    seen = leaves[leaves < len(uniforms) - 1]
    return begin + timedelta(days=int(seen[0]) + 1) if len(seen) else None


def _browse(
    rng: np.random.Generator, since: datetime, purchases: list[Purchase], left_at: datetime | None
) -> list[tuple[datetime, str]]:
    """Steps before purchases, and before leaving, since contacts are recorded."""
    steps: list[tuple[datetime, str]] = []
    for purchase in purchases:
        if purchase.amount > 0 and purchase.occurred_at >= since:
            for name, seconds in (("view_product", 600), ("add_to_cart", 240), ("checkout", 30)):
                steps.append((purchase.occurred_at - timedelta(seconds=seconds), name))
    if left_at and left_at >= since:
        looked_at = left_at - timedelta(seconds=int(rng.integers(3600, 80000)))
        steps += [(looked_at - timedelta(seconds=90), "view_membership"), (looked_at, "start_cancellation")]
    return sorted(steps)


def customer_tables(customers: list[Customer], begin: datetime) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables about customers: inputs and gold."""
    return {
        "customers": [
            {"customer_id": c.customer_id, "joined_at": c.joined_at, **c.traits} for c in customers
        ],
        "transactions": [
            {
                "transaction_id": purchase.transaction_id,
                "customer_id": c.customer_id,
                "occurred_at": purchase.occurred_at,
                "amount": purchase.amount,
                "currency": "EUR",
            }
            for c in customers
            for purchase in c.purchases
        ],
        "events": [
            {"customer_id": c.customer_id, "occurred_at": when, "event": event}
            for c in customers
            for when, event in c.events
        ],
        "churn_labels": [
            {
                "customer_id": c.customer_id,
                "duration_days": float(((c.left_at or END) - c.joined_at).days),
                "is_churned": c.left_at is not None,
                "entry_days": float(max(0, (begin - c.joined_at).days)),
                "split": c.split,
            }
            for c in customers
        ],
        # A way of buying shows in purchases alone.
        "segment_labels": [
            {"customer_id": c.customer_id, "segment": c.segment.name} for c in customers if c.purchases
        ],
    }
