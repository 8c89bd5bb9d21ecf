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
    ranked = rank_lookalikes(transactions, [f"often{i:02}" for i in range(30)])
    assert ranked.height == 270
    assert all(name.startswith("often") for name in ranked["customer_id"][:30])
    assert ranked["lift_at_decile"][0] > 2


def test_seeds_without_a_transaction_are_refused(transactions):
    with pytest.raises(CxmError, match="0 of the 1 given"):
        rank_lookalikes(transactions, ["stranger"])
