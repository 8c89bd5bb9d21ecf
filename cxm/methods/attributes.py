"""Which sentences speak of one property, whatever value they give it and in whatever words.

An author states a property of a subject once, and picks one of several wordings. So wordings of one
property stand under the same headings of sibling articles and hardly ever in one article together,
while two properties do; and what stands in the gap of one wording stands in that of the other too.
What is learned of two forms from the base as a whole belongs here; two sentences are compared in
`cxm.methods.conflicts`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.scopes import Scopes
from cxm.methods.statements import Statements

ATTRIBUTE_FEATURES = ("apart", "expected", "headings", "filler", "fills")
ELSEWHERE_FEATURES = ("agree_exact", "agree_near", "differ_exact", "differ_near")
_LEAST_FRAME, _MOST_FILLER, _MOST_WORDS, _MOST_FORMS, _MOST_FRAMES = 3, 8, 40, 60, 40
_ROWS = 16_384
LEAST_COSINE, SAME_COSINE, FULL_COSINE = 0.4, 0.7, 0.95
# What a number or a single light word fills is not telling.
_LEAST_TELLING = 2


def compare_forms(
    statements: Statements,
    scopes: Scopes,
    like: pl.DataFrame | None,
    vectors: NDArray[np.float32] | None,
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """`rows` (form_one, form_two, scope_key, differs, agrees) with `ATTRIBUTE_FEATURES`; 0 without vectors.

    `expected`: how often sentences like the two would stand in one article, were they strewn
    independently over the articles under each heading (log); `apart`: how much rarer than that they
    do (log ratio; Church & Hanks 1990 turned round); `headings`: cosine of the headings they stand
    under; `filler`: the rarest words that fill a gap in both (log, 0 for none); `fills`: those that fill
    it here.
    """
    n_forms = len(scopes.forms)
    if vectors is None or like is None or not rows.height:
        return rows.with_columns(pl.lit(0.0).alias(name) for name in ATTRIBUTE_FEATURES)
    pairs = rows.select("form_one", "form_two").unique(maintain_order=True)
    one, two = (pairs[name].to_numpy() for name in pairs.columns)
    near = _near_forms(like, vectors, n_forms, LEAST_COSINE, FULL_COSINE)
    present = _stand_in(statements, scopes, n_forms)
    soft = (near @ present).tocsr()
    leaves = _sum_leaves(scopes, len(statements.ids))
    by_leaf = (soft @ leaves).tocsr()
    size = np.asarray(leaves.sum(axis=0)).ravel()
    times = np.asarray(present.sum(axis=1)).ravel()
    lengths = np.sqrt(np.asarray(by_leaf.multiply(by_leaf).sum(axis=1)).ravel())
    shrunk = (by_leaf @ _diagonal(1 / np.maximum(size, 1))).tocsr()
    weighted = (near @ _diagonal(times)).tocsr()
    expected = _dots(shrunk, by_leaf, one, two)
    observed = np.maximum(_dots(soft, soft, one, two) - _dots(weighted, near, one, two), 0)
    headings = _dots(by_leaf, by_leaf, one, two) / np.maximum(lengths[one] * lengths[two], 1e-9)
    fillers, fills = _shared_fillers(scopes, pairs)
    found = pairs.with_columns(
        apart=pl.Series(np.log((expected + 0.5) / (observed + 0.5)).round(4)),
        expected=pl.Series(np.log1p(expected).round(4)),
        headings=pl.Series(headings.round(4)),
        filler=pl.Series(fillers.round(4)),
        fills=pl.Series(fills.round(4)),
    )
    return rows.join(
        found, on=["form_one", "form_two"], how="left", validate="m:1", maintain_order="left"
    )


def count_elsewhere(
    rows: pl.DataFrame, like: pl.DataFrame | None, vectors: NDArray[np.float32] | None, n_forms: int
) -> pl.DataFrame:
    """`ELSEWHERE_FEATURES` of `rows` (form_one, form_two, agrees, differs), in order: how often the values
    of the two forms (`exact`), or of forms like them (`near`), agree and differ in other rows (logs)."""
    from scipy.sparse import coo_array

    if vectors is None or like is None or not rows.height:
        return pl.DataFrame({name: np.zeros(rows.height) for name in ELSEWHERE_FEATURES})
    near = _near_forms(like, vectors, n_forms, SAME_COSINE, FULL_COSINE)
    one, two = (rows[name].to_numpy() for name in ("form_one", "form_two"))
    turned = np.asarray(near[one, two]).ravel()
    found = {}
    for name in ("agree", "differ"):
        flag = rows[f"{name}s"].to_numpy().astype(float)
        same = pl.col(f"{name}s")
        found[f"{name}_exact"] = (
            rows.select((same.sum().over("form_one", "form_two") - same).cast(pl.Float64).log1p().round(4))
            .to_series().to_numpy()
        )
        counts = coo_array((flag, (one, two)), shape=(n_forms, n_forms)).tocsr()
        counts = counts + counts.T
        spread = (near @ counts).tocsr()
        itself = flag * (1 + turned**2)
        found[f"{name}_near"] = np.log1p(np.maximum(_dots(spread, near, one, two) - itself, 0)).round(4)
    return pl.DataFrame(found)


def _diagonal(values: NDArray[np.float64]) -> Any:
    from scipy.sparse import diags_array

    return diags_array(values)


def _dots(left: Any, right: Any, one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.float64]:
    """Product of row `one[i]` of `left` and row `two[i]` of `right`, `(n,)`."""
    blocks = [
        np.asarray(left[one[i : i + _ROWS]].multiply(right[two[i : i + _ROWS]]).sum(axis=1)).ravel()
        for i in range(0, len(one), _ROWS)
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def _near_forms(
    like: pl.DataFrame, vectors: NDArray[np.float32], n_forms: int, least: float, full: float
) -> Any:
    """Weight of each form for each other, `(n_forms, n_forms)`: 1 for itself."""
    from scipy.sparse import coo_array, eye_array

    left, right = like["left"].to_numpy(), like["right"].to_numpy()
    cosine = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(np.float64)
    weight = np.clip((cosine - least) / (full - least), 0, 1) ** 2
    half = coo_array((weight, (left, right)), shape=(n_forms, n_forms))
    return (half + half.T + eye_array(n_forms)).tocsr()




def _stand_in(statements: Statements, scopes: Scopes, n_forms: int) -> Any:
    """Whether each form stands in each article, `(n_forms, n_articles)`."""
    from scipy.sparse import coo_array

    form = scopes.sentence_form[statements.places["sentence"].to_numpy()]
    article = statements.places["article"].to_numpy()
    pairs = np.unique(np.stack([form, article]), axis=1)
    return coo_array(
        (np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(n_forms, len(statements.ids))
    ).tocsr()


def _sum_leaves(scopes: Scopes, n_articles: int) -> Any:
    from scipy.sparse import coo_array

    leaf = scopes.leaves
    return coo_array(
        (np.ones(n_articles), (np.arange(n_articles), leaf)), shape=(n_articles, int(leaf.max(initial=-1)) + 1)
    ).tocsr()


def _shared_fillers(scopes: Scopes, pairs: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How telling the rarest words are that fill a gap of both forms' frames, and of both forms."""
    gaps = _find_gaps(scopes.forms)
    frames = gaps.select("frame", "filler").unique()
    n_frames = frames.group_by("filler").agg(n=pl.len()).filter(pl.col("n").is_between(2, _MOST_FRAMES))
    all_frames = float(np.log(gaps["frame"].n_unique() + 1))
    telling = n_frames.select("filler", worth=all_frames - pl.col("n").cast(pl.Float64).log())
    own = gaps.join(telling, on="filler", how="inner")
    takes = gaps.select("form", "frame").unique().join(frames, on="frame").join(telling, on="filler")
    asked = pairs.with_row_index("row").filter(pl.col("form_one") != pl.col("form_two")).lazy()
    found = []
    for known in (takes, own):
        best = (
            asked.join(known.lazy().select("filler", "frame", "worth", form_one="form"), on="form_one")
            .join(known.lazy().select("filler", other="frame", form_two="form"), on=["form_two", "filler"])
            .filter(pl.col("frame") != pl.col("other"))
            .group_by("row")
            .agg(pl.col("worth").max())
            .collect()
        )
        worth = np.zeros(pairs.height)
        worth[best["row"].to_numpy()] = best["worth"].to_numpy()
        found.append(worth)
    return found[0], found[1]


def _find_gaps(forms: list[str]) -> pl.DataFrame:
    """Form, frame and filler: a frame is what two forms or more have around different words."""
    rows: dict[str, list[Any]] = {"form": [], "frame": [], "filler": []}
    for number, text in enumerate(forms):
        words = text.rstrip(".!? ").lower().split()
        n = len(words)
        if n > _MOST_WORDS:
            continue
        for size in range(1, min(_MOST_FILLER, n - _LEAST_FRAME) + 1):
            for start in range(n - size + 1):
                filler = " ".join(words[start : start + size])
                if len(filler) > 2 and not any(mark in filler for mark in ("#", "product", "this page")):
                    rows["form"].append(number)
                    rows["frame"].append(" ".join([*words[:start], "_", *words[start + size :]]))
                    rows["filler"].append(filler)
    found = pl.DataFrame(rows, schema={"form": pl.Int32, "frame": pl.String, "filler": pl.String})
    found = found.with_columns(n=pl.col("filler").n_unique().over("frame")).filter(pl.col("n").is_between(2, _MOST_FORMS))
    # A gap as small as can be: "the store" and "the shop" differ in one word, whatever else they share.
    first, last = pl.col("filler").str.split(" ").list.first(), pl.col("filler").str.split(" ").list.last()
    found = found.with_columns(
        tight=(first.n_unique().over("frame") > 1) & (last.n_unique().over("frame") > 1)
    ).filter("tight")
    return found.select("form", "frame", "filler").sort("form", "frame", "filler")
