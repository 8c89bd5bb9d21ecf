"""The stack of survival models: weights from held-out rows, never worse than its members by much."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cxm.methods.observation import from_entry
from cxm.methods.risk_choice import choose_and_fit, compare_models
from cxm.methods.tenure_risk import BOOSTED, STACK, fit_risk, from_parts, to_parts

_SKIP = ("customer_id", "duration_days", "is_churned", "entry_days")
_HORIZONS = np.array([30.0, 90.0, 180.0])


def _customers(n: int, seed: int = 5) -> pl.DataFrame:
    """Contracts whose hazard depends on an interaction that no linear model sees, and on a number."""
    generator = np.random.default_rng(seed)
    x, y, z = generator.normal(size=n), generator.choice(["a", "b"], n), generator.choice(["c", "d"], n)
    rate = 0.004 * np.exp(0.7 * x + 1.2 * ((y == "a") == (z == "c")))
    time, end = generator.exponential(1 / rate), generator.uniform(20, 500, n)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i:05}" for i in range(n)],
            "x": x,
            "y": y,
            "z": z,
            "duration_days": np.minimum(time, end),
            "is_churned": time <= end,
            "entry_days": np.zeros(n),
        }
    )


@pytest.fixture(scope="module")
def compared():
    labels = _customers(1200)
    return labels, compare_models(labels, from_entry(labels), _SKIP, _HORIZONS, 1, 3, 0.001, 7)


def test_every_model_is_in_the_table_and_the_stack_is_at_least_as_good_as_each(compared):
    _, comparison = compared
    brier = {r["model"]: r["value"] for r in comparison.rows() if r["metric"] == "integrated_brier_score"}
    assert set(brier) == {
        "kaplan_meier", "cox", "weibull_aft", "lognormal_aft", "lightgbm_hazard", "mean", "stack",
    }  # fmt: skip
    assert brier["stack"] <= 1.01 * min(brier.values())
    assert brier["stack"] < 0.97 * brier["cox"]


def test_weights_of_the_chosen_sum_to_one_and_none_is_negative(compared):
    chosen = compared[1].chosen
    assert chosen.kind in (STACK, BOOSTED)
    assert sum(chosen.weights.values()) == pytest.approx(1)
    assert min(chosen.weights.values()) > 0


def test_the_risk_is_calibrated_on_customers_never_seen_and_grows_with_the_horizon(compared):
    labels, comparison = compared
    model = fit_risk(labels, _SKIP, comparison.chosen, 0.001, 7)
    others = _customers(4000, seed=6)
    risk = model.risk(others, np.zeros(others.height), _HORIZONS)
    assert (np.diff(risk, axis=1) >= 0).all()
    known = others["is_churned"].to_numpy() | (others["duration_days"].to_numpy() > 90)
    left = (others["is_churned"] & (others["duration_days"] <= 90)).to_numpy()
    high = risk[:, 1] > np.median(risk[:, 1])
    assert left[known & high].mean() > 1.5 * left[known & ~high].mean()
    assert risk[known, 1].mean() == pytest.approx(left[known].mean(), abs=0.05)


def test_a_stack_comes_back_from_its_parts_to_the_same_risk(compared):
    labels, comparison = compared
    model = fit_risk(labels, _SKIP, comparison.chosen, 0.001, 7)
    again = from_parts(*to_parts(model))
    tenure = np.full(labels.height, 40.0)
    assert (again.risk(labels, tenure, _HORIZONS) == model.risk(labels, tenure, _HORIZONS)).all()
    assert again.reasons(labels[:5], tenure[:5]) == model.reasons(labels[:5], tenure[:5])


@pytest.mark.parametrize(("further", "is_used"), [("x", True), ("noise", False)])
def test_a_further_covariate_is_used_only_where_it_foretells_who_leaves(further, is_used):
    labels = _customers(600).with_columns(noise=np.random.default_rng(1).normal(size=600))
    followed = from_entry(labels)
    model, _ = choose_and_fit(labels, followed, _SKIP, _HORIZONS, 90, 2, 0.001, 7, (further,))
    assert any(term.covariate == further for term in model.plan) == is_used
