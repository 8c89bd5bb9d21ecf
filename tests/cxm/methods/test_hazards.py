import numpy as np
import pytest

from cxm.methods.covariates import Term
from cxm.methods.cox import fit_cox, hazard_ratios
from cxm.methods.hazards import Spells, fit_boosted_hazard, nelson_aalen, whole_days


def spells(n: int, x: np.ndarray, seed: int = 0) -> Spells:
    generator = np.random.default_rng(seed)
    leaves = generator.exponential(200 / np.exp(x))
    found, _ = whole_days(np.minimum(leaves, 365), leaves < 365, np.zeros(n))
    return found


def test_whole_days_round_up_and_drop_who_was_never_watched():
    found, kept = whole_days(
        np.array([30.4, 0.0, 0.0, 50.0]), np.array([True, True, False, True]), np.array([0.0, 0.0, 0.0, 50.0])
    )
    assert found.exit.tolist() == [31, 1]
    assert kept.tolist() == [True, True, False, False]


def test_nelson_aalen_equals_the_hand_computed_hazard_with_late_entry():
    exits, events = np.array([2.0, 3.0, 3.0, 5.0]), np.array([True, True, False, True])
    curve = nelson_aalen(Spells(np.array([0.0, 0.0, 0.0, 2.0]), exits, events))
    # Day 2: one of three (the fourth has not entered); day 3: one of three; day 5: one of one.
    assert curve.at(np.array([1.0, 2.0, 4.0, 5.0])) == pytest.approx([0, 1 / 3, 2 / 3, 5 / 3])


def test_nelson_aalen_without_events_leaves_nobody_certain_to_stay():
    curve = nelson_aalen(Spells(np.zeros(10), np.full(10, 100.0), np.zeros(10, dtype=bool)))
    assert curve.at(np.array([100.0]))[0] == pytest.approx(0.05)
    assert curve.at(np.array([200.0]))[0] > 0.05


def test_a_hazard_goes_on_beyond_what_was_observed():
    x = np.zeros(500)
    curve = nelson_aalen(spells(500, x))
    inside, outside = curve.at(np.array([350.0, 450.0]))
    assert outside - inside == pytest.approx(100 / 200, rel=0.35)


def test_boosted_hazards_recover_the_order_and_the_level_of_risk():
    x = np.random.default_rng(1).normal(size=1500)
    model = fit_boosted_hazard(x[:, None], spells(1500, x), seed=7)
    grid = np.array([[-1.5], [0.0], [1.5]])
    risk = 1 - np.exp(-model.at(grid, np.full((3, 1), 90.0)))[:, 0]
    truth = 1 - np.exp(-90 / 200 * np.exp([-1.5, 0.0, 1.5]))
    assert risk == pytest.approx(truth, abs=0.12)
    days = np.tile(np.array([10.0, 100.0, 365.0, 500.0]), (3, 1))
    assert (np.diff(model.at(grid, days), axis=1) > 0).all()


def test_cox_recovers_a_planted_ratio_per_unit_of_the_column():
    x = np.random.default_rng(2).normal(size=2000)
    plan = [Term("income", "income", "number", center=0.0, scale=1000.0)]
    model = fit_cox(x[:, None], plan, spells(2000, x), 1e-4)
    row = hazard_ratios(model, plan).row(0, named=True)
    assert row["low"] < np.exp(1 / 1000) < row["high"]
    assert row["p_value"] < 1e-6


def test_a_column_that_decides_everything_is_shrunk_instead_of_failing():
    gives_away = np.repeat([0.0, 1.0], 100)
    found = Spells(np.zeros(200), np.repeat([100.0, 5.0], 100), gives_away.astype(bool))
    plan = [Term("gives_away", "gives_away", "flag")]
    model = fit_cox(gives_away[:, None], plan, found, 1e-3)
    assert np.isfinite(model.coefficients).all()
    assert model.coefficients[0] > 1
