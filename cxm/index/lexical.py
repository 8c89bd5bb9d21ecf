"""Articles by words: BM25 over weighted fields, by tantivy.

How words are taken apart, written and looked up belongs here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Scores = NDArray[np.float32]

FIELDS = {"body": 1.0, "title": 0.5, "section": 0.25}
_BM25_CEILING = 2.2  # k1 + 1, what one occurrence of a word can add at most per unit of its idf.
_WORD = r"[\p{Alphabetic}\p{N}]+"
_MAX_TERMS = 128
_MAX_MATCHES = 1000
# A filter that leaves fewer articles is told to the search one by one, a larger one in runs.
_MAX_RUNS = 4096


class Lexical:
    """An opened word index of `n` articles, known by their position."""

    def __init__(self, directory: Path, n: int) -> None:
        import tantivy

        self.n = n
        self._index = tantivy.Index.open(str(directory))
        self.analyzer = make_analyzer()
        self._index.register_tokenizer("stemmed", self.analyzer)
        self._searcher = self._index.searcher()

    def search(
        self, text: str, keep: NDArray[np.bool_] | None = None, k: int = _MAX_MATCHES
    ) -> tuple[NDArray[np.intp], Scores]:
        """Positions and scores of the k best articles: BM25 over what a perfect match would get.

        Words are looked up one by one, so that no character of the text is an operator. `keep`
        `(n,)` says which articles may be found.
        """
        import tantivy

        terms, mass = self._terms(text)
        if not terms:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        clauses = []
        for term, count in terms.items():
            for field, weight in FIELDS.items():
                query = tantivy.Query.term_query(self._index.schema, field, term, "freq")
                clauses.append((should, tantivy.Query.boost_query(query, weight * count)))
        query = tantivy.Query.boolean_query(clauses)
        if keep is not None and not keep.all():
            query = tantivy.Query.boolean_query([(must, query), (must, self._only(keep))])
        hits = self._searcher.search(query, k, count=False).hits
        if not hits:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
        positions = self._searcher.fast_field_values("position", [address for _, address in hits])
        scores = np.array([score for score, _ in hits], dtype=np.float32) / np.float32(_BM25_CEILING * mass)
        return np.array(positions, dtype=np.intp), np.minimum(scores, np.float32(1))

    def scores(self, text: str, keep: NDArray[np.bool_] | None = None) -> Scores:
        """The same for every article `(n,)`; 0 for what is not found."""
        found = np.zeros(self.n, dtype=np.float32)
        positions, scores = self.search(text, keep)
        found[positions] = scores
        return found

    def _only(self, keep: NDArray[np.bool_]) -> Any:
        import tantivy

        edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
        firsts, lasts = edges[::2], edges[1::2] - 1
        integer = tantivy.FieldType.Integer
        if len(firsts) > _MAX_RUNS:
            # So many runs are looked up as what they are: single positions.
            positions = np.flatnonzero(keep).tolist()
            only = tantivy.Query.term_set_query(self._index.schema, {"position": positions})
        else:
            runs = [
                (
                    tantivy.Occur.Should,
                    tantivy.Query.range_query(self._index.schema, "position", integer, int(first), int(last)),
                )
                for first, last in zip(firsts, lasts, strict=True)
            ]
            only = tantivy.Query.boolean_query(runs) if runs else tantivy.Query.empty_query()
        return tantivy.Query.const_score_query(only, 0.0)

    def frequencies(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """In how many articles each stem occurs."""
        return np.array([self._searcher.doc_freq("whole", term) for term in terms], dtype=np.float64)

    def _terms(self, text: str) -> tuple[dict[str, int], float]:
        """The rarest words of a text with their counts, and the sum of their idf."""
        counts = Counter(self.analyzer.analyze(text))
        idf = {}
        for term in counts:
            df = self._searcher.doc_freq("whole", term)
            idf[term] = math.log(1 + (self.n - df + 0.5) / (df + 0.5))
        kept = sorted(counts, key=lambda term: (-idf[term], term))[:_MAX_TERMS]
        mass = sum(idf[term] * counts[term] for term in kept)
        return {term: counts[term] for term in kept}, mass


def make_analyzer() -> Any:
    """Words in lower case without accents, stemmed."""
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


def write_lexical(directory: Path, passages: pl.DataFrame) -> None:
    """Write the word index of the articles of `passages`, in their order."""
    import tantivy

    schema = tantivy.SchemaBuilder().add_integer_field("position", indexed=True, fast=True)
    for field in (*FIELDS, "whole"):
        schema.add_text_field(field, tokenizer_name="stemmed", index_option="freq")
    directory.mkdir()
    index = tantivy.Index(schema.build(), path=str(directory))
    index.register_tokenizer("stemmed", make_analyzer())
    # One thread: documents keep their order, so that equal scores fall in the order of ids.
    writer = index.writer(num_threads=1)
    whole = passages.group_by("article_id", maintain_order=True).agg(
        pl.col("title").first(),
        pl.col("section").unique(maintain_order=True).str.join("\n"),
        pl.col("text").str.join("\n").alias("body"),
    )
    for position, row in enumerate(whole.iter_rows(named=True)):
        texts = {field: row[field] for field in FIELDS}
        texts["whole"] = "\n".join([row["title"], row["section"], row["body"]])
        writer.add_document(tantivy.Document(position=position, **texts))
    writer.commit()
    writer.wait_merging_threads()


def word_rows(texts: pl.Series) -> pl.DataFrame:
    """row and word of every word of some texts, in order."""
    split = texts.rename("word").str.to_lowercase().str.extract_all(_WORD).to_frame().with_row_index("row")
    return split.explode("word").drop_nulls("word")
