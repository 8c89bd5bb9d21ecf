from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cxm.methods.purchases import daily_spend, follow_purchases, purchase_features, shown_features

AT = datetime(2026, 6, 30, tzinfo=UTC)


def transactions(*rows: tuple[str, float, float], currency: str | None = None) -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "customer_id": [r[0] for r in rows],
            "occurred_at": [AT - timedelta(days=r[1]) for r in rows],
            "amount": [r[2] for r in rows],
            "currency": pl.Series([currency] * len(rows), dtype=pl.String),
        }
    )


def test_a_refund_is_no_purchase_and_the_future_is_not_read():
    frame = transactions(("a", 10, 5.0), ("a", 2, -5.0), ("a", -3, 9.0), ("b", 1, -1.0))
    features = purchase_features(frame, AT)
    assert features["has_bought"].to_list() == [True, False]
    assert features["purchases_last_30_days"].to_list() == pytest.approx([0.6931, 0.0], abs=1e-3)
    assert features["monetary"][0] == 0.0
    assert features["is_single_purchase"].to_list() == [True, False]


def test_contacts_count_up_to_the_moment_only():
    conversations = pl.LazyFrame(
        {
            "conversation_id": ["1", "2", "3", "4"],
            "customer_id": ["a", "a", None, "a"],
            "started_at": [AT - timedelta(days=d) for d in (5, -5, 0, 1)],
            "ended_at": [AT - timedelta(days=d) for d in (5, -5, 0, -1)],
            "is_resolved": [False, False, True, False],
            "handle_seconds": [60.0] * 4,
        }
    )
    told = pl.DataFrame({"conversation_id": ["1", "4"], "ends_badly": [True, True], "driver": ["x", "y"]})
    features = purchase_features(transactions(("a", 1, 5.0), ("b", 1, 5.0)), AT, None, conversations, told)
    # The one that is still going on is not known to end badly, nor to be unresolved.
    for name in ("contacts", "unresolved", "bad_endings", "handle_minutes"):
        assert features[f"{name}_last_90_days"].to_list() == pytest.approx([0.6931, 0], abs=1e-3)
    assert features["last_driver_90_days"].to_list() == ["x", None]
    assert features["contradictions_last_90_days"].null_count() == 2


def test_customers_who_joined_and_bought_nothing_are_listed_as_such():
    customers = pl.DataFrame(
        {
            "customer_id": ["a", "new", "later"],
            "joined_at": [AT, AT - timedelta(1), AT + timedelta(1)],
            "city": "X",
        }
    )
    features = purchase_features(transactions(("a", 1, 5.0)), AT, customers)
    assert features.select("customer_id", "has_bought", "city").rows() == [
        ("a", True, "X"),
        ("new", False, "X"),
    ]


def test_the_next_purchase_is_the_first_after_the_moment_within_the_window():
    frame = transactions(
        ("a", 1, 5.0), ("a", -3, 5.0), ("a", -2, -5.0), ("b", 1, 5.0), ("b", -20, 5.0), ("c", -1, 5.0)
    )
    found = follow_purchases(frame, AT, 10)
    assert found["customer_id"].to_list() == ["a", "b"]
    assert found["has_bought"].to_list() == [True, False]
    assert found["duration_days"][0] == 3
    assert found["duration_days"][1] > 10


def test_daily_spend_is_never_negative_and_unknown_where_currencies_mix():
    frame = transactions(("a", 100, 50.0), ("a", 99, -10.0), ("b", 1, -5.0))
    assert daily_spend(frame, AT)["daily_spend"].to_list() == [0.4, 0.0]
    mixed = pl.concat(
        [transactions(("a", 1, 5.0), currency="EUR"), transactions(("b", 1, 5.0), currency="USD")]
    )
    assert daily_spend(mixed, AT)["daily_spend"].null_count() == 2


def test_features_are_shown_as_days_counts_and_money():
    rows = [("a", day, amount) for day, amount in ((60, 40.0), (30, 50.0), (9, 10.0))]
    shown = shown_features(purchase_features(transactions(*rows), AT))
    found = shown.values.row(0, named=True)
    assert (found["frequency"], found["recency_days"], found["monetary"]) == pytest.approx((3, 9, 100))
    assert (found["largest_amount"], found["purchases_last_90_days"]) == pytest.approx((50, 3))
    assert shown.together["largest_amount"] == "monetary"
    assert set(shown.together) | set(shown.together.values()) >= {"recency_to_own_gap", "mean_gap"}
