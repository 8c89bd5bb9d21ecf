"""Change points: since when a key figure has been on another level.

A step from one week to the next is judged in `kpi`; here, what a series of weeks shows that no
single step does. What is told of it is decided in `render`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.kpi import Reading

FEWEST_WEEKS = 12
FALSE_DISCOVERY_RATE = 0.05
_FEWEST_SIDE = 3


@dataclass(frozen=True)
class Level:
    """A key figure's medians `before` the week `since` and `after` (that week and later)."""

    name: str
    since: str
    before: float
    after: float
    p_value: float


def find_levels(readings: Sequence[Reading]) -> list[Level]:
    """The key figures that have been on another level, judged together (false discovery rate 5 %)."""
    from scipy.stats import false_discovery_control

    found = [level for reading in readings if (level := find_level(reading.kpi.name, reading.course))]
    if not found:
        return []
    adjusted = false_discovery_control([level.p_value for level in found])
    return [level for level, q in zip(found, adjusted, strict=True) if q <= FALSE_DISCOVERY_RATE]


def find_level(name: str, course: Sequence[tuple[str, float]]) -> Level | None:
    """Where a series most probably changed its level (Pettitt 1979); None with fewer than 12 weeks.

    Pettitt's statistic is that of Mann and Whitney at the split where it is largest; it needs no
    distribution and one odd week does not move it. Sides have at least three weeks.
    """
    from scipy.stats import rankdata

    n = len(course)
    if n < FEWEST_WEEKS:
        return None
    values = np.array([value for _, value in course])
    ranks = rankdata(values)
    splits = np.arange(1, n)
    statistic = np.abs(2 * np.cumsum(ranks)[:-1] - splits * (n + 1))
    allowed = (splits >= _FEWEST_SIDE) & (splits <= n - _FEWEST_SIDE)
    split = int(splits[allowed][np.argmax(statistic[allowed])])
    largest = float(statistic[split - 1])
    p_value = min(2 * math.exp(-6 * largest**2 / (n**3 + n**2)), 1.0)
    before, after = float(np.median(values[:split])), float(np.median(values[split:]))
    return Level(name, course[split][0], before, after, p_value)
