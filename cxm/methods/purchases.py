"""What is known of customers' purchases (and contacts) at a moment, and what they bought after it.

A purchase is a transaction whose amount is not negative; refunds count in the money only. Models on
these features stand in `repeat_purchase`; recency, frequency and monetary as segments in `rfm`.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from cxm.methods.alive import fit_bg_nbd, repeat_table
from cxm.methods.contact_facts import with_told
from cxm.methods.covariates import Shown
from cxm.methods.observation import days_between, just_beyond
from cxm.methods.rfm import total_amount

_RATE_DAYS = 60.0
_WINDOWS = (30, 90, 180)
_FADES = (30, 90)
CONTACT_COUNTS = tuple(
    f"{name}_last_90_days"
    for name in ("contacts", "unresolved", "bad_endings", "contradictions", "handle_minutes")
)
# Features on the scale log(1 + |x|), and those on that of log x.
_SHIFTED_LOGS = (
    *("frequency", "recency_days", "tenure_days", "monetary", "mean_amount", "mean_gap", "gap_spread"),
    *("longest_gap", "last_gap", "last_amount", "largest_amount", "amount_spread"),
    *(f"purchases_last_{days}_days" for days in _WINDOWS),
    *(f"purchases_faded_{days}_days" for days in _FADES),
    *CONTACT_COUNTS,
)
_PLAIN_LOGS = ("purchase_rate", "recency_to_own_gap", "bg_nbd_expected_purchases")
# The feature each matter is told by, and the further ones that say nearly the same.
_OF_ONE_MATTER = {
    "recency_days": ("recency_to_own_gap", "expected_purchases_since", "bg_nbd_alive"),
    "frequency": (
        *("purchase_rate", "is_single_purchase", "bg_nbd_expected_purchases"),
        *(f"purchases_last_{days}_days" for days in _WINDOWS),
        *(f"purchases_faded_{days}_days" for days in _FADES),
    ),
    "monetary": ("mean_amount", "last_amount", "largest_amount", "amount_spread"),
    "mean_gap": ("gap_spread", "longest_gap", "last_gap"),
    CONTACT_COUNTS[0]: CONTACT_COUNTS[4:],
}


def _log(values: pl.Expr) -> pl.Expr:
    """log(1 + |x|) with the sign of x: long tails drawn in, refunds stay negative."""
    return values.sign() * values.abs().log1p()


def shown_features(features: pl.DataFrame) -> Shown:
    """The features as days, counts and money again; those of one matter are told together."""
    shifted = [name for name in _SHIFTED_LOGS if name in features.columns]
    plain = [name for name in _PLAIN_LOGS if name in features.columns]
    values = features.with_columns(
        pl.col(shifted).sign() * (pl.col(shifted).abs().exp() - 1), pl.col(plain).exp()
    )
    return Shown(values, {name: leading for leading, names in _OF_ONE_MATTER.items() for name in names})


def span(transactions: pl.LazyFrame) -> tuple[datetime | None, datetime | None]:
    """The first and the last `occurred_at`; None of each where there is no transaction."""
    moment = pl.col("occurred_at")
    return transactions.select(moment.min().alias("first"), moment.max().alias("last")).collect().row(0)


def purchase_features(
    transactions: pl.LazyFrame,
    at: datetime,
    customers: pl.DataFrame | None = None,
    conversations: pl.LazyFrame | None = None,
    told: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row a customer with a transaction by `at`, sorted by id: rhythm of buying, contacts, covariates.

    `told` is what is known of each conversation (`contact_facts`); it counts from the conversation's end.

    Customers who joined by `at` and bought nothing so far follow with `has_bought` false and nulls.
    Counts, days and sums are on log scale; `frequency` counts days with a purchase. Nothing after `at`
    is read.
    """
    ago = days_between(pl.col("occurred_at"), pl.lit(at))
    is_bought = pl.col("amount") >= 0
    raw = (
        transactions.filter(pl.col("occurred_at") <= at)
        .with_columns(ago=ago)
        .group_by("customer_id")
        .agg(
            recency=pl.col("ago").filter(is_bought).min(),
            tenure=pl.col("ago").filter(is_bought).max(),
            n=pl.col("occurred_at").filter(is_bought).dt.date().n_unique(),
            monetary=total_amount(),
            **{f"n_{days}": (is_bought & (pl.col("ago") < days)).sum() for days in _WINDOWS},
        )
        .collect()
        .sort("customer_id")
    )
    rate = pl.col("n") / (pl.col("tenure") + _RATE_DAYS)
    gap = (pl.col("tenure") - pl.col("recency") + 30) / pl.col("n")
    has_bought = pl.col("n") > 0
    features = raw.select(
        "customer_id",
        has_bought=has_bought,
        frequency=pl.when(has_bought).then(_log(pl.col("n"))),
        recency_days=_log(pl.col("recency")),
        tenure_days=_log(pl.col("tenure")),
        monetary=_log(pl.col("monetary")),
        mean_amount=pl.when(has_bought).then(_log(pl.col("monetary") / pl.col("n"))),
        purchase_rate=pl.when(has_bought).then(rate.log()),
        expected_purchases_since=pl.col("recency") * rate,
        recency_to_own_gap=pl.when(has_bought).then(pl.col("recency").log1p() - gap.log()),
        is_single_purchase=pl.col("n") == 1,
        **{f"purchases_last_{days}_days": _log(pl.col(f"n_{days}").cast(pl.Float64)) for days in _WINDOWS},
    )
    features = features.join(purchase_rhythm(transactions, at), "customer_id", "left", validate="1:1")
    if conversations is not None:
        contacts = _contacts(conversations, told, at)
        features = features.join(contacts, "customer_id", "left", validate="1:1")
        # Before any contact was recorded nothing is known of contacts; afterwards nobody's is none.
        if contacts.height:
            counts = [name for name in CONTACT_COUNTS if contacts[name].null_count() < contacts.height]
            features = features.with_columns(pl.col(counts).fill_null(0))
    if customers is not None:
        by_then = customers.filter(pl.col("joined_at") <= at).select("customer_id")
        new = by_then.join(features, "customer_id", "anti").with_columns(has_bought=pl.lit(False))
        features = pl.concat([features, new], how="diagonal")
        own = [
            c
            for c in customers.columns
            if c != "joined_at" and (c == "customer_id" or c not in features.columns)
        ]
        features = features.join(customers.select(own), "customer_id", "left", validate="1:1")
    return features.sort("customer_id")


def of_everyone(features: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """The features of all `customers` in their order; who is new has not bought, and nulls."""
    joined = customers.select("customer_id").join(
        features, "customer_id", "left", validate="1:1", maintain_order="left"
    )
    return joined.with_columns(pl.col("has_bought").fill_null(False))


def purchase_rhythm(transactions: pl.LazyFrame, at: datetime) -> pl.DataFrame:
    """The rhythm of each customer's days with a purchase up to `at`, on log scale; null where there is none.

    Gaps between them (mean, spread, longest, last), amounts of a day (last, largest, spread), and counts
    that fade with a half-life of one and of three months. Beside them BG/NBD: the purchases it expects in
    90 days and whether the customer is still there.
    """
    bought = (
        transactions.filter((pl.col("occurred_at") <= at) & (pl.col("amount") >= 0))
        .with_columns(ago=days_between(pl.col("occurred_at"), pl.lit(at)))
        .select("customer_id", "ago", "amount")
        .collect()
    )
    days = (
        bought.group_by("customer_id", day=pl.col("ago").floor())
        .agg(amount=total_amount())
        .sort("customer_id", "day")
    )
    gap, amount = pl.col("day").diff().drop_nulls(), pl.col("amount")
    rhythm = days.group_by("customer_id", maintain_order=True).agg(
        mean_gap=gap.mean().log1p(),
        gap_spread=gap.std().log1p(),
        longest_gap=gap.max().log1p(),
        last_gap=gap.first().log1p(),
        last_amount=amount.first().log1p(),
        largest_amount=amount.max().log1p(),
        amount_spread=amount.std().log1p(),
        **{f"purchases_faded_{d}_days": (0.5 ** (pl.col("day") / d)).sum().log1p() for d in _FADES},
    )
    table = repeat_table(bought)
    x, t_x, t = (table[name].to_numpy() for name in ("x", "t_x", "t"))
    model = fit_bg_nbd(x, t_x, t)
    alive = model.alive(x, t_x, t) if model else [None] * table.height
    expected = np.log(model.expected_purchases(x, t_x, t, 90.0) + 1e-3) if model else [None] * table.height
    stands = table.select(
        "customer_id",
        bg_nbd_alive=pl.Series(alive, dtype=pl.Float64),
        bg_nbd_expected_purchases=pl.Series(expected, dtype=pl.Float64),
    )
    return rhythm.join(stands, "customer_id", "left", validate="1:1", maintain_order="left")


def _contacts(conversations: pl.LazyFrame, told: pl.DataFrame | None, at: datetime) -> pl.DataFrame:
    """Contacts that ended in the 90 days before `at`, of who had any: `CONTACT_COUNTS` on log scale, then
    the driver of the last one and how well it was answered.
    """
    ended = pl.coalesce("ended_at", "started_at")
    ago = days_between(ended, pl.lit(at))
    recent = (
        conversations.filter(pl.col("customer_id").is_not_null() & (ago >= 0) & (ago < 90))
        .select("conversation_id", "customer_id", "is_resolved", "handle_seconds", end=ended)
        .collect()
        .sort("customer_id", "end", "conversation_id")
    )
    numbers = {
        "contacts": pl.len(),
        "unresolved": (~pl.col("is_resolved")).sum(),
        "bad_endings": _count("ends_badly"),
        "contradictions": _count("met_contradiction"),
        "handle_minutes": pl.col("handle_seconds").sum() / 60,
    }
    return (
        with_told(recent, told)
        .group_by("customer_id", maintain_order=True)
        .agg(
            **{f"{name}_last_90_days": n.cast(pl.Float64).log1p() for name, n in numbers.items()},
            last_answer_quality_90_days=pl.col("answer_quality").last(),
            last_driver_90_days=pl.col("driver").last(),
        )
    )


def _count(flag: str) -> pl.Expr:
    """How often a flag is set; null where it is never known."""
    return pl.when(pl.col(flag).is_not_null().any()).then(pl.col(flag).sum())


def next_purchase(transactions: pl.LazyFrame, start: datetime, n_days: float) -> pl.DataFrame:
    """Who bought within `n_days` after `start`, and after how many `days` first."""
    days = days_between(pl.lit(start), pl.col("occurred_at"))
    return (
        transactions.filter((pl.col("amount") >= 0) & (days > 0) & (days <= n_days))
        .group_by("customer_id")
        .agg(days=days.min())
        .collect()
        .sort("customer_id")
    )


def count_purchases(transactions: pl.LazyFrame, start: datetime, n_days: float) -> pl.DataFrame:
    """`customer_id`, `n`: days with a purchase within `n_days` after `start`, of who has any."""
    days = days_between(pl.lit(start), pl.col("occurred_at"))
    bought = transactions.filter((pl.col("amount") >= 0) & (days > 0) & (days <= n_days))
    return bought.group_by("customer_id").agg(n=days.floor().n_unique()).collect().sort("customer_id")


def follow_purchases(transactions: pl.LazyFrame, start: datetime, n_days: float) -> pl.DataFrame:
    """Every customer with a transaction by `start`, and when they next bought within `n_days`.

    The event is the purchase: `has_bought`, after `duration_days`; just beyond the window without one.
    """
    known = transactions.filter(pl.col("occurred_at") <= start).select("customer_id").unique().collect()
    joined = known.join(next_purchase(transactions, start, n_days), "customer_id", "left", validate="1:1")
    return joined.sort("customer_id").select(
        "customer_id",
        has_bought=pl.col("days").is_not_null(),
        duration_days=pl.col("days").fill_null(just_beyond(n_days)),
    )


def daily_spend(transactions: pl.LazyFrame, at: datetime, n_days: float = 365.0) -> pl.DataFrame:
    """Net spend a day of each customer with a transaction by `at`: `customer_id`, `daily_spend` >= 0.

    Over the last `n_days`, or since the first transaction where that is later, 30 days at least. Null
    where the amounts are in more than one currency: they cannot be added.
    """
    ago = days_between(pl.col("occurred_at"), pl.lit(at))
    seen = transactions.filter(pl.col("occurred_at") <= at).with_columns(ago=ago)
    n_currencies = seen.select(pl.col("currency").drop_nulls().n_unique()).collect().item()
    spend = total_amount(pl.col("ago") < n_days).clip(lower_bound=0)
    exposure = pl.col("ago").max().clip(30, n_days)
    return (
        seen.group_by("customer_id")
        .agg(daily_spend=spend / exposure if n_currencies <= 1 else pl.lit(None, dtype=pl.Float64))
        .collect()
        .sort("customer_id")
    )
