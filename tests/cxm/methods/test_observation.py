from datetime import UTC, datetime, timedelta

import polars as pl

from cxm.methods.observation import end_of_observation, follow, known_at, known_of_customers

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)


def labels(*rows: tuple[str, int, float, bool, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [r[0] for r in rows],
            "joined_at": [DAY0 + timedelta(days=r[1]) for r in rows],
            "duration_days": [r[2] for r in rows],
            "is_churned": [r[3] for r in rows],
            "entry_days": pl.Series([r[4] for r in rows], dtype=pl.Float64),
        }
    )


ROWS = labels(
    ("left before", 0, 50.0, True, None),
    ("left after", 0, 120.0, True, None),
    ("stayed", 10, 190.0, False, None),
    ("joined later", 150, 50.0, False, None),
    ("seen later", 0, 200.0, False, 110.0),
)


def test_the_end_is_the_last_day_anyone_was_seen():
    assert end_of_observation(ROWS) == DAY0 + timedelta(days=200)


def test_at_a_date_departures_after_it_are_not_known():
    known = {row["customer_id"]: row for row in known_at(ROWS, DAY0 + timedelta(days=100)).to_dicts()}
    assert set(known) == {"left before", "left after", "stayed"}
    assert known["left before"]["is_churned"]
    assert not known["left after"]["is_churned"]
    assert known["left after"]["duration_days"] == 100
    assert known["stayed"]["duration_days"] == 90


def test_what_followed_counts_from_the_date_for_who_was_still_there():
    found = {row["customer_id"]: row for row in follow(ROWS, DAY0 + timedelta(days=100), 100).to_dicts()}
    assert set(found) == {"left after", "stayed"}
    assert found["left after"]["duration_days"] == 20
    assert found["left after"]["is_churned"]
    assert found["stayed"]["duration_days"] > 100
    assert found["stayed"]["tenure"] == 90


def test_a_customers_column_named_as_a_label_is_left_out_and_one_named_as_ours_keeps_its_values():
    customers = pl.DataFrame(
        {"customer_id": ["a"], "is_churned": [True], "duration_days": [3.0], "tenure": [7]}
    )
    known = known_of_customers(customers.lazy())
    assert known is not None
    assert known.to_dicts() == [{"customer_id": "a", "tenure (given)": 7}]
