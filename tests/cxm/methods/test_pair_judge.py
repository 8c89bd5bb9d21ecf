"""Pairs are judged by what has not seen them, and a threshold finds what nobody has listed."""

import numpy as np
import pytest

from cxm.methods.pair_judge import CLASSES, Examples, Judge, fit_judge, judge_pairs, key_pairs

N, N_DEFECTS = 1500, 48
CONTRADICTORY = CLASSES.index("contradictory")


def base(n_known: int, seed: int = 0) -> tuple[Examples, np.ndarray]:
    """Pairs of which `N_DEFECTS` contradict, two in three of those plainly; some of them are known."""
    generator = np.random.default_rng(seed)
    truth = np.zeros(N, dtype=bool)
    truth[generator.permutation(N)[:N_DEFECTS]] = True
    sign = np.where(truth & (generator.random(N) < 2 / 3), 4.0, 0.0) + generator.normal(size=N)
    labels = np.zeros(N, dtype=np.intp)
    labels[np.flatnonzero(truth)[:n_known]] = CONTRADICTORY
    doubts = np.clip(sign / 10, 0, 1)
    return (
        Examples(
            pairs=generator.normal(size=(N, 3)),
            conflicts=np.stack([sign, generator.normal(size=N)], axis=1),
            owner=np.arange(N, dtype=np.intp),
            doubts=doubts,
            labels=labels,
            weights=np.ones(N),
            keys=key_pairs([f"a{i}" for i in range(N)], [f"b{i}" for i in range(N)]),
            counted=np.ones(N, dtype=bool),
        ),
        truth,
    )


def judged(judge: Judge, examples: Examples) -> np.ndarray:
    kinds, sure, _ = judge_pairs(
        judge, examples.pairs, examples.conflicts, examples.owner, examples.doubts, examples.keys
    )
    return (kinds == CONTRADICTORY) & (sure >= 0.5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_defects_that_nobody_listed_are_found_as_well_as_those_that_are_known(seed):
    examples, truth = base(N_DEFECTS // 2, seed)
    found = judged(fit_judge(examples, 0), examples)
    unlisted = examples.labels == 0
    recall = [found[truth & known].mean() for known in (unlisted, ~unlisted)]
    assert recall[0] > 0.4
    assert abs(recall[0] - recall[1]) < 0.3
    assert truth[found].mean() > 0.5


def test_no_pair_is_judged_by_a_booster_that_saw_its_label():
    examples, _ = base(N_DEFECTS // 2)
    surely_not = int(np.flatnonzero((examples.conflicts[:, 0] < -1) & (examples.labels == 0))[0])
    labels = examples.labels.copy()
    labels[surely_not] = CONTRADICTORY
    told = Examples(*(vars(examples) | {"labels": labels}).values())
    assert not judged(fit_judge(told, 0), told)[surely_not]


def test_a_pair_has_the_same_key_wherever_it_is_met():
    keys = key_pairs(["a", "b", "a"], ["b", "c", "c"])
    assert key_pairs(["b"], ["c"])[0] == keys[1]
    assert len(set(keys.tolist())) == 3


def test_nothing_is_found_where_no_pair_is_known_to_be_a_defect_of_that_kind():
    examples, _ = base(0)
    labels = examples.labels.copy()
    labels[:20] = CLASSES.index("similar")
    judge = fit_judge(Examples(*(vars(examples) | {"labels": labels}).values()), 0)
    assert not judged(judge, examples).any()
