"""Whether a text is like those a model learned from: labels of one company, messages of another.

Words mean other things elsewhere ("light" of a dress, of a bill), so what was learnt of words holds
for familiar texts only. What is said of unfamiliar ones belongs to whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_MOST_REFERENCES = 400
_NEAREST = 5
_LEAST_SHARE = 0.01  # of texts like the references, that are called unfamiliar nonetheless
_FEWEST = 200
_ROWS = 20_000


@dataclass(frozen=True)
class Familiarity:
    """`references` `(n, d)`: unit vectors learnt from; `least`: the mean cosine to the five nearest below
    which a text is unfamiliar. Without references every text is familiar."""

    references: Vectors
    least: float

    def is_familiar(self, vectors: Vectors) -> NDArray[np.bool_]:
        """`(n_texts,)` for unit vectors `(n_texts, d)`."""
        if not len(self.references):
            return np.ones(len(vectors), dtype=bool)
        parts = [
            _nearness(vectors[start : start + _ROWS], self.references)
            for start in range(0, len(vectors), _ROWS)
        ]
        return np.concatenate([np.zeros(0), *parts]) >= self.least


def fit_familiarity(vectors: Vectors, generator: np.random.Generator) -> Familiarity:
    """References drawn from the `vectors` `(n_texts, d)` learnt from, judged by the rest of them.

    Fewer than 200 texts say too little about what is usual: everything is familiar then.
    """
    if len(vectors) < _FEWEST:
        return Familiarity(vectors[:0], -1.0)
    order = generator.permutation(len(vectors))
    n_references = min(_MOST_REFERENCES, len(vectors) // 2)
    references = vectors[np.sort(order[:n_references])]
    least = float(np.quantile(_nearness(vectors[order[n_references:]], references), _LEAST_SHARE))
    return Familiarity(references, least)


def _nearness(vectors: Vectors, references: Vectors) -> NDArray[np.float64]:
    cosine = vectors @ references.T
    return np.asarray(np.partition(cosine, -_NEAREST, axis=1)[:, -_NEAREST:].mean(axis=1), dtype=np.float64)
