"""Articles as bags of words, for finding near copies: figures alike, names and headings apart.

What counts as a word, a figure or a name when whole articles are compared belongs here; what makes
two articles copies is in `cxm.methods.copies`. Sentences are described by `cxm.methods.facts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.facts import NUMBER_WORDS

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Numbers, times, dates in figures and ids: 1,000.50, 12:30, 2026-03-01, AB12-77.
_FIGURE = r"[A-Za-z_]*\d[A-Za-z\d_]*(?:[-.,:/][A-Za-z_]*\d[A-Za-z\d_]*)*"
_WORD = r"[^\W\d]+"
_STOP = '[.!?:;"“„«(\n]'
# After a stop, or where all is written in capitals, a capital letter says nothing.
_BEFORE_NAME = r"\p{Ll}|^\p{L}$"
# X100 and WH1000XM4 name products, AB4821377 an order.
_MODEL, _ID = r"[a-z_]\d|\d[a-z_]", r"\d{5}"
_TAG, _ENTITY = r"<[^<>]*>", r"&#?\w{1,32};"
_CALENDAR = """
january february march april may june july august september october november december
jan feb mar apr jun jul aug sep sept oct nov dec
monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
"""
_FIGURE_WORDS = frozenset({*_CALENDAR.split(), *NUMBER_WORDS, "one"})
_ANY_FIGURE = "#"
_TOKENS = re.compile(f"{_FIGURE}|{_WORD}")
# So many articles are cut into words at once: as texts these take far more memory than as numbers.
_BLOCK = 5_000


@dataclass(frozen=True)
class CopyWords:
    """The words of articles, each further occurrence of a word in its own column; row i is article i.

    `words` `(n_articles, n_columns)`: 1 where the article has the word so many times, the rarest
    columns first; all figures are one word. `names` `(n_articles, n_names)`: the same for words
    written as names and for the words of title and section. `figures` `(n_articles,)`: a number, the
    same for articles whose figures are the same in the same order.
    """

    words: csr_array
    names: csr_array
    figures: NDArray[np.int64]


def read_copy_words(articles: pl.DataFrame) -> CopyWords:
    """The words of `articles` (columns as the table), in their order; no articles give no rows.

    Figures are numbers in digits or letters, ids with a digit in them, months and weekdays. In a
    heading a short id with letters is a word, since X100 and X200 are two products. A name is a word
    that has a capital letter in most places inside sentences. A body without any word is one word.
    """
    blocks = [_read_block(articles[i : i + _BLOCK], i) for i in range(0, max(articles.height, 1), _BLOCK)]
    in_body, in_heading, figures = (pl.concat(part) for part in zip(*blocks, strict=True))
    names = (
        in_body.group_by("word")
        .agg(pl.col("n_inside", "n_capital").sum())
        .filter(2 * pl.col("n_capital") > pl.col("n_inside"), pl.col("word") != _ANY_FIGURE)
    )
    # No word has a space, so that a name in the heading is not one in the body.
    headings = in_heading.with_columns(word="title " + pl.col("word"))
    columns = ("article", "word", "n")
    named = pl.concat([in_body.join(names, on="word", how="semi").select(columns), headings])
    return CopyWords(
        _as_matrix(in_body, articles.height),
        _as_matrix(named, articles.height),
        figures["figures"].rank("dense").cast(pl.Int64).to_numpy(),
    )


def sentence_key(sentence: str) -> str:
    """The sentence without what near copies may differ in: case, spaces, punctuation and figures."""
    tokens = [token.lower() for token in _TOKENS.findall(sentence)]
    is_figure = [token in _FIGURE_WORDS or any(c.isdigit() for c in token) for token in tokens]
    return " ".join(_ANY_FIGURE if f else token for token, f in zip(tokens, is_figure, strict=True))


def _read_block(articles: pl.DataFrame, first: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Words of the bodies (`n_inside`, `n_capital`: as a name), of the headings, figures of each article."""
    body = pl.col("body")
    texts = articles.select(
        article=pl.int_range(first, first + pl.len(), dtype=pl.Int64),
        body=pl.when(pl.col("body_format") == "text")
        .then(body)
        .otherwise(body.str.replace_all(_TAG, "\n").str.replace_all(_ENTITY, " ")),
        heading=pl.concat_str(pl.col("title", "section").fill_null(""), separator="\n"),
    )
    tokens = _cut(texts.select("article", text="body"))
    figures = (
        texts.select("article")
        .join(
            tokens.filter("is_figure").group_by("article").agg(figures=pl.col("word").str.join(" ")),
            on="article",
            how="left",
            validate="1:1",
            maintain_order="left",
        )
        .with_columns(pl.col("figures").fill_null(""))
    )
    in_body = (
        tokens.with_columns(word=pl.when("is_figure").then(pl.lit(_ANY_FIGURE)).otherwise("word"))
        .group_by("article", "word")
        .agg(
            n=pl.len().cast(pl.Int64),
            n_inside=pl.col("is_inside").sum().cast(pl.Int64),
            n_capital=(pl.col("is_inside") & pl.col("is_capital")).sum().cast(pl.Int64),
        )
    )
    in_heading = (
        _cut(texts.select("article", text="heading"))
        .filter(
            ~pl.col("is_figure") | pl.col("word").str.contains(_MODEL) & ~pl.col("word").str.contains(_ID)
        )
        .group_by("article", "word")
        .agg(n=pl.len().cast(pl.Int64))
    )
    return in_body, in_heading, figures


def _cut(texts: pl.DataFrame) -> pl.DataFrame:
    """Tokens in order: article, `word` (lower case), `is_figure`, `is_capital`, `is_inside` a sentence."""
    text = pl.col("text").str.normalize("NFKC")
    blank = pl.col("text").str.strip_chars()
    found = (
        pl.when(text.str.contains(r"\w"))
        .then(text.str.extract_all(f"{_FIGURE}|{_WORD}|{_STOP}"))
        .when(blank != "")
        .then(pl.concat_list(blank))
        .otherwise(pl.lit([], dtype=pl.List(pl.String)))
    )
    tokens = texts.select("article", token=found).explode("token").drop_nulls("token")
    word = pl.col("token").str.to_lowercase()
    is_inside = pl.col("token").str.contains(_BEFORE_NAME).shift(1, fill_value=False).over("article")
    return (
        tokens.with_columns(is_inside=is_inside)
        .filter(~pl.col("token").str.contains(f"^{_STOP}$"))
        .select(
            "article",
            "is_inside",
            word=word,
            is_figure=word.str.contains(r"\d") | word.is_in(sorted(_FIGURE_WORDS)),
            is_capital=pl.col("token").str.contains(r"^\p{Lu}"),
        )
    )


def _as_matrix(counts: pl.DataFrame, n_articles: int) -> csr_array:
    """Each article's words `(n_articles, n_columns)`, one column an occurrence, the rarest column first."""
    from scipy.sparse import csr_array

    vocabulary = counts.select(pl.col("word").unique().sort()).with_row_index("number")
    numbered = counts.join(vocabulary, on="word", how="left", validate="m:1").sort("article", "number")
    article, word, n = (numbered[name].to_numpy().astype(np.int64) for name in ("article", "number", "n"))
    most = np.zeros(vocabulary.height, dtype=np.int64)
    np.maximum.at(most, word, n)
    ends = np.cumsum(n)
    occurrence = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - n, n)
    column = np.repeat((np.cumsum(most) - most)[word], n) + occurrence
    rank = np.empty(int(most.sum()), dtype=np.int64)
    # Equally rare ones in the order of words: the same in every run.
    rank[np.argsort(np.bincount(column, minlength=len(rank)), kind="stable")] = np.arange(len(rank))
    starts = np.r_[0, np.cumsum(np.bincount(np.repeat(article, n), minlength=n_articles))]
    matrix = csr_array(
        (np.ones(len(column), dtype=np.int32), rank[column], starts), shape=(n_articles, max(len(rank), 1))
    )
    matrix.sort_indices()
    return matrix
