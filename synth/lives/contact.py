"""A contact: why it happens, who takes part and how it ends, decided before a word is said.

Only the value; how contacts come about is in the other modules of `lives`, what is said is `talks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from synth.catalog import Fact, Product, Trouble
from synth.lives.agents import Agent
from synth.packs import Intent, Plan

PERSONAS = {"polite": 0.3, "terse": 0.22, "confused": 0.18, "chatty": 0.18, "angry": 0.12}


@dataclass(frozen=True, slots=True)
class Person:
    """Who contacts us, all fictional; a stranger (`customer_id` None) has the same details."""

    customer_id: str | None
    first_name: str
    last_name: str
    email: str
    phone: str
    street: str
    """With house number."""
    postcode: str
    city: str
    card: str
    """16 digits with a valid check digit, from a range for tests."""
    iban: str
    """Valid check digits."""
    account: str
    plan: Plan

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Contact:
    """Everything that is decided about a contact before a word is said."""

    conversation_id: str
    stream: tuple[int, int]
    """Ids of its random streams: customer number (0: stranger) and number of the contact."""
    person: Person
    agent: Agent
    colleague: Agent
    """To whom it is handed when it is transferred."""
    started_at: datetime
    ended_at: datetime
    channel: str
    persona: str
    intent: Intent
    product: Product
    """What it is about, or what the customer bought last where it is not about a product."""
    fact: Fact | None
    trouble: Trouble | None
    order: str
    amount: str
    ordered_on: date
    days: int
    """Since the order, for `{days} days ago`."""
    does: Mapping[str, bool]
    """Behaviour to whether the agent does it right here; `accuracy` is False also where misled."""
    is_upset: bool
    is_abandoned: bool
    is_bot_only: bool
    is_transferred: bool
    is_resolved: bool
    is_misled: bool
    """The agent read the article that states the fact wrongly."""
    ends_badly: bool
    """The last words of the customer are negative."""
    is_repeat: bool
    """A further contact on the same matter."""
    is_incident: bool
    """Part of the incident's surplus: told in the incident's words."""
