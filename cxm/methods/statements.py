"""Articles as statements: their sentences, the terms of each, and how rare every term is.

How an article is cut for comparison with others belongs here, and what a term weighs. Comparing is
done in `cxm.methods.alignment`, the meaning of terms in `cxm.methods.facts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.acronyms import find_acronyms, write_out
from cxm.methods.documents import plain_text, sentences
from cxm.methods.facts import NUMBER, describe_terms

# A line that was wrapped goes on in lower case; a list item or heading does not.
_WRAPPED = re.compile(r"(?<=[^.!?:;\n])\n(?=[a-z(])")
# The number of a step is no figure that the step states.
_STEP = re.compile(r"^(?:step \d+[.:)]?|\d+[.:)])\s+(?=\S)", re.IGNORECASE)
# What is longer is no sentence: a table or a list without ends. It is cut into pieces of this many words.
_MAX_WORDS = 60
_STEPS = 1024
_DAY = 86_400.0
_SECONDS = {
    "minute": 60.0,
    "hour": 3600.0,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}


@dataclass(frozen=True)
class Statements:
    """The sentences of a knowledge base, each different one once.

    `ids` `(n_articles,)` sorted; `articles`: article, title, section, kind; `sentences`: the texts;
    `read_as`: the same with acronyms written out and without the numbers of steps;
    `places`: article, place, sentence (one row for each sentence of each article, in order);
    `terms`: sentence, term, value (a number), kind and how often (`n`); `sequence`: sentence, place,
    term (in order); `amounts`: sentence, term, amount (of each number, times in seconds);
    `title_terms`: article, term; `weights` `(n_terms,)`: rarity of each term, in nats; `names`
    `(n_terms,)`: whether it is mostly written as a name; `sentence_weights` `(n_sentences,)`: the sum
    over a sentence's distinct terms, `name_weights` over its names.
    """

    ids: list[str]
    articles: pl.DataFrame
    sentences: list[str]
    read_as: list[str]
    places: pl.DataFrame
    terms: pl.DataFrame
    sequence: pl.DataFrame
    amounts: pl.DataFrame
    title_terms: pl.DataFrame
    weights: NDArray[np.float64]
    names: NDArray[np.bool_]
    sentence_weights: NDArray[np.float64]
    name_weights: NDArray[np.float64]


def cut_statements(text: str) -> list[str]:
    """Sentences of a clean text, with wrapped lines joined and endless ones cut."""
    found = []
    for sentence in sentences(_WRAPPED.sub(" ", text)):
        words = sentence.split()
        if len(words) <= _MAX_WORDS:
            found.append(sentence)
        else:
            found += [" ".join(words[i : i + _MAX_WORDS]) for i in range(0, len(words), _MAX_WORDS)]
    return found


def read_statements(articles: pl.DataFrame) -> Statements:
    """The statements of `articles` (columns as the table); no articles give no statements.

    A sentence that says nothing but the title is left out: it would make every pair of articles
    with the same heading look alike.
    """
    articles = articles.sort("article_id").with_columns(
        pl.col("title", "section").fill_null("").map_elements(_one_line, return_dtype=pl.String)
    )
    rows: dict[str, list[Any]] = {"article": [], "place": [], "sentence": []}
    numbers: dict[str, int] = {}
    for article, (title, body, body_format) in enumerate(
        articles.select("title", "body", "body_format").iter_rows()
    ):
        heading = title.casefold()
        found = [s for s in cut_statements(plain_text(body, body_format)) if s.casefold() != heading]
        rows["article"] += [article] * len(found)
        rows["place"] += range(len(found))
        rows["sentence"] += [numbers.setdefault(s, len(numbers)) for s in found]
    places = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.Int32))
    n_sentences, texts = len(numbers), list(numbers)
    acronyms = find_acronyms(texts)
    read_as = [_STEP.sub("", text) for text in write_out(texts, acronyms)]
    described = describe_terms([*read_as, *write_out(articles["title"].to_list(), acronyms)])
    described = described.with_columns(term=(pl.col("neutral").rank("dense") - 1).cast(pl.Int32))
    is_title = pl.col("text") >= n_sentences
    sequence = described.filter(~is_title).rename({"text": "sentence"})
    terms = (
        sequence.group_by("sentence", "term", "value", "kind")
        .agg(n=pl.len().cast(pl.Int32))
        .sort("sentence", "term", "value", "kind")
        .with_columns(value=pl.col("value").rank("dense").cast(pl.Int32))
    )
    title_terms = (
        described.filter(is_title)
        .select(article=(pl.col("text") - n_sentences).cast(pl.Int32), term="term")
        .unique()
        .sort("article", "term")
    )
    n_terms = int(described["term"].max()) + 1 if described.height else 0  # type: ignore[arg-type]
    weights = _weigh_terms(places, terms, articles.height, n_terms)
    owner, term = _distinct_terms(terms)
    names = _find_names(sequence, n_terms)
    return Statements(
        articles["article_id"].to_list(),
        articles.select(pl.int_range(pl.len(), dtype=pl.Int32).alias("article"), "title", "section", "kind"),
        texts,
        read_as,
        places,
        terms,
        sequence.select("sentence", "place", "term"),
        _read_amounts(sequence),
        title_terms,
        weights,
        names,
        np.bincount(owner, weights[term], minlength=n_sentences).astype(np.float64),
        np.bincount(owner, weights[term] * names[term], minlength=n_sentences).astype(np.float64),
    )


def _read_amounts(sequence: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value").str.strip_prefix("not ").str.replace_all(r",(\d{3})", "$1").str.split(" ").list
    return (
        sequence.filter(pl.col("kind") == NUMBER)
        .select(
            "sentence",
            "term",
            amount=value.first().cast(pl.Float64, strict=False)
            * value.get(1, null_on_oob=True).replace_strict(_SECONDS, default=1.0, return_dtype=pl.Float64),
        )
        .drop_nulls()
        .filter(pl.col("amount").is_finite())
        .unique()
        .sort("sentence", "term", "amount")
    )


def _one_line(text: str) -> str:
    return plain_text(text).replace("\n", " ")


def _distinct_terms(terms: pl.DataFrame) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    distinct = terms.select("sentence", "term").unique(maintain_order=True)
    return distinct["sentence"].to_numpy(), distinct["term"].to_numpy()


def _find_names(sequence: pl.DataFrame, n_terms: int) -> NDArray[np.bool_]:
    """Terms that have a capital letter in most places but the first of a sentence."""
    inside = sequence.filter((pl.col("place") > 0) & (pl.col("kind") == 0))
    term = inside["term"].to_numpy()
    n_capital = np.bincount(term, inside["is_name"].to_numpy().astype(float), minlength=n_terms)
    return n_capital > np.bincount(term, minlength=n_terms) / 2


def _weigh_terms(
    places: pl.DataFrame, terms: pl.DataFrame, n_articles: int, n_terms: int
) -> NDArray[np.float64]:
    """Inverse document frequency of each term, smoothed: log((n + 1) / (n_with + .5))."""
    counts = (
        places.lazy()
        .select("article", "sentence")
        .unique()
        .join(terms.lazy().select("sentence", "term").unique(), on="sentence")
        .select("article", "term")
        .unique()
        .group_by("term")
        .len()
        .collect()
    )
    frequency = np.zeros(n_terms)
    frequency[counts["term"].to_numpy()] = counts["len"].to_numpy()
    exact = np.log((n_articles + 1) / (frequency + 0.5))
    # Multiples of a power of two add up to the same bits in any order, on any number of threads.
    return np.round(exact * _STEPS) / _STEPS
