"""Phrases of one to three words in what somebody said: said or not said, wherever in a long turn.

A vector of a whole turn drowns "anything else?" in the answer before it; a phrase stays visible.
Words weighed by how often they are said are in `cxm.methods.term_weights`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUOTED = re.compile(r"^>.*$", re.M)  # of an e-mail answered
_NUMBER = re.compile(r"\d{4,}")  # of an order, an account: never the same twice
_CUT: dict[str, Any] = {
    "ngram_range": (1, 3),
    "token_pattern": r"(?u)\w+(?:['’]\w+)*|[?!]",
    "binary": True,
    "dtype": np.float32,
}
_FEWEST_TEXTS = 3
_MOST_PHRASES = 30_000
# About as long as a vector of length one where a text has some dozens of phrases.
_SCALE = 0.15


@dataclass(frozen=True)
class Phrases:
    """A vocabulary and the weight of each phrase: the smoothed inverse share of texts that hold it."""

    names: list[str]
    weights: NDArray[np.float32]

    def transform(self, texts: Sequence[str]) -> Any:
        """Sparse rows `(n_texts, n_phrases)`: the weight where a phrase is said, not scaled to length."""
        from scipy.sparse import csr_matrix, diags_array
        from sklearn.feature_extraction.text import CountVectorizer

        if not self.names or not len(texts):
            return csr_matrix((len(texts), len(self.names)), dtype=np.float32)
        counts = CountVectorizer(**_CUT, vocabulary=self.names).transform(map(_plain, texts))
        return csr_matrix(counts @ diags_array(self.weights, dtype=np.float32))


def fit_phrases(texts: Sequence[str]) -> Phrases:
    """The commonest phrases that at least three of the texts hold; none for no texts."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(**_CUT)
    try:
        counts = vectorizer.fit_transform(map(_plain, texts))
    except ValueError:  # not a word in them
        return Phrases([], np.zeros(0, dtype=np.float32))
    n_texts = np.bincount(counts.indices, minlength=counts.shape[1])
    commonest = np.argsort(-n_texts, kind="stable")[:_MOST_PHRASES]
    kept = np.sort(commonest[n_texts[commonest] >= _FEWEST_TEXTS])
    weights = _SCALE * (np.log((1 + len(texts)) / (1 + n_texts[kept])) + 1)
    return Phrases(vectorizer.get_feature_names_out()[kept].tolist(), weights.astype(np.float32))


def drop_quoted(text: str) -> str:
    """The text without the lines of an e-mail that it answers."""
    return _QUOTED.sub("", text)


def _plain(text: str) -> str:
    return _NUMBER.sub("0", drop_quoted(text))
