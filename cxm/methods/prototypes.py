"""Intents told from their names and descriptions, refined on conversations that nobody labelled.

Each intent is a prototype that every turn is compared with. A classifier that learns from labels is
`cxm.methods.conversation_classifier`; the words for an intent are made in `cxm.methods.descriptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import AGENT, CUSTOMER, NEED, VOICES, Conversations, Vectors, to_unit

Floats = NDArray[np.float64]

# How much what a voice says counts: customers, agents and bots, systems.
_VOICE_SHARES = (1.0, 0.5, 0.5)
# Of cosines less what all have in common: how near to the best turn others count, how sure a guess is
# while prototypes move, and in the end (the one at which five folders' guesses were as often right as said).
_POOLING, _MOVING, _SURE = 0.1, 0.05, 0.15
# Of likeness to an intent, less for each turn the customer took before, at most.
_LATER, _LATEST = 0.05, 0.3
_ROUNDS = 3
_MOST_MOVED_BY = 12_000
_CHUNK = 2_000
_ARRAYS = ("described", "common", "common_whole", "refined")


@dataclass(frozen=True)
class Prototypes:
    """Prototypes of intents: `described` `(n_intents, d)` for turns, `refined` `(n_intents, 3 d)` for wholes.

    `common` `(3, d)` is the mean of each voice's turns, `common_whole` `(3 d,)` that of conversations:
    what all have in common says nothing about an intent.
    """

    described: Vectors
    common: Vectors
    common_whole: Vectors
    refined: Vectors

    def scores(self, seen: Conversations) -> Floats:
        """Scores `(n, n_intents)`: likeness of turns to descriptions, of the whole to like conversations."""
        return self._by_turns(seen) + (self._whole(seen) @ self.refined.T).astype(np.float64)

    def log_probabilities(self, seen: Conversations) -> Floats:
        """Log-probabilities `(n, n_intents)`; the same for all intents where nothing was said."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(self.scores(seen) / _SURE, axis=1))

    def deciding_turns(self, seen: Conversations, chosen: NDArray[np.intp]) -> NDArray[np.int32]:
        """The turn most like the intent chosen `(n,)`, a customer's where there is one; -1 for none.

        What is said later has to be more like it: customers say first what they came for.
        """
        d = self.described.shape[1]
        meant = to_unit(self.described + self.refined[:, :d])
        owners = seen.pieces.owners
        likeness = np.empty(len(owners), dtype=np.float32)
        for start in range(0, len(owners), _CHUNK):
            rows = slice(start, start + _CHUNK)
            likeness[rows] = (self._turns(seen, rows) * meant[chosen[owners[rows]]]).sum(axis=1)
        is_customer = seen.pieces.voices == VOICES.index(CUSTOMER)
        n_said = np.cumsum(is_customer)
        before = np.searchsorted(owners, np.arange(len(seen)))
        nth = n_said - np.concatenate([[0], n_said])[before[owners]]
        likeness -= np.minimum(_LATER * np.maximum(nth - 1, 0), _LATEST).astype(np.float32)
        best_first = np.lexsort((np.arange(len(owners)), -likeness, ~is_customer, owners))
        found = np.full(len(seen), -1, dtype=np.int32)
        with_words, first = np.unique(owners[best_first], return_index=True)
        found[with_words] = seen.pieces.turn_indexes[best_first[first]]
        return found

    def _turns(self, seen: Conversations, rows: slice) -> Vectors:
        return to_unit(seen.pieces.vectors[rows] - self.common[seen.pieces.voices[rows]])

    def _by_turns(self, seen: Conversations) -> Floats:
        """A soft maximum over the turns of each voice, voices added up."""
        from scipy.sparse import csr_matrix

        total = np.zeros((len(seen), len(self.described)))
        owners, voices = seen.pieces.owners, seen.pieces.voices
        for first in range(0, len(seen), _CHUNK):
            last = min(first + _CHUNK, len(seen))
            start, stop = (int(i) for i in np.searchsorted(owners, [first, last]))
            like = (self._turns(seen, slice(start, stop)) @ self.described.T).astype(np.float64)
            near = np.exp(like / _POOLING)
            for voice, share in enumerate(_VOICE_SHARES):
                where = np.flatnonzero(voices[start:stop] == voice)
                if not len(where):
                    continue
                ends = (owners[start:stop][where] - first, where)
                pooling = csr_matrix((np.ones(len(where)), ends), shape=(last - first, stop - start))
                total[first:last] += share * _POOLING * np.log1p(pooling @ near)
        return total

    def _whole(self, seen: Conversations) -> Vectors:
        return wholes_less_common(seen, self.common_whole)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays from which `from_arrays` makes the same."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Prototypes:
        """What `to_arrays` took apart."""
        return Prototypes(*(arrays[name] for name in _ARRAYS))


def fit_prototypes(seen: Conversations, descriptions: Vectors) -> Prototypes:
    """Prototypes from unit vectors of descriptions `(n_intents, d)`, moved towards conversations like them.

    Means are taken away first (all but the top: Mu & Viswanath 2018); then each intent's prototype for
    whole conversations is the mean of those that seem to be about it, three times over
    (expectation-maximisation from a weak start: Nigam et al. 2000). Labels are not needed.
    """
    d = descriptions.shape[1]
    common, common_whole = what_is_common(seen)
    found = Prototypes(
        to_unit(descriptions - _common(descriptions, d)),
        common,
        common_whole,
        np.zeros((len(descriptions), 3 * d), dtype=np.float32),
    )
    if not len(descriptions):
        return found
    step = -(-len(seen) // _MOST_MOVED_BY) if len(seen) else 1
    return _refine(found, seen.rows(np.arange(len(seen)) % step == 0))


def _refine(found: Prototypes, seen: Conversations) -> Prototypes:
    from scipy.special import softmax

    by_turns, whole = found._by_turns(seen), found._whole(seen)
    said = whole.any(axis=1)
    for _ in range(_ROUNDS):
        scores = by_turns + whole @ found.refined.T
        belongs = softmax(scores / _MOVING, axis=1)[said]
        found = replace(found, refined=to_unit(belongs.T @ whole[said]))
    return found


def what_is_common(seen: Conversations) -> tuple[Vectors, Vectors]:
    """(mean vector of each voice's turns `(3, d)`, mean of conversations' views `(3 d,)`)."""
    d = seen.vectors[CUSTOMER].shape[1]
    voices = [seen.pieces.vectors[seen.pieces.voices == i] for i in range(len(VOICES))]
    parts = [part[part.any(axis=1)] for part in _parts(seen)]
    return np.vstack([_common(one, d) for one in voices]), np.concatenate([_common(one, d) for one in parts])


def _common(vectors: Vectors, d: int) -> Vectors:
    """The mean, drawn to zero as if there were one more vector: a single one keeps its direction."""
    total = vectors.sum(axis=0, dtype=np.float64) if len(vectors) else np.zeros(d)
    return (total / (len(vectors) + 1)).astype(np.float32)


def _parts(seen: Conversations) -> list[Vectors]:
    return [seen.vectors[name] for name in (NEED, CUSTOMER, AGENT)]


def wholes_less_common(seen: Conversations, common: Vectors) -> Vectors:
    """What the customer said, needs and all, beside what the agent said `(n, 3 d)`, less what is common."""
    parts = _parts(seen)
    means = np.split(common, len(parts))
    less = [
        to_unit((part - mean) * part.any(axis=1, keepdims=True))
        for part, mean in zip(parts, means, strict=True)
    ]
    return to_unit(np.hstack(less))
