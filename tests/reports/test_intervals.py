import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.intervals import mean_of_each, quantile_of_each, rate_of_each, share_of_each


def rows(values, dtype=None):
    return pl.LazyFrame({"period": ["w"] * len(values), "value": pl.Series(values, dtype=dtype)})


def test_a_share_has_wilsons_interval():
    row = share_of_each(rows([True] * 8 + [False] * 2 + [None])).row(0, named=True)
    assert (row["value"], row["n"]) == (0.8, 10)
    assert row["low"] == pytest.approx(0.49016, abs=1e-5)
    assert row["high"] == pytest.approx(0.94331, abs=1e-5)


def test_a_mean_has_students_interval():
    row = mean_of_each(rows([1.0, 2.0, 3.0, None])).row(0, named=True)
    assert (row["value"], row["n"]) == (2.0, 3)
    assert row["high"] - row["value"] == pytest.approx(4.30265 / 3**0.5, abs=1e-4)


def test_a_mean_of_one_value_has_no_interval():
    row = mean_of_each(rows([4.0])).row(0, named=True)
    assert (row["value"], row["low"], row["high"]) == (4.0, None, None)


def test_a_median_lies_between_order_statistics():
    # n = 100: ranks 50 -+ 9.8, so the 40th and the 61st of 1..100.
    row = quantile_of_each(rows([float(i) for i in range(1, 101)]), 0.5).row(0, named=True)
    assert (row["value"], row["low"], row["high"], row["n"]) == (50.5, 40.0, 61.0, 100)


def test_a_rate_divides_events_by_exposure():
    counts = pl.LazyFrame({"period": ["a", "b"], "events": [25.0, 3.0], "exposure": [100.0, 0.0]})
    row = rate_of_each(counts).row(0, named=True)
    assert (row["value"], row["n"]) == (0.25, 100)
    assert row["low"] == pytest.approx((5 - 0.98) ** 2 / 100, abs=1e-3)


def test_nothing_to_count_gives_no_row():
    assert share_of_each(rows([None], pl.Boolean)).is_empty()
    assert mean_of_each(rows([], pl.Float64)).is_empty()
    assert quantile_of_each(rows([], pl.Float64), 0.9).is_empty()


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_the_interval_of_a_share_holds_its_value_within_0_and_1(values):
    row = share_of_each(rows(values)).row(0, named=True)
    assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
