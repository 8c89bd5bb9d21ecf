"""What changed since the week before: sentences made from tables by rules, the gravest first.

A rule belongs here if what it sees can be worth a line on the first screen: it returns candidates
with a p-value, whether they are significant or not, because all are judged together. How a figure is
computed is in `kpi`, what a section says beside it in `sections`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
        if kpi.measure is not None and p_value <= FALSE_DISCOVERY_RATE:
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
        earlier = [row for name, row in rows.items() if name != period][-REFERENCE_WEEKS:]
        told = [(before, "", _p_of_shares(now, before, usual_step(course["share"].to_list()) or 0.0))]
        if len(earlier) >= REFERENCE_WEEKS and facts.is_whole_week:
            when = f" in the {len(earlier)} weeks before"
            told.append((_pooled(earlier), when, _p_of_count(now["n"], [row["n"] for row in earlier])))
        for past, when, p_value in told:
            if now["n"] + past["n"] < _FEWEST:
                continue
            moved = "rose" if now["share"] > past["share"] else "fell"
            ends = [words.percent(row["share"], row["total"]) for row in (past, now)]
            n_usual = past["n"] / len(earlier) if when else past["n"]
            text = (
                f"Contacts about “{words.readable(driver)}” {moved} from {ends[0]}{when} to {ends[1]} "
                f"({words.signed(now['n'] - n_usual, 0)}, {words.p_value(p_value)})"
            )
            if p_value <= FALSE_DISCOVERY_RATE:
                text += "".join(f"; {clause}" for clause in facts.say_about(driver))
            is_worse = now["share"] > past["share"]
            concerned = abs(now["share"] - past["share"]) * now["total"]
            section, topic = "intent_prediction", f"driver:{driver}"
            found.append(Change(section, topic, f"{text}.", p_value, is_worse, n_concerned=concerned))
    return found


def _pooled(rows: list[dict[str, Any]]) -> dict[str, Any]:
    n, total = sum(row["n"] for row in rows), sum(row["total"] for row in rows)
    return {"n": n, "total": total, "share": n / total}


def _p_of_count(n: int, earlier: list[int]) -> float:
    """A count against earlier weeks: exact for Poisson counts (Przyborowski and Wilenski 1940).

    Where the weeks differ more than that among themselves, their robust deviation decides.
    """
    from scipy.stats import binomtest

    total, weeks = n + sum(earlier), len(earlier)
    if not total:
        return 1.0
    exact = float(binomtest(n, total, 1 / (weeks + 1)).pvalue)
    spread = 1.4826 * float(np.median(np.abs(np.asarray(earlier) - np.median(earlier))))
    return max(exact, p_of_step(n - float(np.mean(earlier)), spread * math.sqrt(1 + 1 / weeks)))


def _p_of_shares(now: dict[str, Any], before: dict[str, Any], step: float) -> float:
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
