import numpy as np
import pytest

from cxm.methods.calibration_curve import calibration_curve


def test_what_is_true_lies_in_the_interval_of_nearly_every_tenth():
    generator = np.random.default_rng(2)
    probability = generator.uniform(0, 1, 20_000)
    outcome = generator.random(20_000) < probability
    rows = calibration_curve(90, probability, outcome, np.ones(20_000))
    assert [row["bin"] for row in rows] == list(range(1, 11))
    assert sum(row["low"] <= row["probability"] <= row["high"] for row in rows) >= 8


def test_rows_whose_outcome_was_not_seen_count_for_nothing():
    probability, outcome = np.full(40, 0.5), np.arange(40) % 2 == 0
    weight = np.where(outcome, 1.0, 0.0)
    rows = calibration_curve(30, probability, outcome, weight)
    assert [row["frequency"] for row in rows] == pytest.approx([1.0] * len(rows))
    assert calibration_curve(30, probability, outcome, np.zeros(40)) == []
    assert calibration_curve(30, np.zeros(0), np.zeros(0), np.zeros(0)) == []
