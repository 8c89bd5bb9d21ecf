"""Vectors on disk and the nearest of them: exact to 100,000, by graphs in half precision above.

How vectors are kept and searched belongs here; whose vectors they are is the index's business.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[Any]

MAX_EXACT = 100_000
_ROWS_PER_GRAPH = 100_000
# Malkov & Yashunin 2018: links of a node, width of the search while building and while searching.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 64, 256
_NOBODY = np.empty(0, dtype=np.int64)


def write_vectors(path: Path, shape: tuple[int, int], parts: Any) -> None:
    """Write vectors, in half precision, that come in parts, `(first row, rows)`, without holding them all."""
    if not shape[0]:
        np.save(path, np.zeros(shape, dtype=np.float16))
        return
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
    for start, rows in parts:
        vectors[start : start + len(rows)] = rows
    vectors.flush()


def read_vectors(path: Path) -> Vectors:
    """Vectors by memory map; none as an empty array."""
    try:
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]
    except ValueError:  # an empty file cannot be mapped
        return np.load(path)  # type: ignore[no-any-return]


def nearest(
    vectors: Vectors, vector: NDArray[np.float32], k: int, rows: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The rows of the k vectors nearest to one, of `rows` where given, by comparing with each."""
    from usearch.index import MetricKind, search

    compared = np.asarray(vectors if rows is None else vectors[rows])
    if not len(compared):
        return np.empty(0, dtype=np.int64)
    query = vector.astype(compared.dtype)[None]
    found = search(compared, query, min(k, len(compared)), MetricKind.IP, exact=True)
    keys = np.asarray(found.keys, dtype=np.int64).ravel()
    return keys if rows is None else rows[keys]


class Graphs:
    """The nearest of very many unit vectors by graphs, one for each `_ROWS_PER_GRAPH` of them.

    Each is made by one thread, so that equal vectors give equal graphs, and as many at once as there
    are cores.
    """

    def __init__(self, directory: Path) -> None:
        """Open the graphs of `directory` by memory map; without any, nothing is near."""
        from usearch.index import Index

        self._graphs = []
        for path in sorted(directory.glob("*.usearch")):
            graph = Index.restore(str(path), view=True)
            if graph is None:
                raise OSError(f"{path} is no graph")
            graph.expansion_search = _EXPANSION_SEARCH
            self._graphs.append(graph)

    @staticmethod
    def write(directory: Path, vectors: Vectors) -> None:
        """Make the graphs of `vectors` `(n, d)`."""
        directory.mkdir()
        starts = range(0, len(vectors), _ROWS_PER_GRAPH)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda start: _write_graph(directory, vectors, start), starts))

    def nearest(self, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The rows of about the k nearest, those of the smallest number first where equally near."""
        query = vector.astype(np.float16)
        found = [graph.search(query, k, threads=1) for graph in self._graphs]
        keys = np.concatenate([_NOBODY, *(np.asarray(each.keys, dtype=np.int64) for each in found)])
        distances = np.concatenate([np.zeros(0), *(each.distances for each in found)])
        return keys[np.lexsort((keys, distances))[:k]]


def _write_graph(directory: Path, vectors: Vectors, start: int) -> None:
    from usearch.index import Index, MetricKind

    rows = np.asarray(vectors[start : start + _ROWS_PER_GRAPH], dtype=np.float16)
    graph = Index(
        ndim=rows.shape[1],
        metric=MetricKind.IP,
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        enable_key_lookups=False,
    )
    graph.add(np.arange(start, start + len(rows)), rows, threads=1)
    graph.save(str(directory / f"{start:012}.usearch"))
