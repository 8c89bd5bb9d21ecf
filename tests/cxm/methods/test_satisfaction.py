import numpy as np

from cxm.methods.satisfaction import fit_satisfaction


def make_rows(n, seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n, 3))
    csat = np.clip(np.round(3 + features[:, 0] + generator.normal(0, 0.6, n)), 1, 5)
    features[generator.random((n, 3)) < 0.2] = np.nan
    return features, csat


def test_the_interval_holds_about_four_of_five_new_answers():
    model = fit_satisfaction(*make_rows(1000, 1), np.random.default_rng(1))
    features, csat = make_rows(1000, 2)
    value, low, high = model.predict(features).T
    assert 0.75 < ((low <= csat) & (csat <= high)).mean() < 0.9
    assert (low <= value).all()
    assert (value <= high).all()


def test_predictions_stay_on_the_scale_and_unknown_features_are_allowed():
    model = fit_satisfaction(*make_rows(200, 1), np.random.default_rng(1))
    found = model.predict(np.array([[np.nan] * 3, [100.0, 0.0, 0.0], [-100.0, 0.0, 0.0]]))
    assert np.isfinite(found).all()
    assert found.min() >= 1
    assert found.max() <= 5


def test_features_that_say_nothing_give_the_mean():
    csat = np.array([1.0, 5.0] * 60)
    model = fit_satisfaction(np.full((120, 2), np.nan), csat, np.random.default_rng(1))
    assert abs(model.predict(np.full((1, 2), np.nan))[0, 0] - 3.0) < 1e-9
