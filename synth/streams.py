"""Random streams: every draw is a pure function of seed, kind of thing, thing and place.

Nothing is drawn "next": a draw is looked up by where it belongs, as in a counter-based generator
(Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). So one more customer leaves the
others as they were, any block of a world can be made by itself, and threads change nothing. A new
kind of thing that draws at random gets a line in `Kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")
Floats = NDArray[np.float64]


class Kind(IntEnum):
    """What a stream belongs to; the numbers are part of what makes a seed reproducible."""

    CATALOG = 1
    KNOWLEDGE = 2
    QUERY = 3
    AGENT = 4
    CUSTOMER = 5
    PURCHASE = 6
    CONTACT = 7
    STRANGER = 8
    OUTCOME = 9
    SURVEY = 10
    PERSON = 11
    DIALOGUE = 12
    SURFACE = 13
    TOOL = 14
    EVENT = 15
    LABEL = 16


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele et al. 2014): every bit of a word spread over all."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _words(seed: int, kind: Kind, *ids: ArrayLike) -> NDArray[np.uint64]:
    """A 64-bit word for each place that the ids name, broadcast against each other."""
    with np.errstate(over="ignore"):
        state = _mix(np.asarray(seed, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        state = _mix(state ^ (np.uint64(kind) * np.uint64(0xD1B54A32D192ED03)))
        for part in ids:
            state = _at(state, part)
    return state


def _at(state: NDArray[np.uint64], part: ArrayLike) -> NDArray[np.uint64]:
    """The words of a place within what the words stand for."""
    place = np.asarray(part).astype(np.uint64) + np.uint64(1)
    return _mix(state ^ (place * np.uint64(0x9E3779B97F4A7C15)))


def _fractions(words: NDArray[np.uint64]) -> Floats:
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniforms(seed: int, kind: Kind, *ids: ArrayLike) -> Floats:
    """Numbers in [0, 1), one for each place; the ids are whole numbers and broadcast.

    `uniforms(seed, Kind.CUSTOMER, numbers, 3)` is draw 3 of each of these customers.
    """
    return _fractions(_words(seed, kind, *ids))


def stream(seed: int, kind: Kind, *ids: ArrayLike) -> Callable[[ArrayLike], Floats]:
    """`uniforms` of these things, to be called with the place: for several draws of the same things."""
    state = _words(seed, kind, *ids)

    def drawn(place: ArrayLike) -> Floats:
        with np.errstate(over="ignore"):
            return _fractions(_at(state, place))

    return drawn


def normals(seed: int, kind: Kind, *ids: ArrayLike) -> Floats:
    """Standard normal numbers, one for each place."""
    from scipy.special import ndtri

    drawn: Floats = ndtri(np.maximum(uniforms(seed, kind, *ids), 2.0**-54))
    return drawn


def exponentials(seed: int, kind: Kind, *ids: ArrayLike) -> Floats:
    """Exponential numbers with mean 1, one for each place."""
    return -np.log1p(-uniforms(seed, kind, *ids))


def choose(uniform: ArrayLike, weights: ArrayLike) -> NDArray[np.intp]:
    """The option each uniform number falls on, by weight (weights need not add up to 1)."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(edges[:-1] / edges[-1], np.asarray(uniform), side="right")


@lru_cache(maxsize=4096)
def _edges(weights: tuple[float, ...]) -> list[float]:
    return list(accumulate(weights))


class Dice:
    """Draws one after the other, for one thing whose parts are made in a fixed order: a dialogue."""

    def __init__(self, seed: int, kind: Kind, *ids: int) -> None:
        self.random = Random(int(_words(seed, kind, *ids))).random

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high` - 1."""
        return low + int(self.random() * (high - low))

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the options, by weight where weights are given (they need not add up to 1)."""
        if weights is None:
            return options[int(self.random() * len(options))]
        edges = _edges(tuple(weights))
        drawn = self.random() * edges[-1]
        return next((o for o, edge in zip(options, edges, strict=True) if drawn < edge), options[-1])

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """The options in a random order."""
        left = list(options)
        for i in range(len(left) - 1, 0, -1):
            j = int(self.random() * (i + 1))
            left[i], left[j] = left[j], left[i]
        return left


def split_of(uniform: Any) -> Any:
    """`train` for numbers below a half, else `test`; numbers or arrays."""
    return np.where(np.asarray(uniform) < 0.5, "train", "test")
