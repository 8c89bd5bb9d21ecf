from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.errors import CxmError
from cxm.methods.rfm import (
    CELLS,
    add_rhythm,
    add_scores,
    cell_name,
    cut_point_rows,
    parse_cuts,
    plan_cuts,
    rfm_table,
    usual_gap,
)

END = datetime(2026, 1, 31, tzinfo=UTC)


def test_recency_counts_to_the_end_frequency_the_transactions_and_monetary_their_sum_in_all_and_of_late():
    transactions = pl.LazyFrame(
        {
            "customer_id": ["a", "a", "b"],
            "occurred_at": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 30, 12, tzinfo=UTC), END],
            "amount": [10.0, -4.0, 0.0],
        }
    )
    table = rfm_table(transactions, END, 30)
    assert table.select("customer_id", "recency_days", "frequency", "monetary", "recent_monetary").rows() == [
        ("a", 30.0, 2, 6.0, -4.0),
        ("b", 0.0, 1, 0.0, 0.0),
    ]
    assert table["n_purchase_days"].to_list() == [1, 1]
    assert table["usual_amount"].to_list() == [10.0, 0.0]
    assert rfm_table(transactions, END, 31)["recent_monetary"].to_list() == [6.0, 0.0]


def test_scores_are_quintiles_five_is_best_and_equal_values_score_the_same():
    table = pl.DataFrame(
        {
            "customer_id": list("abcdefghij"),
            "recency_days": [float(i) for i in range(10)],
            "frequency": [1] * 5 + [2, 3, 4, 5, 6],
            "monetary": [7.0] * 10,
        }
    )
    scores = add_scores(table)
    assert scores["r_score"].to_list() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert scores["f_score"].to_list()[:5] == [2] * 5
    assert scores["f_score"].to_list()[-1] == 5
    assert set(scores["m_score"]) == {3}


def test_the_best_and_the_worst_scores_have_the_classical_names():
    assert cell_name(5, 5) == "champions"
    assert cell_name(1, 1) == "hibernating"
    assert cell_name(1, 5) == "cannot lose them"
    assert all(len(row) == 5 for row in CELLS)
    assert len(CELLS) == 5


def scored(values):
    n = len(values)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "recency_days": [1.0] * n,
            "frequency": pl.Series([1] * n, dtype=pl.Int32),
            "monetary": pl.Series(values, dtype=pl.Float64),
        }
    )


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_cut_points_give_each_value_one_score_that_grows_with_it(values):
    table = scored(values)
    cuts = plan_cuts(table)
    scores = add_scores(table, cuts).sort("monetary")
    assert scores["m_score"].is_sorted()
    assert scores["m_score"].is_between(1, 5).all()
    assert scores.group_by("monetary").agg(pl.col("m_score").n_unique())["m_score"].max() == 1
    rows = cut_point_rows(scores, cuts).filter(pl.col("measure") == "monetary")
    assert rows["n_customers"].sum() == len(values)


def test_a_new_customer_is_scored_by_the_cut_points_of_before():
    cuts = plan_cuts(scored([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert add_scores(scored([0.0, 2.5, 99.0]), cuts)["m_score"].to_list() == [1, 3, 5]


def test_given_cut_points_are_kept_and_bad_ones_are_one_line():
    cuts = plan_cuts(scored([1.0, 2.0]), {"monetary": parse_cuts("10,20,30,40", "monetary_cuts")})
    assert cuts["monetary"] == [10, 20, 30, 40]
    for bad in ("10,20,30", "4,3,2,1", "a,b,c,d", "1,2,3,inf", ""):
        with pytest.raises(CxmError, match=r"monetary_cuts.*--monetary-cuts"):
            parse_cuts(bad, "monetary_cuts")


def test_a_refund_is_no_purchase_but_counts_in_the_money():
    transactions = pl.LazyFrame(
        {
            "customer_id": ["a", "a", "only refunds"],
            "occurred_at": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 21, tzinfo=UTC), END],
            "amount": [10.0, -4.0, -3.0],
        }
    )
    table = rfm_table(transactions, END, 30)
    assert table["recency_days"].to_list() == [30.0, 0.0]
    assert table["frequency"].to_list() == [2, 1]
    assert table["monetary"].to_list() == [6.0, -3.0]
    assert table["usual_amount"].to_list() == [10.0, 0.0]


def test_a_pause_counts_from_three_usual_gaps_on_and_one_purchase_has_the_gap_of_others():
    table = pl.DataFrame(
        {
            "customer_id": ["often", "stopped", "once"],
            "recency_days": [5.0, 200.0, 40.0],
            "n_purchase_days": [11, 11, 1],
            "span_days": [100.0, 100.0, 0.0],
        }
    )
    assert usual_gap(table) == 10.0
    rhythm = add_rhythm(table, usual_gap(table))
    assert rhythm["mean_gap_days"].to_list() == [10.0, 10.0, 10.0]
    assert rhythm["overdue_share"].to_list() == pytest.approx([0.0, 201 / 33 - 1, 41 / 33 - 1])
    assert usual_gap(table.clear()) == 30.0
