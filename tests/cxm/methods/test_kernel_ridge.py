"""Kernels of several views, and the ridge regression on their sum."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from cxm.methods.kernel_ridge import choose_weights, dot_kernel, fit_ridge, held_out_scores, near_kernel


@pytest.mark.parametrize("n_rows", [1, 40, 2_300])
def test_common_and_rare_words_count_alike_in_likeness(n_rows):
    generator = np.random.default_rng(3)
    rare = random_array((n_rows, 50), density=0.01, rng=generator, dtype=np.float32)
    common = random_array((n_rows, 20), density=0.6, rng=generator, dtype=np.float32)
    rows = np.hstack([rare.toarray(), common.toarray()])[:, generator.permutation(70)]
    kernel = dot_kernel(csr_matrix(rows))
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel, rows @ rows.T, atol=1e-5)


def test_rows_without_words_are_like_none():
    assert not dot_kernel(csr_matrix((5, 0), dtype=np.float32)).any()
    assert not dot_kernel(csr_matrix((5, 9), dtype=np.float32)).any()


def test_a_view_that_says_nothing_counts_no_more_than_one_that_tells_the_classes():
    generator = np.random.default_rng(5)
    codes = generator.integers(0, 3, 150)
    telling = np.eye(3, dtype=np.float32)[codes] + generator.normal(0, 0.4, (150, 3)).astype(np.float32)
    noise = generator.normal(size=(150, 8)).astype(np.float32)
    views = {"telling": telling, "noise": noise}
    units = {name: v / np.linalg.norm(v, axis=1, keepdims=True) for name, v in views.items()}
    kernels = {name: near_kernel(v, v, 1.0) for name, v in units.items()}
    fold = np.arange(150) % 5
    weights, loss = choose_weights(kernels, codes, 3, fold)
    assert weights["telling"] > weights["noise"]
    assert loss < np.log(3) / 2


def test_held_out_scores_are_those_of_a_model_of_the_other_rows():
    generator = np.random.default_rng(6)
    rows = generator.normal(size=(30, 4)).astype(np.float32)
    kernel, codes, fold = rows @ rows.T, generator.integers(0, 2, 30), np.arange(30) % 3
    train, test = np.flatnonzero(fold != 1), np.flatnonzero(fold == 1)
    coefficients, intercepts = fit_ridge(kernel[np.ix_(train, train)], codes[train], 2)
    expected = kernel[np.ix_(test, train)] @ coefficients + intercepts
    np.testing.assert_allclose(held_out_scores(kernel, codes, 2, fold)[test], expected, atol=1e-5)
