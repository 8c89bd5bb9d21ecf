"""Contact drivers found without a taxonomy: groups with a name and a parent, and whose a conversation is.

How points are grouped and groups named is in `cxm.methods.discovery`, the space they lie in is in
`cxm.methods.driver_space`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import CUSTOMER, Conversations, Vectors, to_unit
from cxm.methods.discovery import (
    centres_of,
    cluster_strength,
    cluster_vectors,
    group_clusters,
    name_groups,
)
from cxm.methods.driver_space import DriverSpace, fit_driver_space
from cxm.methods.prototypes import wholes_less_common

_SAME = 0.6  # cosine of two runs' drivers, less what all have in common


@dataclass(frozen=True)
class Driver:
    """A row of `discovered_taxonomy`."""

    intent: str
    parent: str | None
    description: str


@dataclass(frozen=True)
class Discovered:
    """Drivers, the largest first.

    `points` `(n_drivers, k)` are their centres in `space`, `wholes` `(n_drivers, 3 d)` the means of what
    was said less what all have in common: the one tells whose a conversation is, the other can be compared
    with an earlier run's.
    """

    drivers: list[Driver]
    space: DriverSpace
    points: Vectors
    wholes: Vectors

    def strengths(self, seen: Conversations) -> NDArray[np.float64]:
        """How clearly each conversation belongs to each driver `(n, n_drivers)`; rows sum to 1."""
        return cluster_strength(self.space.place(seen), self.points)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same."""
        said, arrays = self.space.to_parts()
        rows = [(driver.intent, driver.parent, driver.description) for driver in self.drivers]
        return {"drivers": rows, "space": said}, {"points": self.points, "wholes": self.wholes, **arrays}

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Discovered:
        """What `to_parts` took apart."""
        drivers = [Driver(*row) for row in facts["drivers"]]
        space = DriverSpace.from_parts(facts["space"], arrays)
        return Discovered(drivers, space, arrays["points"], arrays["wholes"])


def discover(seen: Conversations, sizes: Sequence[int], seed: int) -> Discovered:
    """The drivers of conversations in which customers say something, as many as `sizes` and the data allow.

    Raises `ValueError` without a conversation.
    """
    if not len(seen):
        raise ValueError("drivers are sought in at least one conversation")
    space = fit_driver_space(seen, seed)
    groups, points = cluster_vectors(space.place(seen), sizes, seed)
    wholes = centres_of(wholes_less_common(seen, space.common_whole), groups)
    names = name_groups(seen.texts[CUSTOMER], groups, len(points))
    upper = group_clusters(wholes)
    parents = name_groups(seen.texts[CUSTOMER], upper[groups], int(upper.max()) + 1)
    taken = {name for name, _ in names}
    drivers = [
        Driver(name, _parent_name(parents[group][0], taken) if upper.any() else None, description)
        for (name, description), group in zip(names, upper, strict=True)
    ]
    return Discovered(drivers, space, points, wholes)


def keep_names(found: Discovered, earlier: Discovered) -> Discovered:
    """The drivers under the names that an earlier run gave to the same ones.

    They are paired one to one by likeness of what was said (assignment: Kuhn 1955); a pair less alike than
    .6 is none. A new driver never takes a name that an earlier one had. Parents keep the name that most of
    their drivers had one under.
    """
    from scipy.optimize import linear_sum_assignment

    if not found.drivers or not earlier.drivers or found.wholes.shape[1] != earlier.wholes.shape[1]:
        return found
    likeness = to_unit(found.wholes) @ to_unit(earlier.wholes).T
    pairs = zip(*linear_sum_assignment(-likeness), strict=True)
    before = {int(i): earlier.drivers[j] for i, j in pairs if likeness[i, j] >= _SAME}
    taken = {name for driver in earlier.drivers for name in (driver.intent, driver.parent) if name}
    drivers = []
    for i, driver in enumerate(found.drivers):
        name = before[i].intent if i in before else _new_name(driver.intent, taken)
        taken.add(name)
        drivers.append(replace(driver, intent=name))
    parents = _parents(found.drivers, before, taken)
    named = [replace(driver, parent=parents.get(driver.parent or "")) for driver in drivers]
    return replace(found, drivers=named)


def _parents(found: list[Driver], before: Mapping[int, Driver], taken: set[str]) -> dict[str, str]:
    """For each parent of this run the name that most of its drivers' parent had, each given once."""
    votes: dict[tuple[str, str], int] = {}
    for i, driver in enumerate(found):
        past = before[i].parent if i in before else None
        if driver.parent and past:
            votes[driver.parent, past] = votes.get((driver.parent, past), 0) + 1
    names: dict[str, str] = {}
    for parent, past in sorted(votes, key=lambda pair: (-votes[pair], pair)):
        if parent not in names and past not in names.values():
            names[parent] = past
    for parent in sorted({driver.parent for driver in found if driver.parent} - set(names)):
        names[parent] = _new_name(parent, taken | set(names.values()))
    return names


def _new_name(name: str, taken: set[str]) -> str:
    """The name itself, or with the first number that makes it new."""
    number = 2
    new = name
    while new in taken:
        new, number = f"{name} {number}", number + 1
    return new


def _parent_name(words: str, taken: set[str]) -> str:
    return f"{words} (group)" if words in taken else words
