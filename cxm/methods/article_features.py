"""What speaks for an article in a dialogue, as features of (dialogue, article) pairs for a ranker.

What a pair is described by belongs here. The ranker is in `cxm.methods.ranker`, the pool of pairs
and how they are put in order in `cxm.tasks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogue_state import State
from cxm.methods.names import NameFinder

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]

# Views: cosines of several readings of the dialogue with the article's best passage. `centred` ones
# leave out what all articles of a group share (the place, the product), so that the need decides.
VIEWS = ("need", "request", "spoken", "first_need")
CENTRED_VIEWS = ("centred_request", "expanded", "past_5", "past_20")
FEATURES = (
    *VIEWS,
    *CENTRED_VIEWS,
    *(f"{name}_gap" for name in (*VIEWS, *CENTRED_VIEWS)),
    "lexical",
    "past",
    "plain",
    "named",
    "named_recency",
    "named_latest",
    "n_named",
    "named_size",
    "n_words",
    "asks",
    "is_issue",
)
_EXPANDING = 30  # passages whose mean expands a query (pseudo-relevance feedback, Rocchio 1971)
_SHRINKAGE = 3.0


@dataclass(frozen=True)
class Base:
    """Articles as features need them; article i has the passages `starts[i]:starts[i + 1]`.

    `vectors` `(n_passages, d)`; `centres` `(n_groups, d)` and `group` `(n_articles,)`: what the articles
    of a group share; `scale` `(n_passages,)`: one over the length of a passage's vector without it;
    `facts` `(n_articles, 3)`.
    """

    starts: NDArray[np.intp]
    vectors: Vectors
    group: NDArray[np.intp]
    centres: Vectors
    scale: NDArray[np.float32]
    facts: Array

    @staticmethod
    def from_articles(
        articles: pl.DataFrame, texts: pl.Series, starts: NDArray[np.intp], vectors: Vectors
    ) -> Base:
        """From articles (title, section, kind; in order) and their passages."""
        group = group_articles(articles)
        n_groups = int(group.max()) + 1 if len(group) else 0
        owners = np.repeat(np.arange(articles.height), np.diff(starts))
        n_dimensions = vectors.shape[1]
        mean = vectors.mean(axis=0) if len(vectors) else np.zeros(n_dimensions)
        centres = np.tile(np.float32(_SHRINKAGE) * mean, (n_groups, 1)).astype(np.float32)
        np.add.at(centres, group[owners], vectors)
        counts = np.bincount(group[owners], minlength=n_groups)
        centres /= (counts + np.float32(_SHRINKAGE))[:, None]
        cross = np.einsum("ij,ij->i", vectors, centres[group[owners]])
        own = np.einsum("ij,ij->i", centres, centres)[group[owners]]
        length = np.sqrt(np.maximum(np.einsum("ij,ij->i", vectors, vectors) - 2 * cross + own, 1e-6))
        n_words = texts.str.count_matches(r"\w+").to_numpy().astype(float)
        asks = texts.str.contains("?", literal=True).to_numpy().astype(float)
        facts = np.zeros((articles.height, 3))
        np.add.at(facts[:, 0], owners, n_words)
        np.maximum.at(facts[:, 1], owners, asks)
        facts[:, 0] = np.log1p(facts[:, 0])
        facts[:, 2] = (articles["kind"] == "issue").to_numpy()
        return Base(starts, vectors, group, centres, (1 / length).astype(np.float32), facts)

    def passages(self, pool: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The passages of some articles, and where those of each begin among them."""
        sizes = self.starts[pool + 1] - self.starts[pool]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        rows = np.repeat(self.starts[pool] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return rows, offsets[:-1]

    def nearest(
        self, pool: NDArray[np.intp], cosines: NDArray[Any], passages: NDArray[np.intp] | None = None
    ) -> NDArray[np.intp]:
        """The passage of each article of a pool that is nearest to a query.

        `cosines` are those of all passages, or of the given ones alone.
        """
        rows, offsets = self.passages(pool)
        near = cosines[rows] if passages is None else cosines
        ends = [*offsets[1:], len(rows)]
        best = [start + int(np.argmax(near[start:end])) for start, end in zip(offsets, ends, strict=True)]
        return rows[best]

    def centred(self, passages: NDArray[np.intp]) -> Vectors:
        """Unit vectors of passages without what their group shares."""
        owners = np.searchsorted(self.starts, passages, side="right") - 1
        rest = np.asarray(self.vectors[passages], dtype=np.float32) - self.centres[self.group[owners]]
        return np.asarray(rest * self.scale[passages][:, None], dtype=np.float32)


def group_articles(articles: pl.DataFrame) -> NDArray[np.intp]:
    """A group for each article: those under the longest path of section steps and title they share."""
    paths = []
    for title, section in articles.select("title", "section").iter_rows():
        steps = [step.strip().casefold() for step in (section or "").split(">") if step.strip()]
        paths.append((*steps, title.strip().casefold()))
    counts: dict[tuple[str, ...], int] = {}
    for path in paths:
        for n in range(len(path) + 1):
            counts[path[:n]] = counts.get(path[:n], 0) + 1
    shared = [
        next(path[:n] for n in range(len(path), -1, -1) if counts[path[:n]] > 1 or not n) for path in paths
    ]
    number = {path: i for i, path in enumerate(sorted(set(shared)))}
    return np.array([number[path] for path in shared], dtype=np.intp)


@dataclass(frozen=True)
class Readings:
    """What a block of dialogues looks like from several sides, a row a dialogue.

    `views`: one `(n, d)` for each of `VIEWS`; `past_5`, `past_20` `(n, d)`: what answered the nearest
    past dialogues, centred; `state`: of names.
    """

    views: Sequence[Vectors]
    past_5: Vectors
    past_20: Vectors
    state: State


def expand(base: Base, by_passage: Vectors) -> Vectors:
    """The mean of the centred passages nearest to a query: a unit vector `(d,)`; zero for an empty base.

    `by_passage` `(n_passages,)`: the query's cosines.
    """
    k = min(_EXPANDING, len(by_passage))
    if not k:
        return np.zeros(base.centres.shape[1], dtype=np.float32)
    nearest = np.sort(np.argpartition(-np.round(by_passage, 6), k - 1)[:k])
    mean = base.centred(nearest).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def pair_features(
    base: Base,
    finder: NameFinder,
    readings: Readings,
    row: int,
    pool: NDArray[np.intp],
    expanded: Vectors,
    scores: Sequence[NDArray[Any]],
) -> Array:
    """Features `(n_pool, n_features)` of one dialogue's pairs.

    `pool`: positions of articles; `scores`: lexical, past and plain of those articles.
    """
    passages, offsets = base.passages(pool)
    vectors = np.asarray(base.vectors[passages], dtype=np.float32)
    owners = np.repeat(np.arange(len(pool)), np.diff([*offsets, len(passages)]))
    views = np.stack([view[row] for view in readings.views])
    cosines = vectors @ views.T
    centred_queries = np.stack([views[1], expanded, readings.past_5[row], readings.past_20[row]])
    shared = base.centres[base.group[pool]] @ centred_queries.T
    centred = (vectors @ centred_queries.T - shared[owners]) * base.scale[passages][:, None]
    near = np.maximum.reduceat(np.hstack([cosines, centred]), offsets, axis=0)
    gaps = near - near.max(axis=0)
    columns = [
        near,
        gaps,
        np.stack(scores, axis=1),
        _named(finder, readings.state, row, pool),
        base.facts[pool],
    ]
    return np.asarray(np.round(np.hstack(columns), 5), dtype=np.float64)


def _named(finder: NameFinder, state: State, row: int, pool: NDArray[np.intp]) -> Array:
    """How clearly, lately and narrowly each article of the pool is named `(n_pool, 5)`."""
    found = np.zeros((len(pool), 5))
    found[:, 4] = np.log(finder.n_articles + 1)
    place = {int(article): i for i, article in enumerate(pool)}
    tables = (state.strength, state.recency, state.is_latest)
    start, stop = state.strength.indptr[row : row + 2]
    for at in range(start, stop):
        name = int(state.strength.indices[at])
        values = [float(table.data[at]) for table in tables]
        articles = finder.articles[name]
        for i in (place[a] for a in articles if a in place):
            found[i, :3] = np.maximum(found[i, :3], values)
            found[i, 3] += values[0]
            found[i, 4] = min(found[i, 4], np.log(len(articles)))
    return found


def state_boost(finder: NameFinder, state: State, rows: slice) -> NDArray[np.float32]:
    """How clearly each of some dialogues names each article: `(n_rows, n_articles)`."""
    block = range(*rows.indices(state.strength.shape[0]))
    boost = np.zeros((len(block), finder.n_articles), dtype=np.float32)
    for i, row in enumerate(block):
        for at in range(state.strength.indptr[row], state.strength.indptr[row + 1]):
            articles = finder.articles[int(state.strength.indices[at])]
            boost[i, articles] = np.maximum(boost[i, articles], state.strength.data[at])
    return boost
