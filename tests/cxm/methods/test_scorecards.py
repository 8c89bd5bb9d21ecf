"""Conversations' scores from answers."""

import polars as pl

from cxm.methods.scorecards import score_quality


def test_quality_weighs_criteria_and_leaves_out_what_does_not_apply():
    scorecard = pl.LazyFrame(
        {"criterion": ["a", "b", "c"], "weight": [1.0, 3.0, 2.0], "is_critical": [False, False, True]}
    )
    answers = pl.LazyFrame(
        [
            ("part", "a", "no"), ("part", "b", "yes"), ("part", "c", "not_applicable"),
            ("critical", "a", "yes"), ("critical", "b", "yes"), ("critical", "c", "no"),
            ("none", "a", "not_applicable"),
        ],
        schema=["conversation_id", "criterion", "answer"],
        orient="row",
    )  # fmt: skip
    scores = {
        id_: (score, is_failed, applicable, critical, other)
        for id_, score, is_failed, applicable, critical, other in score_quality(answers, scorecard)
        .collect()
        .iter_rows()
    }
    assert scores == {
        "part": (0.75, False, 2, 0, 1),
        "critical": (0.0, True, 3, 1, 0),
        "none": (None, False, 0, 0, 0),
    }
