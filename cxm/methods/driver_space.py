"""Conversations as points in which drivers are sought: needs and replies, and the words of those who answer.

Agents name a matter in the company's words and systems by the tool that was called, so that both hold
together what customers say in a hundred ways. How points are grouped is in `cxm.methods.discovery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import AGENT, SYSTEM, Conversations, Vectors, to_unit
from cxm.methods.neighbourhoods import Neighbourhoods, fit_neighbourhoods
from cxm.methods.prototypes import what_is_common, wholes_less_common
from cxm.methods.term_weights import TermWeights, fit_term_weights
from cxm.methods.topics import find_topics

_ANSWERING = (AGENT, SYSTEM)
_WORDS_SHARE = 0.5  # of a voice's words beside what was said as a whole
_TOPICS = 100
_MOST_ROWS = 12_000


@dataclass(frozen=True)
class DriverSpace:
    """Where conversations lie: `around` says near what others, in the space of `joined`.

    `common_whole` `(3 d,)` is what all have in common; of each voice that answers, `terms` are its words,
    `topics` `(n_terms, k)` the directions in which they vary together and `usual` `(k,)` their mean.
    """

    common_whole: Vectors
    terms: dict[str, TermWeights]
    topics: dict[str, Vectors]
    usual: dict[str, Vectors]
    around: Neighbourhoods

    def place(self, seen: Conversations) -> Vectors:
        """Unit coordinates `(n, k)` that follow dense regions; zero where nothing was said."""
        return self.around.place(self.joined(seen))

    def joined(self, seen: Conversations) -> Vectors:
        """What was said as a whole beside the topics of those who answer, of length 1."""
        parts = [wholes_less_common(seen, self.common_whole)]
        for voice, terms in self.terms.items():
            found = terms.transform(seen.texts[voice]) @ self.topics[voice]
            parts.append(_WORDS_SHARE * _less(found, self.usual[voice]))
        return to_unit(np.hstack(parts))

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same."""
        facts = {
            voice: {"words": terms.words, "characters": terms.characters}
            for voice, terms in self.terms.items()
        }
        arrays: dict[str, NDArray[Any]] = {"common_whole": self.common_whole}
        arrays |= {f"around.{name}": array for name, array in self.around.to_arrays().items()}
        for voice, terms in self.terms.items():
            arrays |= {
                f"rarity.{voice}": terms.rarity,
                f"topics.{voice}": self.topics[voice],
                f"usual.{voice}": self.usual[voice],
            }
        return facts, arrays

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DriverSpace:
        """What `to_parts` took apart."""
        around = {k.removeprefix("around."): v for k, v in arrays.items() if k.startswith("around.")}
        return DriverSpace(
            arrays["common_whole"],
            {
                voice: TermWeights(list(said["words"]), list(said["characters"]), arrays[f"rarity.{voice}"])
                for voice, said in facts.items()
            },
            {voice: arrays[f"topics.{voice}"] for voice in facts},
            {voice: arrays[f"usual.{voice}"] for voice in facts},
            Neighbourhoods.from_arrays(around),
        )


def fit_driver_space(seen: Conversations, seed: int) -> DriverSpace:
    """The space of these conversations; topics are learned from at most 12,000 of them.

    Voices that say nothing give no topics.
    """
    _, common_whole = what_is_common(seen)
    step = -(-len(seen) // _MOST_ROWS) if len(seen) else 1
    some = seen.rows(np.arange(len(seen)) % step == 0)
    terms, topics, usual = {}, {}, {}
    for voice in _ANSWERING:
        found = _topics(some.texts[voice], seed)
        if found is not None:
            terms[voice], topics[voice], usual[voice] = found
    nowhere = fit_neighbourhoods(np.zeros((0, 1), dtype=np.float32), seed)
    space = DriverSpace(common_whole, terms, topics, usual, nowhere)
    return replace(space, around=fit_neighbourhoods(space.joined(some), seed))


def _topics(texts: list[str], seed: int) -> tuple[TermWeights, Vectors, Vectors] | None:
    """(words, their directions `(n_terms, k)`, mean coordinates) of a voice; None for one that is silent."""
    if not any(texts):
        return None
    terms, rows = fit_term_weights(texts)
    directions = find_topics(rows, _TOPICS, seed)
    found = rows @ directions
    said = found.any(axis=1)
    if not said.any():
        return None
    return terms, directions, found[said].mean(axis=0)


def _less(vectors: Vectors, usual: Vectors) -> Vectors:
    return to_unit((vectors - usual) * vectors.any(axis=1, keepdims=True))
