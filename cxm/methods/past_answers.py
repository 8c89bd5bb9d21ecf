"""Which articles answered dialogues like this one, where past points have their articles.

What is remembered of labelled points and how it speaks for an article belongs here; how much it
weighs in a ranking is in `cxm.methods.retrieval`.
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

        position = {article_id: i for i, article_id in enumerate(article_ids)}
        answers = [[position[a] for a in ids if a in position] for ids in self.articles]
        owners = np.array(self.conversations, dtype=object)
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for start in range(0, len(contexts) if len(owners) else 0, _CONTEXTS_PER_BLOCK):
            block = np.round(vectors[start : start + _CONTEXTS_PER_BLOCK] @ self.vectors.T, _DECIMALS)
            for row, likeness in enumerate(block, start=start):
                likeness[owners == contexts[row].conversation_id] = 0
                best: dict[int, float] = {}
                for point in np.argsort(-likeness, kind="stable")[:_NEIGHBOURS]:
                    if likeness[point] <= 0:
                        break
                    for article in answers[point]:
                        best.setdefault(article, float(likeness[point]) ** _SHARPNESS)
                rows += [row] * len(best)
                columns += list(best)
                values += list(best.values())
        shape = (len(contexts), len(article_ids))
        return csr_matrix((np.array(values, dtype=np.float32), (rows, columns)), shape=shape)
