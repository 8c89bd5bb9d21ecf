"""Other ways to group customers on the same numbers, and figures of how good a grouping is.

K-means, DBSCAN, agglomerative (Ward) and BIRCH stand here beside the mixture, which is in `mixture`. What a
grouping explains of the next period is in `segment_choice`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.metrics.classification import adjusted_rand_index

Floats = NDArray[np.float64]
Labels = NDArray[Any]
Refit = Callable[[Floats, int], Labels]

# Methods that compare all pairs of customers see a sample of them above this number.
MOST_IN_PAIRS = 20_000
PAIRWISE = ("dbscan", "agglomerative")
_MOST_TO_JUDGE = 2_000
_MOST_TO_REFIT = 5_000


def k_means(k: int, n_starts: int) -> Refit:
    """Groups points into `k` around their means, the best of `n_starts`."""

    def group(points: Floats, seed: int) -> Labels:
        from sklearn.cluster import KMeans

        k_here = min(k, len(np.unique(points, axis=0)))
        return np.asarray(KMeans(k_here, n_init=n_starts, random_state=seed).fit_predict(points))

    return group


def dbscan() -> Refit:
    """Groups points that lie densely (Ester et al. 1996); those that do not form one group, of noise.

    A dense point has twice as many neighbours as there are numbers. How near a neighbour is: where the
    sorted distances to the last of them turn most (Satopää et al. 2011).
    """

    def group(points: Floats, seed: int) -> Labels:
        from sklearn.cluster import DBSCAN
        from sklearn.neighbors import NearestNeighbors

        n_neighbours = min(2 * points.shape[1], len(points))
        near = NearestNeighbors(n_neighbors=n_neighbours).fit(points).kneighbors(points)[0]
        distances = np.sort(near[:, -1])
        chord = np.linspace(distances[0], distances[-1], len(distances))
        radius = max(float(distances[(chord - distances).argmax()]), 1e-9)
        return np.asarray(DBSCAN(eps=radius, min_samples=n_neighbours).fit_predict(points))

    return group


def agglomerative(k: int) -> Refit:
    """Merges the points whose union adds least variance (Ward 1963) until `k` groups are left."""

    def group(points: Floats, seed: int) -> Labels:
        from sklearn.cluster import AgglomerativeClustering

        return np.asarray(AgglomerativeClustering(min(k, len(points))).fit_predict(points))

    return group


def birch(k: int) -> Refit:
    """Groups points into `k` by way of a tree of small groups (Zhang et al. 1996)."""

    def group(points: Floats, seed: int) -> Labels:
        import warnings

        from sklearn.cluster import Birch
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # Fewer small groups than asked for: those are the groups.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return np.asarray(Birch(n_clusters=min(k, len(points))).fit_predict(points))

    return group


def alternatives(k: int, n_starts: int) -> dict[str, Refit]:
    """The ways to group customers beside the mixture, by name; into `k` groups where they take a number."""
    return {
        "k_means": k_means(k, n_starts),
        "dbscan": dbscan(),
        "agglomerative": agglomerative(k),
        "birch": birch(k),
    }


def sample_rows(n: int, most: int, seed: int) -> NDArray[np.intp]:
    """Numbers of up to `most` of `n` rows, drawn at random, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def separation(points: Floats, labels: Labels, seed: int) -> dict[str, Any]:
    """`silhouette` of each of up to 2,000 points drawn `(n,)`, `davies_bouldin`, `calinski_harabasz`.

    Empty where there is one group only, or each point is one. Rousseeuw (1987), Davies & Bouldin (1979),
    Calinski & Harabasz (1974); the last two on all points.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

    rows = sample_rows(len(points), _MOST_TO_JUDGE, seed)
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return {}
    return {
        "silhouette": silhouette_samples(points[rows], labels[rows]),
        "davies_bouldin": float(davies_bouldin_score(points, labels)),
        "calinski_harabasz": float(calinski_harabasz_score(points, labels)),
    }


def refit_agreement(points: Floats, labels: Labels, refit: Refit, n_refits: int, seed: int) -> list[float]:
    """Adjusted Rand index of `labels` with those of refits on resamples of the points (Hennig 2007).

    Each of up to 5,000 points that a draw with replacement holds counts once; compared on those.
    """
    rows = sample_rows(len(points), _MOST_TO_REFIT, seed)
    generator = np.random.default_rng(seed)
    found = []
    for i in range(n_refits):
        drawn = rows[np.unique(generator.integers(0, len(rows), len(rows)))]
        found.append(adjusted_rand_index(labels[drawn], refit(points[drawn], seed + i + 1)))
    return found
