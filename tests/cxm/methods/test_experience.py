"""Experience with the contact center: what counts when, and that nothing later is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm.methods.contact_facts import ends_of_conversations
from cxm.methods.experience import (
    add_experience,
    contact_days,
    contacts_known_from,
    experience_of,
)
from cxm.methods.risk_choice import shown_ratios

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SKIP = ("customer_id", "joined_at", "duration_days", "is_churned", "entry_days")


def _customers(n: int = 1) -> pl.DataFrame:
    ids = [f"c{i:04}" for i in range(n)]
    return pl.DataFrame({"customer_id": ids, "joined_at": [_BEGIN] * n}).cast(
        {"joined_at": pl.Datetime("us", "UTC")}
    )


def _conversations(rows: list[tuple[str, float, bool]]) -> pl.LazyFrame:
    """(customer, day on which it lasted an hour, resolved)."""
    starts = [_BEGIN + timedelta(days=day) for _, day, _ in rows]
    return pl.LazyFrame(
        {
            "conversation_id": [f"x{i:04}" for i in range(len(rows))],
            "customer_id": [row[0] for row in rows],
            "started_at": starts,
            "ended_at": [start + timedelta(hours=1) for start in starts],
            "is_resolved": [row[2] for row in rows],
            "handle_seconds": [600.0] * len(rows),
        }
    ).cast({"started_at": pl.Datetime("us", "UTC"), "ended_at": pl.Datetime("us", "UTC")})


def _at(conversations: pl.LazyFrame, days: list[float], window: int = 60) -> pl.DataFrame:
    customers = _customers()
    contacts = contact_days(conversations, None, customers, _BEGIN + timedelta(days=9999))
    rows = pl.DataFrame({"customer_id": ["c0000"] * len(days), "day": days})
    return add_experience(rows, contacts, contacts_known_from(conversations, customers), window)


def test_a_contact_counts_from_the_day_after_it_for_as_long_as_the_window():
    found = _at(_conversations([("c0000", 0.2, True), ("c0000", 10.5, False)]), [10, 11, 70, 71])
    assert found["unresolved_contact_60_days"].to_list() == [False, True, True, False]
    assert found["contacts_60_days"].to_list() == pytest.approx(np.log1p([1, 2, 1, 0]).tolist())


def test_a_contact_soon_after_another_is_a_repeat():
    found = _at(
        _conversations([("c0000", 0.0, True), ("c0000", 6.0, True), ("c0000", 30.0, True)]), [7, 29, 40]
    )
    assert found["repeat_contact_60_days"].to_list() == [True, True, True]
    alone = _at(_conversations([("c0000", 0.0, True), ("c0000", 30.0, True)]), [7, 40])
    assert alone["repeat_contact_60_days"].to_list() == [False, False]


def test_before_contacts_were_recorded_nothing_is_known():
    found = _at(_conversations([("c0000", 20.0, False)]), [5, 25])
    assert found["unresolved_contact_60_days"].to_list() == [None, True]


def test_a_covariate_of_the_users_that_is_named_like_an_experience_is_kept_beside_it():
    customers, conversations = _customers(), _conversations([("c0000", 3.0, False)])
    contacts = contact_days(conversations, None, customers, _BEGIN + timedelta(days=9999))
    rows = pl.DataFrame({"customer_id": ["c0000"], "day": [5], "unresolved_contact_60_days": ["theirs"]})
    found = add_experience(rows, contacts, contacts_known_from(conversations, customers), 60)
    assert found["unresolved_contact_60_days"].to_list() == [True]
    assert found["unresolved_contact_60_days (given)"].to_list() == ["theirs"]


def test_what_happens_later_changes_nothing():
    rows = [("c0000", 3.0, True), ("c0000", 9.0, False)]
    later = [*rows, ("c0000", 15.0, False), ("c0000", 40.0, True)]
    days = [4.0, 9.0, 10.0, 15.0]
    assert _at(_conversations(rows), days).equals(_at(_conversations(later), days))


def test_the_last_turn_of_the_customer_tells_how_it_ended_unless_it_was_felt():
    turns = pl.LazyFrame(
        {
            "conversation_id": ["a", "a", "a", "b", "b"],
            "turn_index": [0, 1, 2, 0, 1],
            "speaker": ["customer", "customer", "agent", "customer", "customer"],
            "text": [
                "Great, thank you!",
                "This is terrible, I am angry.",
                "Lovely day.",
                "Awful.",
                "Thank you!",
            ],
        }
    )
    assert ends_of_conversations(turns).rows() == [("a", True), ("b", False)]
    felt = pl.LazyFrame({"conversation_id": ["a"], "turn_index": [1], "polarity": ["neutral"]})
    assert ends_of_conversations(turns, felt).rows() == [("a", False), ("b", False)]


def test_stretches_cover_the_time_under_observation_once_and_give_the_planted_ratio_back():
    n = 3000
    generator = np.random.default_rng(2)
    customers = _customers(n)
    ids = customers["customer_id"].to_list()
    day, resolved = generator.uniform(0, 200, n), generator.uniform(size=n) < 0.5
    # A hazard of .002 a day, three times that for the 60 days after an unresolved contact.
    begins = np.floor(day) + 1
    needed = generator.exponential(size=n) / 0.002
    inside = 3.0 * 60 * ~resolved
    duration = np.where(
        needed <= begins,
        needed,
        np.where(
            ~resolved & (needed <= begins + inside),
            begins + (needed - begins) / 3,
            needed - 120.0 * ~resolved,
        ),
    )
    labels = customers.with_columns(
        duration_days=pl.Series(np.minimum(np.ceil(duration), 300)),
        is_churned=pl.Series(np.ceil(duration) <= 300),
        entry_days=pl.lit(0.0),
    )
    conversations = _conversations(list(zip(ids, day.tolist(), resolved.tolist(), strict=True)))
    contacts = experience_of(conversations, None, customers, _BEGIN + timedelta(days=400), 60)
    split = contacts.split(labels)
    spent = split.group_by("customer_id").agg(
        days=(pl.col("duration_days") - pl.col("entry_days")).sum(), left=pl.col("is_churned").sum()
    )
    both = spent.join(labels, "customer_id")
    assert (both["days"] - both["duration_days"]).abs().max() == 0
    assert (both["left"].cast(pl.Boolean) == both["is_churned"]).all()
    skip = (*_SKIP, "contacts_60_days", "handle_minutes_60_days")
    ratios = {row["term"]: row for row in shown_ratios(split, skip, 7)}
    found = ratios["unresolved_contact_60_days"]
    assert found["low"] < 3 < found["high"]
    assert found["low"] > 1.5
