"""Places among others, labelled or not."""

import numpy as np
import pytest

from cxm.methods.conversations import to_unit
from cxm.methods.neighbourhoods import Neighbourhoods, fit_neighbourhoods


def two_chains(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vectors, chain, how far along): directions that turn from one axis to the next but one."""
    generator = np.random.default_rng(3)
    chain, along = np.repeat([0, 1], n), np.tile(np.linspace(0, 1, n), 2)
    points = generator.normal(0, 0.05, (2 * n, 12))
    for i, (which, t) in enumerate(zip(chain, along * 2, strict=True)):
        first = 3 * which + int(t >= 1)
        points[i, first] += np.cos(np.pi / 2 * (t % 1 if t < 2 else 1))
        points[i, first + 1] += np.sin(np.pi / 2 * (t % 1 if t < 2 else 1))
    return to_unit(points.astype(np.float32)), chain, along


def test_few_labels_reach_along_dense_regions():
    vectors, chain, along = two_chains(150)
    places = fit_neighbourhoods(vectors, seed=1).place(vectors)
    labelled = np.flatnonzero(along == 0)
    far = along > 0.7
    near = chain[labelled][(places @ places[labelled].T).argmax(axis=1)]
    straight = chain[labelled][(vectors @ vectors[labelled].T).argmax(axis=1)]
    assert (near == chain)[far].mean() > 0.9 > (straight == chain)[far].mean()


def test_who_was_not_there_is_placed_beside_his_like():
    vectors, chain, _ = two_chains(300)
    known = np.arange(600) % 4 > 0
    found = Neighbourhoods.from_arrays(fit_neighbourhoods(vectors[known], seed=1).to_arrays())
    old, new = found.place(vectors[known]), found.place(vectors[~known])
    assert (chain[known][(new @ old.T).argmax(axis=1)] == chain[~known]).mean() > 0.98


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_or_no_vectors_give_finite_places(n):
    vectors = to_unit(np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32))
    found = fit_neighbourhoods(vectors, seed=1)
    assert np.isfinite(found.place(vectors)).all()
    assert not found.place(np.zeros((2, 6), dtype=np.float32)).any()
