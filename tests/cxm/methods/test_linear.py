import numpy as np

from cxm.methods.linear import choose_mix, fit_linear, mix_probabilities, spread_folds


def test_a_class_the_rows_lack_gets_next_to_no_probability():
    features = np.array([[0.0], [1.0]] * 10, dtype=np.float32)
    model = fit_linear(features, np.array([0, 2] * 10), n_classes=3, strength=10.0)
    probabilities = np.exp(model.log_probabilities(features))
    assert probabilities[:, 1].max() < 1e-6
    assert probabilities[0, 0] > 0.5 > probabilities[1, 0]


def test_without_features_the_shares_are_the_probabilities():
    model = fit_linear(np.zeros((4, 0), np.float32), np.array([0, 0, 0, 1]), n_classes=2, strength=1.0)
    np.testing.assert_allclose(np.exp(model.log_probabilities(np.zeros((1, 0)))), [[0.75, 0.25]], atol=1e-6)


def test_folds_hold_the_same_share_of_each_class():
    codes = np.repeat([0, 1], [30, 6])
    fold = spread_folds(codes, 3, np.random.default_rng(1))
    assert [np.bincount(codes[fold == k]).tolist() for k in range(3)] == [[10, 2]] * 3


def test_the_part_that_knows_the_answer_gets_the_weight():
    generator = np.random.default_rng(4)
    codes = generator.integers(0, 2, 400)
    good = np.log(np.where(np.eye(2)[codes] > 0, 0.8, 0.2))
    good[:80] = good[:80, ::-1]
    noise = np.log(generator.dirichlet([1, 1], 400))
    mix = choose_mix((good, noise), codes)
    assert mix[0] > 0.9 > 0.2 > mix[1]
    np.testing.assert_allclose(mix_probabilities((good, noise), mix).sum(axis=1), 1.0)
