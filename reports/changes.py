"""What changed since the week before: sentences made from tables by rules, the gravest first.

A rule belongs here if what it sees can be worth a line on the first screen: it returns candidates
with a p-value, whether they are significant or not, because all are judged together. How a figure is
computed is in `kpi`, what a section says beside it in `sections`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cxm.workspace import Workspace
from reports import periods, words
from reports.contacts import NO_DRIVER
from reports.driver_facts import DriverFacts
from reports.intervals import Z, share_of_counts
from reports.kpi import KeyFigures, Reading, p_of_step, usual_step

MOST_CHANGES = 7
FALSE_DISCOVERY_RATE = 0.05
_FEWEST = 20
REFERENCE_WEEKS = 8
_CATCH_ALL = {NO_DRIVER, "other", "others", "unknown", "misc", "miscellaneous"}


@dataclass(frozen=True)
class Change:
    """One candidate for the first screen.

    `topic`: of several candidates with the same topic one is told. `money` (in the currency of the
    transactions) and `n_concerned` (conversations, or as many as the change equals) say how grave
    it is; `is_worse` is None where neither way is good.
    """

    section: str
    topic: str
    text: str
    p_value: float
    is_worse: bool | None
    money: float = 0.0
    n_concerned: float = 0.0


def find_changes(
    figures: KeyFigures, workspace: Workspace, period: str | None, currency: str | None
) -> list[Change]:
    """The changes of the week that chance does not explain, gravest first; at most seven.

    Judged together (Benjamini and Hochberg 1995, false discovery rate 5 %). What got worse comes
    first, then what is neither, then what got better; within each by money, then by conversations.
    """
    if period is None:
        return []
    facts = DriverFacts(workspace, figures.contacts, period)
    candidates = [
        *_from_figures(figures.readings, facts, currency),
        *_from_drivers(workspace, period, facts),
        *_from_criteria(workspace, figures.contacts, period),
    ]
    return _first_of_topic(sorted(_judged(candidates), key=_gravity))[:MOST_CHANGES]


def _judged(candidates: Sequence[Change]) -> list[Change]:
    from scipy.stats import false_discovery_control

    if not candidates:
        return []
    adjusted = false_discovery_control([change.p_value for change in candidates])
    return [c for c, q in zip(candidates, adjusted, strict=True) if q <= FALSE_DISCOVERY_RATE]


def _gravity(change: Change) -> tuple[int, float, float, str]:
    order = {True: 0, None: 1, False: 2}[change.is_worse]
    return order, -change.money, -change.n_concerned, change.text


def _first_of_topic(changes: Sequence[Change]) -> list[Change]:
    first: dict[str, Change] = {}
    for change in changes:
        first.setdefault(change.topic, change)
    return list(first.values())


# ------------------------------------------------------------------ rules


def _from_figures(readings: Sequence[Reading], facts: DriverFacts, currency: str | None) -> list[Change]:
    found = []
    for reading in readings:
        kpi, previous, p_value = reading.kpi, reading.previous, reading.p_value
        if previous is None or p_value is None:
            continue
        step = reading.value - previous
        moved = "rose" if step > 0 else "fell"
        ends = [words.quantity(value, kpi.unit, reading.n, currency) for value in (previous, reading.value)]
        change = words.difference(reading.value, previous, kpi.unit).partition(" (")[0]
        judged = {True: ", which is better", False: ", which is worse", None: ""}[reading.is_better]
        text = f"{kpi.label} {moved} from {ends[0]} to {ends[1]} ({change}, {words.p_value(p_value)}){judged}"
        if kpi.measure is not None:
            text += facts.say_share_of_change(kpi.measure)
        is_worse = None if reading.is_better is None else not reading.is_better
        money = abs(step) if kpi.unit == "currency" else 0.0
        found.append(
            Change("kpis", kpi.topic or kpi.name, f"{text}.", p_value, is_worse, money, _n_concerned(reading))
        )
    return found


def _n_concerned(reading: Reading) -> float:
    """The step of a figure in conversations: how many more (or fewer) of the week's it touches."""
    assert reading.previous is not None
    step = abs(reading.value - reading.previous)
    if reading.kpi.unit in ("share", "rate"):
        return step * reading.n
    if reading.kpi.unit == "count":
        return step
    if reading.kpi.unit == "points":
        return step / 200 * reading.n
    return step / max(abs(reading.value), abs(reading.previous)) * reading.n


def _from_drivers(workspace: Workspace, period: str, facts: DriverFacts) -> list[Change]:
    """Reasons for contact whose share moved, against the week before and against the weeks usual.

    The second sees what one week before is too few rows for; both have one topic and are told once.
    """
    if not facts.is_known:
        return []
    counts = facts.shares()
    week = periods.week_before(period)
    found = []
    for driver in counts["driver"].unique().sort().to_list():
        course = counts.filter(pl.col("driver") == driver, pl.col("period") <= period).sort("period")
        rows = {row["period"]: row for row in course.iter_rows(named=True)}
        if driver.casefold() in _CATCH_ALL or week not in rows or period not in rows:
            continue
        now, before = rows[period], rows[week]
        step = usual_step(course["share"].to_list()) or 0.0
        usual = _pooled([row for name, row in rows.items() if name != period][-REFERENCE_WEEKS:])
        told = [(before, "")]
        if len(rows) > REFERENCE_WEEKS // 2:
            told.append((usual, f" in the {min(len(rows) - 1, REFERENCE_WEEKS)} weeks before"))
        for past, when in told:
            if now["n"] + past["n"] < _FEWEST:
                continue
            p_value = _p_of_shares(now, past, step)
            moved = "rose" if now["share"] > past["share"] else "fell"
            ends = [words.percent(row["share"], row["total"]) for row in (past, now)]
            more = words.signed(now["n"] - past["n"] * (now["total"] / past["total"] if when else 1), 0)
            text = (
                f"Contacts about “{words.readable(driver)}” {moved} from {ends[0]}{when} to {ends[1]} "
                f"({more}, {words.p_value(p_value)})"
            )
            text += "".join(f"; {clause}" for clause in facts.say_about(driver))
            is_worse = now["share"] > past["share"]
            concerned = abs(now["share"] - past["share"]) * now["total"]
            topic = f"driver:{driver}"
            found.append(
                Change("intent_prediction", topic, f"{text}.", p_value, is_worse, n_concerned=concerned)
            )
    return found


def _pooled(rows: list[dict[str, float]]) -> dict[str, float]:
    n, total = sum(row["n"] for row in rows), sum(row["total"] for row in rows)
    return {"n": n, "total": total, "share": n / total}


def _p_of_shares(now: dict[str, float], before: dict[str, float], step: float) -> float:
    """Two-proportion z test; its error is at least the usual `step` from week to week."""
    pooled = (now["n"] + before["n"]) / (now["total"] + before["total"])
    error = (pooled * (1 - pooled) * (1 / now["total"] + 1 / before["total"])) ** 0.5
    return p_of_step(now["share"] - before["share"], max(error, step))


def _from_criteria(workspace: Workspace, contacts: pl.DataFrame | None, period: str) -> list[Change]:
    """Criteria of the scorecard that are met less or more often."""
    if contacts is None or not (workspace.has("quality_answers") and workspace.has("scorecard")):
        return []
    week = periods.week_before(period)
    weeks = contacts.lazy().select("conversation_id", "period").filter(pl.col("period").is_in([week, period]))
    counts = (
        workspace.read("quality_answers")
        .filter(pl.col("answer") != "not_applicable")
        .join(weeks, on="conversation_id", how="inner", validate="m:1")
        .group_by("criterion", "period")
        .agg(hits=(pl.col("answer") == "yes").sum().cast(pl.Float64), n=pl.len().cast(pl.Float64))
        .collect()
    )
    critical = dict(workspace.read("scorecard").select("criterion", "is_critical").collect().iter_rows())
    found = []
    for criterion in counts["criterion"].unique().sort().to_list():
        shares = share_of_counts(counts.filter(pl.col("criterion") == criterion).lazy())
        rows = {row["period"]: row for row in shares.iter_rows(named=True)}
        if len(rows) < 2 or min(row["n"] for row in rows.values()) < _FEWEST:
            continue
        now, before = rows[period], rows[week]
        errors = [(row["high"] - row["low"]) / (2 * Z) for row in (now, before)]
        p_value = p_of_step(now["value"] - before["value"], (errors[0] ** 2 + errors[1] ** 2) ** 0.5)
        is_worse = now["value"] < before["value"]
        name = f"The {'critical ' if critical.get(criterion) else ''}criterion “{words.readable(criterion)}”"
        text = (
            f"{name} was met in {words.percent(now['value'])} of {words.plural(now['n'], 'conversation')}, "
            f"{words.percent(before['value'])} the week before ({words.p_value(p_value)})."
        )
        concerned = abs(now["value"] - before["value"]) * now["n"]
        found.append(
            Change(
                "quality_adherence", f"criterion:{criterion}", text, p_value, is_worse, n_concerned=concerned
            )
        )
    return found
