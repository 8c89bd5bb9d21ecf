"""One row a conversation, with everything the weekly key figures look at.

A column belongs here if a key figure needs it and it takes more than one row or table to make it.
The figures themselves are in `kpis`.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from cxm.methods.scorecards import score_quality
from cxm.workspace import Workspace

RETURN_WINDOW = timedelta(days=7)
BOT_RETURN_WINDOW = timedelta(hours=72)
NEGATIVE_END = -0.25
NO_DRIVER = "none of these"


def build_contacts(workspace: Workspace) -> pl.LazyFrame:
    """`conversations` with the columns added below; results of tasks are joined where present.

    `driver`: the reason for contact as found by the task, `NO_DRIVER` where it is none of the known;
    null where the task has not run. `returned_in_7_days` (about the same driver),
    `returned_in_72_hours` (about anything): the customer contacted us again within that time (null
    without a customer, and where the data ends, at `data_ends_at`, before the time is over).
    `is_follow_up`: the customer had contacted us about the same driver in the 7 days before.
    `is_repeat`: had contacted us in the 7 days before (null in the first 7 days of the data).
    `end_score`, `quality_score`, `n_critical_errors`, `n_noncritical_errors`: null where the task has no
    answer.
    """
    frame = _with_returns(_with_driver(workspace))
    if workspace.has("conversation_sentiment"):
        ends = workspace.read("conversation_sentiment").select("conversation_id", "end_score")
        frame = frame.join(ends, on="conversation_id", how="left", validate="1:1")
    if workspace.has("quality_answers") and workspace.has("scorecard"):
        quality = score_quality(workspace.read("quality_answers"), workspace.read("scorecard"))
        # Where no criterion applies there was nothing to do wrong.
        quality = quality.filter(pl.col("n_applicable") > 0).drop("is_failed", "n_applicable")
        frame = frame.join(quality, on="conversation_id", how="left", validate="1:1")
    return frame


def _with_driver(workspace: Workspace) -> pl.LazyFrame:
    conversations = workspace.read("conversations")
    if not workspace.has("predicted_intents"):
        return conversations.with_columns(driver=pl.lit(None, dtype=pl.String))
    best = workspace.read("predicted_intents").filter(pl.col("rank") == 1)
    driver = pl.when(pl.col("is_abstained")).then(pl.lit(NO_DRIVER)).otherwise(pl.col("intent"))
    return conversations.join(
        best.select("conversation_id", driver=driver), on="conversation_id", how="left", validate="1:1"
    )


def _with_returns(conversations: pl.LazyFrame) -> pl.LazyFrame:
    start, known = pl.col("started_at"), pl.col("customer_id").is_not_null()
    order = ["started_at", "conversation_id"]
    until_next = start.shift(-1).over("customer_id", order_by=order) - start
    until_same = start.shift(-1).over("customer_id", "driver", order_by=order) - start
    since_same = start - start.shift(1).over("customer_id", "driver", order_by=order)
    since_previous = start - start.shift(1).over("customer_id", order_by=order)

    def returns(until: pl.Expr, window: timedelta) -> pl.Expr:
        is_observed = start + window <= start.max()
        return pl.when(known & is_observed).then((until <= window).fill_null(False))

    is_repeat = (since_previous <= RETURN_WINDOW).fill_null(False)
    return conversations.with_columns(
        period=start.dt.strftime("%G-W%V"),
        returned_in_7_days=returns(until_same, RETURN_WINDOW),
        returned_in_72_hours=returns(until_next, BOT_RETURN_WINDOW),
        data_ends_at=start.max(),
        is_follow_up=known & (since_same <= RETURN_WINDOW).fill_null(False),
        is_repeat=pl.when(known & (start - RETURN_WINDOW >= start.min())).then(is_repeat),
    )
