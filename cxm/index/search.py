"""An opened index and what it can be asked: signals for all articles, pools of the likeliest.

Reading a version and searching it belongs here; how it is made is in `cxm.index.build`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.index import dense, versions
from cxm.index.filters import Filter
from cxm.index.lexical import Lexical, word_rows
from cxm.methods.matching import Field, Pool, first_best, products, rows_of
from cxm.methods.retrieval import Fusion, Scores, fuse, top
from cxm.methods.wording import Wording

_EQUAL = Fusion()
_ANY = Filter()
_CELLS_PER_BLOCK = 1 << 23
_POOL = 100
_NEAREST = 200
_FURTHEST = 64 * _NEAREST
# Of articles all alike, as many as a list can need.
_MOST_TWINS = 200

HITS = {
    "query": pl.Int64,
    "rank": pl.Int32,
    "article_id": pl.String,
    "passage": pl.String,
    "score": pl.Float64,
    "cosine": pl.Float64,
    "lexical": pl.Float64,
}


@dataclass(frozen=True)
class Signals:
    """What speaks for each article, for a block of queries.

    `rows`: which queries. `cosine`: the best passage's, -1 to 1; `lexical`: share of the query's
    weight in words that the article holds, 0 to 1; both `(n_rows, n_articles)`. `by_passage`
    `(n_rows, n_passages)`.
    """

    rows: slice
    cosine: Scores
    lexical: Scores
    by_passage: Scores


@dataclass(frozen=True)
class Index:
    """An opened version. `article_ids` is sorted; article i has passages `starts[i]:starts[i + 1]`.

    `articles`: article_id, title, section (without the title) and what filters need. The vector of
    passage p is `vectors[rows[p]]`; of equal passages there is one. Sentences (`parts`) likewise.
    """

    directory: Path
    encoder: Encoder
    articles: pl.DataFrame
    article_ids: list[str]
    starts: NDArray[np.int64]
    passages: pl.DataFrame
    vectors: NDArray[Any]
    rows: NDArray[np.int64]
    _held: versions.Hold

    @staticmethod
    def load(path: Path, encoder: Encoder) -> Index:
        """Open a whole version by memory map; it is not removed while this lives."""
        held = versions.Hold(path)
        articles = versions.read_frame(path / "articles.arrow")
        return Index(
            path,
            encoder,
            articles,
            articles["article_id"].to_list(),
            np.load(path / "starts.npy"),
            versions.read_frame(path / "passages.arrow"),
            dense.read_vectors(path / "vectors.npy"),
            np.load(path / "vectors_rows.npy"),
            held,
        )

    # ---------------------------------------------------------------- what is read when needed

    @property
    def is_large(self) -> bool:
        """Whether passages are more than are searched exactly; they then stand for sentences too."""
        return len(self.rows) > dense.MAX_EXACT

    @cached_property
    def lexical_index(self) -> Lexical:
        """The word index."""
        return Lexical(self.directory / "lexical", len(self.article_ids))

    @cached_property
    def part_vectors(self) -> NDArray[Any]:
        """Vectors of sentences."""
        return self.vectors if self.is_large else dense.read_vectors(self.directory / "part_vectors.npy")

    @cached_property
    def part_rows(self) -> NDArray[np.int64]:
        """Which vector each sentence has."""
        return self.rows if self.is_large else np.load(self.directory / "part_vectors_rows.npy")

    @cached_property
    def part_starts(self) -> NDArray[np.int64]:
        """Article i has sentences `part_starts[i]:part_starts[i + 1]`."""
        return np.asarray(np.load(self.directory / "part_starts.npy"))

    @cached_property
    def part_owners(self) -> NDArray[np.int64]:
        """The article of each sentence."""
        return np.repeat(np.arange(len(self.article_ids)), np.diff(self.part_starts))

    @cached_property
    def parts(self) -> pl.DataFrame:
        """The sentences: text."""
        return versions.read_frame(self.directory / "parts.arrow")

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The stems of titles, sections and sentences, in order."""
        names = ("title", "section", "part")
        return {
            name: Field(
                dense.read_vectors(self.directory / f"{name}_terms.npy"),
                np.load(self.directory / f"{name}_term_starts.npy"),
            )
            for name in names
        }

    @cached_property
    def terms(self) -> dict[str, int]:
        """The number of each stem."""
        words = versions.read_frame(self.directory / "words.arrow")
        return dict(words.select("stem", "term").unique("stem").iter_rows())

    def stems(self, texts: Sequence[str]) -> Field:
        """The stems of other texts, -1 for what the base does not hold."""
        found = word_rows(pl.Series("word", texts, dtype=pl.String))
        analyze = self.lexical_index.analyzer.analyze
        numbers = {w: self.terms.get(" ".join(analyze(w)), -1) for w in found["word"].unique()}
        terms = np.array([numbers[word] for word in found["word"]], dtype=np.int64)
        counts = np.bincount(found["row"].to_numpy(), minlength=len(texts))
        return Field(terms, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @cached_property
    def leaves(self) -> NDArray[np.int64]:
        """A number for the last step of each article's section as it is given, -1 where it has none."""
        last = self.articles["path"].str.to_lowercase().str.split(">").list.last().str.strip_chars()
        numbers = last.replace("", None).rank("dense").fill_null(0).cast(pl.Int64)
        return numbers.to_numpy() - 1

    @cached_property
    def wording(self) -> Wording:
        """How a query is put in the base's words."""
        words = versions.read_frame(self.directory / "words.arrow")
        acronyms = versions.read_frame(self.directory / "acronyms.arrow")
        analyze = self.lexical_index.analyzer.analyze
        return Wording(
            dict(words.select("word", "n").iter_rows()),
            frozenset(words["stem"]),
            dict(acronyms.select("short", "long").iter_rows()),
            lambda word: " ".join(analyze(word)),
        )

    @cached_property
    def _exact(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.vectors, dtype=np.float32)

    @cached_property
    def _graphs(self) -> dense.Graphs:
        return dense.Graphs(self.directory / "graphs")

    @cached_property
    def _passages_of_row(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.rows, kind="stable")
        return order, np.searchsorted(self.rows[order], np.arange(len(self.vectors) + 1))

    # ---------------------------------------------------------------- signals of all articles

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries; a text without a word gets the zero vector, which is like nothing."""
        vectors = self.encoder.encode(texts)
        blank = [i for i, text in enumerate(texts) if not any(c.isalnum() for c in text)]
        vectors[blank] = 0
        return vectors

    def signals(
        self, queries: Sequence[str], vectors: NDArray[np.float32] | None = None
    ) -> Iterator[Signals]:
        """The signals, query block by query block, in bounded memory.

        `vectors` `(n_queries, n_dimensions)` replaces those of the query texts.
        """
        vectors = self.encode(queries) if vectors is None else vectors
        size = max(1, _CELLS_PER_BLOCK // max(1, len(self.rows)))
        for start in range(0, len(queries), size):
            rows = slice(start, min(start + size, len(queries)))
            by_passage = (vectors[rows] @ self._exact.T)[:, self.rows]
            cosine = (
                np.maximum.reduceat(by_passage, self.starts[:-1], axis=1) if self.article_ids else by_passage
            )
            lexical = np.stack([self.lexical(text) for text in queries[rows]])
            yield Signals(rows, cosine, lexical, by_passage)

    def lexical(self, text: str) -> Scores:
        """BM25 of a text for each article `(n_articles,)`, over what a perfect match would get."""
        return self.lexical_index.scores(text)

    # ---------------------------------------------------------------- pools of the likeliest

    def pools(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32] | None = None,
        where: Filter = _ANY,
        size: int = _POOL,
        fusion: Fusion = _EQUAL,
    ) -> Iterator[Pool]:
        """For each query the articles worth a closer look, with what it takes to look: at most `size`.

        They are the best by the fused score among the nearest and those with the query's words. Queries
        are taken as they are given: `wording` rewords them before.
        """
        vectors = self.encode(queries) if vectors is None else vectors
        keep = None if where.is_open else where.passes(self.articles.with_columns(section="path"))
        for text, vector in zip(queries, vectors, strict=True):
            yield self._pool(text, vector, keep, size, fusion)

    def _pool(
        self,
        text: str,
        vector: NDArray[np.float32],
        keep: NDArray[np.bool_] | None,
        size: int,
        fusion: Fusion,
    ) -> Pool:
        positions, found = self.lexical_index.search(text, keep, _NEAREST) if self.article_ids else _NOTHING
        near = self._nearest(vector, keep) if len(self.rows) else _NOTHING[0]
        articles = np.union1d(near, positions)
        if len(articles) < size:
            rest = np.arange(len(self.article_ids)) if keep is None else np.flatnonzero(keep)
            articles = np.union1d(articles, rest[: 2 * size])
        lexical = np.zeros(len(articles), dtype=np.float32)
        lexical[np.searchsorted(articles, positions)] = found
        passages, offsets = rows_of(self.starts, articles)
        cosines = products(dense.take(self.vectors, self.rows[passages]), vector)
        best = first_best(cosines, offsets)
        cosine = cosines[best] if len(articles) else np.zeros(0, dtype=np.float32)
        chosen = np.sort(top(fuse(cosine[None], lexical[None], None, fusion), size)[0])
        articles = articles[chosen]
        parts, part_offsets = rows_of(self.part_starts, articles)
        analyzed = self.lexical_index.analyzer.analyze(text)
        df = self.lexical_index.frequencies(analyzed)
        return Pool(
            vector=vector,
            articles=articles,
            cosine=cosine[chosen],
            lexical=lexical[chosen],
            passages=passages[best[chosen]] if len(articles) else _NOTHING[0],
            parts=parts,
            part_offsets=part_offsets,
            part_vectors=dense.take(self.part_vectors, self.part_rows[parts]).astype(np.float32),
            terms=np.array([self.terms.get(term, -1) for term in analyzed], dtype=np.int64),
            weights=np.log(1 + (len(self.article_ids) - df + 0.5) / (df + 0.5)),
            is_number=np.array([term.isdigit() for term in analyzed], dtype=bool),
            title=self.fields["title"].take(articles),
            section=self.fields["section"].take(articles),
            part=self.fields["part"].take(parts),
            leaves=self.leaves[articles],
        )

    def _nearest(self, vector: NDArray[np.float32], keep: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        """Articles of the nearest passages: exact where few enough are left, by the graphs above."""
        n_left = len(self.rows) if keep is None else int(np.diff(self.starts)[keep].sum())
        if not self.is_large or n_left <= dense.MAX_EXACT:
            rows = None
            if keep is not None:
                rows = np.unique(self.rows[np.repeat(keep, np.diff(self.starts))])
            return self._owners(dense.nearest(self.vectors, vector, _NEAREST, rows), keep)
        count = _NEAREST
        while True:
            found = self._owners(self._graphs.nearest(vector, count), keep)
            # Where a filter leaves little of what is near, the search goes further out.
            if keep is None or len(found) >= _POOL or count >= _FURTHEST:
                return found
            count *= 4

    def _owners(self, rows: NDArray[np.int64], keep: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        """The articles that have a passage with one of these vectors, sorted."""
        order, bounds = self._passages_of_row
        sizes = np.minimum(bounds[rows + 1] - bounds[rows], _MOST_TWINS)
        ends = np.cumsum(sizes)
        at = np.repeat(bounds[rows] - (ends - sizes), sizes) + np.arange(sizes.sum())
        found = np.unique(np.searchsorted(self.starts, order[at], side="right") - 1)
        return found if keep is None else found[keep[found]]

    # ---------------------------------------------------------------- search

    def search(
        self,
        queries: Sequence[str],
        k: int,
        fusion: Fusion = _EQUAL,
        vectors: NDArray[np.float32] | None = None,
        named: Any = None,
        past: Any = None,
    ) -> pl.DataFrame:
        """The k best articles of each query with their best passage (columns of `HITS`).

        `query` is the position in `queries`. `named` and `past` are sparse `(n_queries, n_articles)`
        matrices: how clearly the dialogue names an article, and how like are those it answered. An
        empty index gives no rows.
        """
        parts = []
        for signals in self.signals(queries, vectors):
            boosts = [None if boost is None else boost[signals.rows].toarray() for boost in (named, past)]
            scores = fuse(signals.cosine, signals.lexical, boosts[0], fusion, boosts[1])
            parts.append(self._hits(signals, scores, k))
        return pl.concat([pl.DataFrame(schema=HITS), *parts])

    def search_words(self, queries: Sequence[str], k: int) -> pl.DataFrame:
        """Columns of `HITS` by BM25 alone: the plain method."""
        parts = []
        for i, text in enumerate(queries):
            lexical = self.lexical(text)[None, :]
            by_passage = np.zeros((1, len(self.rows)), dtype=np.float32)
            signals = Signals(slice(i, i + 1), np.zeros_like(lexical), lexical, by_passage)
            parts.append(self._hits(signals, lexical, k))
        return pl.concat([pl.DataFrame(schema=HITS), *parts])

    def _hits(self, signals: Signals, scores: Scores, k: int) -> pl.DataFrame:
        best = top(scores, k)
        n_rows, n_hits = best.shape
        if not n_hits:
            return pl.DataFrame(schema=HITS)
        rows = np.repeat(np.arange(n_rows), n_hits)
        articles = best.ravel()
        passages = [
            int(self.starts[a] + np.argmax(signals.by_passage[row, self.starts[a] : self.starts[a + 1]]))
            for row, a in zip(rows, articles, strict=True)
        ]
        columns = {
            "query": rows + signals.rows.start,
            "rank": np.tile(np.arange(1, n_hits + 1), n_rows),
            "article_id": [self.article_ids[a] for a in articles],
            "passage": self.passages["text"].gather(passages),
            "score": np.round(scores[rows, articles].astype(float), 6),
            "cosine": np.round(signals.cosine[rows, articles].astype(float), 6),
            "lexical": np.round(signals.lexical[rows, articles].astype(float), 6),
        }
        return pl.DataFrame(columns, schema=HITS)


_NOTHING = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32))
