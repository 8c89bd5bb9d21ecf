"""Articles of which a base has many near copies: kept a few times, the others linked to the first.

What makes two articles copies of each other, and how copies are linked, belongs here; how their
words are read is in `cxm.methods.copy_words`. Articles that share a passage, or have few copies,
are compared sentence by sentence (`cxm.methods.article_comparison`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.copy_words import CopyWords, read_copy_words, sentence_key
from cxm.methods.documents import plain_text, sentences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Nine words in ten of the longer article stand in the other. In whole numbers nothing is rounded.
_SHARED, _OF = 9, 10
# How many articles with one rare word are tried in turn as the first of the others.
_ROUNDS = 16
# Shorter sentences are headings more often than statements: quoted where there is nothing else.
_LEAST_QUOTED = 4
# So many words are compared at once, for bounded memory.
_WORDS = 4_000_000
_Ints = NDArray[np.int64]


def split_copies(articles: pl.DataFrame, max_copies: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(articles to compare, near copies): of more than `max_copies` copies only a few are kept.

    `articles`: columns as the table, in any order. Near copies have nine words in ten of the longer one
    in common, all figures counting as one word, and speak of one thing: it must not be that each has a
    name or a word of the heading that the other lacks, unless their words and figures are the same.
    Both frames come sorted by id. The copies: `first_id`, `article_id` and `share` (.9 to 1, of the words),
    one row for each article of a group but the first, those kept too. Kept are the first and `max_copies`
    - 1 others, different ones before equal ones; all of a smaller group. No articles give no copies.

    So a base of one article many times over stays as small as it is in truth; the work is in
    proportion to the words of the base.
    """
    articles = articles.sort("article_id")
    most = max(max_copies, 1)
    words = read_copy_words(articles)
    first, share = _find_first(words)
    # Those that differ in figures or words come before more of the same: what contradicts the first is kept.
    grouped = (
        articles.select(
            "article_id", first=pl.Series(first), share=pl.Series(share), figures=pl.Series(words.figures)
        )
        .with_columns(
            first_id=pl.col("article_id").gather(pl.col("first")),
            size=pl.len().over("first"),
            more=pl.int_range(pl.len()).over("first", "figures", "share"),
        )
        .sort("first", "more", "article_id")
        .with_columns(copy=pl.int_range(pl.len()).over("first"))
        .filter(pl.col("size") > most)
    )
    further = grouped.filter(pl.col("copy") >= most)
    copies = grouped.filter(pl.col("article_id") != pl.col("first_id")).sort("article_id")
    return (
        articles.join(further, on="article_id", how="anti", maintain_order="left"),
        copies.select("first_id", "article_id", "share"),
    )


def link_copies(articles: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """Each of `copies` as similar to the first of its group: columns as `article_findings`, sorted.

    `articles`: columns as the table, all that `copies` names. The score is the share of words. The
    quotes are the first sentence of the copy that the first has too, word for word or else but for its
    figures, longer than a heading if there is one; where none is shared, the first sentence of each. A copy
    without a sentence is left out.
    """
    texts = articles.select("article_id", "body", "body_format")
    first = texts.rename({"article_id": "first_id", "body": "first_body", "body_format": "first_format"})
    rows = (
        copies.join(first, on="first_id", how="left", validate="m:1")
        .join(texts, on="article_id", how="left", validate="1:1")
        .sort("first_id", "article_id")
    )
    quotes = {"left_quote": pl.String, "right_quote": pl.String}
    return (
        rows.select(
            left_article_id="first_id",
            right_article_id="article_id",
            relation=pl.lit("similar"),
            score="share",
        )
        .with_columns(pl.DataFrame(_quote_copies(rows), schema=quotes, orient="row"))
        .filter(pl.col("left_quote") != "", pl.col("right_quote") != "")
        .select("left_article_id", "right_article_id", "relation", *quotes, "score")
    )


def _quote_copies(rows: pl.DataFrame) -> list[tuple[str, str]]:
    quotes, last, original = [], None, _Original([])
    columns = ("first_id", "first_body", "first_format", "body", "body_format")
    for first_id, first_body, first_format, body, body_format in rows.select(columns).iter_rows():
        if first_id != last:
            last, original = first_id, _Original(sentences(plain_text(first_body, first_format)))
        is_same = (body, body_format) == (first_body, first_format)
        quotes.append(original.quote(original.found if is_same else sentences(plain_text(body, body_format))))
    return quotes


class _Original:
    """The sentences that copies are compared with."""

    def __init__(self, found: list[str]) -> None:
        self.found = found
        keys = [sentence_key(sentence) for sentence in found]
        self._texts = {sentence for sentence, key in zip(found, keys, strict=True) if key}
        self._by_key = dict(zip(reversed(keys), reversed(found), strict=True))
        self._by_key.pop("", None)

    def quote(self, copy: list[str]) -> tuple[str, str]:
        """The first sentence both have, as either has it; empty where one has none."""
        if not self.found or not copy:
            return "", ""
        copy = sorted(copy, key=_is_short)
        for sentence in copy:
            if sentence in self._texts:
                return sentence, sentence
        for sentence in copy:
            if (key := sentence_key(sentence)) in self._by_key:
                return self._by_key[key], sentence
        return min(self.found, key=_is_short), copy[0]


def _is_short(sentence: str) -> bool:
    return len(sentence.split()) < _LEAST_QUOTED


def _find_first(words: CopyWords) -> tuple[_Ints, NDArray[np.float64]]:
    """(row of the first of its group, share of words in common with it) of each article.

    An article that is nobody's copy is the first of its own group. Two articles with nine words in
    ten in common have one of the rarest tenth of their words in common (prefix filtering: Bayardo,
    Ma, Srikant, "Scaling up all pairs similarity search", WWW 2007). Of all that have such a word the
    first is compared with the others, then the first of the rest with that, and so on a fixed number
    of times: a star for each group, never all pairs.
    """
    n_articles = words.words.shape[0]
    sizes = np.diff(words.words.indptr).astype(np.int64)
    owner, share = np.full(n_articles, -1, dtype=np.int64), np.ones(n_articles)
    column, row = _rarest_words(words.words, sizes)
    for _ in range(_ROUNDS):
        starts = np.flatnonzero(np.r_[True, column[1:] != column[:-1]][: len(column)])
        counts = np.diff(np.r_[starts, len(column)])
        if not (counts > 1).any():
            break
        first = np.repeat(row[starts], counts)
        is_first = np.zeros(len(row), dtype=bool)
        is_first[starts] = True
        is_open = ~is_first & (owner[row] < 0)
        pairs = np.unique(first[is_open] * n_articles + row[is_open])
        found = _keep_copies(words, sizes, pairs // n_articles, pairs % n_articles)
        for one, other, common in zip(*(part.tolist() for part in found), strict=True):
            # In the order of the first: whether it is a copy itself is settled before.
            if owner[one] in (-1, one) and owner[other] < 0:
                owner[one], owner[other] = one, one
                share[other] = common / max(sizes[one], sizes[other])
        goes_on = ~is_first & ((owner[row] < 0) | (owner[row] == row))
        column, row = column[goes_on], row[goes_on]
    return np.where(owner < 0, np.arange(n_articles), owner), share


def _rarest_words(words: csr_array, sizes: _Ints) -> tuple[_Ints, _Ints]:
    """(column, row) of the rarest words of each article, as many as it may lack and one, sorted."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(row)) - words.indptr[row]
    is_rare = place <= sizes[row] * (_OF - _SHARED) // _OF
    column, row = words.indices[is_rare].astype(np.int64), row[is_rare]
    order = np.lexsort((row, column))
    return column[order], row[order]


def _keep_copies(words: CopyWords, sizes: _Ints, one: _Ints, other: _Ints) -> tuple[_Ints, _Ints, _Ints]:
    """Of pairs of rows those that are near copies, and how many words they have in common."""
    longest = np.maximum(sizes[one], sizes[other])
    near = _OF * np.minimum(sizes[one], sizes[other]) >= _SHARED * longest
    one, other, longest = one[near], other[near], longest[near]
    n_names = np.diff(words.names.indptr)
    fewest = np.minimum(n_names[one], n_names[other])
    is_one_thing = fewest == _count_common(words.names, one, other)
    # The same words and figures are a copy whatever stands above them.
    may_equal = (sizes[one] == sizes[other]) & (words.figures[one] == words.figures[other])
    near = is_one_thing | may_equal
    one, other, longest, is_one_thing = one[near], other[near], longest[near], is_one_thing[near]
    common = _count_common(words.words, one, other)
    near = np.where(is_one_thing, _OF * common >= _SHARED * longest, common == longest)
    return one[near], other[near], common[near]


def _count_common(matrix: csr_array, one: _Ints, other: _Ints) -> _Ints:
    """How many columns two rows of `matrix` have in common, of each pair of rows `(n_pairs,)`."""
    read = np.cumsum(np.diff(matrix.indptr)[one], dtype=np.int64) // _WORDS
    parts = np.split(np.arange(len(one)), np.flatnonzero(np.diff(read)) + 1)
    found = [(matrix[one[part]].multiply(matrix[other[part]])).sum(axis=1) for part in parts]
    return np.concatenate(found).astype(np.int64)
