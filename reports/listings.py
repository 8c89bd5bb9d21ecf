"""From a figure to its conversations: for every aggregate the list it was counted from, worst first.

A list belongs here if a figure on the page is counted over conversations. What is in a conversation
is in `transcripts`, which of them fit into the page is decided there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from cxm.workspace import Workspace
from reports import words
from reports.base_figures import main_horizon
from reports.kpi import KeyFigures, Kpi

_MOST_EACH = 8
_MOST_LISTS = 15
_STATUSES = {
    "no_article": "no article answers",
    "needs_information": "customer must tell more",
    "failed": "failed",
}


@dataclass(frozen=True)
class Listing:
    """The conversations behind one figure of a section.

    `label` is what the figure is called in the section's tables; `ids` are the first of `n_total`, in
    the order `order` says; `file` holds all. A label that `is_id` of a row is never masked.
    """

    section: str
    label: str
    ids: tuple[str, ...]
    n_total: int
    order: str
    file: str
    is_id: bool = False


def list_conversations(
    workspace: Workspace, figures: KeyFigures, period: str | None, sections: Iterable[str]
) -> list[Listing]:
    """The lists of the key figures and of the sections shown; none without conversations in a week."""
    if figures.contacts is None or period is None:
        return []
    week = figures.contacts.filter(pl.col("period") == period).sort("started_at", "conversation_id")
    lists = list(_of_figures(figures, figures.contacts, week, period))
    for section, (table, make) in _SECTIONS.items():
        if section in sections and workspace.has(table):
            lists += list(make(workspace, week))[:_MOST_LISTS]
    return [listing for listing in lists if listing.ids]


def _of_figures(
    figures: KeyFigures, contacts: pl.DataFrame, week: pl.DataFrame, period: str
) -> Iterator[Listing]:
    for reading in figures.readings:
        kpi = reading.kpi
        if kpi.measure is None or kpi.better is None:
            continue
        shown = week if reading.period == period else contacts.filter(pl.col("period") == reading.period)
        rows = shown.select("conversation_id", value=kpi.measure.cast(pl.Float64)).drop_nulls()
        if _is_yes_or_no(kpi, rows):
            rows = rows.filter(pl.col("value") == (0.0 if kpi.better == "high" else 1.0))
            order = "that count against it"
        else:
            is_low_bad = kpi.better == "high"
            rows = rows.sort("value", "conversation_id", descending=[not is_low_bad, False])
            order = "lowest first" if is_low_bad else "highest first"
        yield _listing("kpis", kpi.label, rows["conversation_id"], order, "conversations.parquet")


def _is_yes_or_no(kpi: Kpi, rows: pl.DataFrame) -> bool:
    return kpi.unit == "share" and rows["value"].is_in([0.0, 1.0]).all()


def _of_drivers(_: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    counts = (
        week.drop_nulls("driver").group_by("driver").len().sort(["len", "driver"], descending=[True, False])
    )
    for driver in counts["driver"].head(_MOST_LISTS):
        ids = week.filter(pl.col("driver") == driver)["conversation_id"]
        yield _listing(
            "intent_prediction", words.readable(driver), ids, "in order of time", "predicted_intents.parquet"
        )


def _of_criteria(workspace: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    failed = (
        workspace.read("quality_answers")
        .filter(pl.col("answer") == "no")
        .join(week.lazy().select("conversation_id"), on="conversation_id", how="semi")
        .sort(pl.col("probability").neg(), "conversation_id")
        .collect()
    )
    for criterion in failed["criterion"].unique().sort():
        ids = failed.filter(pl.col("criterion") == criterion)["conversation_id"]
        label = words.readable(criterion)
        yield _listing(
            "quality_adherence", label, ids, "answered no, surest first", "quality_answers.parquet"
        )


def _of_feelings(workspace: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    lowest = (
        workspace.read("conversation_sentiment")
        .join(week.lazy().select("conversation_id"), on="conversation_id", how="semi")
        .sort("lowest_score", "conversation_id")
        .collect()
    )
    ids = lowest["conversation_id"]
    yield _listing("sentiment", "Lowest points", ids, "lowest first", "conversation_sentiment.parquet")


def _of_gaps(workspace: Workspace, _: pl.DataFrame) -> Iterator[Listing]:
    size = pl.col("n_conversations") + pl.col("n_queries")
    gaps = workspace.read("knowledge_gaps").sort(size.neg(), "gap_id").head(_MOST_LISTS).collect()
    known = workspace.read("conversations").select("conversation_id")
    for row in gaps.iter_rows(named=True):
        examples = pl.LazyFrame(
            {"conversation_id": row["example_ids"]}, schema={"conversation_id": pl.String}
        )
        ids = examples.join(known, on="conversation_id", how="semi", maintain_order="left").collect()
        listing = _listing(
            "article_search",
            words.excerpt(row["name"], 80),
            ids["conversation_id"],
            "examples",
            "knowledge_gaps.parquet",
        )
        yield Listing(
            listing.section, listing.label, listing.ids, row["n_conversations"], listing.order, listing.file
        )


def _of_replies(workspace: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    replies = (
        workspace.read("prepared_replies")
        .select("conversation_id", "turn_index", "status")
        .join(week.lazy().select("conversation_id"), on="conversation_id", how="semi")
        .sort("conversation_id", "turn_index")
        .collect()
    )
    for status, label in _STATUSES.items():
        ids = replies.filter(pl.col("status") == status)["conversation_id"].unique(maintain_order=True)
        yield _listing("multi_turn_rag", label, ids, "in order of their ids", "prepared_replies.parquet")


def _of_customers(workspace: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    """The conversations of the customers with the most at risk, latest first."""
    risk = workspace.read("churn_risk").collect()
    if risk.is_empty() or "customer_id" not in week.columns:
        return
    risk = risk.filter(pl.col("horizon_days") == main_horizon(risk["horizon_days"].unique().to_list()))
    first = "value_at_risk" if risk["value_at_risk"].null_count() < risk.height else "probability"
    order = [pl.col(first).neg(), pl.col("probability").neg(), "customer_id"]
    talks = workspace.read("conversations").select("customer_id", "conversation_id", "started_at").collect()
    for customer in risk.sort(order, nulls_last=True)["customer_id"].head(10):
        mine = talks.filter(pl.col("customer_id") == customer).sort(
            ["started_at", "conversation_id"], descending=[True, False]
        )
        ids, key = mine["conversation_id"], words.key(customer)
        listing = _listing("churn_survival", key, ids, "latest first", "conversations.parquet")
        yield replace(listing, is_id=True)


def _of_segments(workspace: Workspace, week: pl.DataFrame) -> Iterator[Listing]:
    """The week's conversations of the customers of each segment, largest segment first."""
    if "customer_id" not in week.columns:
        return
    segments = workspace.read("customer_segments").select("customer_id", "segment").collect()
    talks = week.join(segments, on="customer_id", how="inner", validate="m:1", maintain_order="left")
    sizes = segments.group_by("segment").len().sort(["len", "segment"], descending=[True, False])
    for segment in sizes["segment"]:
        ids = talks.filter(pl.col("segment") == segment)["conversation_id"]
        yield _listing(
            "segmentation", words.readable(segment), ids, "in order of time", "customer_segments.parquet"
        )


def _listing(section: str, label: str, ids: pl.Series, order: str, file: str) -> Listing:
    return Listing(section, label, tuple(ids.head(_MOST_EACH)), ids.len(), order, file)


_SECTIONS = {
    "intent_prediction": ("predicted_intents", _of_drivers),
    "article_search": ("knowledge_gaps", _of_gaps),
    "quality_adherence": ("quality_answers", _of_criteria),
    "multi_turn_rag": ("prepared_replies", _of_replies),
    "sentiment": ("conversation_sentiment", _of_feelings),
    "churn_survival": ("churn_risk", _of_customers),
    "segmentation": ("customer_segments", _of_segments),
}
