"""Change points: a lasting step is dated, an odd week and chance are not taken for one."""

import numpy as np
import pytest

from reports.levels import find_level


def course(values):
    return [(f"2026-W{i:02d}", float(value)) for i, value in enumerate(values, 1)]


def test_a_lasting_step_is_dated():
    draw = np.random.default_rng(1)
    level = find_level("x", course([*draw.normal(10, 1, 16), *draw.normal(14, 1, 10)]))
    assert level.since in ("2026-W16", "2026-W17", "2026-W18")
    assert level.p_value < 0.001
    assert (level.before, level.after) == (pytest.approx(10, abs=1), pytest.approx(14, abs=1))


def test_one_odd_week_is_no_level():
    assert find_level("x", course([*[10, 11] * 12, 100])).p_value > 0.05


def test_chance_is_rarely_taken_for_a_level():
    draw = np.random.default_rng(2)
    assert sum(find_level("x", course(draw.normal(0, 1, 26))).p_value < 0.05 for _ in range(200)) <= 12


def test_short_and_constant_courses_have_none():
    assert find_level("x", course([1, 2] * 5)) is None
    assert find_level("x", course([3.0] * 20)).p_value == 1.0
