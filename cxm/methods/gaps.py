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
# What is heard between words; with them a name says nothing.
_FILLERS = frozenset(
    ["ah", "er", "erm", "from", "hm", "oh", "thatll", "there", "therell", "uh", "um", "with"]
)


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


def name_group(texts: Sequence[str], background: Counter[str], n_background: int, n_words: int = 3) -> str:
    """The words that many texts of the group hold and few others do, the most telling first.

    `background` counts the texts (of `n_background`) that hold a word.
    """
    inside = count_words(texts)
    telling = {
        word: n / len(texts) * np.log((1 + n_background) / (0.5 + background[word]))
        for word, n in inside.items()
    }
    best = sorted(telling, key=lambda word: (-round(telling[word], 9), word))[:n_words]
    return ", ".join(best) or " ".join(" ".join(texts[:1]).split()[:n_words]) or "(no words)"


def count_words(texts: Sequence[str]) -> Counter[str]:
    """In how many texts each word of content occurs."""
    return Counter(word for text in texts for word in set(content_words(text)) - _FILLERS)
