"""How customers felt: shares of turns, their course over the weeks, the lowest points."""

from __future__ import annotations

from typing import Any

import polars as pl

from cxm.tables.gold import POLARITIES
from reports import words
from reports.figures import BLUE, GREY, ORANGE, Figure, draw_parts
from reports.sections.satisfaction import satisfaction_grid, say_satisfaction
from reports.sections.section import Evidence, Grid, Story, say_score

_COLOURS = dict(zip(POLARITIES, (ORANGE, GREY, BLUE), strict=True))
_MOST_WEEKS = 26
_LOWEST = 8
_LEAST_COURSE = 0.05
# A score below this much under 0 is plainly negative.
_STRONG = 0.3
_ABOUT = {"driver": "reason for contact", "agent": "agent", "product": "product"}


def tell(evidence: Evidence) -> Story:
    """Shares of negative and positive turns in the week, and how conversations end."""
    shares = _shares_by_week(evidence)
    now = (
        shares.filter(pl.col("label") == (evidence.period or "all")) if evidence.weeks is not None else shares
    )
    n = int(now["n"].sum())
    when = f" in {evidence.period}" if evidence.weeks is not None else ""
    if not n:
        return Story(f"No customer's turn to judge{when}.")
    part = {row["part"]: row["value"] for row in now.iter_rows(named=True)}
    finding = (
        f"Of {words.plural(n, 'customer turn')}{when}, {words.percent(part.get('negative', 0), n)} "
        f"are negative and {words.percent(part.get('positive', 0), n)} positive."
    )
    for said in (_say_course(evidence), _say_other_language(evidence), say_satisfaction(evidence)):
        finding += f" {said}" if said else ""
    grids = (*_lowest_points(evidence), *_about(evidence), *satisfaction_grid(evidence))
    quality = say_score(evidence, "The polarity is right for", "accuracy", "labelled turns")
    return Story(finding, _draw(shares), grids, quality=quality)


def _shares_by_week(evidence: Evidence) -> pl.DataFrame:
    """label (week, or `all`), part (polarity), n, value of customers' turns."""
    turns = evidence.result("turn_sentiment")
    if turns is None:
        return pl.DataFrame(
            schema={"label": pl.String, "part": pl.String, "n": pl.Int64, "value": pl.Float64}
        )
    speakers = evidence.table("turns")
    if speakers is not None:
        customers = speakers.filter(pl.col("speaker") == "customer").select("conversation_id", "turn_index")
        turns = turns.join(customers, on=["conversation_id", "turn_index"], how="semi")
    if evidence.weeks is None:
        turns = turns.with_columns(period=pl.lit("all"))
    else:
        turns = turns.join(evidence.weeks, on="conversation_id", how="inner", validate="m:1")
    return (
        turns.group_by(label="period", part="polarity")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(value=pl.col("n") / pl.col("n").sum().over("label"))
        .sort("label", "part")
        .collect()
    )


def _say_course(evidence: Evidence) -> str:
    courses = evidence.result("conversation_sentiment")
    if courses is None:
        return ""
    change = pl.col("end_score") - pl.col("start_score")
    row = evidence.in_period(courses).select(n=pl.len(), mean=change.mean()).collect().row(0, named=True)
    if not row["n"] or abs(row["mean"]) < _LEAST_COURSE:
        return ""
    better = "better" if row["mean"] > 0 else "worse"
    mean = words.signed(row["mean"], 2)
    return f"On average a conversation ends {better} than it begins ({mean} on a scale from −1 to 1)."


def _say_other_language(evidence: Evidence) -> str:
    turns = evidence.result("turn_sentiment")
    if turns is None or "is_other_language" not in turns.collect_schema():
        return ""
    n = evidence.in_period(turns).filter(pl.col("is_other_language")).select(pl.len()).collect().item()
    if not n:
        return ""
    are = words.verb(n, "is", "are")
    return f"{words.plural(n, 'turn')} in another language {are} counted as neutral: not judged."


def _about(evidence: Evidence) -> tuple[Grid, ...]:
    """What the strongest feeling of the period's conversations is about."""
    courses = evidence.result("conversation_sentiment")
    if courses is None or "aspect" not in courses.collect_schema():
        return ()
    ends_badly = (pl.col("end_score") < -_STRONG).mean()
    found = (
        evidence.in_period(courses)
        .filter(pl.col("aspect").is_not_null())
        .group_by("aspect")
        .agg(n=pl.len(), end=pl.col("end_score").mean(), bad=ends_badly)
        .sort(["n", "aspect"], descending=[True, False])
        .collect()
    )
    total = int(found["n"].sum())
    rows = [
        (
            words.sentence_case(_ABOUT.get(row["aspect"], words.readable(row["aspect"]))),
            words.integer(row["n"]),
            words.percent(row["n"] / total, total),
            words.signed(row["end"], 2),
            words.percent(row["bad"], row["n"]),
        )
        for row in found.iter_rows(named=True)
    ]
    header = ("About", "Conversations", "Share", "Score at the end", "End in bad temper")
    title = "What the strongest feeling is about"
    grid = Grid(title, header, rows, "conversation_sentiment.parquet", len(rows), (1, 2, 3, 4))
    return (grid,) if rows else ()


def _draw(shares: pl.DataFrame) -> tuple[Figure, ...]:
    weeks = shares["label"].unique().sort().to_list()[-_MOST_WEEKS:]
    rows: list[dict[str, Any]] = [row for row in shares.iter_rows(named=True) if row["label"] in weeks]
    if len(weeks) > 1:
        caption = "Polarity of customers' turns, week by week."
        return (draw_parts("sentiment", rows, _COLOURS, "share of turns", caption, is_vertical=True),)
    caption = "Polarity of customers' turns."
    rows = [{**row, "label": f"{words.integer(int(shares['n'].sum()))} turns"} for row in rows]
    return (draw_parts("sentiment", rows, _COLOURS, "share of turns", caption),)


def _lowest_points(evidence: Evidence) -> tuple[Grid, ...]:
    courses, turns = evidence.result("conversation_sentiment"), evidence.table("turns")
    if courses is None or turns is None:
        return ()
    chosen = evidence.in_period(courses)
    n_rows = chosen.select(pl.len()).collect().item()
    lowest = chosen.sort("lowest_score", "conversation_id").head(_LOWEST)
    quoted = lowest.join(
        turns.select("conversation_id", "turn_index", "text"),
        left_on=["conversation_id", "lowest_turn_index"],
        right_on=["conversation_id", "turn_index"],
        how="left",
        validate="1:1",
        maintain_order="left",
    ).collect()
    rows = [
        (
            words.key(row["conversation_id"]),
            words.excerpt(row["text"] or "", 200),
            words.decimal(row["lowest_score"]),
            words.decimal(row["end_score"]),
        )
        for row in quoted.iter_rows(named=True)
    ]
    header = ("Conversation", "Lowest turn", "Lowest score", "Score at the end")
    title = "Conversations with the lowest points"
    return (Grid(title, header, rows, "conversation_sentiment.parquet", n_rows, numeric=(2, 3), narrow=(0,)),)
