import numpy as np
import polars as pl
import pytest

from cxm.methods.satisfaction import SatisfactionModel, compare_satisfaction, fit_satisfaction


def make_rows(n, seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n, 3))
    csat = np.clip(np.round(3 + features[:, 0] + generator.normal(0, 0.6, n)), 1, 5)
    features[generator.random((n, 3)) < 0.2] = np.nan
    return pl.DataFrame(features, schema=["a", "b", "c"]).fill_nan(None), csat


def fit(frame, csat, groups=None):
    groups = np.arange(len(csat)) if groups is None else groups
    return fit_satisfaction(frame, csat, groups, np.random.default_rng(1))


def test_the_interval_holds_about_four_of_five_new_answers():
    model = fit(*make_rows(1000, 1))
    frame, csat = make_rows(1000, 2)
    value, low, high = model.predict(frame).T
    assert 0.75 < ((low <= csat) & (csat <= high)).mean() < 0.9
    assert (low <= value).all()
    assert (value <= high).all()
    assert 0.77 < model.is_covered.mean() < 0.85


def test_what_is_measured_on_held_out_surveys_is_what_new_ones_get():
    frame, csat = make_rows(1000, 1)
    model = fit(frame, csat)
    rows = compare_satisfaction({"all": model}, csat, np.arange(1000))
    found = {(row["model"], row["metric"]): row for row in rows}
    new, truth = make_rows(2000, 2)
    error = np.abs(model.predict(new)[:, 0] - truth).mean()
    assert found["all", "csat_error"]["low"] <= error <= found["all", "csat_error"]["high"]
    assert found["all", "csat_spearman"]["low"] > 0.6
    assert found["all", "csat_error"]["high"] < found["mean of the surveys", "csat_error"]["low"]


def test_surveys_of_one_customer_are_never_on_both_sides():
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(100), 5)
    csat = np.repeat(generator.integers(1, 6, 100), 5).astype(float)
    frame = pl.DataFrame({"name": [f"customer {g}" for g in groups], "noise": generator.normal(size=500)})
    held_out = fit(frame, csat, groups).held_out
    assert abs(np.corrcoef(held_out, csat)[0, 1]) < 0.3


def test_predictions_stay_on_the_scale_and_unknown_features_are_allowed():
    model = fit(*make_rows(200, 1))
    rows = pl.DataFrame(
        {"a": [None, 100.0, -100.0], "b": [None, 0.0, 0.0]}, schema_overrides={"b": pl.Float64}
    )
    found = model.predict(rows)
    assert np.isfinite(found).all()
    assert found.min() >= 1
    assert found.max() <= 5


def test_features_that_say_nothing_give_the_mean():
    csat = np.array([1.0, 5.0] * 60)
    empty = pl.DataFrame({"a": [None] * 120}, schema={"a": pl.Float64})
    assert fit(empty, csat).predict(empty)[0, 0] == pytest.approx(3.0)


def test_its_parts_give_back_the_same_predictions():
    frame, csat = make_rows(200, 1)
    model = fit(frame, csat)
    again = SatisfactionModel.from_parts(*model.to_parts())
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))


def test_surveys_of_a_single_customer_give_an_interval_all_the_same():
    frame, csat = make_rows(120, 1)
    model = fit(frame, csat, np.zeros(120))
    assert np.isfinite(model.predict(frame)).all()
