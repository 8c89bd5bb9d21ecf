"""Whether two sentences should agree, learned from those that do.

Most of what a knowledge base says twice it says rightly: sentences of one scope whose values agree
show what two statements of one fact look like. Where a model of them expects agreement and the values
differ, there is doubt. No label is needed. What the model learns from belongs here, the features of
two sentences in `cxm.methods.conflicts`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.attributes import ELSEWHERE_FEATURES, count_elsewhere
from cxm.methods.boosting import reproducible
from cxm.methods.contexts import CONTEXT_FEATURES

AGREEMENT_FEATURES = ("doubt", "agreement", "left_rival", "right_rival", *ELSEWHERE_FEATURES)
# Nothing that knows whether the values of the two sentences agree.
_STRUCTURE = (
    "cosine",
    "containment",
    "closeness",
    "length_least",
    "scope",
    "rank_least",
    "rank_most",
    "spread",
    "form_spread_least",
    "form_spread_most",
    "subject",
    *CONTEXT_FEATURES,
    "apart",
    "expected",
    "headings",
    "units_shared",
    "units_apart",
    "words_shared",
    "rivalry",
    "property",
    *ELSEWHERE_FEATURES,
)
_N_FOLDS, _N_TREES, _LEAST = 5, 100, 20
_FIRST_SEEDS, _LAST_SEEDS = 1, 3
# What should agree as surely as this and does not is no example of sentences that need not.
_DOUBTED = 0.4


def expect_agreement(
    rows: pl.DataFrame, like: pl.DataFrame | None, vectors: NDArray[np.float32] | None
) -> pl.DataFrame:
    """`rows` with `AGREEMENT_FEATURES`; nothing is expected where hardly any values agree or differ.

    `agreement`: probability that the values agree, by a model that has not seen the two articles;
    `left_rival`, `right_rival`: that of the likeliest other partner of either sentence; `doubt`: that of
    values that differ, the less the likelier another sentence says the same.
    """
    is_number = pl.col("units_shared") > 0
    is_slot = pl.col("is_slot") & (pl.col("filler") > 0)
    agrees = (is_number & (pl.col("n_agreed") > 0) & (pl.col("number") == 0)) | (
        is_slot & (pl.col("fills") > 0)
    )
    differs = (is_number & (pl.col("number") > 0)) | (is_slot & (pl.col("fills") == 0))
    rows = rows.with_columns(agrees=agrees & pl.col("is_restated"), differs=differs & pl.col("is_restated"))
    rows = rows.hstack(count_elsewhere(rows, like, vectors))
    is_known = rows["agrees"] | rows["differs"]
    first = _predict(rows, _STRUCTURE, is_known, _FIRST_SEEDS)
    rows = _add_rivals(rows.with_columns(agreement=first))
    # A second time without what is doubted, and knowing the rivals (Liu et al. 2003).
    is_sure = is_known & ~(rows["differs"] & (first > _DOUBTED))
    second = _predict(rows, (*_STRUCTURE, "left_rival", "right_rival"), is_sure, _LAST_SEEDS)
    return _add_rivals(rows.with_columns(agreement=second)).with_columns(
        doubt=_weigh_magnitude(pl.col("agreement"))
        * pl.col("differs")
        * (1 - pl.max_horizontal("left_said", "right_said"))
    )


def _weigh_magnitude(chance: pl.Expr) -> pl.Expr:
    """The chance of one property, its odds times the smaller of two amounts over the larger: those of one
    property have one magnitude."""
    odds = chance / (1 - chance).clip(lower_bound=1e-4) * (-pl.col("ratio_least").clip(lower_bound=0)).exp()
    return odds / (1 + odds)


def _add_rivals(rows: pl.DataFrame) -> pl.DataFrame:
    """`…_rival`, and `…_said`: how likely a sentence that agrees says the same."""
    value = pl.col("agreement") * (pl.col("agrees") | pl.col("differs"))
    for side in ("left", "right"):
        place = [f"{side}_article", f"{side}_place"]
        rows = rows.with_columns(
            (pl.col("agreement") * pl.col("agrees")).max().over(place).alias(f"{side}_said"),
            most=value.max().over(place),
            second=value.top_k(2).min().over(place) * (pl.len().over(place) > 1),
        ).with_columns(
            pl.when(value == pl.col("most")).then("second").otherwise("most").alias(f"{side}_rival")
        )
    return rows.drop("most", "second")


def _predict(rows: pl.DataFrame, names: tuple[str, ...], is_example: pl.Series, n_seeds: int) -> pl.Series:
    """Probability that the values of each row agree, out of fold; 0 where that cannot be learned."""
    import lightgbm

    chance = np.zeros(rows.height)
    agrees, asked = rows["agrees"].to_numpy(), (rows["agrees"] | rows["differs"]).to_numpy()
    example = is_example.to_numpy()
    if min(agrees[example].sum(), (~agrees[example]).sum()) < _LEAST:
        return pl.Series(chance)
    features = rows.select(pl.col(names).cast(pl.Float64)).to_numpy()
    pair = rows.select(pl.struct("left_article", "right_article").rank("dense")).to_series().to_numpy()
    fold = pair % _N_FOLDS
    options = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 7,
        "min_data_in_leaf": 10,
        "lambda_l2": 5.0,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
    }
    for number in range(_N_FOLDS):
        inside, outside = example & (fold != number), asked & (fold == number)
        if len(np.unique(agrees[inside])) < 2 or not outside.any():
            continue
        data = lightgbm.Dataset(features[inside], agrees[inside].astype(float), free_raw_data=False)
        for seed in range(n_seeds):
            booster = lightgbm.train(options | reproducible(seed), data, _N_TREES)
            chance[outside] += booster.predict(features[outside], num_threads=1) / n_seeds
    return pl.Series(chance.round(4))
