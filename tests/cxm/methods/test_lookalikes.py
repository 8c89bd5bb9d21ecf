"""Customers like a given set."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cxm.errors import CxmError
from cxm.methods.lookalikes import rank_lookalikes

END = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture
def transactions():
    """Sixty who buy every week for 100, 240 who bought once for 10."""
    rows = [
        (f"often{i:02}", END - timedelta(days=7 * k + i % 5), 100.0) for i in range(60) for k in range(12)
    ]
    rows += [(f"once{i:02}", END - timedelta(days=40 + i), 10.0) for i in range(240)]
    frame = pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")
    return (
        frame.with_row_index("n")
        .with_columns(transaction_id=pl.format("t{}", "n"), currency=pl.lit("EUR"))
        .drop("n")
        .lazy()
    )


def test_the_rest_of_a_kind_ranks_first_and_the_lift_says_so(transactions):
    found = rank_lookalikes(transactions, [f"often{i:02}" for i in range(30)])
    assert found.ranked.height == 270
    assert found.n_seeds == 30
    assert all(name.startswith("often") for name in found.ranked["customer_id"][:30])
    assert 2 < found.lift.low <= found.lift.value <= found.lift.high
    assert found.lift.n == 300
    assert found.rfm_lift > 1


def test_what_marks_the_set_may_be_a_middle_value():
    """Those who spend 100 lie between those who spend 10 and those who spend 1,000."""
    kinds = {"small": 10.0, "middle": 100.0, "large": 1000.0}
    rows = [
        (f"{kind}{i:02}", END - timedelta(days=20 * k + i % 17), amount * (1 + i % 5 / 10))
        for kind, amount in kinds.items()
        for i in range(60)
        for k in range(4)
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")
    found = rank_lookalikes(frame.lazy(), [f"middle{i:02}" for i in range(30)])
    assert all(name.startswith("middle") for name in found.ranked["customer_id"][:25])


def test_seeds_drawn_at_random_have_no_lift(transactions):
    everyone = transactions.select(pl.col("customer_id").unique().sort()).collect()["customer_id"]
    found = rank_lookalikes(transactions, everyone.sample(60, seed=1).to_list())
    assert found.lift.low < 1.3


def test_with_few_seeds_there_is_a_ranking_but_no_lift(transactions):
    found = rank_lookalikes(transactions, ["often01", "often02"])
    assert found.lift is None
    assert found.ranked["customer_id"][0].startswith("often")


def test_seeds_without_a_transaction_are_refused(transactions):
    with pytest.raises(CxmError, match="0 of the 1 given"):
        rank_lookalikes(transactions, ["stranger"])
