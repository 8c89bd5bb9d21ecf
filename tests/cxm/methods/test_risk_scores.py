import numpy as np
import polars as pl
import pytest

from cxm.methods.risk_scores import aligned_risk, calibration_by_weight, main_horizon, score_risk

FOLLOWED = pl.DataFrame(
    {
        "customer_id": [f"c{i}" for i in range(40)],
        "duration_days": [10.0] * 10 + [200.0] * 30,
        "is_churned": [True] * 10 + [False] * 30,
    }
)


def risk(values: list[float]) -> pl.DataFrame:
    ids = FOLLOWED["customer_id"][: len(values)]
    return pl.DataFrame({"customer_id": ids, "horizon_days": 90, "probability": values})


def test_the_main_horizon_is_the_one_nearest_to_90_days_within_the_window():
    assert main_horizon([30, 90, 180]) == 90
    assert main_horizon([30, 90, 180], 60) == 30
    assert main_horizon([10, 365]) == 10
    assert main_horizon([120], 60) == 120


def test_a_perfect_risk_scores_best():
    probability, there = aligned_risk(risk([1.0] * 10 + [0.0] * 30), FOLLOWED, [90])
    found = {e.metric: e.value for e in score_risk(FOLLOWED, probability, [90], 90)}
    assert there.all()
    assert found["concordance_index"] == found["concordance_ipcw"] == 1
    assert found["integrated_brier_score"] == found["calibration_error"] == 0
    assert found["lift_at_decile"] == 4


def test_a_missing_prediction_counts_as_wrong():
    probability, there = aligned_risk(risk([1.0] * 5), FOLLOWED, [90])
    assert there.sum() == 5
    assert probability[5:10].max() == 0
    assert probability[10:].min() == 1


def test_rows_whose_fate_is_not_known_do_not_count_in_the_calibration():
    probability, weight = np.array([0.2, 0.8, 0.5, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])
    assert calibration_by_weight(probability, np.array([1, 0, 1, 1]), weight) == pytest.approx(0.8)
    assert np.isnan(calibration_by_weight(np.zeros(0), np.zeros(0), np.zeros(0)))


def test_a_constant_risk_that_is_right_is_calibrated():
    """Half of the known rows left, as the risk says; no order among them matters."""
    weight = np.array([1.0, 1.0, 0.0, 0.0])
    for outcome in ([1, 0, 1, 1], [0, 1, 1, 1]):
        error = calibration_by_weight(np.full(4, 0.5), np.array(outcome), weight)
        assert error == pytest.approx(0)


def test_no_rows_give_no_scores():
    assert score_risk(FOLLOWED.head(0), np.zeros((0, 1)), [90], 90) == []
