"""From answers to a scorecard's questions to a score of each conversation.

Critical and non-critical errors are kept apart (COPC): one critical error fails the whole
conversation. How a question is answered is found in `cxm.methods.adherence`; agents are set side by
side in `cxm.methods.agent_comparison`.
"""

from __future__ import annotations

import polars as pl


def score_quality(answers: pl.LazyFrame, scorecard: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of `conversation_quality`, one for each conversation with an answer.

    The score is the weighted share of yes among the criteria that apply; 0 where a critical one is
    answered no, null where no criterion with a weight applies.
    """
    yes, no = pl.col("answer") == "yes", pl.col("answer") == "no"
    applies = yes | no
    weight = pl.when(applies).then(pl.col("weight")).otherwise(0.0)
    points = pl.when(pl.col("total") > 0).then(pl.col("earned") / pl.col("total"))
    is_failed = pl.col("n_critical_errors") > 0
    return (
        answers.join(
            scorecard.select("criterion", "weight", "is_critical"),
            on="criterion",
            how="inner",
            validate="m:1",
        )
        .group_by("conversation_id", maintain_order=True)
        .agg(
            total=weight.sum(),
            earned=weight.filter(yes).sum(),
            n_applicable=applies.sum().cast(pl.Int32),
            n_critical_errors=(pl.col("is_critical") & no).sum().cast(pl.Int32),
            n_noncritical_errors=(~pl.col("is_critical") & no).sum().cast(pl.Int32),
        )
        .select(
            "conversation_id",
            quality_score=pl.when(is_failed).then(0.0).otherwise(points),
            is_failed=is_failed,
            n_applicable="n_applicable",
            n_critical_errors="n_critical_errors",
            n_noncritical_errors="n_noncritical_errors",
        )
    )
