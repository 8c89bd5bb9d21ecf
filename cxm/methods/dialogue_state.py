"""What a dialogue is about at a point: names mentioned turn by turn, the latest above older ones.

A dialogue soon stops repeating what it is about ("does it have parking?"); what was named before
still stands. How a name is found in a text is in `cxm.methods.names`, how much a state weighs in a
ranking in `retrieval` and `article_features`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxm.methods.dialogues import Context
from cxm.methods.names import NameFinder

_MAX_TURNS = 40
# What is left of a name's weight after each later turn that names something else.
_SUPERSEDED = 0.6


@dataclass(frozen=True)
class State:
    """For each context and name, sparse `(n_contexts, n_names)`.

    `strength`: how clearly it was named, 0 to 1, less for each later turn that named something else;
    `recency`: 1 / (1 + turns since it was last named); `is_latest`: named in the last turn that named
    anything, over how many names that turn has.
    """

    strength: Any
    recency: Any
    is_latest: Any


def follow(contexts: Sequence[Context], finder: NameFinder) -> State:
    """The state of each context; one that names nothing has an empty row."""
    from scipy.sparse import csr_matrix

    rows: list[int] = []
    columns: list[int] = []
    values: list[tuple[float, float, float]] = []
    for row, context in enumerate(contexts):
        for name, found in sorted(_state(context, finder).items()):
            rows.append(row)
            columns.append(name)
            values.append(found)
    shape = (len(contexts), len(finder.names))
    table = np.array(values, dtype=np.float32).reshape(-1, 3)
    strength, recency, latest = (csr_matrix((table[:, i], (rows, columns)), shape=shape) for i in range(3))
    return State(strength, recency, latest)


def _state(context: Context, finder: NameFinder) -> dict[int, tuple[float, float, float]]:
    state: dict[int, tuple[float, float, float]] = {}
    n_later: float = 0
    for age, turn in enumerate(reversed(context.turns[-_MAX_TURNS:])):
        mentions = finder.mentions(turn.text) if turn.speaker != "system" else ()
        new = [mention for mention in mentions if mention.name not in state]
        total = sum(mention.strength for mention in mentions)
        for mention in new:
            strength = mention.strength * _SUPERSEDED**n_later
            latest = mention.strength / total if n_later == 0 else 0.0
            state[mention.name] = (strength, 1 / (1 + age), latest)
        if mentions:
            n_later += max(mention.strength for mention in mentions)
    return state
