"""BG/NBD against the published figures, and on customers drawn from it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cxm.methods.alive import BgNbd, fit_bg_nbd, log_likelihood, repeat_table

_CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426)
"""Fader, Hardie & Lee (2005), table 2: CDNOW, in weeks."""


def _one(*values: float) -> list[np.ndarray]:
    return [np.array([value]) for value in values]


def test_the_expected_purchases_are_those_published_for_a_cdnow_customer():
    # "Implementing the BG/NBD model for customer base analysis in Excel", customer 0001, 39 weeks ahead.
    assert _CDNOW.expected_purchases(*_one(2, 30.43, 38.86), 39.0)[0] == pytest.approx(1.226, abs=1e-3)


def test_who_is_overdue_by_their_own_rhythm_is_less_probably_there():
    alive = _CDNOW.alive(
        np.array([10.0, 10.0, 0.0]), np.array([30.0, 10.0, 0.0]), np.array([31.0, 31.0, 31.0])
    )
    assert alive[0] > 0.8 > 0.2 > alive[1]
    assert alive[2] == 1


def _simulated(model: BgNbd, n: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(11)
    rate = generator.gamma(model.r, 1 / model.alpha, n)
    chance = generator.beta(model.a, model.b, n)
    watched = generator.uniform(25, 40, n)
    x, last = np.zeros(n), np.zeros(n)
    for i in range(n):
        now = 0.0
        while True:
            now += generator.exponential(1 / rate[i])
            if now > watched[i]:
                break
            x[i], last[i] = x[i] + 1, now
            if generator.uniform() < chance[i]:
                break
    return x, last, watched


def test_customers_drawn_with_published_parameters_give_them_back():
    x, last, watched = _simulated(_CDNOW, 6000)
    found = fit_bg_nbd(x, last, watched)
    assert found is not None
    assert found.r == pytest.approx(0.243, rel=0.15)
    assert found.alpha == pytest.approx(4.414, rel=0.2)
    assert found.a / (found.a + found.b) == pytest.approx(0.793 / 3.219, rel=0.15)
    planted = log_likelihood(_CDNOW, x, last, watched).mean()
    assert log_likelihood(found, x, last, watched).mean() >= planted - 1e-6


@pytest.mark.parametrize("n", [0, 5])
def test_too_few_customers_give_no_model(n):
    assert fit_bg_nbd(np.ones(n), np.ones(n), np.full(n, 2.0)) is None


def test_purchases_of_one_day_are_one():
    table = repeat_table(pl.DataFrame({"customer_id": ["a", "a", "a", "b"], "ago": [9.8, 9.1, 2.5, 4.0]}))
    assert table.rows() == [("a", 1.0, 7.0, 9.8), ("b", 0.0, 0.0, 4.0)]


def test_customers_who_are_all_alike_are_expected_at_their_rate_and_never_nan():
    alike = BgNbd(10_911.6, 249_194.1, 6.1e-06, 794.3)
    assert alike.expected_purchases(*_one(9, 195, 216), 90.0)[0] == pytest.approx(90 * 10_920.6 / 249_410.1)
