"""What can be set about a world, what each setting means, and which values are impossible.

A new knob is a field here; command line and Dagster run config derive from it. A preset is a set of
values. What a brand is like (products, plans, words) is not a knob but its pack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cxm.errors import CxmError
from cxm.task import Params, param

END = datetime(2026, 8, 3, tzinfo=UTC)
"""Observation ends before this moment, a Monday 0:00, so the last full week is 2026-W31."""

DAYS_PER_YEAR = 365.25
_MOST_CONTACTS, _FEWEST_CONTACTS = 12.0, 0.05


@dataclass(frozen=True)
class Knobs(Params):
    """Seed, sizes and what is planted; raises `CxmError` for an impossible value."""

    brand: str = param("larkfield", "Brand pack: the name of one that comes along, or the folder of yours.")
    conversations: int = param(
        2500,
        "Number of conversations. Customers' own contacts come first; the rest are people who were not "
        "identified.",
        low=1,
        high=2_000_000,
    )
    customers: int = param(
        3000,
        "Number of customers. More of them leave those of a smaller world as they were.",
        low=1,
        high=2_000_000,
    )
    weeks: int = param(
        26,
        "Weeks with conversations, up to Sunday 2026-08-02. Purchases and leaving are seen for 78 weeks at "
        "least.",
        low=1,
        high=260,
    )
    information_articles: int = param(
        330, "Number of articles that state facts, near-duplicates included.", low=1, high=20_000
    )
    issue_articles: int = param(270, "Number of articles that solve a problem.", low=0, high=20_000)
    tools: int = param(150, "Number of tools; at least those the pack's intents call.", low=1, high=1000)
    contacts_per_year: float | None = param(
        None,
        "Contacts a customer has in a year, repeats left out. Chosen from the sizes, on a coarse scale, if "
        "not given.",
        low=0.01,
        high=50,
    )
    near_duplicates: int = param(40, "Articles written a second time by another author.", low=0, high=2000)
    copied_passages: int = param(40, "Passages copied into a sibling or parent article.", low=0, high=2000)
    contradictions: int = param(
        40, "Facts stated once more in a sibling, with a wrong value.", low=0, high=2000
    )
    acronyms: float = param(0.3, "Share of articles that use the pack's acronyms.", low=0, high=1)
    incident_factor: float = param(
        3.0,
        "How many times its usual contacts the incident's driver has in the incident week (the last one); 1: "
        "none.",
        low=1,
        high=20,
    )
    launch_share: float = param(
        0.06,
        "Share of contacts about the product launched half-way, which no article covers; 0: no launch.",
        low=0,
        high=0.5,
    )
    misled_share: float = param(
        0.6, "How often an agent reads the wrong article where two contradict each other.", low=0, high=1
    )
    repeat_resolved: float = param(
        0.04, "Chance of a further contact on the same matter after it was settled.", low=0, high=0.9
    )
    repeat_unresolved: float = param(0.35, "The same after it was not settled.", low=0, high=0.9)
    repeat_misled: float = param(0.5, "The same after an answer from a wrong article.", low=0, high=0.9)
    monthly_hazard: float = param(
        0.018,
        "Monthly hazard of leaving of a customer of 45 on the pack's first plan, without price rise, "
        "automatic payment or contacts.",
        low=0.0001,
        high=1,
    )
    hazard_price_rise: float = param(2.0, "Hazard ratio of a price rise.", low=0.05, high=20)
    hazard_autopay: float = param(0.6, "Hazard ratio of automatic payment.", low=0.05, high=20)
    hazard_age_decade: float = param(0.85, "Hazard ratio of ten more years of age.", low=0.05, high=20)
    hazard_unresolved: float = param(
        2.2, "Hazard ratio of at least one unresolved contact in the last 60 days.", low=0.05, high=20
    )
    hazard_negative_ending: float = param(
        1.8, "Hazard ratio of a last conversation that ended badly, until the next one.", low=0.05, high=20
    )
    skill_spread: float = param(
        8.0,
        "Strength of the beta distribution of agents' skills: the smaller, the more they differ.",
        low=0.5,
        high=500,
    )
    noise: float = param(
        1.0,
        "Amount of misheard words, typos and shorthand; 0: clean text, 1: as people write.",
        low=0,
        high=3,
    )
    response_rate: float = param(
        0.3, "Share of customers who answer the survey after an ordinary contact.", low=0, high=1
    )
    response_bias: float = param(
        2.0, "How many times as likely very good and very bad contacts are to be rated.", low=0.1, high=10
    )
    no_text: bool = param(
        False, "Only contacts, outcomes and truth: no turns, articles, queries or quality evidence."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        planted = self.near_duplicates + self.copied_passages + self.contradictions
        if 2 * planted > self.information_articles:
            raise CxmError(
                f"{planted} planted pairs (near_duplicates, copied_passages, contradictions) do not fit into "
                f"{self.information_articles} information_articles: each needs two; plant fewer or write more"
            )

    @property
    def contacts_begin(self) -> datetime:
        """Monday of the first week with conversations."""
        return END - timedelta(weeks=self.weeks)

    @property
    def observation_begins(self) -> datetime:
        """Since when customers are observed: 18 months, and half a year before the first contact."""
        return END - timedelta(weeks=max(78, self.weeks + 26))

    @property
    def n_days(self) -> int:
        """Days of observation; day 0 begins at `observation_begins`."""
        return (END - self.observation_begins).days

    @property
    def first_contact_day(self) -> int:
        """The first day with conversations, counted from the beginning of observation."""
        return (self.contacts_begin - self.observation_begins).days

    @property
    def incident_day(self) -> int | None:
        """Monday of the incident week, the last one; None without one or too short to see it in."""
        return self.n_days - 7 if self.weeks >= 4 and self.incident_factor > 1 else None

    @property
    def launch_day(self) -> int | None:
        """The day the new product is launched, a Monday half-way; None without one."""
        return self.n_days - 7 * (self.weeks // 2) if self.weeks >= 4 and self.launch_share > 0 else None

    @property
    def yearly_contacts(self) -> float:
        """Contacts a customer has in a year, so that customers make about two thirds to nine tenths of all.

        Rounded down to a scale of factors 1.25, so that one more customer leaves the others' lives as they
        were.
        """
        if self.contacts_per_year is not None:
            return self.contacts_per_year
        wanted = 0.75 * self.conversations / self.customers * DAYS_PER_YEAR / (7 * self.weeks)
        step = 1.25
        level = step ** math.floor(math.log(max(wanted, 1e-9), step))
        return min(max(level, _FEWEST_CONTACTS), _MOST_CONTACTS)


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # Table 1 of CXMArena (2025): conversations, articles of both kinds, tools.
    "arena": {
        "conversations": 1994,
        "information_articles": 1743,
        "issue_articles": 1425,
        "tools": 150,
        "near_duplicates": 90,
        "copied_passages": 90,
        "contradictions": 120,
    },
    "small": {
        "conversations": 400,
        "customers": 300,
        "weeks": 12,
        "information_articles": 220,
        "issue_articles": 150,
        "tools": 110,
        "near_duplicates": 8,
        "copied_passages": 6,
        "contradictions": 10,
    },
}
