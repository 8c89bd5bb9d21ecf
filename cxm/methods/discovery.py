"""Groups of like texts and names for them: contact drivers found without labels.

Clustering of customers belongs in `cxm.methods.mixture`; naming by distinctive words serves
any group of texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import is_empty_word

_SAMPLE = 2000
_STARTS = 2
_MOST_ROWS = 12_000
_DIRECTIONS = 128
_DUPLICATE = 0.85  # cosine of two centres
_CLUSTERS_IN_GROUP = 4
_WORDS_IN_NAME = 3
_WORDS_IN_DESCRIPTION = 10
_NEAREST = 0.05
_WORD = r"(?u)\b[^\W\d_]{3,}\b"


def cluster_vectors(
    vectors: NDArray[np.float32], sizes: Sequence[int], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Cluster of each row and unit centres `(k, d)`; k is the size with the best silhouette.

    Sought on at most 12,000 rows; centres that say the same are merged, so that there may be fewer than k.
    Fewer distinct rows than the smallest size give as many clusters as there are rows.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    generator = np.random.default_rng(seed)
    used = vectors[np.sort(generator.permutation(len(vectors))[:_MOST_ROWS])]
    seen = used @ _directions(used)
    n_distinct = len(np.unique(used, axis=0))
    candidates = [k for k in sizes if k < n_distinct] or [max(1, n_distinct)]
    sample = np.sort(generator.permutation(len(used))[:_SAMPLE])
    best: tuple[float, NDArray[np.intp]] | None = None
    for k in candidates:
        labels = KMeans(k, n_init=_STARTS, random_state=seed).fit_predict(seen)
        distinct = len(np.unique(labels[sample]))
        value = silhouette_score(seen[sample], labels[sample]) if 1 < distinct < len(sample) else -1.0
        if best is None or value > best[0]:
            best = (float(value), labels)
    assert best is not None
    labels = _merged(used, best[1])
    centres = centres_of(used, labels)
    groups = np.asarray((vectors @ centres.T).argmax(axis=1), dtype=np.intp)
    # Largest first, so that names and order do not depend on where the search began.
    counts = np.bincount(groups, minlength=len(centres))
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    rank = np.empty(len(centres), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[groups], centres[order]


def group_clusters(centres: NDArray[np.float32]) -> NDArray[np.intp]:
    """The upper level: a group for each cluster `(k,)`, a quarter as many; one each for fewer than eight."""
    if len(centres) < 2 * _CLUSTERS_IN_GROUP:
        return np.zeros(len(centres), dtype=np.intp)
    from sklearn.cluster import AgglomerativeClustering

    fitted = AgglomerativeClustering(len(centres) // _CLUSTERS_IN_GROUP).fit(centres)
    return np.asarray(fitted.labels_, dtype=np.intp)


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions `(d, at most 128)` in which vectors differ most: as good to cluster in, and faster."""
    if vectors.shape[1] <= _DIRECTIONS:
        return np.eye(vectors.shape[1], dtype=np.float32)
    exact = vectors.astype(np.float64)
    directions = np.linalg.eigh(exact.T @ exact)[1][:, ::-1][:, :_DIRECTIONS]
    return np.ascontiguousarray(directions, dtype=np.float32)


def _merged(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Clusters without those that are as near as duplicates, numbered anew."""
    labels = np.unique(labels, return_inverse=True)[1]
    while labels.max(initial=0) > 0:
        centres = centres_of(vectors, labels)
        near = centres @ centres.T
        np.fill_diagonal(near, -1)
        left, right = sorted(int(i) for i in np.unravel_index(near.argmax(), near.shape))
        if near[left, right] < _DUPLICATE:
            break
        labels = np.unique(np.where(labels == right, left, labels), return_inverse=True)[1]
    return np.asarray(labels, dtype=np.intp)


def centres_of(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Unit means `(k, d)` of the rows of each label, 0 to k - 1."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(labels), dtype=np.float32)
    sums = csr_matrix((ones, (labels, np.arange(len(labels))))) @ vectors
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def cluster_strength(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float64]:
    """How clearly each row belongs to each centre `(n, k)`: a softmax of cosines, rows sum to 1."""
    scaled = (vectors @ centres.T).astype(np.float64) / _NEAREST
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    strength: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return strength


def distinctive_words(
    texts: Sequence[str], groups: NDArray[np.intp], n_groups: int, n_words: int
) -> list[dict[str, float]]:
    """The words that tell each group from the others, with their weights, heaviest first.

    A word's weight is the share p of the group's texts that hold it times log(p / q), q being the share
    of all others (its part in the divergence of the two: Kullback & Leibler 1951): what everybody says
    weighs nothing, however often it is said. Function words and courtesies are left out.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(binary=True, stop_words="english", token_pattern=_WORD, dtype=np.float32)
    try:
        holds = vectorizer.fit_transform(texts)
    except ValueError:  # not one word that is no stop word
        return [{} for _ in range(n_groups)]
    words = vectorizer.get_feature_names_out()
    says_something = np.array([not is_empty_word(word) for word in words])
    belongs = csr_matrix(
        (np.ones(len(texts), np.float32), (groups, np.arange(len(texts)))), shape=(n_groups, len(texts))
    )
    n_inside = (belongs @ holds).toarray().astype(np.float64)
    size = np.bincount(groups, minlength=n_groups)[:, None]
    inside = (n_inside + 0.5) / (size + 1)
    outside = (n_inside.sum(axis=0) - n_inside + 0.5) / (len(texts) - size + 1)
    weights = inside * (np.log(inside / outside) if n_groups > 1 else 1.0)
    weights[(n_inside == 0) | ~says_something] = 0
    order = np.argsort(-weights, axis=1, kind="stable")[:, :n_words]
    return [
        {str(words[j]): float(row[j]) for j in best if row[j] > 0}
        for row, best in zip(weights, order, strict=True)
    ]


def name_groups(texts: Sequence[str], groups: NDArray[np.intp], n_groups: int) -> list[tuple[str, str]]:
    """(unique name, longer description) of each group by its most distinctive words.

    A group without words is named by its number.
    """
    names: list[tuple[str, str]] = []
    taken: set[str] = set()
    for i, words in enumerate(distinctive_words(texts, groups, n_groups, _WORDS_IN_DESCRIPTION)):
        top = list(words)
        name = " ".join(top[:_WORDS_IN_NAME]) or f"driver {i + 1}"
        length = _WORDS_IN_NAME
        while name in taken:
            length += 1
            name = " ".join(top[:length]) if length <= len(top) else f"{name} {i + 1}"
        taken.add(name)
        names.append((name, ", ".join(top) or "no words in common"))
    return names
