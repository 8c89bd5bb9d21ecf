"""Metrics against hand-computed values, the libraries' own, and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from cxm.metrics import METRICS, estimate
from cxm.metrics import classification as c
from cxm.metrics import ranking as r
from cxm.metrics import survival as s
from cxm.metrics.intervals import mean_of

codes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


@given(codes)
def test_label_metrics_equal_the_librarys(pairs):
    truth, answer = (np.array(column) for column in zip(*pairs, strict=True))
    labels = np.unique(truth)
    assert c.macro_f1(truth, answer) == pytest.approx(
        sk.f1_score(truth, answer, labels=labels, average="macro", zero_division=0)
    )
    assert c.weighted_f1(truth, answer) == pytest.approx(
        sk.f1_score(truth, answer, average="weighted", zero_division=0)
    )
    if len(np.unique(np.concatenate([truth, answer]))) == 1:
        return
    assert c.matthews(truth, answer) == pytest.approx(sk.matthews_corrcoef(truth, answer), abs=1e-9)
    if len(np.unique(np.concatenate([truth, answer]))) > 1:
        assert c.cohen_kappa(truth, answer) == pytest.approx(sk.cohen_kappa_score(truth, answer), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=50))
def test_roc_auc_equals_the_librarys(pairs):
    score, outcome = (np.array(column) for column in zip(*pairs, strict=True))
    if outcome.any() and not outcome.all():
        assert c.roc_auc(score, outcome) == pytest.approx(sk.roc_auc_score(outcome, score))
    else:
        assert np.isnan(c.roc_auc(score, outcome))


def test_calibration_error_by_hand():
    probability = np.array([0.1] * 10 + [0.9] * 10)
    outcome = np.array([0] * 10 + [1] * 5 + [0] * 5)
    assert c.calibration_error(probability, outcome, n_bins=2) == pytest.approx((0.1 + 0.4) / 2)


def test_ranking_by_hand():
    ranked, relevant = ["a", "b", "c"], {"b", "x"}
    assert r.hit_at(ranked, relevant, 1) == 0
    assert r.recall_at(ranked, relevant, 3) == 0.5
    assert r.reciprocal_rank_at(ranked, relevant, 10) == 0.5
    ideal = 1 + 1 / np.log2(3)
    assert r.ndcg_at(ranked, {"b": 1, "x": 1}, 10) == pytest.approx((1 / np.log2(3)) / ideal)
    assert r.set_f1([1, 2], [2, 3]) == 0.5
    assert r.set_f1([], []) == 1


def test_concordance_by_hand():
    duration, event = np.array([1, 2, 3, 4]), np.array([True, True, False, True])
    risk = np.array([4.0, 1.0, 3.0, 2.0])
    # Comparable pairs: (1,2) (1,3) (1,4) right, (2,3) (2,4) wrong.
    assert s.concordance_index(duration, event, risk) == pytest.approx(3 / 5)


def test_without_censoring_both_concordances_agree():
    generator = np.random.default_rng(0)
    duration, risk = generator.exponential(1, 200), generator.random(200)
    event = np.ones(200, bool)
    assert s.concordance_ipcw(duration, event, risk) == pytest.approx(
        s.concordance_index(duration, event, risk)
    )


def test_ipcw_concordance_does_not_move_with_censoring():
    """Uno's C stays where it is when half the rows are censored at random; that is its point."""
    generator = np.random.default_rng(1)
    risk = generator.normal(size=6000)
    time = generator.exponential(np.exp(-risk))
    censoring = generator.exponential(1.0, 6000)
    full = s.concordance_ipcw(time, np.ones(6000, bool), risk, until=1.0)
    seen = s.concordance_ipcw(np.minimum(time, censoring), time <= censoring, risk, until=1.0)
    assert seen == pytest.approx(full, abs=0.015)


def test_brier_score_without_censoring_is_the_squared_error():
    duration = np.array([10.0, 50.0, 200.0])
    probability = np.array([0.8, 0.5, 0.1])
    expected = np.mean([(1 - 0.8) ** 2, (1 - 0.5) ** 2, 0.1**2])
    assert s.brier_score(duration, np.ones(3, bool), probability, 90) == pytest.approx(expected)


def test_lift_by_hand():
    probability = np.linspace(1, 0, 20)
    outcome = np.array([1, 1] + [0] * 16 + [1, 1])
    assert s.lift_at_decile(probability, outcome) == pytest.approx(5.0)


def test_the_interval_holds_the_value_and_narrows_with_more_units():
    generator = np.random.default_rng(0)
    values = generator.random(2000)
    wide = estimate("accuracy", mean_of(values[:50]), np.arange(50))[0]
    narrow = estimate("accuracy", mean_of(values), np.arange(2000))[0]
    assert wide.low <= wide.value <= wide.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


def test_rows_of_one_unit_are_drawn_together():
    """A hundred copies of ten rows tell no more than the ten."""
    values = np.array([0, 1] * 5, dtype=float)
    few = estimate("accuracy", mean_of(values), np.arange(10))[0]
    many = estimate("accuracy", mean_of(np.repeat(values, 100)), np.repeat(np.arange(10), 100))[0]
    assert many.high - many.low == pytest.approx(few.high - few.low, abs=0.05)


def test_no_row_and_an_undefined_value_give_no_estimate():
    assert estimate("accuracy", mean_of(np.zeros(0)), np.zeros(0)) == []
    assert estimate("roc_auc", lambda rows: float("nan"), np.arange(3)) == []


def test_every_metric_has_a_label_and_a_meaning():
    assert all(metric.label and metric.doc and metric.name == name for name, metric in METRICS.items())


def test_a_constant_right_probability_is_calibrated_in_any_order():
    outcome = np.array([0] * 30 + [1] * 30)
    assert c.calibration_error(np.full(60, 0.5), outcome) == pytest.approx(0)
    assert c.calibration_error(np.full(60, 0.5), outcome[::-1]) == pytest.approx(0)
