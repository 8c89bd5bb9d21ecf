import numpy as np

from cxm.methods.class_weights import choose_class_weights
from cxm.metrics.classification import macro_f1


def test_a_rare_class_gets_more_weight_and_macro_f1_of_new_rows_rises():
    generator = np.random.default_rng(2)
    rare = generator.beta(0.5, 4, 4000)
    probabilities = np.stack([1 - rare, rare], axis=1)
    codes = (generator.random(4000) < rare).astype(np.intp)
    weights = choose_class_weights(probabilities[:2000])
    assert weights[1] > weights[0]
    weighted = macro_f1(codes[2000:], (probabilities[2000:] * weights).argmax(axis=1))
    assert weighted > macro_f1(codes[2000:], probabilities[2000:].argmax(axis=1)) + 0.02


def test_sure_probabilities_leave_decisions_as_they_are():
    probabilities = np.eye(3)[np.arange(300) % 3] * 0.97 + 0.01
    weights = choose_class_weights(probabilities)
    np.testing.assert_array_equal((probabilities * weights).argmax(axis=1), np.arange(300) % 3)


def test_few_rows_leave_the_weights_equal():
    np.testing.assert_array_equal(choose_class_weights(np.full((5, 3), 1 / 3)), np.ones(3))
