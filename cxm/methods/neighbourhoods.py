"""Where a conversation lies among all others, labelled or not: coordinates that follow dense regions.

Two texts in one dense region are alike though no word joins them; thousands of conversations that
nobody labelled show where such regions are. What is learned on the coordinates belongs in
`cxm.methods.conversation_classifier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import to_unit

Vectors = NDArray[np.float32]

NEIGHBOURS = "neighbours"  # the view of a conversation that this module gives

_NEIGHBOURS = 15
_STEPS = 8
_COORDINATES = 100
_DIRECTIONS = 128  # of the vectors in which neighbours are sought
_MOST_NODES = 12_000
_CHUNK = 2_000
_ARRAYS = ("centre", "directions", "nodes", "places")
_SMALL = 600  # nodes of which all coordinates are found at once


@dataclass(frozen=True)
class Neighbourhoods:
    """A graph of neighbours: `nodes` `(n, d)` and their `places` `(n, k)`.

    A vector less `centre` `(d_vectors,)` is turned into `directions` `(d_vectors, d)` to find its nodes.
    """

    centre: Vectors
    directions: Vectors
    nodes: Vectors
    places: Vectors

    def place(self, vectors: Vectors) -> Vectors:
        """Unit coordinates `(n, k)`: the mean of the nearest nodes' places; zero for a zero vector."""
        found = np.zeros((len(vectors), self.places.shape[1]), dtype=np.float32)
        has_words = vectors.any(axis=1)
        seen = to_unit((vectors - self.centre) @ self.directions)
        for start in range(0, len(seen) if len(self.nodes) else 0, _CHUNK):
            rows = slice(start, start + _CHUNK)
            found[rows] = self.places[_nearest(seen[rows], self.nodes)].mean(axis=1)
        found[~has_words] = 0
        return to_unit(found)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays from which `from_arrays` makes the same."""
        return {
            "centre": self.centre,
            "directions": self.directions,
            "nodes": self.nodes,
            "places": self.places,
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Neighbourhoods:
        """What `to_arrays` took apart."""
        return Neighbourhoods(*(arrays[name] for name in _ARRAYS))


def fit_neighbourhoods(vectors: Vectors, seed: int) -> Neighbourhoods:
    """A diffusion map (Coifman & Lafon 2006) of unit vectors `(n, d)`, of at most 12,000 of them.

    Nodes are joined to their 15 nearest; places are the slowest modes of a random walk of 8 steps, so
    that whoever shares them is reached from the same others. Zero vectors are no nodes.
    """
    kept = np.flatnonzero(vectors.any(axis=1))
    kept = np.sort(np.random.default_rng(seed).permutation(kept)[:_MOST_NODES])
    # What all have in common says nothing of who is near; with it a few are everybody's neighbours.
    centre = vectors[kept].mean(axis=0) if len(kept) else np.zeros(vectors.shape[1], dtype=np.float32)
    used = (vectors[kept] - centre).astype(np.float64)
    _, directions = np.linalg.eigh(used.T @ used)
    directions = np.ascontiguousarray(directions[:, ::-1][:, :_DIRECTIONS], dtype=np.float32)
    nodes = to_unit((vectors[kept] - centre) @ directions)
    return Neighbourhoods(centre, directions, nodes, _places(nodes))


def _places(nodes: Vectors) -> Vectors:
    from scipy.sparse import csr_matrix, diags_array
    from scipy.sparse.linalg import eigsh

    n = len(nodes)
    if n < 2:
        return np.ones((n, 1), dtype=np.float32)
    near = np.vstack([_nearest(nodes[i : i + _CHUNK], nodes) for i in range(0, n, _CHUNK)])
    ends = (np.repeat(np.arange(n), near.shape[1]), near.ravel())
    joined = csr_matrix((np.ones(near.size), ends), shape=(n, n))
    joined = joined.maximum(joined.T)
    shrink = 1 / np.sqrt(np.asarray(joined.sum(axis=1)).ravel())
    walk = diags_array(shrink) @ joined @ diags_array(shrink)
    if n <= _SMALL:
        speeds, modes = np.linalg.eigh(walk.toarray())
        speeds, modes = speeds[-_COORDINATES:], modes[:, -_COORDINATES:]
    else:
        speeds, modes = eigsh(walk, k=_COORDINATES, v0=np.ones(n))
    return to_unit((modes * np.clip(speeds, 0, None) ** _STEPS * shrink[:, None]).astype(np.float32))


def _nearest(vectors: Vectors, nodes: Vectors) -> NDArray[np.intp]:
    """The nearest nodes of each vector `(n, k)` in no order; a node is its own neighbour.

    15 of them, fewer where there are few nodes: with 15 of 30 all would be joined to all.
    """
    k = min(_NEIGHBOURS + 1, 1 + int(len(nodes) ** 0.5), len(nodes))
    return np.argpartition(-(vectors @ nodes.T), k - 1, axis=1)[:, :k]
