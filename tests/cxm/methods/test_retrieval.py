"""Fusing, cutting off and choosing rankings."""

import numpy as np

from cxm.methods.retrieval import Fusion, choose, draw_folds, fuse, top


def test_a_fused_score_is_a_weighted_mean_plus_what_is_named_and_what_answered_before() -> None:
    one = np.ones((1, 1), dtype=np.float32)
    assert fuse(one, 0 * one, None, Fusion(0.4, 0.3))[0, 0] == np.float32(0.4)
    assert np.isclose(fuse(one, one, one, Fusion(0.4, 0.3))[0, 0], 1.3)
    assert np.isclose(fuse(one, one, one, Fusion(0.4, 0.3, 0.5), one)[0, 0], 1.8)


def test_equal_scores_come_in_order_of_column_however_many_there_are() -> None:
    few, many = np.zeros((2, 5), dtype=np.float32), np.zeros((2, 500), dtype=np.float32)
    assert top(few, 3).tolist() == top(many, 3).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_partial_and_full_sorting_agree() -> None:
    scores = np.random.default_rng(1).random((4, 300)).astype(np.float32)
    full = np.argsort(-np.round(scores, 6), axis=1, kind="stable")[:, :7]
    assert (top(scores, 7) == full).all()


def test_more_than_there_is_gives_all() -> None:
    assert top(np.zeros((1, 2), dtype=np.float32), 20).shape == (1, 2)
    assert top(np.zeros((3, 0), dtype=np.float32), 20).shape == (3, 0)


def test_another_candidate_is_chosen_only_if_that_pays_on_held_out_rows() -> None:
    folds = draw_folds(np.array([f"q{i}" for i in range(40)]), 5, 1)
    better = np.stack([np.full(40, 0.5), np.full(40, 0.9)])
    assert choose(better, folds) == 1
    assert choose(better[::-1], folds) == 0
    noise = np.eye(40)  # each candidate is right on one row alone: nothing to learn
    assert choose(np.vstack([np.full((1, 40), 0.02), noise]), folds) == 0
    assert choose(np.zeros((3, 0)), folds[:0]) == 0


def test_folds_keep_units_together_and_do_not_depend_on_order() -> None:
    units = np.array(["b", "a", "b", "c", "d", "e"])
    folds = draw_folds(units, 3, 7)
    assert folds[0] == folds[2]
    assert (draw_folds(units[::-1], 3, 7) == folds[::-1]).all()
