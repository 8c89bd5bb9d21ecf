"""Vectors on disk and the nearest of them: exact to 100,000, by a graph in half precision above.

How vectors are kept and searched belongs here; whose vectors they are is the index's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[Any]

MAX_EXACT = 100_000
_ROWS_PER_CHUNK = 50_000
# Malkov & Yashunin 2018: links of a node, width of the search while building and while searching.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 64, 256


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


def write_graph(path: Path, vectors: Vectors) -> None:
    """Write a graph over unit vectors; one thread, so that equal vectors give equal graphs."""
    from usearch.index import Index, MetricKind

    graph = Index(
        ndim=vectors.shape[1],
        metric=MetricKind.IP,
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
        enable_key_lookups=False,
    )
    for start in range(0, len(vectors), _ROWS_PER_CHUNK):
        rows = vectors[start : start + _ROWS_PER_CHUNK]
        graph.add(np.arange(start, start + len(rows)), np.asarray(rows, dtype=np.float16), threads=1)
    graph.save(str(path))


def open_graph(path: Path) -> Any:
    """A graph by memory map; None where there is none."""
    if not path.exists():
        return None
    from usearch.index import Index

    graph = Index.restore(str(path), view=True)
    if graph is not None:
        graph.expansion_search = _EXPANSION_SEARCH
    return graph
