"""Accelerated failure time recovers what durations were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from cxm.methods.aft import LOGNORMAL, WEIBULL, fit_aft
from cxm.methods.hazards import Spells

_N = 4000


def _draw(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Covariates, and times with log(time) = 5 + 0.8 x - 0.4 y + 0.5 noise."""
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(_N, 2))
    noise = np.log(-np.log(generator.uniform(size=_N))) if kind == WEIBULL else generator.normal(size=_N)
    return matrix, np.exp(5 + matrix @ np.array([0.8, -0.4]) + 0.5 * noise)


@pytest.mark.parametrize("kind", [WEIBULL, LOGNORMAL])
def test_planted_coefficients_are_recovered_under_censoring_and_late_entry(kind):
    matrix, time = _draw(kind)
    generator = np.random.default_rng(4)
    entry = np.where(generator.uniform(size=_N) < 0.4, generator.uniform(0, 80, _N), 0.0)
    end = entry + generator.uniform(20, 400, _N)
    seen = time > entry
    spells = Spells(entry[seen], np.minimum(time, end)[seen], (time <= end)[seen])
    model = fit_aft(kind, matrix[seen], spells)
    assert model.coefficients == pytest.approx([0.8, -0.4], abs=0.06)
    assert model.intercept == pytest.approx(5, abs=0.06)
    assert np.exp(model.log_sigma) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("kind", [WEIBULL, LOGNORMAL])
def test_the_cumulative_hazard_gives_the_share_that_left(kind):
    matrix, time = _draw(kind)
    model = fit_aft(kind, matrix, Spells(np.zeros(_N), time, np.ones(_N, dtype=bool)))
    days = np.tile([50.0, 200.0], (_N, 1))
    left = 1 - np.exp(-model.at(matrix, days))
    assert left.mean(axis=0) == pytest.approx([(time <= 50).mean(), (time <= 200).mean()], abs=0.02)


def test_without_an_event_or_a_difference_the_figures_stay_finite():
    spells = Spells(np.zeros(30), np.full(30, 10.0), np.zeros(30, dtype=bool))
    model = fit_aft(WEIBULL, np.zeros((30, 1)), spells)
    assert np.isfinite(model.at(np.zeros((30, 1)), np.full((30, 2), 90.0))).all()
