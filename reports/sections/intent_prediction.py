"""Why customers contacted us in the week, beside the week before; what moved is in `reports.changes`."""

from __future__ import annotations

from typing import Any

import polars as pl

from cxm.methods.label_amounts import ALL_LABELS, FEW, FEW_LABELS, FINE_TUNED, NO_LABELS
from reports import words
from reports.figures import Figure, draw_bars
from reports.periods import week_before
from reports.sections.section import MOST_ROWS, Evidence, Grid, Story, say_score

NONE_OF_THESE = "none of these"
_EXAMPLES = 3
_CLEARLY = 0.5  # strength from which a conversation is clearly of a discovered reason
# Models compared, from what they were told by, in the order of what that costs.
_AMOUNTS = {
    NO_LABELS: "Names and descriptions of the reasons",
    FEW_LABELS: f"At most {FEW} labels a reason",
    ALL_LABELS: "All labels",
    FINE_TUNED: "All labels, encoder fine-tuned on them",
}
_CATCH_ALL = {NONE_OF_THESE, "other", "others", "unknown", "misc", "miscellaneous"}


def tell(evidence: Evidence) -> Story:
    """The most common reasons, and their share against the week before."""
    drivers = _count_drivers(evidence)
    total = sum(row["n"] for row in drivers)
    when = f" in {evidence.period}" if evidence.weeks is not None else ""
    if not total:
        return Story(f"No conversation to find a reason for{when}.")
    named = [row for row in drivers if row["label"].casefold() not in _CATCH_ALL]
    first = (named or drivers)[0]
    finding = (
        f"The most common reason for contact{when} is “{first['label']}” "
        f"({words.percent(first['value'], total)}, {words.integer(first['n'])} of "
        f"{words.plural(total, 'conversation')})."
    )
    others = [row for row in drivers if row["label"].casefold() in _CATCH_ALL]
    if others and named:
        share = words.percent(sum(row["n"] for row in others) / total, total)
        finding += f" {share} have none of the known reasons ({_listed(others)})."
    finding += _say_weak(evidence)
    quality = say_score(evidence, "The reason is right for", "accuracy", "labelled conversations")
    grids = (_grid(drivers), *_discovered(evidence, drivers), *_amounts(evidence), *_overlaps(evidence))
    return Story(finding, _draw(drivers, when), grids, quality=quality)


def _listed(drivers: list[dict[str, Any]]) -> str:
    return words.listed([f"“{row['label']}”" for row in drivers])


def _count_drivers(evidence: Evidence) -> list[dict[str, Any]]:
    """label, n, value (share), probability, previous, previous_n of each reason, most common first."""
    results = evidence.result("predicted_intents")
    if results is None:
        return []
    is_none = pl.col("is_abstained")
    best = results.filter(pl.col("rank") == 1).with_columns(
        label=pl.when(is_none).then(pl.lit(NONE_OF_THESE)).otherwise(pl.col("intent"))
    )
    if evidence.weeks is None:
        now, before = _shares(best), None
    else:
        dated = best.join(evidence.weeks, on="conversation_id", how="inner", validate="m:1")
        now = _shares(dated.filter(pl.col("period") == evidence.period))
        before = _shares(dated.filter(pl.col("period") == week_before(str(evidence.period))))
    past = {row["label"]: row for row in before.iter_rows(named=True)} if before is not None else {}
    n_before = sum(row["n"] for row in past.values())
    rows = []
    for row in now.iter_rows(named=True):
        n_past = past[row["label"]]["n"] if row["label"] in past else 0
        previous = n_past / n_before if n_before else None
        label = words.readable(row["label"])
        rows.append({**row, "label": label, "previous": previous, "n_past": n_past, "n_before": n_before})
    return rows


def _shares(best: pl.LazyFrame) -> pl.DataFrame:
    return (
        best.group_by("label", maintain_order=True)
        .agg(n=pl.len(), probability=pl.col("probability").mean())
        .with_columns(value=pl.col("n") / pl.col("n").sum())
        .sort(["n", "label"], descending=[True, False])
        .collect()
    )


def _draw(drivers: list[dict[str, Any]], when: str) -> tuple[Figure, ...]:
    rows = [
        {
            "label": row["label"],
            "value": row["value"],
            "previous": row["previous"],
            "text": f"{words.percent(row['value'])}  ({words.integer(row['n'])})",
        }
        for row in drivers[:MOST_ROWS]
    ]
    caption = f"Share of conversations by reason for contact{when}."
    figure = draw_bars("intents", rows, "share of conversations", caption, previous="the week before")
    return (figure,)


def _grid(drivers: list[dict[str, Any]]) -> Grid:
    rows = []
    for row in drivers[:MOST_ROWS]:
        total = row["n"] / row["value"]
        previous, change = "–", "–"
        if row["previous"] is not None:
            previous = words.percent(row["previous"], row["n_before"])
            change = words.points(row["value"] - row["previous"])
        share, sure = words.percent(row["value"], round(total)), words.percent(row["probability"])
        rows.append((row["label"], words.integer(row["n"]), share, previous, change, sure))
    header = ("Reason", "Conversations", "Share", "Week before", "Change", "Mean confidence")
    file = "predicted_intents.parquet"
    return Grid("Reasons for contact", header, rows, file, len(drivers), numeric=(1, 2, 3, 4, 5))


def _say_weak(evidence: Evidence) -> str:
    """Where reasons were discovered: how many conversations are not clearly of the nearest."""
    found = evidence.result("discovered_drivers")
    if found is None:
        return ""
    strengths = evidence.in_period(found).select("strength").collect()["strength"]
    if not len(strengths):
        return ""
    weak = words.percent(int((strengths < _CLEARLY).sum()) / len(strengths), len(strengths))
    return (
        f" The reasons were discovered, nobody named them; {weak} of conversations lie between several "
        "and count for the nearest."
    )


def _discovered(evidence: Evidence, drivers: list[dict[str, Any]]) -> tuple[Grid, ...]:
    """The words that tell the week's commonest discovered reasons from the others."""
    taxonomy = evidence.result("discovered_taxonomy")
    if taxonomy is None:
        return ()
    said = {words.readable(row["intent"]): row for row in taxonomy.collect().iter_rows(named=True)}
    rows = [
        (row["label"], words.readable(said[row["label"]]["parent"] or "–"), said[row["label"]]["description"])
        for row in drivers[:MOST_ROWS]
        if row["label"] in said
    ]
    header = ("Reason", "Group", "Words that set it apart")
    return (Grid("Discovered reasons", header, rows, "discovered_taxonomy.parquet", len(said)),)


def _amounts(evidence: Evidence) -> tuple[Grid, ...]:
    """How often the reason is right with no, few and all labels, and by an encoder fine-tuned on them."""
    compared = evidence.result("model_comparison")
    if compared is None:
        return ()
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in compared.filter(task=evidence.task.name).collect().iter_rows(named=True):
        found.setdefault(row["model"], {})[row["metric"]] = row
    rows = []
    for model, said in _AMOUNTS.items():
        if model not in found:
            continue
        right, of_model = found[model]["accuracy"], found[model]
        interval = f" ({words.percent(right['low'])} to {words.percent(right['high'])})"
        used = ""
        if "is_used" in of_model:
            used = " (in use)" if of_model["is_used"]["value"] else " (no clear gain, not in use)"
        n_labels, n = words.integer(of_model["n_labels"]["value"]), words.integer(right["n"])
        rows.append((said + used, n_labels, words.percent(right["value"]) + interval, n))
    header = ("Told by", "Labels learned from", "Right", "Judged on")
    title = "What labels are worth, on labelled conversations held out"
    return (Grid(title, header, rows, "model_comparison", len(rows), numeric=(1, 2, 3)),) if rows else ()


def _overlaps(evidence: Evidence) -> tuple[Grid, ...]:
    """The reasons that labelled conversations were mistaken for, most often confused first."""
    found = evidence.result("intent_overlaps")
    pairs = found.collect() if found is not None else None
    if pairs is None or not pairs.height:
        return ()
    rows = [
        (
            words.readable(row["left_intent"]),
            words.readable(row["right_intent"]),
            words.percent(row["confusion_share"]),
            words.decimal(row["similarity"]),
            ", ".join(row["example_ids"][:_EXAMPLES]),
        )
        for row in pairs.head(MOST_ROWS).iter_rows(named=True)
    ]
    header = ("Reason", "Taken for", "Confused", "Likeness of descriptions", "Examples")
    title = "Reasons that are easily confused"
    file = "intent_overlaps.parquet"
    return (Grid(title, header, rows, file, pairs.height, numeric=(2, 3), ids=(4,)),)
