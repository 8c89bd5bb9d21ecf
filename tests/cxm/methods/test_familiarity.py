import numpy as np

from cxm.methods.familiarity import fit_familiarity


def vectors_about(centre, n, seed):
    rows = centre + np.random.default_rng(seed).normal(0, 0.12, (n, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_texts_of_the_same_kind_are_familiar_and_those_of_another_are_not():
    here, there = np.eye(32)[0], np.eye(32)[1]
    found = fit_familiarity(vectors_about(here, 800, 1), np.random.default_rng(1))
    assert found.is_familiar(vectors_about(here, 500, 2)).mean() > 0.95
    assert found.is_familiar(vectors_about(there, 500, 3)).mean() < 0.05
    assert found.is_familiar(np.zeros((0, 32), np.float32)).shape == (0,)


def test_few_labelled_texts_make_everything_familiar():
    found = fit_familiarity(vectors_about(np.eye(32)[0], 20, 1), np.random.default_rng(1))
    assert found.is_familiar(vectors_about(np.eye(32)[5], 10, 2)).all()
