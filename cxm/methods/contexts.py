"""Where a sentence is at home: how well it fits the article that it stands in.

A passage that was copied in from elsewhere, or a fact restated in passing, shares little with what
stands around it, and its like stand under other headings. Used by `cxm.methods.article_pairs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.scopes import Scopes
from cxm.methods.statements import Statements

CONTEXT_FEATURES = (
    "fit_least",
    "fit_most",
    "near_least",
    "near_most",
    "near_gap",
    "home_least",
    "home_most",
    "homing",
    "homing_near",
)
"""What two sentences' contexts are compared by, in `cxm.methods.conflicts`."""
_MOST_LEAVES = 20
_ROWS = 65_536


@dataclass(frozen=True)
class Contexts:
    """How well sentences fit where they stand, all from 0 (foreign) to 1.

    `places`: article, place, `fit` (share of the sentence's weight that stands elsewhere in the article
    or in its title) and `near` (cosine of its form and the article's other forms, 0 without vectors);
    `homes`: form, leaf and `home`, the share of like sentences elsewhere in the base that stand under
    this heading, where there is any.
    """

    places: pl.DataFrame
    homes: pl.DataFrame


def measure_context(
    statements: Statements,
    scopes: Scopes,
    vectors: NDArray[np.float32] | None,
    like: pl.DataFrame | None,
) -> Contexts:
    """The context of every place. `vectors` `(n_forms, d)`; `like`: pairs (`left`, `right`) of forms
    with near vectors."""
    places = scopes.scopes.select("article", "place").with_columns(
        form=pl.Series(scopes.sentence_form[statements.places["sentence"].to_numpy()], dtype=pl.Int32),
        leaf=pl.Series(scopes.leaves[statements.places["article"].to_numpy()], dtype=pl.Int32),
        near=pl.Series(_nearness(statements, scopes, vectors)),
    )
    fits = places.join(_lexical_fit(statements), on=["article", "place"], how="left", validate="1:1")
    return Contexts(
        fits.select("article", "place", pl.col("fit").fill_null(0.0), "near").sort("article", "place"),
        _homes(places, len(scopes.forms), vectors, like),
    )


def cross_nearness(
    statements: Statements,
    scopes: Scopes,
    vectors: NDArray[np.float32] | None,
    sentence: NDArray[np.int32],
    article: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Cosine of each sentence's form and all of an article's, `(n,)`; 0 without `vectors` `(n_forms, d)`."""
    if vectors is None or not len(sentence):
        return np.zeros(len(sentence))
    sums = _sum_articles(statements, scopes, vectors)
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    blocks = [
        np.einsum(
            "ij,ij->i", vectors[scopes.sentence_form[sentence[i : i + _ROWS]]], sums[article[i : i + _ROWS]]
        )
        for i in range(0, len(sentence), _ROWS)
    ]
    return np.concatenate(blocks).astype(np.float64).round(4)


def _sum_articles(
    statements: Statements, scopes: Scopes, vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    sums = np.zeros((len(statements.ids), vectors.shape[1]), dtype=np.float32)
    own = scopes.sentence_form[statements.places["sentence"].to_numpy()]
    np.add.at(sums, statements.places["article"].to_numpy(), vectors[own])
    return sums


def _nearness(
    statements: Statements, scopes: Scopes, vectors: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    article = statements.places["article"].to_numpy()
    if vectors is None or not len(article):
        return np.zeros(len(article))
    own = vectors[scopes.sentence_form[statements.places["sentence"].to_numpy()]]
    sums = _sum_articles(statements, scopes, vectors)
    rest = sums[article] - own
    length = np.maximum(np.linalg.norm(rest, axis=1), 1e-6)
    near: NDArray[np.float64] = (
        np.clip(np.einsum("ij,ij->i", own, rest) / length, 0, 1).astype(np.float64).round(4)
    )
    return near


def _lexical_fit(statements: Statements) -> pl.DataFrame:
    weight = pl.DataFrame(
        {"term": np.arange(len(statements.weights), dtype=np.int32), "weight": statements.weights}
    ).lazy()
    terms = statements.terms.lazy().select("sentence", "term").unique()
    in_title = statements.title_terms.lazy().with_columns(in_title=pl.lit(True))
    return (
        statements.places.lazy()
        .join(terms, on="sentence")
        .with_columns(n=pl.len().over("article", "term"))
        .join(in_title, on=["article", "term"], how="left")
        .join(weight, on="term")
        .group_by("article", "place")
        .agg(
            fit=(
                pl.col("weight").filter((pl.col("n") > 1) | pl.col("in_title").fill_null(False)).sum()
                / pl.col("weight").sum()
            ).fill_nan(0.0)
        )
        .collect()
    )


def _homes(
    places: pl.DataFrame, n_forms: int, vectors: NDArray[np.float32] | None, like: pl.DataFrame | None
) -> pl.DataFrame:
    """Form, leaf and `home`."""
    counts = (
        places.group_by("form", "leaf")
        .agg(n=pl.len().cast(pl.Float64))
        .sort("form", "n", "leaf", descending=[False, True, False])
    )
    kept = counts.filter(pl.int_range(pl.len()).over("form") < _MOST_LEAVES)
    itself = np.arange(n_forms, dtype=np.int32)
    links = pl.DataFrame({"form": itself, "other": itself, "likeness": np.ones(n_forms)})
    if vectors is not None and like is not None:
        left, right = like["left"].to_numpy(), like["right"].to_numpy()
        likeness = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(np.float64) ** 2
        both = [
            pl.DataFrame({"form": one, "other": two, "likeness": likeness})
            for one, two in ((left, right), (right, left))
        ]
        links = pl.concat([links, *both])
    return (
        links.lazy()
        .join(kept.lazy().rename({"form": "other"}), on="other")
        .with_columns(part=(pl.col("likeness") * pl.col("n") * 1024).round() / 1024)
        .group_by("form", "leaf")
        .agg(here=pl.col("part").sum())
        .with_columns(everywhere=pl.col("here").sum().over("form"))
        .select("form", "leaf", home=pl.col("here") / (pl.col("everywhere") + 0.5))
        .sort("form", "leaf")
        .collect()
    )
