"""Where a sentence is at home: how well it fits the article that it stands in.

A passage that was copied in from elsewhere, or a fact restated in passing, shares little with what
stands around it, and its like stand under other headings. Used by `cxm.methods.article_pairs`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.scopes import Scopes
from cxm.methods.statements import Statements

_MOST_LEAVES = 20


def measure_context(
    statements: Statements,
    scopes: Scopes,
    vectors: NDArray[np.float32] | None,
    like: pl.DataFrame | None,
) -> pl.DataFrame:
    """One row for each place: article, place, `fit`, `near` and `home`, all from 0 (foreign) to 1.

    `fit`: share of the sentence's weight that stands elsewhere in the article or in its title;
    `near`: cosine of its form and the article's other forms; `home`: share of like sentences
    elsewhere in the base that stand under the same heading. `vectors` `(n_forms, d)`; without them
    `near` is 0. `like`: pairs (`left`, `right`) of forms with near vectors.
    """
    places = scopes.scopes.select("article", "place").with_columns(sentence=statements.places["sentence"])
    places = places.with_columns(
        form=pl.Series(scopes.sentence_form[places["sentence"].to_numpy()], dtype=pl.Int32),
        leaf=pl.Series(scopes.leaves[places["article"].to_numpy()], dtype=pl.Int32),
        near=pl.Series(_nearness(statements, scopes, vectors)),
    )
    return (
        places.join(_lexical_fit(statements), on=["article", "place"], how="left", validate="1:1")
        .join(
            _homes(places, len(scopes.forms), vectors, like), on=["form", "leaf"], how="left", validate="m:1"
        )
        .with_columns(
            fit=pl.col("fit").fill_null(0.0),
            # The place itself is taken off.
            home=((pl.col("here") - 0.5).clip(0.0) / (pl.col("everywhere") + 0.5)).fill_null(0.0),
        )
        .select("article", "place", "fit", "near", "home")
        .sort("article", "place")
    )


def _nearness(
    statements: Statements, scopes: Scopes, vectors: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    article = statements.places["article"].to_numpy()
    if vectors is None or not len(article):
        return np.zeros(len(article))
    own = vectors[scopes.sentence_form[statements.places["sentence"].to_numpy()]]
    sums = np.zeros((len(statements.ids), vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, article, own)
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
    """Form, leaf, and the weight of like sentences `here` (under this heading) and `everywhere`."""
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
        .sort("form", "leaf")
        .collect()
    )
