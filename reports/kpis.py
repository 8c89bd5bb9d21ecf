"""The key figures: each declared once, with its definition and what it needs.

Add a figure as one `Kpi` here. How a figure is computed and read is in `kpi`, intervals are in
`intervals`, rows that take work to make in `contacts`; limits on a figure belong in `monitors`.
"""

from __future__ import annotations

import polars as pl

from cxm.workspace import Workspace
from reports import periods
from reports.contacts import NEGATIVE_END
from reports.intervals import Z, rate_of_each, share_of_counts
from reports.kpi import Base, KeyFigures, Kpi, mean_of, quantile_of, read_all, share_of

MAIN_HORIZON_DAYS = 90


def compute_kpis(workspace: Workspace, period: str | None) -> KeyFigures:
    """Every key figure the tables allow, for each week up to `period`."""
    return read_all(KPIS, Base(workspace, period))


def main_horizon(horizons: list[int]) -> int:
    """The horizon risks are reported for: 90 days, else the one nearest to it."""
    return min(horizons, key=lambda days: (abs(days - MAIN_HORIZON_DAYS), days))


def currency_of(workspace: Workspace) -> str | None:
    """The one currency of the transactions; None if it is unknown or mixed."""
    if not workspace.has("transactions"):
        return None
    codes = workspace.read("transactions").select(pl.col("currency").drop_nulls().unique()).collect()
    return str(codes.item(0, 0)) if codes.height == 1 else None


# ------------------------------------------------------------------ figures with their own way


def _count_contacts(base: Base) -> pl.DataFrame:
    rows = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64))
    counts = rate_of_each(rows.with_columns(exposure=pl.lit(1.0)))
    return counts.with_columns(n=pl.col("value").cast(pl.Int32))


def _rate_of_contacts(base: Base) -> pl.DataFrame:
    contacts = base.contacts.group_by("period").agg(events=pl.len().cast(pl.Float64)).collect()
    joined = base.workspace.read("customers").select("joined_at").collect()["joined_at"]
    dates = joined.drop_nulls().sort()
    ends = pl.Series([periods.end_of(week) for week in contacts["period"]], dtype=dates.dtype)
    customers = dates.search_sorted(ends, side="left").cast(pl.Float64) + joined.null_count()
    return rate_of_each(contacts.with_columns(exposure=customers).lazy())


def _share_in_gaps(base: Base) -> pl.DataFrame:
    gaps = base.workspace.read("knowledge_gaps").select("n_conversations", "n_queries").sum().collect()
    hits, n = 0, 0
    for table, column in (("turns", "n_conversations"), ("queries", "n_queries")):
        if base.workspace.has(table):
            source = "conversations" if table == "turns" and base.workspace.has("conversations") else table
            key = "query_id" if table == "queries" else "conversation_id"
            hits += gaps[column].item()
            n += base.workspace.read(source).select(pl.col(key).n_unique()).collect().item()
    row = {"period": [base.period], "hits": [min(hits, n)], "n": [n]}
    return share_of_counts(pl.LazyFrame(row, schema={"period": pl.String, "hits": pl.Int64, "n": pl.Int64}))


def _risks(base: Base, column: str) -> pl.Series:
    risk = base.workspace.read("churn_risk").select("horizon_days", column).collect()
    horizon = main_horizon(risk["horizon_days"].unique().to_list() or [MAIN_HORIZON_DAYS])
    return risk.filter(pl.col("horizon_days") == horizon)[column].drop_nulls()


def _mean_risk(base: Base) -> pl.DataFrame:
    return _over_customers(base, _risks(base, "probability"), is_total=False)


def _value_at_risk(base: Base) -> pl.DataFrame:
    return _over_customers(base, _risks(base, "value_at_risk"), is_total=True)


def _over_customers(base: Base, values: pl.Series, is_total: bool) -> pl.DataFrame:
    n = values.len()
    array = values.to_numpy()
    factor = n if is_total else 1
    low = high = None
    if n > 1:
        half = Z * float(array.std(ddof=1)) / n**0.5
        low, high = (array.mean() - half) * factor, (array.mean() + half) * factor
    return base.whole(float(array.mean()) * factor if n else None, low, high, n)


_C = "conversations"
_WEEK = "Conversations that started in the ISO week (UTC)."
_ALL = "The whole base, as of the latest data."
_STARTED = f"{_C}.started_at"
_RETURNED = pl.col("returned_in_72_hours")
_IS_CONTAINED = pl.when(_RETURNED.is_not_null(), pl.col("is_bot_only").is_not_null()).then(
    pl.col("is_bot_only") & ~_RETURNED
)

KPIS: tuple[Kpi, ...] = (
    Kpi(
        "contacts",
        "Contacts",
        "count",
        None,
        "Number of conversations that started in the week. Its interval is what chance alone makes of it.",
        _WEEK,
        (_STARTED,),
        _count_contacts,
    ),
    Kpi(
        "contact_rate",
        "Contacts per customer",
        "rate",
        "low",
        "Conversations of the week over customers who had joined by its end (all, where no date is known).",
        _WEEK,
        (_STARTED, "customers"),
        _rate_of_contacts,
    ),
    Kpi(
        "csat",
        "Satisfied customers (CSAT)",
        "share",
        "high",
        "Share of 4 and 5 among answered satisfaction surveys (1-5).",
        _WEEK,
        (f"{_C}.csat",),
        share_of(pl.when(pl.col("csat").is_not_null()).then(pl.col("csat") >= 4)),
    ),
    Kpi(
        "csat_response_share",
        "Survey response",
        "share",
        "high",
        "Share of conversations whose satisfaction survey was answered.",
        _WEEK,
        (f"{_C}.csat",),
        share_of(pl.col("csat").is_not_null()),
    ),
    Kpi(
        "nps",
        "Net promoter score",
        "points",
        "high",
        "Percentage of 9-10 less percentage of 0-6 among answered surveys (0-10); -100 to 100.",
        _WEEK,
        (f"{_C}.nps",),
        mean_of(
            pl.when(pl.col("nps") >= 9)
            .then(100.0)
            .when(pl.col("nps") <= 6)
            .then(-100.0)
            .when(pl.col("nps").is_not_null())
            .then(0.0),
            -100,
            100,
        ),
    ),
    Kpi(
        "ces",
        "Customer effort score",
        "score",
        "high",
        "Mean ease of getting help as surveyed, 1 (hard) to 7 (easy).",
        _WEEK,
        (f"{_C}.ces",),
        mean_of(pl.col("ces"), 1, 7),
    ),
    Kpi(
        "resolution_share",
        "Resolved",
        "share",
        "high",
        "Share of conversations marked as resolved, among those with a mark.",
        _WEEK,
        (f"{_C}.is_resolved",),
        share_of(pl.col("is_resolved")),
    ),
    Kpi(
        "first_contact_resolution",
        "First-contact resolution",
        "share",
        "high",
        "Share of conversations after which the customer did not contact us again within 7 days; "
        "contacts younger than 7 days are left out.",
        _WEEK,
        (f"{_C}.customer_id",),
        share_of(~pl.col("returned_in_7_days")),
    ),
    Kpi(
        "repeat_contact_share",
        "Repeat contacts",
        "share",
        "low",
        "Share of conversations whose customer had contacted us in the 7 days before; the first 7 days "
        "of the data are left out.",
        _WEEK,
        (f"{_C}.customer_id",),
        share_of(pl.col("is_repeat")),
    ),
    Kpi(
        "handle_seconds_mean",
        "Handle time, mean",
        "seconds",
        "low",
        "Mean of talk, hold and after-contact work together.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        mean_of(pl.col("handle_seconds")),
    ),
    Kpi(
        "handle_seconds_median",
        "Handle time, median",
        "seconds",
        "low",
        "Half of the conversations took no longer.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        quantile_of(pl.col("handle_seconds"), 0.5),
    ),
    Kpi(
        "handle_seconds_p90",
        "Handle time, 90th percentile",
        "seconds",
        "low",
        "Nine of ten conversations took no longer.",
        _WEEK,
        (f"{_C}.handle_seconds",),
        quantile_of(pl.col("handle_seconds"), 0.9),
    ),
    Kpi(
        "wait_seconds_mean",
        "Wait, mean",
        "seconds",
        "low",
        "Mean wait until someone answered.",
        _WEEK,
        (f"{_C}.wait_seconds",),
        mean_of(pl.col("wait_seconds")),
    ),
    Kpi(
        "wait_seconds_median",
        "Wait, median",
        "seconds",
        "low",
        "Half of the conversations were answered no later.",
        _WEEK,
        (f"{_C}.wait_seconds",),
        quantile_of(pl.col("wait_seconds"), 0.5),
    ),
    Kpi(
        "abandonment_share",
        "Abandoned",
        "share",
        "low",
        "Share of conversations the customer gave up before an answer.",
        _WEEK,
        (f"{_C}.is_abandoned",),
        share_of(pl.col("is_abandoned")),
    ),
    Kpi(
        "transfer_share",
        "Transferred",
        "share",
        "low",
        "Share of conversations handed to another agent or queue.",
        _WEEK,
        (f"{_C}.is_transferred",),
        share_of(pl.col("is_transferred")),
    ),
    Kpi(
        "bot_containment_share",
        "Contained by the bot",
        "share",
        "high",
        "Share of conversations in which no human took part and after which the customer did not return "
        "within 72 hours; younger contacts and those without a customer are left out.",
        _WEEK,
        (f"{_C}.is_bot_only", f"{_C}.customer_id"),
        share_of(_IS_CONTAINED),
    ),
    Kpi(
        "negative_ending_share",
        "Ended badly",
        "share",
        "low",
        f"Share of conversations whose last customer turns score below {NEGATIVE_END} "
        "(-1 negative to 1 positive).",
        _WEEK,
        (_STARTED, "conversation_sentiment"),
        share_of(pl.col("end_score") < NEGATIVE_END),
    ),
    Kpi(
        "quality_score",
        "Quality score",
        "share",
        "high",
        "Mean over conversations of the weighted share of yes among the criteria that apply; "
        "0 where a critical criterion is answered no. Answers are the task's, not a reviewer's.",
        _WEEK,
        (_STARTED, "quality_answers", "scorecard"),
        mean_of(pl.col("quality_score"), 0, 1),
    ),
    Kpi(
        "critical_error_share",
        "Critical errors",
        "share",
        "low",
        "Share of conversations with a critical criterion answered no.",
        _WEEK,
        (_STARTED, "quality_answers", "scorecard"),
        share_of(pl.col("has_critical_error")),
    ),
    Kpi(
        "knowledge_gap_share",
        "Not answered by the knowledge base",
        "share",
        "low",
        "Share of conversations and queries that lie in a knowledge gap.",
        _ALL,
        ("knowledge_gaps",),
        _share_in_gaps,
    ),
    Kpi(
        "churn_risk_mean",
        "Mean churn risk",
        "share",
        "low",
        f"Mean probability of leaving within {MAIN_HORIZON_DAYS} days (or the horizon nearest to it).",
        _ALL,
        ("churn_risk",),
        _mean_risk,
    ),
    Kpi(
        "value_at_risk",
        "Value at risk",
        "currency",
        "low",
        "Sum over customers of the probability of leaving times the spend expected over the horizon.",
        _ALL,
        ("churn_risk",),
        _value_at_risk,
    ),
)
