import numpy as np

from cxm.methods.class_weights import choose_class_weights
from cxm.metrics.classification import macro_f1


def test_a_rare_class_gets_more_weight_and_macro_f1_does_not_fall():
    generator = np.random.default_rng(2)
    codes = (generator.random(2000) < 0.1).astype(np.intp)
    rare = np.clip(0.1 + 0.35 * codes + generator.normal(0, 0.12, 2000), 0.01, 0.99)
    probabilities = np.stack([1 - rare, rare], axis=1)
    weights = choose_class_weights(probabilities, codes)
    assert weights[1] > weights[0]
    weighted = macro_f1(codes, (probabilities * weights).argmax(axis=1))
    assert weighted > macro_f1(codes, probabilities.argmax(axis=1))


def test_few_rows_leave_the_weights_equal():
    np.testing.assert_array_equal(
        choose_class_weights(np.full((5, 3), 1 / 3), np.zeros(5, np.intp)), np.ones(3)
    )
