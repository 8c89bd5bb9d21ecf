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
_CALIBRATIONS = {
    "calibrated": "calibrated",
    "uncalibrated": "UNCALIBRATED",
    "too_few_labels": "too few labels",
    "one_answer": "reviewers never differ",
    "no_labels": "no labels",
}
_STANDINGS = {"below": "below", "above": "above", "not_apart": "not apart"}


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
        f"{_say_errors(evidence)}"
        f"Met least: “{words.excerpt(worst['question'], 140)}” "
        f"({words.percent(worst['value'])} of {words.plural(worst['n'], 'conversation')})."
    )
    grids = (_grid(criteria), *_trust(evidence), *_agents(evidence), *_failed(evidence))
    return Story(finding, _draw(criteria), grids, quality=_say_trust(evidence))


def _say_errors(evidence: Evidence) -> str:
    """How many conversations fail by a critical error, how many have another."""
    quality = evidence.result("conversation_quality")
    if quality is None:
        return ""
    critical, other = pl.col("n_critical_errors") > 0, pl.col("n_noncritical_errors") > 0
    scored = evidence.in_period(quality).filter(pl.col("n_applicable") > 0)
    n, failed, marred = scored.select(pl.len(), critical.sum(), (other & ~critical).sum()).collect().row(0)
    if not n:
        return ""
    return (
        f"{words.percent(failed / n, n)} of {words.plural(n, 'conversation')} fail by a critical error, "
        f"{words.percent(marred / n, n)} have non-critical errors only. "
    )


def _say_trust(evidence: Evidence) -> str:
    """How the answers agree with reviewers', and which criteria do not agree enough."""
    said = [say_score(evidence, "Answers agree with the reviewer for", "question_accuracy", "questions")]
    agreement = evidence.result("criterion_agreement")
    if agreement is not None:
        rows = agreement.sort("criterion").collect()
        doubtful = rows.filter(pl.col("calibration") == "uncalibrated")["criterion"].to_list()
        unchecked = rows.filter(pl.col("kappa").is_null()).height
        if doubtful:
            named = words.listed([words.readable(criterion) for criterion in doubtful])
            said.append(f"Uncalibrated (kappa under .4, not to be relied on): {named}.")
        if unchecked == rows.height:
            said.append(
                "There are too few reviewed answers to check the instrument: every answer is a guess."
            )
        elif unchecked:
            said.append(f"Not checked against reviewers: {words.plural(unchecked, 'criterion', 'criteria')}.")
    return " ".join(sentence for sentence in said if sentence)


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


def _trust(evidence: Evidence) -> tuple[Grid, ...]:
    """Agreement with reviewers and repeatability of each criterion, least trusted first."""
    agreement = evidence.result("criterion_agreement")
    if agreement is None:
        return ()
    rows = agreement.sort("kappa", "criterion", nulls_last=True).collect()
    cells = []
    for row in rows.head(MOST_ROWS).iter_rows(named=True):
        tested = evidence.score(f"cohen_kappa_of_{row['criterion']}")
        repeated = row["repeated_share"]
        cells.append(
            (
                words.readable(row["criterion"]),
                _CALIBRATIONS[row["calibration"]],
                _kappa(row["kappa"], row["low"], row["high"]),
                words.integer(row["n_labels"]),
                _kappa(tested["value"], tested["low"], tested["high"]) if tested else "–",
                "–" if repeated is None else words.percent(repeated, row["n_repeated"]),
            )
        )
    header = ("Criterion", "Calibration", "Kappa, held out", "Reviewed", "Kappa, test rows", "Repeatable")
    title = "How far the answers can be trusted"
    return (Grid(title, header, cells, "criterion_agreement.parquet", rows.height, (2, 3, 4, 5), (1,)),)


def _kappa(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{words.decimal(value)} ({words.decimal(low)} to {words.decimal(high)})"


def _agents(evidence: Evidence) -> tuple[Grid, ...]:
    """Agents with enough conversations, those apart from the others first; nobody is ranked."""
    agents = evidence.result("agent_quality")
    if agents is None:
        return ()
    rows = agents.collect()
    compared = rows.filter("is_compared")
    if compared.is_empty():
        return ()
    order = {"below": 0, "above": 1, "not_apart": 2}
    shown = compared.sort(pl.col("standing").replace_strict(order), "agent_id").head(MOST_ROWS)
    cells = [
        (
            words.key(row["agent_id"]),
            _STANDINGS[row["standing"]],
            _with_ends(row, "quality_score", "low", "high"),
            _with_ends(row, "critical_error_share", "critical_error_low", "critical_error_high"),
            _with_ends(row, "noncritical_error_share", "noncritical_error_low", "noncritical_error_high"),
            words.integer(row["n_conversations"]),
        )
        for row in shown.iter_rows(named=True)
    ]
    few = rows.height - compared.height
    least = evidence.manifest.get("params", {}).get("fewest_conversations", "")
    left_out = f"; {words.plural(few, 'agent')} with fewer not compared" if few else ""
    title = f"Agents with at least {least} conversations, by id, those apart from all others first{left_out}"
    header = (
        "Agent",
        "Against the others",
        "Score",
        "Critical errors",
        "Non-critical errors",
        "Conversations",
    )
    return (Grid(title, header, cells, "agent_quality.parquet", compared.height, (2, 3, 4, 5), (1,), (0,)),)


def _with_ends(row: dict[str, Any], value: str, low: str, high: str) -> str:
    return f"{words.percent(row[value])} ({words.percent(row[low])} to {words.percent(row[high])})"


def _failed(evidence: Evidence) -> tuple[Grid, ...]:
    answers = evidence.result("quality_answers")
    if answers is None:
        return ()
    failed = evidence.in_period(answers).filter(pl.col("answer") == "no")
    scorecard = evidence.table("scorecard")
    if scorecard is not None:
        critical = scorecard.select("criterion", "is_critical")
        failed = failed.join(critical, on="criterion", how="left", validate="m:1")
    n_rows = failed.select(pl.len()).collect().item()
    order: list[pl.Expr | str] = [pl.col("probability").neg(), "conversation_id", "criterion"]
    if scorecard is not None:
        order = [~pl.col("is_critical"), *order]
    shown = failed.sort(order).head(_MOST_FAILED).collect()
    if shown.is_empty():
        return ()
    rows = [
        (
            words.key(row["conversation_id"]),
            words.readable(row["criterion"]) + (" (critical)" if row.get("is_critical") else ""),
            words.excerpt(row["explanation"], 200),
            ", ".join(str(turn) for turn in row["evidence_turns"] or []) or "–",
            words.percent(row["probability"]),
        )
        for row in shown.iter_rows(named=True)
    ]
    header = ("Conversation", "Criterion", "Why", "Evidence turns", "Confidence")
    title = "Where the answer is no, critical errors and surest first"
    return (Grid(title, header, rows, "quality_answers.parquet", n_rows, numeric=(4,), narrow=(0,)),)
