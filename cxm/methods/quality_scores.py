"""How often answers to a scorecard are right: scores of `quality_answers` with their intervals.

Frames in, estimates out; the caller decides which labelled pairs are counted. The metric functions
themselves stand in `cxm.metrics`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.criterion_agreement import measure_agreement
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import calibration_error, cohen_kappa, encode, roc_auc
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import set_f1


def score_answers(answers: pl.DataFrame, gold: pl.DataFrame, n_least: int) -> list[Estimate]:
    """Scores of `quality_answers` on `gold` (conversation_id, criterion, answer, evidence_turns).

    Intervals over conversations; no pair gives none. Cohen's kappa also for each criterion with at least
    `n_least` pairs and two different answers among them.
    """
    key = ["conversation_id", "criterion"]
    rows = (
        gold.rename({"answer": "truth", "evidence_turns": "named"})
        .join(answers, on=key, how="left", validate="1:1")
        .sort(key)
    )
    units = rows["conversation_id"].to_numpy()
    (truth, given), _ = encode(rows["truth"].to_numpy(), rows["answer"].fill_null("missing").to_numpy())
    right = truth == given
    has_answer = rows["answer"].is_not_null().to_numpy()
    probability = rows["probability"].fill_null(0.0).to_numpy()
    # A row whose given answer is not yes leaves at most the rest for yes; no answer counts as wrong.
    is_yes = (rows["answer"] == "yes").fill_null(False).to_numpy()
    truth_is_yes = (rows["truth"] == "yes").to_numpy()
    rest = np.where(has_answer, 1 - probability, ~truth_is_yes)
    chance_of_yes = np.where(is_yes, probability, rest)
    decided = np.isin(rows["truth"].to_numpy(), ["yes", "no"])

    def ranking(drawn: NDArray[Any]) -> float:
        known = drawn[decided[drawn]]
        return roc_auc(chance_of_yes[known], truth_is_yes[known])

    def calibration(drawn: NDArray[Any]) -> float:
        known = drawn[has_answer[drawn]]
        return calibration_error(probability[known], right[known])

    cases = pl.DataFrame({"unit": units, "right": right}).group_by("unit").agg(pl.col("right").all())
    cases = cases.sort("unit")
    evidence = rows.filter(pl.col("named").list.len() > 0)
    return [
        *estimate("question_accuracy", mean_of(right), units),
        *estimate("case_accuracy", mean_of(cases["right"].to_numpy()), cases["unit"].to_numpy()),
        *estimate("roc_auc", ranking, units, n=int(decided.sum())),
        *estimate("cohen_kappa", lambda drawn: cohen_kappa(truth[drawn], given[drawn]), units),
        *estimate("evidence_f1", mean_of(_evidence_f1(evidence)), evidence["conversation_id"].to_numpy()),
        *estimate("calibration_error", calibration, units),
        *estimate("coverage", mean_of(has_answer), units),
        *_kappas(rows, n_least),
    ]


def _kappas(rows: pl.DataFrame, n_least: int) -> list[Estimate]:
    """Agreement on each criterion, as `cohen_kappa_of_<criterion>`."""
    answer = rows["answer"].fill_null("missing").to_numpy()
    found = measure_agreement(
        rows["criterion"].to_numpy(),
        rows["truth"].to_numpy(),
        answer,
        rows["conversation_id"].to_numpy(),
        n_least,
    )
    return [
        Estimate(f"cohen_kappa_of_{name}", row["kappa"], row["low"], row["high"], row["n_labels"])
        for name, row in found.items()
        if row["kappa"] is not None
    ]


def _evidence_f1(rows: pl.DataFrame) -> NDArray[np.float64]:
    """F1 of the named turns of each row with gold evidence."""
    pairs = zip(rows["evidence_turns"].to_list(), rows["named"].to_list(), strict=True)
    return np.array([set_f1(given or [], named) for given, named in pairs], dtype=float)
