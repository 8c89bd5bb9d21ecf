"""The key figures: each declared once, with its definition and what it needs.

Add a figure as one `Kpi` here. How a figure is computed and read is in `kpi`, what is not counted
conversation by conversation in `base_figures`, intervals are in `intervals`, rows that take work to
make in `contacts`; limits on a figure belong in `monitors`.
"""

from __future__ import annotations

import polars as pl

from cxm.workspace import Workspace
from reports.base_figures import (
    MAIN_HORIZON_DAYS,
    count_contacts,
    currency_of,
    main_horizon,
    mean_risk,
    rate_of_contacts,
    share_in_gaps,
    value_at_risk,
)
from reports.contacts import NEGATIVE_END
from reports.kpi import Base, KeyFigures, Kpi, mean_of, quantile_of, read_all, share_of

__all__ = ["KPIS", "compute_kpis", "currency_of", "main_horizon"]


def compute_kpis(workspace: Workspace, period: str | None) -> KeyFigures:
    """Every key figure the tables allow, for each week up to `period`."""
    return read_all(KPIS, Base(workspace, period))


_C = "conversations"
_WEEK = "Conversations that started in the ISO week, Monday to Sunday"
_WEEK_OLD = f"{_WEEK}; those younger than 7 days when the data ends are left out"
_ALL = "The whole base, as of the latest data"
_STARTED = f"{_C}.started_at"
_EACH = "Conversations of the week"
_CSAT, _NPS, _CES = pl.col("csat"), pl.col("nps"), pl.col("ces")
_HANDLE = pl.col("handle_seconds")
_LIVE = pl.col("channel").is_in(["voice", "chat"])
_IS_ANSWERED = ~pl.col("is_abandoned").fill_null(False)
_WAIT = pl.when(_LIVE & _IS_ANSWERED).then(pl.col("wait_seconds"))
_FIRST_REPLY = pl.when(~_LIVE & _IS_ANSWERED).then(pl.col("wait_seconds"))
_RETURNED = pl.col("returned_in_72_hours")
_IS_CONTAINED = pl.when(_RETURNED.is_not_null(), pl.col("is_bot_only").is_not_null()).then(
    pl.col("is_bot_only") & ~_RETURNED
)
_PROMOTES = pl.when(_NPS >= 9).then(100.0).when(_NPS <= 6).then(-100.0).when(_NPS.is_not_null()).then(0.0)
_QUALITY = (_STARTED, "quality_answers", "scorecard")
_ANSWERS = "Answers are the task's, not a reviewer's."

_HANDLE_FIGURES = tuple(
    Kpi(
        f"handle_seconds_{name}",
        f"Handle time, {label}",
        "seconds",
        "low",
        definition=definition,
        numerator=numerator,
        denominator="Conversations with a handle time",
        window=_WEEK,
        needs=(f"{_C}.handle_seconds",),
        compute=compute,
        topic="handle",
    )
    for name, label, definition, numerator, compute in (
        (
            "mean",
            "mean",
            "Mean of talk, hold and after-contact work together.",
            "Sum of handle time",
            mean_of(_HANDLE),
        ),
        (
            "median",
            "median",
            "Half of the conversations took no longer.",
            "The middle handle time",
            quantile_of(_HANDLE, 0.5),
        ),
        (
            "p90",
            "90th percentile",
            "Nine of ten conversations took no longer.",
            "The handle time nine of ten do not exceed",
            quantile_of(_HANDLE, 0.9),
        ),
    )
)
_WAIT_FIGURES = tuple(
    Kpi(
        f"wait_seconds_{name}",
        f"Speed of answer, {name}",
        "seconds",
        "low",
        definition=definition,
        numerator=numerator,
        denominator="Answered voice and chat conversations",
        window=_WEEK,
        needs=(f"{_C}.wait_seconds",),
        compute=compute,
        topic="wait",
    )
    for name, definition, numerator, compute in (
        (
            "mean",
            "Mean wait until someone answered by voice or chat; abandoned ones are left out.",
            "Sum of waits",
            mean_of(_WAIT),
        ),
        (
            "median",
            "Half of the answered voice and chat conversations waited no longer.",
            "The middle wait",
            quantile_of(_WAIT, 0.5),
        ),
    )
)
_ERROR_FIGURES = tuple(
    Kpi(
        f"{name}_error_share",
        f"{label} errors",
        "share",
        "low",
        definition=f"Share of conversations with a criterion that is {what} answered no. {_ANSWERS}",
        numerator=f"Conversations with a {label.casefold()} criterion answered no",
        denominator="Conversations with a criterion that applies",
        window=_WEEK,
        needs=_QUALITY,
        compute=share_of(pl.col(f"n_{name}_errors") > 0),
        topic=label.casefold(),
    )
    for name, label, what in (
        ("critical", "Critical", "critical"),
        ("noncritical", "Non-critical", "not critical"),
    )
)

KPIS: tuple[Kpi, ...] = (
    Kpi(
        "contacts",
        "Contacts",
        "count",
        None,
        definition="Number of conversations that started in the week. "
        "Its interval is what chance alone makes of it.",
        numerator="Conversations",
        denominator="None: a count",
        window=_WEEK,
        needs=(_STARTED,),
        compute=count_contacts,
        topic="volume",
    ),
    Kpi(
        "contact_rate",
        "Contacts per customer",
        "rate",
        "low",
        definition="Conversations of the week over customers.",
        numerator="Conversations",
        denominator="Customers who had joined by the end of the week (all, where no date is known)",
        window=_WEEK,
        needs=(_STARTED, "customers"),
        compute=rate_of_contacts,
        topic="volume",
    ),
    Kpi(
        "csat",
        "Satisfied customers (CSAT)",
        "share",
        "high",
        definition="Share of 4 and 5 among answered satisfaction surveys (1-5).",
        numerator="Surveys answered 4 or 5",
        denominator="Answered satisfaction surveys",
        window=_WEEK,
        needs=(f"{_C}.csat",),
        compute=share_of(pl.when(_CSAT.is_not_null()).then(_CSAT >= 4)),
        topic="csat",
    ),
    Kpi(
        "csat_response_share",
        "Survey response",
        "share",
        "high",
        definition="Share of conversations whose satisfaction survey was answered.",
        numerator="Answered satisfaction surveys",
        denominator=_EACH,
        window=_WEEK,
        needs=(f"{_C}.csat",),
        compute=share_of(_CSAT.is_not_null()),
        topic="response",
    ),
    Kpi(
        "nps",
        "Net promoter score",
        "points",
        "high",
        definition="Percentage of 9-10 less percentage of 0-6 among answered surveys (0-10); -100 to 100.",
        numerator="Surveys answered 9 or 10, less those answered 0 to 6",
        denominator="Answered recommendation surveys",
        window=_WEEK,
        needs=(f"{_C}.nps",),
        compute=mean_of(_PROMOTES, -100, 100),
        topic="nps",
    ),
    Kpi(
        "ces",
        "Customer effort score",
        "score",
        "high",
        definition="Mean ease of getting help as surveyed, 1 (hard) to 7 (easy).",
        numerator="Sum of answers",
        denominator="Answered effort surveys",
        window=_WEEK,
        needs=(f"{_C}.ces",),
        compute=mean_of(_CES, 1, 7),
        topic="ces",
    ),
    Kpi(
        "resolution_share",
        "Resolved",
        "share",
        "high",
        definition="Share of conversations marked as resolved, among those with a mark.",
        numerator="Conversations marked as resolved",
        denominator="Conversations with a mark",
        window=_WEEK,
        needs=(f"{_C}.is_resolved",),
        compute=share_of(pl.col("is_resolved")),
        topic="resolution",
    ),
    Kpi(
        "first_contact_resolution",
        "First-contact resolution",
        "share",
        "high",
        definition="Share of conversations without a further contact of the customer on the same "
        "driver (any driver, where none are known) within 7 days; contacts younger than 7 days are left out.",
        numerator="Conversations with no further contact of the customer on the same driver within 7 days",
        denominator="Conversations of a known customer, at least 7 days old",
        window=_WEEK_OLD,
        needs=(f"{_C}.customer_id",),
        compute=share_of(~pl.col("returned_in_7_days")),
        topic="return",
        may_lag=True,
    ),
    Kpi(
        "repeat_contact_share",
        "Repeat contacts",
        "share",
        "low",
        definition="Share of conversations whose customer had contacted us, about anything, in "
        "the 7 days before; the first 7 days of the data are left out.",
        numerator="Conversations of a customer who had contacted us in the 7 days before",
        denominator="Conversations of a known customer",
        window=_WEEK,
        needs=(f"{_C}.customer_id",),
        compute=share_of(pl.col("is_repeat")),
        topic="repeat",
    ),
    *_HANDLE_FIGURES,
    *_WAIT_FIGURES,
    Kpi(
        "first_reply_seconds_median",
        "First reply in writing, median",
        "seconds",
        "low",
        definition="Half of the e-mails, messages and posts had their first reply no later.",
        numerator="The middle wait",
        denominator="Answered conversations by e-mail, messaging and social media",
        window=_WEEK,
        needs=(f"{_C}.wait_seconds",),
        compute=quantile_of(_FIRST_REPLY, 0.5),
        topic="first reply",
    ),
    Kpi(
        "abandonment_share",
        "Abandoned",
        "share",
        "low",
        definition="Share of conversations the customer gave up before an answer.",
        numerator="Conversations given up before an answer",
        denominator="Conversations with a mark",
        window=_WEEK,
        needs=(f"{_C}.is_abandoned",),
        compute=share_of(pl.col("is_abandoned")),
        topic="abandonment",
    ),
    Kpi(
        "transfer_share",
        "Transferred",
        "share",
        "low",
        definition="Share of conversations handed to another agent or queue.",
        numerator="Conversations handed on",
        denominator="Conversations with a mark",
        window=_WEEK,
        needs=(f"{_C}.is_transferred",),
        compute=share_of(pl.col("is_transferred")),
        topic="transfer",
    ),
    Kpi(
        "bot_containment_share",
        "Contained by the bot",
        "share",
        "high",
        definition="Share of conversations in which no human took part and after which the customer did "
        "not return within 72 hours; younger contacts and those without a customer are left out.",
        numerator="Conversations without a human and without a return within 72 hours",
        denominator="Conversations of a known customer, at least 72 hours old",
        window=_WEEK,
        needs=(f"{_C}.is_bot_only", f"{_C}.customer_id"),
        compute=share_of(_IS_CONTAINED),
        topic="containment",
    ),
    Kpi(
        "negative_ending_share",
        "Ended badly",
        "share",
        "low",
        definition=f"Share of conversations whose last customer turns score below {NEGATIVE_END} "
        "(-1 negative to 1 positive).",
        numerator=f"Conversations with an end score below {NEGATIVE_END}",
        denominator="Conversations with a scored customer turn",
        window=_WEEK,
        needs=(_STARTED, "conversation_sentiment"),
        compute=share_of(pl.col("end_score") < NEGATIVE_END),
        topic="ending",
    ),
    Kpi(
        "quality_score",
        "Quality score",
        "share",
        "high",
        definition=f"Mean over conversations of the weighted share of yes among the criteria that apply; "
        f"0 where a critical criterion is answered no. {_ANSWERS}",
        numerator="Sum of the scores of conversations",
        denominator="Conversations to which a criterion with a weight applies",
        window=_WEEK,
        needs=_QUALITY,
        compute=mean_of(pl.col("quality_score"), 0, 1),
        topic="quality",
    ),
    *_ERROR_FIGURES,
    Kpi(
        "knowledge_gap_share",
        "Not answered by the knowledge base",
        "share",
        "low",
        definition="Share of conversations and queries that lie in a knowledge gap.",
        numerator="Conversations and queries in a gap",
        denominator="All conversations and queries",
        window=_ALL,
        needs=("knowledge_gaps",),
        compute=share_in_gaps,
        topic="gaps",
    ),
    Kpi(
        "churn_risk_mean",
        "Mean churn risk",
        "share",
        "low",
        definition=f"Mean probability of leaving within {MAIN_HORIZON_DAYS} days "
        "(or the horizon nearest to it).",
        numerator="Sum of the probabilities",
        denominator="Customers with a risk",
        window=_ALL,
        needs=("churn_risk",),
        compute=mean_risk,
        topic="churn",
    ),
    Kpi(
        "value_at_risk",
        "Value at risk",
        "currency",
        "low",
        definition="Sum over customers of the probability of leaving times the spend "
        "expected over the horizon; the interval is of what will truly leave, given these probabilities.",
        numerator="Sum of probability times expected spend",
        denominator="None: a sum over customers with a risk",
        window=_ALL,
        needs=("churn_risk",),
        compute=value_at_risk,
        topic="value",
    ),
)
