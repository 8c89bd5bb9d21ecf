"""Whether two sentences should agree, learned from those that do.

Most of what a knowledge base says twice it says rightly: sentences of one scope whose values agree
show what two statements of one fact look like. Where a model of them expects agreement and the values
differ, there is a contradiction. The model needs no label; what it learns from belongs here, the
features of two sentences in `cxm.methods.conflicts`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.alignment import N_NEIGHBOURS
from cxm.methods.attributes import agree_elsewhere
from cxm.methods.boosting import reproducible

AGREEMENT_FEATURES = ("agreement", "doubtful", "left_claim", "right_claim", "left_rival", "right_rival", "agree_near", "differ_near")
# Nothing that knows whether the values agree.
_STRUCTURE = (
    "cosine", "containment", "closeness", "length_least", "scope", "rank_least", "rank_most", "spread",
    "form_spread_least", "form_spread_most", "subject", "fit_least", "fit_most", "near_least", "near_most",
    "near_gap", "home_least", "home_most", "homing", "homing_near", "apart", "expected", "headings",
    "units_shared", "units_apart", "words_shared", "rivalry", "agree_near", "differ_near",
)
_N_FOLDS, _N_TREES, _LEAST = 5, 100, 20
_SAME = 0.9


def expect_agreement(
    rows: pl.DataFrame, like: pl.DataFrame | None, vectors: NDArray[np.float32] | None, n_forms: int
) -> pl.DataFrame:
    numeric = pl.col("units_shared") > 0
    slot = ~numeric & (pl.col("filler") > 0) & (pl.col("is_same_form") == 0)
    agrees = (numeric & (pl.col("n_agreed") > 0) & (pl.col("number") == 0)) | (slot & (pl.col("fills") > 0))
    differs = (numeric & (pl.col("n_agreed") == 0) & (pl.col("number") > 0)) | (slot & (pl.col("fills") == 0))
    inside = (pl.min_horizontal("rank_left", "rank_right") < N_NEIGHBOURS) & (pl.col("closeness") < _SAME) & ~pl.col("is_same_form")
    rows = rows.with_columns(agrees=agrees & inside, differs=differs & inside)
    rows = rows.with_columns(agree_elsewhere(rows, like, vectors, n_forms))
    chance = _predict(rows)
    rows = rows.with_columns(agreement=pl.Series(chance))
    for side in ("left", "right"):
        place = [f"{side}_article", f"{side}_place"]
        other = pl.col("agreement") * (pl.col("agrees") | pl.col("differs"))
        top = other.top_k(2)
        rows = rows.with_columns(
            (pl.col("agreement") * pl.col("agrees")).max().over(place).alias(f"{side}_claim"),
            other.max().over(place).alias("_most"),
            other.sort(descending=True).slice(1, 1).first().fill_null(0.0).over(place).alias("_second"),
        ).with_columns(
            pl.when(other == pl.col("_most")).then("_second").otherwise("_most").alias(f"{side}_rival")
        ).drop("_most", "_second")
    return rows.with_columns(doubtful=pl.col("agreement") * pl.col("differs"))


def _predict(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Probability that the values of each row agree, out of fold; 0 where that cannot be learned."""
    import lightgbm

    chance = np.zeros(rows.height)
    agrees, differs = rows["agrees"].to_numpy(), rows["differs"].to_numpy()
    asked = agrees | differs
    if agrees.sum() < _LEAST or differs.sum() < _LEAST:
        return chance
    features = rows.select(pl.col(_STRUCTURE).cast(pl.Float64)).to_numpy()
    fold = rows.select(pl.struct("left_article", "right_article").rank("dense") % _N_FOLDS).to_series().to_numpy()
    options = {
        "objective": "binary", "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 10, "lambda_l2": 5.0,
        "feature_fraction": 0.4, "bagging_fraction": 0.8, "bagging_freq": 1, **reproducible(0),
    }
    for number in range(_N_FOLDS):
        inside, outside = asked & (fold != number), asked & (fold == number)
        if inside.sum() < _LEAST or not outside.any():
            continue
        data = lightgbm.Dataset(features[inside], agrees[inside].astype(float))
        booster = lightgbm.train(options, data, _N_TREES)
        chance[outside] = booster.predict(features[outside], num_threads=1)
    return chance.round(4)
