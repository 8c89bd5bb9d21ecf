"""How much each turn of a context counts for a search: whose turns, how old, what they say.

Which turns make a query, in words and as a vector, belongs here. Reading contexts out of turns is in
`cxm.methods.dialogues`; searching is in `cxm.index`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import Context, content_words, need_text, words

Vectors = NDArray[np.float32]

# Everything said; or what was asked and what tools answered, without agents' checks and courtesies.
SPOKEN = ("customer", "agent", "bot")
ASKED_AND_FOUND = ("customer", "system")
_FULL_CONTENT = 2
_MAX_TURNS = 8
_LEAST_SHARE = 1 / 3


@dataclass(frozen=True)
class Weighing:
    """Whose turns count, and what is left of a turn's weight after one full turn of theirs."""

    decay: float
    speakers: tuple[str, ...] = SPOKEN


def weigh_turns(context: Context, weighing: Weighing) -> list[tuple[str, float]]:
    """The last turns of a context that say something, latest first, each with its weight.

    A turn weighs by its words of content, times `decay` for each full turn's worth of content said
    after it: "yes, please" does not push what it answers out of sight. Where no turn that counts has
    content the last request stands alone; nothing said gives an empty list.
    """
    weighed, said_after = [], 0.0
    said = [turn.text for turn in context.turns if turn.speaker in weighing.speakers]
    for text in said[::-1][:_MAX_TURNS]:
        content = min(1.0, len(content_words(text)) / _FULL_CONTENT)
        if content:
            weighed.append((text, content * weighing.decay**said_after))
        said_after += content
    request = context.last_request
    return weighed or ([(request, 1.0)] if words(request) else [])


def context_vectors(
    found: Sequence[Context], encode: Callable[[Sequence[str]], Vectors], weighing: Weighing
) -> Vectors:
    """One unit vector a context `(n, d)`, from its weighed turns; where nothing is said the zero vector."""
    weighed = [weigh_turns(context, weighing) for context in found]
    texts = sorted({text for turns in weighed for text, _ in turns})
    encoded = encode(texts)
    row = {text: i for i, text in enumerate(texts)}
    vectors = np.zeros((len(found), encoded.shape[1]), dtype=np.float32)
    for i, turns in enumerate(weighed):
        for text, weight in turns:
            vectors[i] += weight * encoded[row[text]]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)


def search_texts(found: Sequence[Context], weighing: Weighing) -> list[str]:
    """The words to search for: of each context the turns that weigh at least a third of the heaviest."""
    weighed = [weigh_turns(context, weighing) for context in found]
    heaviest = [max((weight for _, weight in turns), default=0.0) for turns in weighed]
    return [
        "\n".join(text for text, weight in turns if weight >= most * _LEAST_SHARE)
        for turns, most in zip(weighed, heaviest, strict=True)
    ]


def first_need_texts(found: Sequence[Context]) -> list[str]:
    """What each customer came for: the first turns of theirs with content; empty where there are none."""
    return [need_text([t.text for t in c.turns if t.speaker == "customer"]) for c in found]
