"""Vectors from elsewhere are told from those of the weeks before; like ones are not."""

import numpy as np
import pytest

from reports.embedding_drift import compare_samples, find_embedding_drift


def vectors(seed, n, shift=0.0):
    points = np.random.default_rng(seed).normal(size=(n, 16))
    points[:, 0] += shift
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_a_shift_is_found_and_its_most_unlike_texts_are_first():
    both = np.vstack([vectors(1, 100), vectors(2, 20, shift=6.0), vectors(3, 300)])
    mmd, p_value, witness = compare_samples(both, 120, np.random.default_rng(7))
    assert mmd > 0
    assert p_value <= 0.001
    assert (np.argsort(-witness)[:15] >= 100).all()


def test_like_samples_are_alarmed_about_as_often_as_said():
    p_values = [compare_samples(vectors(seed, 260), 60, np.random.default_rng(7))[1] for seed in range(40)]
    assert sum(p < 0.05 for p in p_values) <= 6
    assert 0.3 < float(np.mean(p_values)) < 0.7


def test_equal_vectors_do_not_drift():
    assert compare_samples(np.ones((30, 4), dtype=np.float32), 10, np.random.default_rng(7))[1] == 1.0


@pytest.mark.parametrize("period", [None, "2026-W30"])
def test_without_vectors_of_a_task_there_is_nothing(make_world, period):
    assert find_embedding_drift(make_world(), None, period) is None
