"""Words and pieces of words as weighted sparse features (TF-IDF), plain enough to be saved as JSON.

How a text is cut into terms for learning belongs here; search has its own index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Every sign that is not a letter counts as a word: "!", "?" and emoji say much.
_WORDS: dict[str, Any] = {"token_pattern": r"(?u)\b\w+\b|[^\w\s]"}
_CHARACTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 4)}
_MAX_WORDS = 12_000
_MAX_CHARACTERS = 6_000
_MANY_TEXTS = 200
# Pieces of words mend misspellings in short messages; in long texts they are slow and add nothing.
_SHORT_TEXT = 200


@dataclass(frozen=True)
class TermWeights:
    """Vocabulary of words (and phrases), of characters (two to four), and how rare each term is.

    `rarity` `(n_terms,)`: the smoothed inverse document frequency, words first.
    """

    words: list[str]
    characters: list[str]
    rarity: NDArray[np.float32]

    def transform(self, texts: Sequence[str]) -> Any:
        """Sparse rows `(n_texts, n_terms)`, float32: (1 + log count) x rarity, words and characters
        each scaled to unit length (Salton & Buckley 1988). A text without a known term is zero.
        """
        return self._weigh(
            _count(texts, self.words, _WORDS | {"ngram_range": (1, self._longest)}),
            _count(texts, self.characters, _CHARACTERS),
        )

    @property
    def _longest(self) -> int:
        return max((word.count(" ") + 1 for word in self.words), default=1)

    def _weigh(self, words: Any, characters: Any) -> Any:
        from scipy.sparse import csr_matrix, diags_array, hstack
        from sklearn.preprocessing import normalize

        blocks, start = [], 0
        for counts in (words, characters):
            rarity = self.rarity[start : start + counts.shape[1]]
            start += counts.shape[1]
            if counts.nnz:
                counts.data = 1 + np.log(counts.data)
                counts = normalize(counts @ diags_array(rarity, dtype=np.float32), copy=False)
            blocks.append(counts)
        return csr_matrix(hstack(blocks, format="csr", dtype=np.float32))


def fit_term_weights(
    texts: Sequence[str], longest: int = 2, n_words: int = _MAX_WORDS
) -> tuple[TermWeights, Any]:
    """The commonest terms of the texts and their rarity, and what `transform` gives for the texts.

    They are `n_words` words and phrases of up to `longest` words, and pieces of words unless the texts are
    long. Texts without a word give no terms.
    """
    n_texts = len(texts)
    is_short = sum(map(len, texts)) <= _SHORT_TEXT * n_texts
    min_texts = 2 if n_texts >= _MANY_TEXTS else 1
    words, word_counts = _vocabulary(texts, _WORDS | {"ngram_range": (1, longest)}, min_texts, n_words)
    n_pieces = _MAX_CHARACTERS if is_short else 0
    characters, character_counts = _vocabulary(texts, _CHARACTERS, min_texts, n_pieces)
    n_with_term = np.concatenate([_n_texts(word_counts), _n_texts(character_counts)])
    rarity = np.log((1 + n_texts) / (1 + n_with_term)) + 1
    terms = TermWeights(words, characters, rarity.astype(np.float32))
    return terms, terms._weigh(word_counts, character_counts)


def _vocabulary(
    texts: Sequence[str], cut: dict[str, Any], min_texts: int, n_most: int
) -> tuple[list[str], Any]:
    """Terms in at least `min_texts` texts, the commonest `n_most`, sorted; and their counts."""
    from sklearn.feature_extraction.text import CountVectorizer

    nothing: list[str] = []
    if not n_most:
        return nothing, _count(texts, nothing, cut)
    vectorizer = CountVectorizer(**cut, dtype=np.float32)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # no text has a term
        return nothing, _count(texts, nothing, cut)
    n_texts = _n_texts(counts)
    commonest = np.argsort(-n_texts, kind="stable")[:n_most]
    kept = np.sort(commonest[n_texts[commonest] >= min_texts])
    return vectorizer.get_feature_names_out()[kept].tolist(), counts[:, kept]


def _count(texts: Sequence[str], vocabulary: list[str], cut: dict[str, Any]) -> Any:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    if not vocabulary or not len(texts):
        return csr_matrix((len(texts), len(vocabulary)), dtype=np.float32)
    return CountVectorizer(**cut, vocabulary=vocabulary, dtype=np.float32).transform(texts)


def _n_texts(counts: Any) -> NDArray[np.int64]:
    return np.bincount(counts.indices, minlength=counts.shape[1]).astype(np.int64)
