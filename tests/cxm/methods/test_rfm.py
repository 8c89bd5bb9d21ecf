from datetime import UTC, datetime

import polars as pl

from cxm.methods.rfm import CELLS, add_scores, cell_name, rfm_table

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
    assert table.drop("mean_gap_days", "usual_amount").rows() == [
        ("a", 0.5, 2, 6.0, -4.0),
        ("b", 0.0, 1, 0.0, 0.0),
    ]
    assert table["mean_gap_days"].to_list() == [30.0, 30.0]
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
