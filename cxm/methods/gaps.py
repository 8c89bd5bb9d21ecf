"""Groups of like needs, each with a name made of its own words.

How unanswered needs are grouped and named belongs here; whether a need is answered is judged in
`cxm.methods.answerability`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import content_words

_MAX_DISTANCE = 0.5
_MAX_CLUSTERED = 2000
_MOST_WORDS, _IN_COMMON = 6, 2
# What is heard between words, and what is said to a menu; with them a name says nothing.
_SOUNDS = "ah er erm from hm myself oh thatll there therell uh um with yourself"
_NUMBERS = "zero one two three four five six seven eight nine ten first second third"
_FILLERS = frozenset(f"{_SOUNDS} {_NUMBERS}".split())


def group_needs(vectors: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """A group number for each need `(n,)`, by average linkage of cosines.

    Of more than 2,000 needs a sample is grouped and the others join the nearest group.
    """
    n = len(vectors)
    if n < 2:
        return np.zeros(n, dtype=np.intp)
    from sklearn.cluster import AgglomerativeClustering

    sample = np.sort(np.random.default_rng(seed).permutation(n)[:_MAX_CLUSTERED])
    clustering = AgglomerativeClustering(
        n_clusters=None, distance_threshold=_MAX_DISTANCE, linkage="average", metric="precomputed"
    )
    distance = np.round(np.clip(1 - vectors[sample] @ vectors[sample].T, 0, 2), 6).astype(float)
    labels = clustering.fit_predict(np.minimum(distance, distance.T))
    centers = np.stack([vectors[sample][labels == g].mean(axis=0) for g in range(labels.max() + 1)])
    centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-9)
    groups = np.empty(n, dtype=np.intp)
    for start in range(0, n, _MAX_CLUSTERED):
        groups[start : start + _MAX_CLUSTERED] = (vectors[start : start + _MAX_CLUSTERED] @ centers.T).argmax(
            1
        )
    groups[sample] = labels
    return groups


def telling_words(
    texts: Sequence[str], background: Counter[str], n_background: int, n_words: int = _MOST_WORDS
) -> list[str]:
    """The words that at least half of the texts hold and few others do, the most telling first.

    `background` counts the texts (of `n_background`) that hold a word. Texts that have no word in common
    have none.
    """
    inside = count_words(texts)
    telling = {
        word: n / len(texts) * np.log((1 + n_background) / (0.5 + background[word]))
        for word, n in inside.items()
        if 2 * n >= len(texts)
    }
    return sorted(telling, key=lambda word: (-round(telling[word], 9), word))[:n_words]


def join_groups(telling: Sequence[Sequence[str]]) -> list[int]:
    """For each group the number of the first that is about the same: two telling words in common.

    So one thing that is asked about in several ways ("it tips over", "when does it come") is one topic.
    """
    first = list(range(len(telling)))
    for right, words in enumerate(telling):
        near = {first[left] for left in range(right) if len({*words} & {*telling[left]}) >= _IN_COMMON}
        if near:
            joined = {*near, right}
            first = [min(near) if group in joined else group for group in first]
    return first


def count_words(texts: Sequence[str]) -> Counter[str]:
    """In how many texts each word of content occurs."""
    return Counter(word for text in texts for word in set(content_words(text)) - _FILLERS)
