from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks import recovery
from synth.knobs import END, Knobs
from synth.lives import CustomerBlock, simulate_customers
from synth.worlds import make_setting


@pytest.fixture(scope="module")
def block() -> CustomerBlock:
    knobs = Knobs(seed=3, **(recovery._SIZES | {"customers": 300}))
    return simulate_customers(make_setting(knobs), 1, 301)


@pytest.fixture(scope="module")
def rows(block: CustomerBlock) -> pl.DataFrame:
    return recovery.intervals(block, "")


def test_intervals_cover_each_observed_tenure_once(block: CustomerBlock, rows: pl.DataFrame) -> None:
    covered = rows.group_by("customer_id").agg(
        (pl.col("stop") - pl.col("start")).sum().alias("days"),
        pl.col("start").min(),
        pl.col("stop").max(),
        pl.col("event").sum(),
    )
    found = covered.join(block.churn_labels, on="customer_id", validate="1:1")
    assert found.height == block.churn_labels.height
    assert (found["start"] == found["entry_days"]).all()
    assert (found["stop"] == found["duration_days"]).all()
    assert (found["days"] == found["duration_days"] - found["entry_days"]).all()
    assert (found["event"] == found["is_churned"].cast(pl.UInt32)).all()
    assert (rows["stop"] > rows["start"]).all()


def test_covariates_are_those_one_finds_day_by_day(block: CustomerBlock, rows: pl.DataFrame) -> None:
    joined = dict(block.customers.select("customer_id", "joined_at").iter_rows())
    ids = block.contacts["customer_id"].value_counts().sort("count", "customer_id")["customer_id"].tail(15)
    for customer in ids:
        own = block.contacts.filter(pl.col("customer_id") == customer).sort("ended_at")
        ended = [(t.date(), r, b) for t, r, b in own.select("ended_at", "is_resolved", "ends_badly").rows()]
        for row in rows.filter(pl.col("customer_id") == customer).iter_rows(named=True):
            for tenure in range(row["start"], row["stop"]):
                today = (joined[customer] + timedelta(days=tenure)).date()
                before = [(today - day, r, b) for day, r, b in ended if day < today]
                is_open = any(not r and ago.days <= 60 for ago, r, _ in before)
                is_bad = bool(before) and before[-1][2]
                assert (row["unresolved_contact_60_days"], row["last_conversation_ended_badly"]) == (
                    is_open,
                    is_bad,
                )


def test_what_is_planted_is_found_in_one_world() -> None:
    found = recovery.recover(1, customers=2500)
    assert found.terms["found"].null_count() == 0
    width = np.log(found.terms["high"] / found.terms["low"]).to_numpy() / 3.92
    error = np.log(found.terms["found"] / found.terms["planted"]).to_numpy() / width
    assert np.abs(error).max() < 3
    assert (found.terms["low"] <= found.terms["planted"]).sum() >= found.terms.height - 1
    for row in found.repeats.iter_rows(named=True):
        share, planted = row["n_repeated"] / row["n"], row["planted"]
        assert abs(share - planted) < 3 * (planted * (1 - planted) / row["n"]) ** 0.5
    assert set(found.repeats["after"]) == {"misled", "resolved", "unresolved"}


def test_contacts_without_time_for_a_follow_up_are_not_counted(block: CustomerBlock) -> None:
    planted = {"resolved": 0.1, "unresolved": 0.1, "misled": 0.1, "within_days": 10, "most_follow_ups": 3}
    late = CustomerBlock(
        **{
            **block.__dict__,
            "contacts": block.contacts.filter(pl.col("ended_at") > END - timedelta(days=10)),
        }
    )
    assert recovery.repeats(late, planted).is_empty()
    assert recovery.repeats(block, planted)["n"].sum() < block.contacts.height
