"""Other ways to group customers, and how good a grouping is."""

import numpy as np
import pytest

from cxm.methods.clusterings import alternatives, refit_agreement, separation
from cxm.metrics.classification import adjusted_rand_index


@pytest.fixture(scope="module")
def groups():
    """Three round groups of 100, far apart."""
    generator = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], 100)
    return generator.normal(size=(300, 3)) * 0.3 + truth[:, None] * 4.0, truth


@pytest.mark.parametrize("name", ["k_means", "dbscan", "agglomerative", "birch"])
def test_each_way_finds_groups_that_lie_apart_and_resamples_find_them_again(groups, name):
    points, truth = groups
    group = alternatives(3, 3)[name]
    labels = group(points, 7)
    assert adjusted_rand_index(truth, labels) > 0.9
    assert np.array_equal(labels, group(points, 7))
    assert np.mean(refit_agreement(points, labels, group, 3, 7)) > 0.9


@pytest.mark.parametrize("name", ["k_means", "dbscan", "agglomerative", "birch"])
@pytest.mark.parametrize("n", [2, 3, 40])
def test_equal_points_are_grouped_without_a_fault(name, n):
    assert len(alternatives(3, 2)[name](np.zeros((n, 3)), 7)) == n


def test_groups_that_lie_apart_separate_better_than_shuffled_ones(groups):
    points, truth = groups
    right = separation(points, truth, 7)
    wrong = separation(points, np.random.default_rng(0).permutation(truth), 7)
    assert right["silhouette"].mean() > 0.8 > wrong["silhouette"].mean()
    assert right["davies_bouldin"] < wrong["davies_bouldin"]
    assert right["calinski_harabasz"] > wrong["calinski_harabasz"]
    assert separation(points, np.zeros(300), 7) == {}


def test_a_grouping_made_by_chance_is_not_found_again(groups):
    points, truth = groups

    def at_random(drawn, seed):
        return np.random.default_rng(seed).integers(0, 3, len(drawn))

    assert abs(np.mean(refit_agreement(points, truth, at_random, 5, 7))) < 0.1
