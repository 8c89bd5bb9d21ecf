"""How well agents meet the scorecard: each criterion's answers, and conversations that fail one."""

from __future__ import annotations

from typing import Any

import polars as pl

from cxm.tables.gold import ANSWERS
from reports import words
from reports.figures import BLUE, GREY, ORANGE, Figure, draw_parts
from reports.intervals import share_of_counts
from reports.sections.section import MOST_ROWS, Evidence, Grid, Story, say_score

_COLOURS = dict(zip(ANSWERS, (BLUE, ORANGE, GREY), strict=True))
_READABLE = {answer: words.readable(answer) for answer in ANSWERS}
_FEWEST = 10
_MOST_FAILED = 6


def tell(evidence: Evidence) -> Story:
    """The criterion met least often, the share of yes of each, and examples of a no."""
    criteria = _count_answers(evidence)
    judged = [row for row in criteria if row["n"] >= _FEWEST] or [row for row in criteria if row["n"]]
    if not judged:
        return Story("No criterion applied to a conversation.")
    worst = judged[0]
    yes, n = sum(row["hits"] for row in criteria), sum(row["n"] for row in criteria)
    finding = (
        f"{words.percent(yes / n, n)} of {words.plural(n, 'applicable question')} are answered yes. "
        f"Met least: “{words.excerpt(worst['question'], 140)}” "
        f"({words.percent(worst['value'])} of {words.plural(worst['n'], 'conversation')})."
    )
    quality = say_score(evidence, "Answers agree with the reviewer for", "question_accuracy", "questions")
    return Story(finding, _draw(criteria), (_grid(criteria), *_failed(evidence)), quality=quality)


def _count_answers(evidence: Evidence) -> list[dict[str, Any]]:
    """One row a criterion of the scorecard with counts of answers, least met first."""
    answers, scorecard = evidence.result("quality_answers"), evidence.table("scorecard")
    if answers is None or scorecard is None:
        return []
    counts = (
        evidence.in_period(answers)
        .group_by("criterion")
        .agg(**{answer: (pl.col("answer") == answer).sum().cast(pl.Int64) for answer in ANSWERS})
    )
    rows = scorecard.join(counts, on="criterion", how="inner", validate="1:1").with_columns(
        hits=pl.col("yes"), n=pl.col("yes") + pl.col("no")
    )
    shares = share_of_counts(rows.select("hits", "n", period="criterion")).rename({"period": "criterion"})
    return (
        rows.collect()
        .join(shares.drop("n"), on="criterion", how="left", validate="1:1")
        .sort("value", "criterion", nulls_last=True)
        .to_dicts()
    )


def _draw(criteria: list[dict[str, Any]]) -> tuple[Figure, ...]:
    rows = []
    for row in criteria[:MOST_ROWS]:
        total = row["n"] + row["not_applicable"]
        label = words.readable(row["criterion"])
        rows += [{"label": label, "part": _READABLE[a], "value": row[a] / total} for a in ANSWERS]
    colours = {_READABLE[answer]: colour for answer, colour in _COLOURS.items()}
    more = f" The {MOST_ROWS} met least are shown." if len(criteria) > MOST_ROWS else ""
    caption = f"Answers to each criterion, least met first.{more}"
    return (draw_parts("quality", rows, colours, "share of conversations", caption),)


def _grid(criteria: list[dict[str, Any]]) -> Grid:
    rows = []
    for row in criteria[:MOST_ROWS]:
        share, ends = "–", "–"
        if row["value"] is not None:
            share = words.percent(row["value"])
            ends = f"{words.percent(row['low'])} to {words.percent(row['high'])}"
        question = words.excerpt(row["question"], 160) + (" (critical)" if row["is_critical"] else "")
        weight = words.decimal(row["weight"])
        rows.append(
            (words.readable(row["criterion"]), question, weight, share, ends, words.integer(row["n"]))
        )
    header = ("Criterion", "Question", "Weight", "Yes", "95 % interval", "Applicable")
    return Grid("Criteria", header, rows, "quality_answers.parquet", len(criteria), numeric=(2, 3, 4, 5))


def _failed(evidence: Evidence) -> tuple[Grid, ...]:
    answers = evidence.result("quality_answers")
    if answers is None:
        return ()
    failed = evidence.in_period(answers).filter(pl.col("answer") == "no")
    n_rows = failed.select(pl.len()).collect().item()
    order = [pl.col("probability").neg(), "conversation_id", "criterion"]
    shown = failed.sort(order).head(_MOST_FAILED).collect()
    if shown.is_empty():
        return ()
    rows = [
        (
            words.key(row["conversation_id"]),
            words.readable(row["criterion"]),
            words.excerpt(row["explanation"], 200),
            ", ".join(str(turn) for turn in row["evidence_turns"] or []) or "–",
            words.percent(row["probability"]),
        )
        for row in shown.iter_rows(named=True)
    ]
    header = ("Conversation", "Criterion", "Why", "Evidence turns", "Confidence")
    title = "Where the answer is no, surest first"
    return (Grid(title, header, rows, "quality_answers.parquet", n_rows, numeric=(4,), narrow=(0,)),)
