"""Random streams, one for each thing of the world, so that adding a thing leaves the others alone.

A new kind of thing that draws at random gets a line in `Kind`. Never share a stream between two
things, nor draw from one in an order that depends on how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Kind(IntEnum):
    """What a stream belongs to; the numbers are part of what makes a seed reproducible."""

    KNOWLEDGE = 1
    QUERY = 2
    AGENT = 3
    CUSTOMER = 4
    CONTACT = 5
    STRANGER = 6
    DIALOGUE = 7
    SURVEY = 8


def stream(seed: int, kind: Kind, *ids: int) -> np.random.Generator:
    """The generator of one thing: the same for the same seed, kind and ids."""
    return np.random.default_rng([seed, kind, len(ids), *ids])


def pick(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the options, by weight where weights are given (they need not add up to 1)."""
    if weights is None:
        return options[int(rng.integers(len(options)))]
    edges = np.cumsum(weights)
    return options[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)


def split_of(rng: np.random.Generator) -> str:
    """`train` or `test`, half by half."""
    return "train" if chance(rng, 0.5) else "test"
