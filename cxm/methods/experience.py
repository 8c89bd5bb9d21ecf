"""What customers went through with us lately, as covariates that change over their time as customers.

A contact counts from the day after it ended, so no covariate of a day knows of what came later that day or
after it. What is known of a single conversation stands in `contact_facts`; covariates that do not change
come from `customers`; models of the risk stand in `tenure_risk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cxm.methods.contact_facts import TOLD, with_told
from cxm.methods.covariates import Shown, gap_of
from cxm.methods.observation import days_between

_REPEAT_DAYS = 7.0
_KEYS = ("customer_id", "day")


def contact_days(
    conversations: pl.LazyFrame, told: pl.DataFrame | None, customers: pl.DataFrame, until: datetime
) -> pl.DataFrame:
    """Contacts of customers with a known `joined_at` that ended by `until`, sorted by customer and day.

    `customer_id`, `day` (whole days of tenure, the day after it ended), `is_unresolved`, `is_repeat` (began
    within seven days of the end of the one before), `handle_minutes`, and what `told` (`conversation_id`
    and any of `TOLD`, see `contact_facts`) says of it, null where unknown.
    """
    ended = pl.coalesce("ended_at", "started_at")
    found = (
        conversations.filter(ended <= until)
        .select("conversation_id", "customer_id", "started_at", "is_resolved", "handle_seconds", end=ended)
        .join(customers.lazy().select("customer_id", "joined_at"), "customer_id", "inner", validate="m:1")
        .filter(pl.col("joined_at").is_not_null())
        .collect()
        .sort("customer_id", "end", "conversation_id")
    )
    found = with_told(found, told)
    since = days_between(pl.col("end").shift(1).over("customer_id"), pl.col("started_at"))
    return found.select(
        "customer_id",
        day=(days_between(pl.col("joined_at"), pl.col("end")).floor() + 1).clip(lower_bound=0),
        is_unresolved=(~pl.col("is_resolved")).fill_null(False),
        is_repeat=(since <= _REPEAT_DAYS).fill_null(False),
        handle_minutes=pl.col("handle_seconds").fill_null(0.0) / 60,
        **{name: pl.col(name) for name in TOLD},
    )


def experience_terms(window: int) -> tuple[str, ...]:
    """The experiences that are yes or no, each with a hazard ratio of its own."""
    last = "last_conversation_ended_badly"
    return (f"unresolved_contact_{window}_days", f"repeat_contact_{window}_days", last)


def experience_amounts(window: int) -> tuple[str, ...]:
    """The experiences that are amounts (log scale): they help to predict, and blur what a single one does."""
    return f"contacts_{window}_days", f"handle_minutes_{window}_days"


def experience_told(window: int) -> tuple[str, ...]:
    """What other tasks found of the contacts: it is used where it helps to predict."""
    names = ("contradiction_met", "last_answer_quality", "last_driver")
    return tuple(f"{name}_{window}_days" for name in names)


def experience_gaps(window: int) -> tuple[str, ...]:
    """The terms that say that contacts were not recorded yet.

    Not for a risk: such a term tells the first months of the records from those before, so that whatever
    happened to the rate of leaving then would be foretold for good.
    """
    names = (*experience_terms(window), *experience_amounts(window), *experience_told(window))
    return tuple(gap_of(name) for name in names)


def shown_experience(rows: pl.DataFrame, window: int) -> Shown:
    """The rows with amounts as counts and minutes again; minutes are told together with their contacts."""
    n_contacts, n_minutes = experience_amounts(window)
    logs = [name for name in (n_contacts, n_minutes) if name in rows.columns]
    return Shown(rows.with_columns(pl.col(logs).exp() - 1), {n_minutes: n_contacts})


def add_experience(
    rows: pl.DataFrame, contacts: pl.DataFrame, begins: pl.DataFrame, window: int
) -> pl.DataFrame:
    """`rows` (`customer_id`, `day` of tenure) in their order with what was known of each at that day.

    Contacts and minutes of handling in the last `window` days (as logs), whether one was unresolved, a
    repeat, or met a contradiction; of the last one in it the driver and how well it was answered; and
    whether the last one ever ended badly. `begins`: `customer_id`, `known_from`, the day of tenure
    since when contacts are recorded; null before it, and where it is not known.
    """
    unresolved, repeat, badly_ended = experience_terms(window)
    n_contacts, n_minutes = experience_amounts(window)
    contradiction, quality, driver = experience_told(window)
    counted = contacts.select(
        *_KEYS,
        n=pl.int_range(1, pl.len() + 1).over("customer_id"),
        n_unresolved=pl.col("is_unresolved").cum_sum().over("customer_id"),
        n_repeat=pl.col("is_repeat").cum_sum().over("customer_id"),
        minutes=pl.col("handle_minutes").cum_sum().over("customer_id"),
        n_contradictions=pl.col("met_contradiction").fill_null(False).cum_sum().over("customer_id"),
        last_day="day",
        answer_quality="answer_quality",
        driver="driver",
        ends_badly=pl.col("ends_badly").forward_fill().over("customer_id"),
    )
    sums = ("n", "n_unresolved", "n_repeat", "minutes", "n_contradictions")
    numbered = rows.select(*_KEYS, row=pl.int_range(pl.len())).with_columns(pl.col("day").cast(pl.Float64))
    now = _as_of(numbered, counted)
    then = _as_of(numbered.with_columns(day=pl.col("day") - window), counted)
    recent = {name: (now[name].fill_null(0) - then[name].fill_null(0)) for name in sums}
    is_told = {name: contacts[name].null_count() < contacts.height for name in TOLD}
    badly = now["ends_badly"].fill_null(False) if is_told["ends_badly"] else now["ends_badly"]
    is_recent = (now["last_day"] > now["day"] - window).fill_null(False)
    last = now.select(
        pl.when(is_recent).then(pl.col(name)).alias(name) for name in ("answer_quality", "driver")
    )
    n_contradictions = recent["n_contradictions"] if is_told["met_contradiction"] else None
    states = pl.DataFrame(
        {
            n_contacts: recent["n"].cast(pl.Float64).log1p(),
            n_minutes: recent["minutes"].clip(lower_bound=0).log1p(),
            unresolved: recent["n_unresolved"] > 0,
            repeat: recent["n_repeat"] > 0,
            badly_ended: badly,
            contradiction: pl.Series([None] * rows.height, dtype=pl.Boolean)
            if n_contradictions is None
            else n_contradictions > 0,
            quality: last["answer_quality"],
            driver: last["driver"],
        }
    )
    known_from = rows.select("customer_id").join(
        begins, "customer_id", "left", validate="m:1", maintain_order="left"
    )["known_from"]
    is_known = (rows["day"].cast(pl.Float64) >= known_from).fill_null(False)
    nothing = pl.lit(None)
    states = states.select(
        pl.when(is_known).then(pl.col(c)).otherwise(nothing).alias(c) for c in states.columns
    )
    given = {c: f"{c} (given)" for c in states.columns if c in rows.columns}
    return pl.concat([rows.rename(given), states], how="horizontal")


def _as_of(rows: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """For each of `rows`, in the order of `row`, the latest of `counted` up to its day."""
    latest = counted.group_by(_KEYS, maintain_order=True).last()
    return (
        rows.sort("day")
        .join_asof(latest.sort("day"), on="day", by="customer_id", check_sortedness=False)
        .sort("row")
    )


def contacts_known_from(conversations: pl.LazyFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, `known_from`: the day of tenure since when `conversations` are recorded, 0 at least."""
    begin = conversations.select(pl.col("started_at").min()).collect().item()
    day = days_between(pl.col("joined_at"), pl.lit(begin, dtype=pl.Datetime("us", "UTC"))).floor()
    return customers.select("customer_id", known_from=day.clip(lower_bound=0))


def split_spells(
    labels: pl.DataFrame, contacts: pl.DataFrame, begins: pl.DataFrame, window: int
) -> pl.DataFrame:
    """`labels` with a row for each stretch in which no experience changes, and the experience in it.

    `entry_days` and `duration_days` become those of the stretch; who left did so in the last one.
    """
    spans = labels.select(
        "customer_id", entry=pl.col("entry_days").fill_null(0.0).cast(pl.Float64), exit="duration_days"
    )
    cuts = pl.concat(
        [
            spans.select("customer_id", day=pl.col("entry").floor()),
            contacts.select(*_KEYS),
            contacts.select("customer_id", day=pl.col("day") + window),
            begins.select("customer_id", day="known_from"),
        ]
    )
    stretches = (
        cuts.drop_nulls()
        .unique()
        .join(spans, "customer_id", "inner", validate="m:1")
        .filter((pl.col("day") >= pl.col("entry").floor()) & (pl.col("day") < pl.col("exit")))
        .sort(_KEYS)
        .with_columns(until=pl.col("day").shift(-1).over("customer_id"))
        .select(*_KEYS, "until")
    )
    # Who has no stretch (an exit at entry) keeps the row as it was.
    joined = labels.join(stretches, "customer_id", "left", validate="1:m", maintain_order="left")
    rows = joined.with_columns(
        is_churned=pl.col("is_churned") & pl.col("until").is_null(),
        duration_days=pl.coalesce("until", "duration_days"),
        entry_days=pl.max_horizontal(pl.coalesce("day", pl.lit(0.0)), pl.col("entry_days").fill_null(0.0)),
        day=pl.coalesce("day", pl.col("entry_days").fill_null(0.0)),
    ).drop("until")
    return add_experience(rows, contacts, begins, window).drop("day")


# ------------------------------------------------------------------ together


@dataclass(frozen=True)
class Experience:
    """Contacts up to a moment, since when they are recorded, and for how many days one counts."""

    contacts: pl.DataFrame
    begins: pl.DataFrame
    window: int

    def split(self, labels: pl.DataFrame) -> pl.DataFrame:
        """Labels with a row for each stretch in which no experience changes (`split_spells`)."""
        return split_spells(labels, self.contacts, self.begins, self.window)

    def at(self, rows: pl.DataFrame, tenure: pl.Series) -> pl.DataFrame:
        """Rows of customers with their experience at their `tenure` in days."""
        timed = rows.with_columns(day=tenure.floor())
        return add_experience(timed, self.contacts, self.begins, self.window).drop("day")


def experience_of(
    conversations: pl.LazyFrame,
    told: pl.DataFrame | None,
    customers: pl.DataFrame,
    until: datetime,
    window: int,
) -> Experience:
    """The experience of customers from conversations that ended by `until`, and what is `told` of them."""
    contacts = contact_days(conversations, told, customers, until)
    return Experience(contacts, contacts_known_from(conversations, customers), window)
