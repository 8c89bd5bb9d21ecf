"""Groups of like texts and names for them: contact drivers found without labels.

Clustering of customers belongs in `cxm.methods.mixture`; naming by distinctive words serves
any group of texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 2000
_WORDS_IN_NAME = 3
_WORDS_IN_DESCRIPTION = 10
_NEAREST = 0.05
_WORD = r"(?u)\b[^\W\d_]{3,}\b"


def cluster_vectors(
    vectors: NDArray[np.float32], sizes: Sequence[int], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Cluster of each row and unit centres `(k, d)`; k is the size with the best silhouette.

    Fewer distinct rows than the smallest size give as many clusters as there are rows.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    n_distinct = len(np.unique(vectors, axis=0))
    candidates = [k for k in sizes if k < n_distinct] or [max(1, n_distinct)]
    sample = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLE])
    best: tuple[float, KMeans] | None = None
    for k in candidates:
        fitted = KMeans(k, n_init=4, random_state=seed).fit(vectors)
        labels = fitted.labels_[sample]
        distinct = len(np.unique(labels))
        value = silhouette_score(vectors[sample], labels) if 1 < distinct < len(sample) else -1.0
        if best is None or value > best[0]:
            best = (float(value), fitted)
    assert best is not None
    centres = best[1].cluster_centers_.astype(np.float32)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    # Largest first, so that names and order do not depend on where the search began.
    order = np.argsort(-np.bincount(best[1].labels_, minlength=len(centres)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[best[1].labels_], centres[order]


def cluster_strength(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float64]:
    """How clearly each row belongs to each centre `(n, k)`: a softmax of cosines, rows sum to 1."""
    scaled = (vectors @ centres.T).astype(np.float64) / _NEAREST
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    strength: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return strength


def name_groups(texts: Sequence[str], groups: NDArray[np.intp], n_groups: int) -> list[tuple[str, str]]:
    """(unique name, longer description) of each group by its most distinctive words.

    A word's weight is its frequency in the group times the log of how rare it is elsewhere
    (class-based TF-IDF, Grootendorst 2022). A group without words is named by its number.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    joined = ["\n".join(t for t, g in zip(texts, groups, strict=True) if g == i) for i in range(n_groups)]
    vectorizer = CountVectorizer(stop_words="english", token_pattern=_WORD)
    try:
        counts = vectorizer.fit_transform(joined).toarray().astype(float)
        words = vectorizer.get_feature_names_out()
    except ValueError:  # not one word that is no stop word
        counts, words = np.zeros((n_groups, 0)), np.array([], dtype=str)
    frequency = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rarity = np.log1p(counts.sum() / max(n_groups, 1) / np.maximum(counts.sum(axis=0), 1))
    weights = frequency * rarity
    names: list[tuple[str, str]] = []
    taken: set[str] = set()
    for i in range(n_groups):
        order = [j for j in np.argsort(-weights[i], kind="stable") if weights[i, j] > 0]
        top = [str(words[j]) for j in order[:_WORDS_IN_DESCRIPTION]]
        name = " ".join(top[:_WORDS_IN_NAME]) or f"driver {i + 1}"
        length = _WORDS_IN_NAME
        while name in taken:
            length += 1
            name = " ".join(top[:length]) if length <= len(top) else f"{name} {i + 1}"
        taken.add(name)
        names.append((name, ", ".join(top) or "no words in common"))
    return names
