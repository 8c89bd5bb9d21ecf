import numpy as np
import polars as pl
import pytest

from cxm.methods.hazards import Spells
from cxm.methods.survival_curves import kaplan_meier, survival_curves


def test_the_curve_is_kaplan_and_meiers_by_hand():
    exits = np.array([1.0, 2, 2, 3, 4])
    spells = Spells(np.zeros(5), exits, np.array([True, True, False, True, False]))
    survival, low, high, n_at_risk = kaplan_meier(spells, np.array([0.0, 1, 2, 3]))
    assert survival == pytest.approx([1, 4 / 5, 4 / 5 * 3 / 4, 3 / 5 * 1 / 2])
    assert n_at_risk.tolist() == [5, 5, 4, 2]
    assert (low <= survival).all()
    assert (survival <= high).all()
    assert low[0] == high[0] == 1


def test_the_interval_is_that_of_lifelines():
    from lifelines import KaplanMeierFitter

    generator = np.random.default_rng(3)
    exits, event = np.ceil(generator.exponential(200, 300)), generator.random(300) < 0.7
    at = np.array([30.0, 90, 180, 365])
    survival, low, high, _ = kaplan_meier(Spells(np.zeros(300), exits, event), at)
    fitted = KaplanMeierFitter().fit(exits, event)
    interval = fitted.confidence_interval_survival_function_
    theirs = interval.iloc[np.searchsorted(interval.index, at, side="right") - 1]
    assert survival == pytest.approx(fitted.predict(at).to_numpy())
    assert np.column_stack([low, high]) == pytest.approx(theirs.to_numpy(), abs=1e-6)


def test_groups_are_levels_and_an_id_or_a_number_is_none():
    n = 200
    frame = pl.DataFrame(
        {
            "customer_id": [f"c{i:03}" for i in range(n)],
            "duration_days": np.arange(n) + 1.0,
            "is_churned": np.arange(n) % 2 == 0,
            "entry_days": np.zeros(n),
            "plan": ["a", "b", None, ""] * (n // 4),
            "badge": [f"x{i}" for i in range(n)],
            "price": np.arange(n) * 1.0,
        }
    )
    found = survival_curves(frame, ("customer_id", "duration_days", "is_churned", "entry_days"))
    groups = found.select("covariate", "level").unique().sort("covariate", "level").rows()
    assert groups == [("everyone", "everyone"), ("plan", "a"), ("plan", "b"), ("plan", "unknown")]
    assert found.filter(pl.col("tenure_days") == 0)["survival"].to_list() == [1.0] * 4


def test_nobody_gives_no_curve():
    frame = pl.DataFrame(
        {"customer_id": ["a"], "duration_days": [0.0], "is_churned": [False], "entry_days": [0.0]}
    )
    assert survival_curves(frame, ("customer_id",)).is_empty()
