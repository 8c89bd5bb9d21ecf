"""Whether what is planted in customers' lives can be found again, over 100 worlds.

Each world is fitted as an analyst would who knows the covariates: lifelines' time-varying Cox model
on tenure in whole days, with left truncation, on intervals made from the tables and the truth about
contacts. Of 100 intervals with 95 % confidence, 90 have to hold the planted ratio: with 95 expected, fewer
come by chance once in 85 times for a term.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

import polars as pl

from benchmarks.figure import Figure
from synth.knobs import END, Knobs
from synth.lives import CustomerBlock, simulate_customers, truth_of_lives
from synth.worlds import make_setting

N_WORLDS, ENOUGH = 100, 90
_UNRESOLVED_DAYS = 60
_SIZES: dict[str, Any] = {
    "customers": 1000,
    "conversations": 4000,
    "contacts_per_year": 4.0,
    "weeks": 52,
    "information_articles": 80,
    "issue_articles": 40,
    "near_duplicates": 0,
    "copied_passages": 0,
    "no_text": True,
}
_BASE = "plan="


@dataclass(frozen=True)
class Recovered:
    """What one world gives.

    `terms`: term, planted, found, low, high; `repeats`: after, planted, n, n_repeated.
    """

    terms: pl.DataFrame
    repeats: pl.DataFrame


def recover(seed: int, **knobs: Any) -> Recovered:
    """Simulate a world without text and estimate what was planted in it."""
    setting = make_setting(Knobs(seed=seed, **(_SIZES | knobs)))
    block = simulate_customers(setting, 1, setting.knobs.customers + 1)
    truth = truth_of_lives(setting)
    planted = pl.DataFrame({"term": list(truth["hazard_ratios"]), "planted": truth["hazard_ratios"].values()})
    found = fit(intervals(block, setting.pack.plans[0].plan))
    return Recovered(
        planted.join(found, on="term", how="left", validate="1:1", maintain_order="left"),
        repeats(block, truth["repeat_chances"]),
    )


def intervals(block: CustomerBlock, reference_plan: str) -> pl.DataFrame:
    """One row for each stretch of a customer's tenure in which no covariate changes.

    `start`, `stop` in whole days of tenure (exclusive, inclusive), `event`: left at `stop`. A contact
    counts from the day after it ended.
    """
    days = pl.col("duration_days").cast(pl.Int64), pl.col("entry_days").cast(pl.Int64)
    spans = block.customers.join(block.churn_labels, on="customer_id", validate="1:1").select(
        "customer_id", "joined_at", "is_churned", last=days[0], first=days[1]
    )
    contacts = (
        block.contacts.select("customer_id", "ended_at", "is_resolved", "ends_badly")
        .join(spans, on="customer_id", validate="m:1")
        .with_columns(day=1 + (pl.col("ended_at") - pl.col("joined_at")).dt.total_days())
        .sort("customer_id", "ended_at")
    )
    unresolved = contacts.filter(~pl.col("is_resolved")).select("customer_id", "day", unresolved_day="day")
    moods = contacts.group_by("customer_id", "day", maintain_order=True).agg(pl.col("ends_badly").last())
    days_of_change = [
        spans.select("customer_id", day="first"),
        contacts.select("customer_id", "day"),
        unresolved.select("customer_id", day=pl.col("day") + _UNRESOLVED_DAYS),
    ]
    return (
        pl.concat(days_of_change)
        .unique()
        .join(spans, on="customer_id", validate="m:1")
        .filter(pl.col("day").is_between("first", "last", closed="left"))
        .sort("customer_id", "day")
        .with_columns(stop=pl.col("day").shift(-1).over("customer_id").fill_null(pl.col("last")))
        .sort("day")
        .join_asof(unresolved.sort("day"), on="day", by="customer_id", check_sortedness=False)
        .join_asof(moods.sort("day"), on="day", by="customer_id", check_sortedness=False)
        .join(block.customers.drop("joined_at"), on="customer_id", validate="m:1")
        .select(
            "customer_id",
            "stop",
            *_plan_terms(block.customers, reference_plan),
            pl.col("has_price_rise", "has_autopay").cast(pl.Float64),
            start="day",
            event=pl.col("is_churned") & (pl.col("stop") == pl.col("last")),
            age_decade=(pl.col("age") - 45) / 10,
            unresolved_contact_60_days=(pl.col("day") - pl.col("unresolved_day") < _UNRESOLVED_DAYS)
            .fill_null(value=False)
            .cast(pl.Float64),
            last_conversation_ended_badly=pl.col("ends_badly").fill_null(value=False).cast(pl.Float64),
        )
        .sort("customer_id", "start")
    )


def _plan_terms(customers: pl.DataFrame, reference: str) -> Iterator[pl.Expr]:
    for plan in sorted(set(customers["plan"]) - {reference}):
        yield (pl.col("plan") == plan).cast(pl.Float64).alias(_BASE + plan)


def fit(rows: pl.DataFrame) -> pl.DataFrame:
    """Hazard ratios with 95 % intervals: term, found, low, high."""
    from lifelines import CoxTimeVaryingFitter

    model = CoxTimeVaryingFitter()
    model.fit(rows.to_pandas(), id_col="customer_id", event_col="event", start_col="start", stop_col="stop")
    summary = model.summary
    return pl.DataFrame(
        {
            "term": list(summary.index),
            "found": summary["exp(coef)"].to_list(),
            "low": summary["exp(coef) lower 95%"].to_list(),
            "high": summary["exp(coef) upper 95%"].to_list(),
        }
    )


def repeats(block: CustomerBlock, planted: dict[str, Any]) -> pl.DataFrame:
    """Contacts that could be followed up within observation, and how many were.

    Left out are those with as many follow-ups before as there can be, and those whose customer left
    or whose observation ended before a follow-up had its time.
    """
    ends = block.customers.join(block.churn_labels, on="customer_id", validate="1:1").select(
        "customer_id", left_at=pl.col("joined_at") + pl.duration(days=pl.col("duration_days"))
    )
    followed = block.contacts["repeat_of"].drop_nulls().implode()
    seen_until = pl.col("ended_at").dt.truncate("1d") + timedelta(days=planted["within_days"] + 1)
    after = pl.when("is_misled").then(pl.lit("misled")).when("is_resolved").then(pl.lit("resolved"))
    return (
        block.contacts.join(ends, on="customer_id", validate="m:1")
        .filter(
            seen_until <= pl.min_horizontal("left_at", pl.lit(END)),
            pl.col("generation") < planted["most_follow_ups"],
        )
        .group_by(after=after.otherwise(pl.lit("unresolved")))
        .agg(n=pl.len(), n_repeated=pl.col("conversation_id").is_in(followed).sum())
        .with_columns(planted=pl.col("after").replace_strict(planted, return_dtype=pl.Float64))
        .sort("after")
    )


def run() -> list[Figure]:
    """Coverage, bias and repeat chances over the worlds of seeds 1 to 100."""
    # A forked process would share polars' locks.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = list(pool.map(recover, range(1, N_WORLDS + 1)))
    terms = pl.concat([one.terms for one in found])
    figures = []
    for (term,), rows in terms.group_by("term", maintain_order=True):
        is_inside = (rows["low"] <= rows["planted"]) & (rows["planted"] <= rows["high"])
        error = (rows["found"].log() - rows["planted"].log()).to_numpy()
        note = (
            f"planted {rows['planted'][0]:.2f}; mean log ratio off by {error.mean():+.3f} "
            f"(error {error.std(ddof=1) / math.sqrt(len(error)):.3f}, one world's {error.std(ddof=1):.2f})"
        )
        n_inside = float(is_inside.sum())
        figures.append(Figure(f"recovery: {term} inside its interval", n_inside, "", ">=", ENOUGH, note))
    return figures + _repeat_figures(pl.concat([one.repeats for one in found]))


def _repeat_figures(rows: pl.DataFrame) -> list[Figure]:
    figures = []
    sums = rows.group_by("after", maintain_order=True).agg(
        pl.col("n", "n_repeated").sum(), pl.col("planted").first()
    )
    for row in sums.sort("after").iter_rows(named=True):
        share, planted = row["n_repeated"] / row["n"], row["planted"]
        error = math.sqrt(planted * (1 - planted) / row["n"])
        note = f"repeated {share:.4f}, planted {planted:.4f}, n={row['n']:,}"
        name = f"recovery: repeats after {row['after']}, standard errors off"
        figures.append(Figure(name, abs(share - planted) / error, "", "<=", 3, note))
    return figures
