"""How often the reason for contact is right: scores of predicted intents with their intervals.

Frames in, estimates out; the caller decides which labelled conversations are counted. The metric
functions themselves stand in `cxm.metrics.classification`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.metrics import Estimate, estimate
from cxm.metrics import classification as metric
from cxm.metrics.intervals import mean_of

MIN_RANKS = 3
_NONE_OF_THESE = "\x00none of these"
_UNANSWERED = "\x00no prediction"
_LEVELS = 3  # above intents, counted from the topmost
_DEEPEST = 10


def score_intents(predicted: pl.DataFrame, gold: pl.DataFrame, taxonomy: pl.DataFrame) -> list[Estimate]:
    """Scores of `predicted_intents` on `gold` (conversation_id, intent); no rows give none.

    An intent that `taxonomy` (intent, parent) lacks means none of these: abstaining is right there. Where
    there are parents, `accuracy_at_level_1` counts the topmost, and so on down to the level above intents.
    """
    intents = taxonomy["intent"].to_list()
    best = predicted.filter(pl.col("rank") == 1).select(
        "conversation_id", "intent", "probability", "is_abstained"
    )
    guesses = (
        predicted.filter(pl.col("rank") <= MIN_RANKS)
        .group_by("conversation_id")
        .agg(guesses=pl.col("intent"))
    )
    rows = (
        gold.select("conversation_id", truth="intent")
        .join(best, on="conversation_id", how="left", validate="1:1")
        .join(guesses, on="conversation_id", how="left", validate="1:1")
        .with_columns(
            truth=pl.when(pl.col("truth").is_in(intents)).then("truth").otherwise(pl.lit(_NONE_OF_THESE)),
            answer=pl.when(pl.col("is_abstained")).then(pl.lit(_NONE_OF_THESE)).otherwise("intent"),
        )
        .with_columns(pl.col("answer").fill_null(_UNANSWERED))
        .sort("conversation_id")
    )
    return [*_estimates(rows), *_levels(rows, taxonomy)] if rows.height else []


def _estimates(rows: pl.DataFrame) -> list[Estimate]:
    units = rows["conversation_id"].to_numpy()
    (truth, answer), _ = metric.encode(rows["truth"].to_numpy(), rows["answer"].to_numpy())
    right = truth == answer
    outside = (rows["truth"] == _NONE_OF_THESE).to_numpy()
    abstained = (rows["answer"] == _NONE_OF_THESE).to_numpy()
    answered = (rows["answer"] != _UNANSWERED).to_numpy()
    in_three = np.array([t in (g or []) for t, g in rows.select("truth", "guesses").rows()])
    in_three = np.where(outside, right, in_three & ~abstained)
    probability = rows["probability"].fill_null(0.0).to_numpy()
    guessed = (rows["truth"] == rows["intent"]).fill_null(False).to_numpy().astype(float)
    return [
        *estimate("accuracy", mean_of(right), units),
        *estimate("macro_f1", lambda i: metric.macro_f1(truth[i], answer[i]), units),
        *estimate("accuracy_at_3", mean_of(in_three), units),
        *estimate("out_of_scope_recall", mean_of(abstained[outside]), units[outside]),
        *_out_of_scope_precision(outside, abstained, units),
        *estimate("mcc", lambda i: metric.matthews(truth[i], answer[i]), units),
        *estimate(
            "calibration_error",
            lambda i: metric.calibration_error(probability[i], guessed[i]),
            units,
        ),
        *estimate("coverage", mean_of(answered), units),
    ]


def _out_of_scope_precision(
    outside: NDArray[np.bool_], abstained: NDArray[np.bool_], units: NDArray[Any]
) -> list[Estimate]:
    """Only where some row is out of scope; 0 for a method that never abstains."""
    if not outside.any():
        return []
    n = int(abstained.sum()) or int(outside.sum())
    right = outside & abstained
    return estimate(
        "out_of_scope_precision", lambda i: right[i].sum() / max(1, abstained[i].sum()), units, n=n
    )


def _levels(rows: pl.DataFrame, taxonomy: pl.DataFrame) -> list[Estimate]:
    """Accuracy of ancestors; an intent that lies above a level stands for itself there."""
    parents = dict(taxonomy.drop_nulls("parent").select("intent", "parent").iter_rows())
    paths = {intent: _path(intent, parents) for intent in taxonomy["intent"]}
    depth = max((len(path) for path in paths.values()), default=1)
    units = rows["conversation_id"].to_numpy()
    found = []
    for level in range(1, min(depth, _LEVELS + 1)):
        at_level = {intent: path[min(level, len(path)) - 1] for intent, path in paths.items()}
        right = np.array(
            [at_level.get(t, t) == at_level.get(a, a) for t, a in rows.select("truth", "answer").rows()]
        )
        found += estimate(f"accuracy_at_level_{level}", mean_of(right), units)
    return found


def _path(intent: str, parents: Mapping[str, str]) -> list[str]:
    """Ancestors of an intent from the topmost down to itself; a parent need not be an intent."""
    path = [intent]
    while path[-1] in parents and len(path) < _DEEPEST and parents[path[-1]] not in path:
        path.append(parents[path[-1]])
    return path[::-1]
