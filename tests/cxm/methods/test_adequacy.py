"""The probability that the best article answers."""

import numpy as np
import pytest

from cxm.methods.adequacy import EVIDENCE, adequacy, evidence, fit_adequacy
from cxm.methods.matching import FEATURES

N = len(EVIDENCE)


def test_a_clear_fit_is_likelier_an_answer_than_a_vague_one() -> None:
    generator = np.random.default_rng(0)
    curve = fit_adequacy(generator.normal(0.6, 0.1, (200, N)), generator.normal(0.3, 0.1, (200, N)))
    clear, vague = adequacy(np.array([[0.7] * N, [0.2] * N]), curve)
    assert clear > 0.9
    assert vague < 0.1


def test_probabilities_are_calibrated_where_examples_overlap() -> None:
    generator = np.random.default_rng(1)
    rows = [generator.normal(mean, 0.1, (4000, N)) for mean in (0.43, 0.40)]
    curve = fit_adequacy(*rows)
    probability = adequacy(np.concatenate(rows), curve)
    answered = np.repeat([1, 0], 4000)
    for part in np.array_split(np.argsort(probability), 5):
        assert abs(probability[part].mean() - answered[part].mean()) < 0.05


def test_a_better_fit_is_never_less_likely_an_answer() -> None:
    generator = np.random.default_rng(2)
    curve = fit_adequacy(generator.normal(0.4, 0.1, (50, N)), generator.normal(0.4, 0.1, (50, N)))
    assert min(curve["weights"]) >= 0


@pytest.mark.parametrize(("present", "absent"), [(0, 0), (0.1, 0.8)])
def test_examples_that_teach_nothing_leave_it_open(present: float, absent: float) -> None:
    rows = (np.full((9 if present else 0, N), x) for x in (present, absent))
    assert adequacy(np.ones((1, N)), fit_adequacy(*rows)).tolist() == [0.5]


def test_evidence_is_that_of_the_best_article_kept() -> None:
    features = np.arange(2 * len(FEATURES), dtype=float).reshape(2, -1)
    first, second = (features[i][[FEATURES.index(name) for name in EVIDENCE]] for i in range(2))
    assert (evidence(features, np.array([0.1, 0.2])) == second).all()
    assert (evidence(features, np.array([0.1, 0.2]), np.array([True, False])) == first).all()
    assert not evidence(features, np.array([0.1, 0.2]), np.array([False, False])).any()
    assert not evidence(features[:0], np.zeros(0)).any()
