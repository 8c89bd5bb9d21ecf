"""What past points with known articles say about a new one: the same articles, and articles like them.

What is remembered of labelled points and how it speaks for an article belongs here; how much it
weighs in a ranking is in `cxm.methods.retrieval` and learned over `cxm.methods.article_features`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import Context

Vectors = NDArray[np.float32]

_NEIGHBOURS = 100
# Squared, so that one much like it outweighs many that are a little like it.
_SHARPNESS = 2
# Sharper for what is blended of several points: only those that ask the same may lend their answer.
_BLEND_SHARPNESS = 8
_CONTEXTS_PER_BLOCK = 512
_DECIMALS = 6


@dataclass(frozen=True)
class PastAnswers:
    """Labelled points: their vectors `(n_points, d)`, whose they are, and the articles that answered."""

    vectors: Vectors
    conversations: Sequence[str]
    articles: Sequence[Sequence[str]]

    def find(self, contexts: Sequence[Context], vectors: Vectors, article_ids: Sequence[str]) -> Any:
        """How like each context is the likest past point with each article: sparse `(n, n_articles)`.

        0 to 1: the squared cosine. A conversation's own points do not speak for it, and only the
        hundred nearest of others do; articles that are not in `article_ids` are passed over.
        """
        from scipy.sparse import csr_matrix

        answers = self._positions(article_ids)
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for row, points, likeness in self._nearest(contexts, vectors, _NEIGHBOURS):
            best: dict[int, float] = {}
            for point, like in zip(points, likeness, strict=True):
                for article in answers[point]:
                    best.setdefault(article, float(like) ** _SHARPNESS)
            rows += [row] * len(best)
            columns += list(best)
            values += list(best.values())
        shape = (len(contexts), len(article_ids))
        return csr_matrix((np.array(values, dtype=np.float32), (rows, columns)), shape=shape)

    def blend(self, contexts: Sequence[Context], vectors: Vectors, answers: Vectors, k: int) -> Vectors:
        """Of each context what answered the k points nearest to it, blended: unit vectors `(n, d)`.

        `answers` `(n_points, d)` are the vectors of what answered; a context like no past point
        gets the zero vector. So an article that no past point had is found by its likeness to those
        that answered the same question elsewhere.
        """
        blended = np.zeros((len(contexts), answers.shape[1]), dtype=np.float32)
        for row, points, likeness in self._nearest(contexts, vectors, k):
            blended[row] = (likeness**_BLEND_SHARPNESS) @ answers[points]
        length = np.linalg.norm(blended, axis=1, keepdims=True)
        return np.asarray(blended / np.maximum(length, 1e-9), dtype=np.float32)

    def _positions(self, article_ids: Sequence[str]) -> list[list[int]]:
        position = {article_id: i for i, article_id in enumerate(article_ids)}
        return [[position[a] for a in ids if a in position] for ids in self.articles]

    def _nearest(self, contexts: Sequence[Context], vectors: Vectors, k: int) -> Any:
        """(row, points, likeness) of each context: points of other conversations that are like it."""
        owners = np.array(self.conversations, dtype=object)
        for start in range(0, len(contexts) if len(owners) else 0, _CONTEXTS_PER_BLOCK):
            block = np.round(vectors[start : start + _CONTEXTS_PER_BLOCK] @ self.vectors.T, _DECIMALS)
            for row, likeness in enumerate(block, start=start):
                likeness[owners == contexts[row].conversation_id] = 0
                nearest = np.argsort(-likeness, kind="stable")[:k]
                nearest = nearest[likeness[nearest] > 0]
                yield row, nearest, likeness[nearest]
