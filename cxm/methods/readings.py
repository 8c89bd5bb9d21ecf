"""What the criteria's own models see of conversations: each turn of the agent, and the gist of the whole.

Read once for all criteria. Comparing with a criterion's question is in `cxm.methods.criterion_matches`,
what follows for an answer in `cxm.methods.criterion_models`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.criterion_matches import Turns, segment_max
from cxm.methods.feelings import unlabelled_feelings
from cxm.methods.phrases import Phrases

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Reading:
    """`turns` `(n_agent_rows, k)` is sparse: vector, place and phrases of each turn of `rows`.

    `owner` `(n_agent_rows,)` numbers their conversations; `gist` `(n_conversations, m)`.
    """

    rows: Rows
    owner: Rows
    turns: Any
    gist: Vectors


def read_conversations(turns: Turns, phrases: Phrases, prototypes: Vectors) -> Reading:
    """Read all conversations of `turns`; `prototypes` tell feelings apart (`cxm.methods.feelings`)."""
    from scipy.sparse import csr_matrix, hstack

    rows = turns.rows_of("agent")
    owner = turns.owner[rows]
    said = phrases.transform(turns.frame["text"].gather(rows).to_list())
    dense = np.hstack([turns.vectors[rows], _places(owner)])
    gist = np.hstack([_mean_vectors(turns), _moods(turns, prototypes), _sizes(turns)]).astype(np.float32)
    return Reading(rows, owner, csr_matrix(hstack([csr_matrix(dense), said], format="csr")), gist)


def _places(owner: Rows) -> Vectors:
    """Share of the agent's turns before each, whether it is the first, the last; `(n_agent_rows, 3)`."""
    index = np.arange(len(owner))
    _, starts, inverse, counts = np.unique(owner, return_index=True, return_inverse=True, return_counts=True)
    place = (index - starts[inverse]) / np.maximum(counts[inverse] - 1, 1)
    is_last = index == starts[inverse] + counts[inverse] - 1
    return np.stack([place, index == starts[inverse], is_last], axis=1).astype(np.float32)


def _mean_vectors(turns: Turns) -> Vectors:
    """Mean directions of agent, customer and other turns side by side, `(n_conversations, 3 d)`."""
    parts = []
    for speakers in (("agent",), ("customer",), ("bot", "system")):
        rows = turns.rows_of(*speakers)
        mean = np.zeros((turns.n_conversations, turns.vectors.shape[1]), dtype=np.float32)
        np.add.at(mean, turns.owner[rows], turns.vectors[rows])
        parts.append(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9))
    return np.hstack(parts)


def _moods(turns: Turns, prototypes: Vectors) -> Vectors:
    """How bad and how good the customer ever felt, and how bad at first; `(n_conversations, 3)`."""
    rows = turns.rows_of("customer")
    texts = turns.frame["text"].gather(rows).to_list()
    felt = np.exp(unlabelled_feelings(texts, turns.vectors[rows], prototypes))[:, [0, 2]]
    owner = turns.owner[rows]
    first = np.zeros((turns.n_conversations, 1))
    numbers, starts = np.unique(owner, return_index=True)
    first[numbers, 0] = felt[starts, 0]
    return np.hstack([segment_max(felt, owner, turns.n_conversations), first]).astype(np.float32)


def _sizes(turns: Turns) -> Vectors:
    """Logs of the numbers of agent, customer and system turns, `(n_conversations, 3)`."""
    counts = [
        np.bincount(turns.owner[turns.rows_of(speaker)], minlength=turns.n_conversations)
        for speaker in ("agent", "customer", "system")
    ]
    return np.log1p(np.stack(counts, axis=1)).astype(np.float32)
