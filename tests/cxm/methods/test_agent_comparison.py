"""Agents compared: planted differences are found, chance is not, the few are left alone."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.methods.agent_comparison import compare_agents


def compare(scores, n_least=30):
    """`scores`: agent -> conversation scores."""
    rows = [
        (f"{agent}-{i}", agent, score, int(score == 0), int(score < 1))
        for agent, given_ in scores.items()
        for i, score in enumerate(given_)
    ]
    names = ["conversation_id", "agent_id", "quality_score", "n_critical_errors", "n_noncritical_errors"]
    types = dict(zip(names, (pl.String, pl.String, pl.Float64, pl.Int32, pl.Int32), strict=True))
    frame = pl.DataFrame(rows, schema=types, orient="row")
    return compare_agents(frame.drop("agent_id"), frame.select("conversation_id", "agent_id"), n_least)


def draw(generator, n, mean):
    return generator.binomial(10, mean, n) / 10


def test_a_worse_agent_is_told_apart_and_equal_ones_are_not():
    generator = np.random.default_rng(0)
    scores = {f"a{i:02}": draw(generator, 60, 0.8) for i in range(20)}
    rows = compare(scores | {"worse": draw(generator, 60, 0.6), "better": draw(generator, 60, 0.95)})
    standing = dict(rows.select("agent_id", "standing").iter_rows())
    assert (standing.pop("worse"), standing.pop("better")) == ("below", "above")
    assert set(standing.values()) == {"not_apart"}


def test_of_agents_who_are_all_alike_hardly_any_is_called_apart():
    generator = np.random.default_rng(1)
    apart = [
        (compare({f"a{i:02}": draw(generator, 40, 0.7) for i in range(25)})["standing"] != "not_apart").any()
        for _ in range(100)
    ]
    assert np.mean(apart) <= 0.12


def test_below_the_minimum_there_is_a_count_and_no_figure():
    generator = np.random.default_rng(2)
    rows = compare({"many": draw(generator, 30, 0.8), "few": draw(generator, 29, 0.1)})
    few = rows.row(0, named=True)
    assert (few["agent_id"], few["n_conversations"], few["is_compared"]) == ("few", 29, False)
    assert all(value is None for name, value in few.items() if name not in rows.columns[:3])
    assert rows.row(1, named=True)["is_compared"]


def test_welch_s_test_is_scipy_s():
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(3)
    left, right = draw(generator, 40, 0.8), draw(generator, 70, 0.7)
    rows = compare({"left": left, "right": right})
    expected = ttest_ind(left, right, equal_var=False).pvalue
    assert rows["q_value"].to_list() == pytest.approx([expected, expected])


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=8)))
def test_intervals_hold_their_value_whatever_the_scores(scores):
    rows = compare(scores, 2)
    for value, low, high in (
        ("quality_score", "low", "high"),
        ("critical_error_share", "critical_error_low", "critical_error_high"),
        ("noncritical_error_share", "noncritical_error_low", "noncritical_error_high"),
    ):
        shown = rows.filter("is_compared").select(value, low, high)
        assert all(0 <= l <= v <= h <= 1 for v, l, h in shown.iter_rows())  # noqa: E741
    assert rows.height == sum(bool(given_) for given_ in scores.values())
