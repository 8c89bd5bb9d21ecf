"""Who contacts the brand, when, why, and what becomes of it, before a word is said.

Everything that decides the outcome is drawn here, since leaving depends on it; the words are in
`dialogues`, the survey and the clock in `conversations`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from synth.agents import Agent
from synth.brands import Brand, Intent, Product
from synth.knobs import Knobs
from synth.knowledge import Knowledge
from synth.streams import Kind, chance, pick, stream

CONTACTS_PER_WEEK = 0.13
INCIDENT_INTENT, INCIDENT_FACTOR = "delivery_status", 3.0
STRAY_SHARE = 0.07
CHANNELS = {"voice": 0.4, "chat": 0.28, "email": 0.16, "messaging": 0.11, "social": 0.05}
PERSONAS = {"polite": 0.4, "terse": 0.25, "chatty": 0.35}
BOT_INTENTS = ("delivery_status", "refund_status", "gift_card", "product_question")
WRONG_WHEN_CONTRADICTED = 0.5
"""How often an agent answers wrongly if the knowledge base contradicts itself on the matter."""


@dataclass(frozen=True)
class Contact:
    """One contact as it is fated: `does` says which criteria the agent fulfils."""

    conversation_id: str
    seeds: tuple[int, ...]
    customer_id: str | None
    name: str
    postcode: str
    started_at: datetime
    channel: str
    intent: Intent
    agent: Agent
    persona: str
    product: Product
    order: str
    amount: str
    fact: str | None
    is_upset: bool
    is_abandoned: bool
    is_bot_only: bool
    is_transferred: bool
    is_resolved: bool
    does: dict[str, bool]
    mark: float
    """Uniform in [0, 1): where not all contacts are wanted, the smallest are kept."""


@dataclass(frozen=True)
class Setting:
    """What all contacts share."""

    knobs: Knobs
    brand: Brand
    knowledge: Knowledge
    agents: list[Agent]


def contact_days(setting: Setting, rng: np.random.Generator) -> list[tuple[int, bool]]:
    """(day since contacts began, whether the incident caused it) of one member's contacts, in order."""
    knobs = setting.knobs
    days = [
        (week * 7 + int(rng.integers(7)), False)
        for week in range(knobs.weeks)
        for _ in range(int(rng.poisson(CONTACTS_PER_WEEK)))
    ]
    if knobs.incident_begins:
        extra = int(rng.poisson(CONTACTS_PER_WEEK * incident_surplus(setting.brand)))
        days += [((knobs.weeks - 1) * 7 + int(rng.integers(7)), True) for _ in range(extra)]
    return sorted(days)


def incident_surplus(brand: Brand) -> float:
    """Contacts the incident adds, as a share of an ordinary week's."""
    known = {intent.intent: intent.weight for intent in brand.intents if intent.parent}
    return (INCIDENT_FACTOR - 1) * (1 - STRAY_SHARE) * known[INCIDENT_INTENT] / sum(known.values())


def member_contact(
    setting: Setting,
    customer: int,
    number: int,
    day: int,
    from_incident: bool,
    last_order: Callable[[datetime], str | None],
) -> Contact:
    """The `number`-th contact of a member."""
    rng = stream(setting.knobs.seed, Kind.CONTACT, customer, number)
    name = setting.brand.names[customer % len(setting.brand.names)]
    return _draw(
        setting,
        rng,
        conversation_id=f"L{customer:05d}-{number:02d}",
        seeds=(customer + 1, number),
        customer_id=f"C{customer:05d}",
        name=name,
        postcode=str(10000 + customer * 7919 % 89999),
        day=day,
        from_incident=from_incident,
        last_order=last_order,
    )


def stranger_contact(setting: Setting, number: int) -> Contact:
    """A contact of someone who was not identified as a member."""
    rng = stream(setting.knobs.seed, Kind.STRANGER, number)
    knobs, surplus = setting.knobs, incident_surplus(setting.brand)
    share = surplus / (knobs.weeks + surplus) if knobs.incident_begins else 0.0
    from_incident = chance(rng, share)
    day = int(rng.integers(7)) + 7 * (knobs.weeks - 1 if from_incident else int(rng.integers(knobs.weeks)))
    return _draw(
        setting,
        rng,
        conversation_id=f"LX{number:06d}",
        seeds=(0, number),
        customer_id=None,
        name=pick(rng, setting.brand.names),
        postcode=str(int(rng.integers(10000, 99999))),
        day=day,
        from_incident=from_incident,
        last_order=lambda _: None,
    )


def _intent(brand: Brand, rng: np.random.Generator, from_incident: bool) -> Intent:
    is_stray = chance(rng, STRAY_SHARE)
    pool = [intent for intent in brand.intents if (intent.parent is None) == is_stray]
    drawn = pick(rng, pool, [intent.weight for intent in pool])
    incident = next(intent for intent in brand.intents if intent.intent == INCIDENT_INTENT)
    return incident if from_incident else drawn


def _started_at(setting: Setting, rng: np.random.Generator, day: int, channel: str) -> datetime:
    """Within opening hours, and early enough that a mail thread ends the same day."""
    latest = 13 if channel == "email" else 19
    seconds = int(rng.integers(7 * 3600, latest * 3600))
    return setting.knobs.contacts_begin + timedelta(days=day, seconds=seconds)


def _fact(setting: Setting, rng: np.random.Generator, intent: Intent, product: Product) -> str | None:
    if intent.intent == "product_question":
        return pick(rng, list(product.facts.values())).key
    return pick(rng, intent.facts) if intent.facts else None


def _draw(
    setting: Setting,
    rng: np.random.Generator,
    *,
    conversation_id: str,
    seeds: tuple[int, ...],
    customer_id: str | None,
    name: str,
    postcode: str,
    day: int,
    from_incident: bool,
    last_order: Callable[[datetime], str | None],
) -> Contact:
    brand, knowledge = setting.brand, setting.knowledge
    intent = _intent(brand, rng, from_incident)
    channel = pick(rng, list(CHANNELS), list(CHANNELS.values()))
    started_at = _started_at(setting, rng, day, channel)
    product = pick(rng, brand.products)
    fact = _fact(setting, rng, intent, product)
    agent = pick(rng, setting.agents)
    does = {name: chance(rng, skill) for name, skill in agent.skill.items()}
    if fact in knowledge.misstated:
        does["policy"] = chance(rng, 1 - WRONG_WHEN_CONTRADICTED)
    is_abandoned = chance(rng, 0.04) and channel in ("voice", "chat")
    is_bot_only = (
        not is_abandoned
        and chance(rng, 0.25)
        and channel in ("chat", "messaging")
        and intent.intent in BOT_INTENTS
    )
    solved = 0.9 * (0.55 if fact and not does["policy"] else 1) * (0.85 if not does["promise"] else 1)
    number = f"LF9{int(rng.integers(10**6, 10**7))}"
    return Contact(
        conversation_id=conversation_id,
        seeds=seeds,
        customer_id=customer_id,
        name=name,
        postcode=postcode,
        started_at=started_at,
        channel=channel,
        intent=intent,
        agent=agent,
        persona=pick(rng, list(PERSONAS), list(PERSONAS.values())),
        product=product,
        order=last_order(started_at) or number,
        amount=f"{product.price:.2f}",
        fact=fact,
        is_upset=chance(rng, intent.upset),
        is_abandoned=is_abandoned,
        is_bot_only=is_bot_only,
        is_transferred=chance(rng, 0.06) and not (is_abandoned or is_bot_only) and bool(intent.parent),
        is_resolved=not is_abandoned and (is_bot_only or chance(rng, solved)),
        does=does,
        mark=float(rng.random()),
    )
