"""The on-disk search index over articles: BM25 by tantivy, vectors of passages by numpy.

How the index is built, kept, opened and asked for its signals belongs here. How articles are cut
is in `cxm.methods.passages`, how signals become a ranking in `cxm.methods.retrieval`.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.methods.passages import cut_articles, embedded_texts
from cxm.methods.retrieval import Fusion, Scores, fuse, top
from cxm.store import atomic_directory

_SCHEMA_VERSION = 2
_EQUAL = Fusion()
_FIELDS = {"body": 1.0, "title": 0.5, "section": 0.25}
_BM25_CEILING = 2.2  # k1 + 1, what one occurrence of a word can add at most per unit of its idf.
_MAX_TERMS = 128
_MAX_MATCHES = 1000
_CELLS_PER_BLOCK = 1 << 23
_TEXTS_PER_CHUNK = 50_000

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
    """An opened index. `article_ids` is sorted; article i has passages `starts[i]:starts[i + 1]`."""

    directory: Path
    encoder: Encoder
    article_ids: list[str]
    starts: NDArray[np.intp]
    passages: pl.DataFrame
    vectors: NDArray[np.float32]

    # ---------------------------------------------------------------- signals

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
        size = max(1, _CELLS_PER_BLOCK // max(1, len(self.vectors)))
        for start in range(0, len(queries), size):
            rows = slice(start, min(start + size, len(queries)))
            by_passage = vectors[rows] @ self.vectors.T
            cosine = (
                np.maximum.reduceat(by_passage, self.starts[:-1], axis=1) if self.article_ids else by_passage
            )
            lexical = np.stack([self.lexical(text) for text in queries[rows]])
            yield Signals(rows, cosine, lexical, by_passage)

    def lexical(self, text: str) -> Scores:
        """BM25 of a text for each article `(n_articles,)`, over what a perfect match would get.

        Words are looked up one by one, so that no character of the text is an operator.
        """
        import tantivy

        found = np.zeros(len(self.article_ids), dtype=np.float32)
        terms, mass = self._terms(text)
        if not terms or not self.article_ids:
            return found
        index, searcher, _ = self._tantivy
        occur = tantivy.Occur.Should
        clauses = []
        for term, count in terms.items():
            for field, weight in _FIELDS.items():
                query = tantivy.Query.term_query(index.schema, field, term, "freq")
                clauses.append((occur, tantivy.Query.boost_query(query, weight * count)))
        hits = searcher.search(tantivy.Query.boolean_query(clauses), _MAX_MATCHES, count=False).hits
        if hits:
            positions = searcher.fast_field_values("position", [address for _, address in hits])
            found[positions] = [score for score, _ in hits]
        share: Scores = np.minimum(found / np.float32(_BM25_CEILING * mass), np.float32(1))
        return share

    def search_words(self, queries: Sequence[str], k: int) -> pl.DataFrame:
        """Columns of `HITS` by BM25 alone: the plain method."""
        parts = []
        for i, text in enumerate(queries):
            lexical = self.lexical(text)[None, :]
            by_passage = np.zeros((1, len(self.vectors)), dtype=np.float32)
            signals = Signals(slice(i, i + 1), np.zeros_like(lexical), lexical, by_passage)
            parts.append(self._hits(signals, lexical, k))
        return pl.concat([pl.DataFrame(schema=HITS), *parts])

    def _terms(self, text: str) -> tuple[dict[str, int], float]:
        """The rarest words of a text with their counts, and the sum of their idf."""
        _, searcher, analyzer = self._tantivy
        counts = Counter(analyzer.analyze(text))
        n = len(self.article_ids)
        idf = {}
        for term in counts:
            df = searcher.doc_freq("whole", term)
            idf[term] = math.log(1 + (n - df + 0.5) / (df + 0.5))
        kept = sorted(counts, key=lambda term: (-idf[term], term))[:_MAX_TERMS]
        mass = sum(idf[term] * counts[term] for term in kept)
        return {term: counts[term] for term in kept}, mass

    @cached_property
    def _tantivy(self) -> tuple[Any, Any, Any]:
        import tantivy

        index = tantivy.Index.open(str(self.directory / "lexical"))
        analyzer = _analyzer()
        index.register_tokenizer("stemmed", analyzer)
        return index, index.searcher(), analyzer

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


# ------------------------------------------------------------------ build and open


def open_index(directory: Path, articles: pl.DataFrame, encoder: Encoder) -> Index:
    """The index of these articles, built first where `directory` holds none or another one.

    It stands in `<directory>/<digest>`, made beside and swapped in; older ones are then removed.
    """
    articles = articles.sort("article_id")
    path = directory / _digest(articles, encoder)
    if not _is_whole(path):
        with atomic_directory(path) as temporary:
            _build(temporary, articles, encoder)
        for other in sorted(directory.iterdir()):
            if other != path and (other / "done.json").exists():
                # First what says that it is whole: a killed removal leaves nothing that looks so.
                (other / "done.json").unlink()
                shutil.rmtree(other, ignore_errors=True)
    return _load(path, articles, encoder)


def _load(path: Path, articles: pl.DataFrame, encoder: Encoder) -> Index:
    facts = json.loads((path / "done.json").read_text())
    passages = pl.read_ipc(path / "passages.arrow")
    vectors = np.load(path / "vectors.npy", mmap_mode="r" if facts["n_passages"] else None)
    starts = np.load(path / "starts.npy")
    return Index(path, encoder, articles["article_id"].to_list(), starts, passages, vectors)


def _is_whole(path: Path) -> bool:
    """Whether an index stands there with every file as long as when it was built."""
    try:
        facts = json.loads((path / "done.json").read_text())
        return all((path / name).stat().st_size == size for name, size in facts["sizes"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(articles: pl.DataFrame, encoder: Encoder) -> str:
    state = blake2b(f"{_SCHEMA_VERSION} {encoder.digest}".encode(), digest_size=12)
    for row in articles.select("article_id", "title", "section", "body", "body_format").iter_rows():
        state.update(json.dumps(row, ensure_ascii=False).encode())
    return state.hexdigest()


def _build(directory: Path, articles: pl.DataFrame, encoder: Encoder) -> None:
    passages = cut_articles(articles)
    passages.write_ipc(directory / "passages.arrow", compression="uncompressed")
    counts = passages.group_by("article_id", maintain_order=True).len()["len"].to_numpy()
    np.save(directory / "starts.npy", np.concatenate([[0], np.cumsum(counts)]).astype(np.intp))
    _write_vectors(directory / "vectors.npy", embedded_texts(passages), encoder)
    _write_lexical(directory / "lexical", passages)
    files = sorted(path for path in directory.rglob("[!.]*") if path.is_file())
    sizes = {str(path.relative_to(directory)): path.stat().st_size for path in files}
    (directory / "done.json").write_text(json.dumps({"n_passages": passages.height, "sizes": sizes}))


def _write_vectors(path: Path, texts: list[str], encoder: Encoder) -> None:
    if not texts:
        np.save(path, np.zeros((0, encoder.n_dimensions), dtype=np.float32))
        return
    shape = (len(texts), encoder.n_dimensions)
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(texts), _TEXTS_PER_CHUNK):
        vectors[start : start + _TEXTS_PER_CHUNK] = encoder.encode(texts[start : start + _TEXTS_PER_CHUNK])
    vectors.flush()


def _analyzer() -> Any:
    import tantivy

    steps = (
        tantivy.Filter.remove_long(200),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    )
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


def _write_lexical(directory: Path, passages: pl.DataFrame) -> None:
    import tantivy

    schema = tantivy.SchemaBuilder().add_integer_field("position", fast=True)
    for field in (*_FIELDS, "whole"):
        schema.add_text_field(field, tokenizer_name="stemmed", index_option="freq")
    directory.mkdir()
    index = tantivy.Index(schema.build(), path=str(directory))
    index.register_tokenizer("stemmed", _analyzer())
    # One thread: documents keep their order, so that equal scores fall in the order of ids.
    writer = index.writer(num_threads=1)
    whole = passages.group_by("article_id", maintain_order=True).agg(
        pl.col("title", "section").first(), pl.col("text").str.join("\n").alias("body")
    )
    for position, row in enumerate(whole.iter_rows(named=True)):
        texts = {field: row[field] for field in _FIELDS}
        texts["whole"] = "\n".join([row["title"], row["section"], row["body"]])
        writer.add_document(tantivy.Document(position=position, **texts))
    writer.commit()
    writer.wait_merging_threads()
