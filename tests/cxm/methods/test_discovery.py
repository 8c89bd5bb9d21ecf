"""Drivers found without labels."""

import numpy as np

from cxm.methods.conversations import to_unit
from cxm.methods.deciding import deciding_words
from cxm.methods.discovery import cluster_vectors, distinctive_words, group_clusters, name_groups


def blobs(n_topics: int, n: int, d: int = 24) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    which = np.arange(n) % n_topics
    points = np.eye(d)[which] + generator.normal(0, 0.08, (n, d))
    return to_unit(points.astype(np.float32)), which


def test_planted_topics_are_found_and_duplicates_merged():
    vectors, which = blobs(9, 900)
    groups, centres = cluster_vectors(vectors, (6, 9, 20), seed=7)
    assert len(centres) == 9
    assert all(len(np.unique(which[groups == g])) == 1 for g in range(9))
    halved, few = cluster_vectors(vectors, (30,), seed=7)
    assert len(few) == 9
    assert np.bincount(halved).sum() == 900


def test_every_row_has_a_group_and_the_largest_comes_first():
    vectors, _ = blobs(5, 333)
    groups, centres = cluster_vectors(vectors, (5,), seed=1)
    counts = np.bincount(groups, minlength=len(centres))
    assert counts.sum() == 333
    assert (np.diff(counts) <= 0).all()


def test_the_upper_level_groups_a_few_clusters_each():
    _, centres = cluster_vectors(blobs(16, 640)[0], (16,), seed=1)
    upper = group_clusters(centres)
    assert upper.max() + 1 == 4
    assert group_clusters(centres[:3]).tolist() == [0, 0, 0]


def test_names_are_unique_and_of_the_groups_own_words():
    texts = ["my parcel is late", "parcel not here", "refund the kettle", "refund please", "..."]
    groups = np.array([0, 0, 1, 1, 2])
    names = [name for name, _ in name_groups(texts, groups, 3)]
    assert "parcel" in names[0]
    assert "refund" in names[1]
    assert names[2] == "driver 3"
    words = distinctive_words(texts, groups, 3, 5)
    assert deciding_words("I want a REFUND for my parcel", words[1]) == ["refund"]
    assert deciding_words("🙂", words[1]) == []
