"""What is known of a conversation beside its words: how it was handled, what the customer came with.

The reference points of satisfaction: what was expected beforehand (plan, tenure, wait, repeated contact)
stands apart from what happened, so that each can be left out. How columns become numbers is in
`cxm.methods.covariates`.
"""

from __future__ import annotations

import polars as pl

COURSE = ("start_score", "end_score", "lowest_score", "mean_score", "last_score", "n_scored")
HANDLING = (
    "channel",
    "handle_seconds",
    "hold_seconds",
    "is_transferred",
    "is_abandoned",
    "is_bot_only",
    "is_resolved",
)
_LOGGED = ("handle_seconds", "hold_seconds", "wait_seconds", "n_scored", "tenure_days")
_RECENT = "30d"


def describe(
    conversations: pl.DataFrame, course: pl.DataFrame, customers: pl.DataFrame | None
) -> pl.DataFrame:
    """`COURSE` and `HANDLING` of each conversation, in order, and what was known before it.

    That is wait_seconds, n_contacts_before (the customer's, in the 30 days before), tenure_days and the
    customer's covariates, named `customer.<covariate>`. Long-tailed amounts are logarithms; unknown is null.
    """
    rows = conversations.join(
        course, on="conversation_id", how="left", validate="1:1", maintain_order="left"
    ).join(_contacts_before(conversations), on="conversation_id", how="left", maintain_order="left")
    before = ["wait_seconds", "n_contacts_before"]
    if customers is not None:
        named = {c: f"customer.{c}" for c in customers.columns if c != "customer_id"}
        rows = rows.join(
            customers.rename(named), on="customer_id", how="left", validate="m:1", maintain_order="left"
        )
        tenure = (pl.col("started_at") - pl.col("customer.joined_at")).dt.total_days()
        rows = rows.with_columns(tenure_days=pl.when(tenure >= 0).then(tenure))
        before += ["tenure_days", *sorted(set(named.values()) - {"customer.joined_at"})]
    logged = [pl.col(c).cast(pl.Float64).clip(0).log1p() for c in _LOGGED if c in rows.columns]
    return rows.with_columns(logged).select(*COURSE, *HANDLING, *before)


def _contacts_before(conversations: pl.DataFrame) -> pl.DataFrame:
    known = conversations.filter(pl.col("customer_id").is_not_null()).sort("started_at", "conversation_id")
    counted = known.rolling("started_at", period=_RECENT, closed="left", group_by="customer_id").agg(
        n_contacts_before=pl.len()
    )
    # Contacts of one customer at one moment have the same past.
    past = counted.unique(["customer_id", "started_at"])
    return (
        known.select("conversation_id", "customer_id", "started_at")
        .join(past, on=["customer_id", "started_at"], how="left", validate="m:1")
        .select("conversation_id", "n_contacts_before")
    )
