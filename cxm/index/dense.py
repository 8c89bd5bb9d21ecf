"""Vectors on disk and the nearest of them: exact to 100,000, by graphs above.

How vectors are kept and searched belongs here; whose vectors they are is the index's business.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[Any]

MAX_EXACT = 100_000
_ROWS_PER_GRAPH = 150_000
# Malkov & Yashunin 2018: links of a node, width of the search while building and while searching.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 64, 64
_LIST, _ROWS, _GRAPH = "graphs.json", "rows.npy", ".usearch"
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
    """Vectors by memory map, as a plain array where all are compared at once; none as an empty array."""
    try:
        mapped: Vectors = np.load(path, mmap_mode="r")
    except ValueError:  # an empty file cannot be mapped
        mapped = np.load(path)
    return mapped if len(mapped) > MAX_EXACT else mapped.view(np.ndarray)


def take(vectors: Vectors, rows: NDArray[np.int64]) -> Vectors:
    """Some rows in memory; those of a `memmap` are read from its file, each run of them at once.

    Through the map each row would bring its neighbours into the process, up to two megabytes of them.
    """
    if not isinstance(vectors, np.memmap) or not len(rows):
        return vectors[rows]
    taken = np.empty((len(rows), vectors.shape[1]), dtype=vectors.dtype)
    edges = np.flatnonzero(np.diff(rows) != 1) + 1
    with Path(str(vectors.filename)).open("rb", buffering=0) as file:
        for run in np.split(np.arange(len(rows)), edges):
            file.seek(vectors.offset + int(rows[run[0]]) * vectors.strides[0])
            if file.readinto(taken[run[0] : run[-1] + 1]) != len(run) * vectors.strides[0]:  # type: ignore[arg-type]
                raise OSError(f"{vectors.filename} is shorter than its vectors")
    return taken


def nearest(
    vectors: Vectors, vector: NDArray[np.float32], k: int, rows: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The rows of the k vectors nearest to one, of `rows` where given, by comparing with each."""
    from usearch.index import MetricKind, search

    compared = np.asarray(vectors) if rows is None else take(vectors, rows)
    if not len(compared):
        return np.empty(0, dtype=np.int64)
    query = vector.astype(compared.dtype)[None]
    found = search(compared, query, min(k, len(compared)), MetricKind.IP, exact=True)
    keys = np.asarray(found.keys, dtype=np.int64).ravel()
    return keys if rows is None else rows[keys]


def graph_numbers(owners: Sequence[str], n_vectors: int) -> NDArray[np.int64]:
    """Which graph each of `owners` belongs to, by its name alone: what is added or gone moves no other."""
    n_graphs = 1
    while n_graphs * _ROWS_PER_GRAPH < n_vectors:
        n_graphs *= 2
    return np.array([crc32(owner.encode()) % n_graphs for owner in owners], dtype=np.int64)


class Graphs:
    """The nearest of very many unit vectors by a few graphs over vectors of a byte a dimension.

    Bytes take half the memory and time of half precision and find the same; how near what is found
    is, is for the caller to say from the vectors themselves. A graph is named by its content, so that
    one whose vectors were there before is taken over. Each is made by one thread, so that equal
    vectors give equal graphs, and as many at once as there are cores.
    """

    def __init__(self, directory: Path) -> None:
        """Open the graphs of `directory` by memory map; without any, nothing is near."""
        from usearch.index import Index

        self._graphs = []
        for name in json.loads((directory / _LIST).read_text()):
            graph = Index.restore(str(directory / f"{name}{_GRAPH}"), view=True)
            if graph is None:
                raise OSError(f"{name} in {directory} is no graph")
            self._graphs.append(graph)
        self._rows = np.load(directory / _ROWS)
        self._starts = np.cumsum([0, *(len(graph) for graph in self._graphs)])

    @staticmethod
    def write(
        directory: Path, vectors: Vectors, numbers: NDArray[np.int64], before: Path | None = None
    ) -> None:
        """Make the graphs of `vectors` `(n, d)`, of which `numbers` `(n,)` says in which graph each is.

        A graph that stands in the folder `before` already is linked from there.
        """
        directory.mkdir()
        rows = np.argsort(numbers, kind="stable")
        np.save(directory / _ROWS, rows)
        parts = np.split(rows, np.flatnonzero(np.diff(numbers[rows])) + 1)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = pool.map(
                lambda number, part: _write_graph(directory, vectors, number, part, before),
                range(len(parts)),
                parts,
            )
            names = list(made)
        (directory / _LIST).write_text(json.dumps(names))

    def nearest(self, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The rows of about the k nearest, those of the smallest number first where equally near."""
        query = _bytes(vector)
        # Graphs hold vectors at random: of the nearest each has its share, give or take.
        share = k / max(1, len(self._graphs))
        count = min(k, math.ceil(share + 4 * math.sqrt(share)) + 8)
        rows, distances = [_NOBODY], [np.zeros(0)]
        for graph, start in zip(self._graphs, self._starts, strict=False):
            graph.expansion_search = _EXPANSION_SEARCH + count
            found = graph.search(query, count, threads=1)
            rows.append(self._rows[start + np.asarray(found.keys, dtype=np.int64)])
            distances.append(found.distances)
        every, distance = np.concatenate(rows), np.concatenate(distances)
        return every[np.lexsort((every, distance))[:k]]


def _bytes(vectors: Vectors) -> NDArray[np.int8]:
    """Unit vectors as whole numbers up to 127; what lies beyond six standard deviations is cut off."""
    scale = np.float32(127 * math.sqrt(vectors.shape[-1]) / 6)
    whole = np.clip(np.rint(vectors.astype(np.float32) * scale), -127, 127)
    return np.asarray(whole, dtype=np.int8)


def _write_graph(
    directory: Path, vectors: Vectors, number: int, rows: NDArray[np.int64], before: Path | None
) -> str:
    """Write the graph of some rows, keyed by their place among them; returns its name."""
    from usearch.index import Index, MetricKind

    found = _bytes(vectors[rows])
    settings = (number, found.shape, _CONNECTIVITY, _EXPANSION_ADD)
    name = blake2b(repr(settings).encode() + found.tobytes(), digest_size=12).hexdigest()
    path = directory / f"{name}{_GRAPH}"
    if before is not None and (before / path.name).exists():
        os.link(before / path.name, path)
        return name
    graph = Index(
        ndim=found.shape[1],
        metric=MetricKind.IP,
        dtype="i8",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        enable_key_lookups=False,
    )
    graph.add(np.arange(len(rows)), found, threads=1)
    graph.save(str(path))
    return name
