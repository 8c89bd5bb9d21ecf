from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.streams import Dice, Kind, choose, exponentials, normals, split_of, uniforms

NUMBERS = np.arange(20_000)


@given(st.integers(0, 2**32 - 1), st.sampled_from(Kind), st.integers(0, 2**53), st.integers(0, 1000))
def test_a_draw_is_a_pure_function_of_where_it_belongs(seed: int, kind: Kind, thing: int, place: int) -> None:
    one = uniforms(seed, kind, thing, place)
    assert 0 <= float(one) < 1
    many = uniforms(seed, kind, np.array([thing, thing + 1, thing]), place)
    assert many[0] == many[2] == one != many[1]


def test_ids_broadcast_against_each_other() -> None:
    grid = uniforms(1, Kind.CUSTOMER, NUMBERS[:5, None], np.arange(3))
    assert grid.shape == (5, 3)
    assert grid[4, 2] == uniforms(1, Kind.CUSTOMER, 4, 2)


@pytest.mark.parametrize(
    "drawn",
    [
        uniforms(7, Kind.CUSTOMER, NUMBERS, 0),
        uniforms(7, Kind.CUSTOMER, 1, NUMBERS),
        uniforms(8, Kind.CONTACT, NUMBERS * 2048),
    ],
)
def test_draws_are_spread_evenly_and_do_not_hang_together(drawn: np.ndarray) -> None:
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 50
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


@pytest.mark.parametrize(
    "other",
    [
        uniforms(8, Kind.CUSTOMER, NUMBERS, 0),
        uniforms(7, Kind.CONTACT, NUMBERS, 0),
        uniforms(7, Kind.CUSTOMER, NUMBERS, 1),
        uniforms(7, Kind.CUSTOMER, 0, NUMBERS),
        uniforms(7, Kind.CUSTOMER, NUMBERS),
        uniforms(7, Kind.CUSTOMER, NUMBERS, 0, 0),
    ],
)
def test_seed_kind_thing_and_place_give_draws_of_their_own(other: np.ndarray) -> None:
    one = uniforms(7, Kind.CUSTOMER, NUMBERS, 0)
    assert abs(np.corrcoef(one[1:], other[1:])[0, 1]) < 0.03


def test_kinds_have_numbers_of_their_own() -> None:
    assert len({int(kind) for kind in Kind}) == len(Kind.__members__)


def test_normals_and_exponentials_have_their_moments() -> None:
    normal, exponential = normals(3, Kind.SURVEY, NUMBERS), exponentials(3, Kind.SURVEY, NUMBERS)
    assert np.isfinite(normal).all()
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert exponential.min() >= 0
    assert abs(exponential.mean() - 1) < 0.03


def test_options_are_chosen_by_weight() -> None:
    chosen = choose(uniforms(5, Kind.TOOL, NUMBERS), [1, 0, 3])
    assert np.abs(np.bincount(chosen, minlength=3) / len(chosen) - [0.25, 0, 0.75]).max() < 0.02
    assert choose(0.999999999, [1, 0]) == 0


def test_dice_are_thrown_alike_for_the_same_thing() -> None:
    def throws(*ids: int) -> list[float]:
        dice = Dice(7, Kind.DIALOGUE, *ids)
        return [dice.random() for _ in range(5)]

    assert throws(1, 2) == throws(1, 2)
    assert throws(1, 2) != throws(2, 1)


def test_dice_keep_to_weights_ranges_and_chances() -> None:
    dice = Dice(7, Kind.DIALOGUE, 1)
    picked = Counter(dice.pick("abc", [1, 0, 3]) for _ in range(4000))
    assert picked["b"] == 0
    assert abs(picked["c"] / 4000 - 0.75) < 0.04
    assert {dice.integer(3, 6) for _ in range(200)} == {3, 4, 5}
    assert abs(sum(dice.chance(0.2) for _ in range(4000)) / 4000 - 0.2) < 0.03
    assert {dice.pick("xyz") for _ in range(100)} == set("xyz")


@given(st.lists(st.integers()), st.integers(0, 1000))
def test_a_shuffled_list_holds_the_same_things(options: list[int], number: int) -> None:
    assert sorted(Dice(7, Kind.DIALOGUE, number).shuffled(options)) == sorted(options)


def test_halves_are_split() -> None:
    assert split_of([0.0, 0.499, 0.5, 0.999]).tolist() == ["train", "train", "test", "test"]
