from datetime import UTC, datetime, timedelta

import polars as pl

from cxm.methods.circumstances import describe
from cxm.methods.course import follow_course
from cxm.tables import TABLES

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def conversations(rows):
    known = [
        {"conversation_id": f"k{i}", "channel": "chat", "csat": None, **row} for i, row in enumerate(rows)
    ]
    return pl.concat([TABLES["conversations"].empty(), pl.DataFrame(known)], how="diagonal_relaxed")


def turns(scores, speaker="customer", is_read=True):
    n = len(scores)
    columns = {"conversation_id": ["k0"] * n, "turn_index": list(range(n)), "score": scores}
    schema = {"conversation_id": pl.String, "turn_index": pl.Int32, "score": pl.Float64}
    return pl.DataFrame(columns, schema=schema).with_columns(speaker=pl.lit(speaker), is_read=pl.lit(is_read))


def test_the_past_counts_and_not_the_future():
    rows = conversations(
        [{"customer_id": "u", "started_at": NOW + timedelta(days=d)} for d in (0, 10, 10, 60)]
        + [{"customer_id": None, "started_at": NOW}]
    )
    found = describe(rows, follow_course(turns([0.5])), None)
    assert found["n_contacts_before"].to_list() == [0, 1, 1, 0, None]


def test_tenure_and_plan_are_known_where_the_customer_is():
    rows = conversations([{"customer_id": c, "started_at": NOW} for c in ("u", "v", None)])
    customers = pl.DataFrame({"customer_id": ["u"], "joined_at": [NOW - timedelta(days=9)], "plan": ["Max"]})
    found = describe(rows, follow_course(turns([0.5])), customers)
    assert found["customer.plan"].to_list() == ["Max", None, None]
    assert found["tenure_days"].is_not_null().to_list() == [True, False, False]


def test_the_course_begins_ends_turns_and_is_lowest():
    (row,) = follow_course(turns([-0.2, -0.8, -0.8, 0.4, 0.6])).to_dicts()
    assert row["start_score"] == -0.5
    assert row["end_score"] == 0.5
    assert row["shift"] == 1.0
    assert (row["lowest_score"], row["lowest_turn_index"]) == (-0.8, 1)
    assert (row["highest_score"], row["highest_turn_index"]) == (0.6, 4)


def test_turns_nobody_can_read_shape_the_course_only_where_there_are_no_others():
    both = turns([-0.9, 0.5]).with_columns(is_read=pl.col("turn_index") > 0)
    assert follow_course(both)["lowest_score"].to_list() == [0.5]
    assert follow_course(turns([0.0], is_read=False))["start_score"].to_list() == [0.0]
    assert follow_course(turns([])).is_empty()
