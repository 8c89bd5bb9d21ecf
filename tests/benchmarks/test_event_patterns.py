from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.event_patterns import Occurrences, discriminating
from benchmarks.event_sequences import LENGTH, Sequences, sequences_at

NOW = datetime(2026, 6, 30, tzinfo=UTC)
KINDS = ("now", "call", "purchase")


def sequences(rows: list[list[int]]) -> Sequences:
    kind = np.zeros((len(rows), LENGTH), dtype=np.int64)
    for i, row in enumerate(rows):
        kind[i, LENGTH - len(row) :] = row
    return Sequences(kind, np.zeros(kind.shape), np.zeros(kind.shape), KINDS)


def test_an_order_of_events_that_only_leavers_show_is_found_others_between_allowed():
    leavers, stayers = [[3, 2, 3, 1]] * 10, [[2, 3, 1]] * 30
    has_left = np.repeat([1.0, 0.0], [10, 30])
    found = Occurrences(sequences(leavers + stayers))
    patterns = [tuple(found.names[t - 1] for t in pattern) for pattern in discriminating(found, has_left)]
    assert ("purchase soon", "call soon") in patterns
    assert ("purchase soon", "purchase soon") in patterns
    assert ("call soon", "purchase soon") not in patterns


def test_sequences_end_at_the_moment_and_hold_nothing_after_it():
    days = [40, 9, -3]
    transactions = pl.DataFrame(
        {
            "customer_id": ["b", "a", "a"],
            "occurred_at": [NOW - timedelta(days=d) for d in days],
            "amount": [5.0, -1.0, 7.0],
        },
        schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
    )
    customers = pl.Series("customer_id", ["a", "b", "c"])
    found = sequences_at({"transactions": transactions.lazy()}, NOW, customers)
    named = [[found.kinds[k - 1] for k in row if k] for row in found.kind]
    assert named == [["refund", "now"], ["small purchase", "now"], ["now"]]
    assert np.allclose(np.expm1(found.gap[:2, -1]), [9, 40])
