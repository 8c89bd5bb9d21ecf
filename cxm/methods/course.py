"""The course of feeling over a conversation: where it begins, ends, turns and is lowest.

How a turn feels is found elsewhere (`cxm.methods.feelings`, `cxm.methods.text_classifier`); what it
is about is in `cxm.methods.aspects`.
"""

from __future__ import annotations

import polars as pl

# Turns that make up the start and the end of a conversation.
_EDGE = 2


def follow_course(turns: pl.DataFrame) -> pl.DataFrame:
    """One row a conversation with a scored turn, from the customer's turns that can be read.

    `turns`: conversation_id, turn_index, speaker, score, is_read (false: no words, or another language).
    Where no turn counts, all scored turns do. Columns: start_score, end_score, shift (end less start),
    lowest_score, lowest_turn_index (the first of equals), highest_score,
    highest_turn_index, mean_score, last_score, n_scored. No turns, no rows.
    """
    of_customer = (pl.col("speaker") == "customer") & pl.col("is_read")
    counts = of_customer | ~of_customer.any().over("conversation_id")
    return (
        turns.filter(counts)
        .sort("conversation_id", "turn_index")
        .group_by("conversation_id", maintain_order=True)
        .agg(
            start_score=pl.col("score").head(_EDGE).mean(),
            end_score=pl.col("score").tail(_EDGE).mean(),
            lowest_score=pl.col("score").min(),
            lowest_turn_index=pl.col("turn_index").sort_by("score", "turn_index").first(),
            highest_score=pl.col("score").max(),
            highest_turn_index=pl.col("turn_index").sort_by(-pl.col("score"), "turn_index").first(),
            mean_score=pl.col("score").mean(),
            last_score=pl.col("score").last(),
            n_scored=pl.len(),
        )
        .with_columns(shift=pl.col("end_score") - pl.col("start_score"))
    )
