"""Which forms speak of one property, whatever value they give it and in whatever words.

An author states a property of a subject once, and picks one of several wordings. So wordings of one
property stand under the same headings of sibling articles and hardly ever in one article together,
while those of two properties do. What is learned of two forms from the base as a whole belongs here;
what follows for two sentences in `cxm.methods.agreement`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.fillers import compare_fillers, find_gaps
from cxm.methods.scopes import Scopes
from cxm.methods.sparse import count_cells, multiply_rows
from cxm.methods.statements import Statements

ATTRIBUTE_FEATURES = ("apart", "expected", "headings", "filler", "fills")
ELSEWHERE_FEATURES = ("agree_exact", "agree_near", "differ_exact", "differ_near")
LIKE_FORMS, LIKE_COSINE = 40, 0.4
"""Neighbours of a form, and their least cosine, that tell how its kind is used."""

# Weight of a neighbour: none at its least cosine, all at `_FULL`.
_SAME, _FULL = 0.7, 0.95


def compare_forms(
    statements: Statements,
    scopes: Scopes,
    like: pl.DataFrame | None,
    vectors: NDArray[np.float32] | None,
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """`rows` (form_one, form_two) with `ATTRIBUTE_FEATURES`; all 0 without vectors `(n_forms, d)`.

    `expected`: how often sentences like the two would stand in one article, were they strewn
    independently over the articles under each heading (log); `apart`: how much rarer than that they
    do (log ratio; Church & Hanks 1990 turned round); `headings`: cosine of the headings they stand
    under; `filler`, `fills`: as `cxm.methods.fillers.compare_fillers`.
    """
    if vectors is None or like is None or not rows.height:
        return rows.with_columns(pl.lit(0.0).alias(name) for name in ATTRIBUTE_FEATURES)
    pairs = rows.select("form_one", "form_two").unique(maintain_order=True)
    one, two = (pairs[name].to_numpy() for name in pairs.columns)
    near = _weigh_neighbours(like, vectors, LIKE_COSINE)
    present = _place_forms(statements, scopes)
    soft = (near @ present).tocsr()
    leaves = count_cells(np.arange(len(scopes.leaves)), scopes.leaves, np.ones(len(scopes.leaves)))
    by_leaf = (soft @ leaves).tocsr()
    n_in_leaf = np.maximum(np.asarray(leaves.sum(axis=0)).ravel(), 1)
    lengths = np.maximum(np.sqrt(np.asarray(by_leaf.multiply(by_leaf).sum(axis=1)).ravel()), 1e-6)
    expected = multiply_rows(_scale(by_leaf, 1 / n_in_leaf), by_leaf, one, two)
    # One sentence that is like both is no meeting of two.
    itself = multiply_rows(_scale(near, np.asarray(present.sum(axis=1)).ravel()), near, one, two)
    observed = np.maximum(multiply_rows(soft, soft, one, two) - itself, 0)
    headings = multiply_rows(by_leaf, by_leaf, one, two) / (lengths[one] * lengths[two])
    found = pairs.with_columns(
        apart=pl.Series(np.log((expected + 0.5) / (observed + 0.5)).round(4)),
        expected=pl.Series(np.log1p(expected).round(4)),
        headings=pl.Series(headings.round(4)),
    )
    slots = rows.filter("is_slot").select("form_one", "form_two").unique(maintain_order=True)
    slots = slots.hstack(compare_fillers(find_gaps(scopes.forms), slots))
    on = ["form_one", "form_two"]
    return (
        rows.join(found, on=on, how="left", validate="m:1", maintain_order="left")
        .join(slots, on=on, how="left", validate="m:1", maintain_order="left")
        .with_columns(pl.col("filler", "fills").fill_null(0.0))
    )


def count_elsewhere(
    rows: pl.DataFrame, like: pl.DataFrame | None, vectors: NDArray[np.float32] | None
) -> pl.DataFrame:
    """`ELSEWHERE_FEATURES` of `rows` (form_one, form_two, agrees, differs), in order: how often the values
    of the two forms (`exact`), or of forms like them (`near`), agree and differ in other rows (logs)."""
    if vectors is None or like is None or not rows.height:
        return pl.DataFrame({name: np.zeros(rows.height) for name in ELSEWHERE_FEATURES})
    near = _weigh_neighbours(like, vectors, _SAME)
    one, two = (rows[name].to_numpy() for name in ("form_one", "form_two"))
    turned = np.asarray(near[one, two]).ravel()
    found = {}
    for name in ("agree", "differ"):
        flag = rows[f"{name}s"].to_numpy().astype(np.float64)
        counts = count_cells(one, two, flag, (len(vectors), len(vectors)))
        counts = (counts + counts.T).tocsr()
        # In its own cell a row counts once, or twice where both forms are the same.
        exact = np.asarray(counts[one, two]).ravel() - flag * np.where(one == two, 2, 1)
        alike = multiply_rows((near @ counts).tocsr(), near, one, two) - flag * (1 + turned**2)
        found[f"{name}_exact"] = np.log1p(np.maximum(exact, 0)).round(4)
        found[f"{name}_near"] = np.log1p(np.maximum(alike, 0)).round(4)
    return pl.DataFrame(found).select(ELSEWHERE_FEATURES)


def _weigh_neighbours(like: pl.DataFrame, vectors: NDArray[np.float32], least: float) -> Any:
    """Weight of each form for each other, `(n_forms, n_forms)`: 1 for itself."""
    from scipy.sparse import eye_array

    left, right = like["left"].to_numpy(), like["right"].to_numpy()
    cosine = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(np.float64)
    weight = np.clip((cosine - least) / (_FULL - least), 0, 1) ** 2
    half = count_cells(left, right, weight, (len(vectors), len(vectors)))
    return (half + half.T + eye_array(len(vectors))).tocsr()


def _place_forms(statements: Statements, scopes: Scopes) -> Any:
    """Whether each form stands in each article, `(n_forms, n_articles)`."""
    form = scopes.sentence_form[statements.places["sentence"].to_numpy()]
    pairs = np.unique(np.stack([form, statements.places["article"].to_numpy()]), axis=1)
    return count_cells(pairs[0], pairs[1], np.ones(pairs.shape[1]), (len(scopes.forms), len(statements.ids)))


def _scale(matrix: Any, by: NDArray[np.float64]) -> Any:
    from scipy.sparse import diags_array

    return (matrix @ diags_array(by)).tocsr()
