"""What changed since the week before: sentences made from tables by rules, the gravest first.

A rule belongs here if what it sees can be worth a line on the first screen: it returns candidates
with a p-value, whether they are significant or not, because all are judged together. How a figure is
computed is in `kpi`, what a section says beside it in `sections`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from cxm.workspace import Workspace
from reports import periods, words
from reports.contacts import NO_DRIVER
from reports.driver_facts import DriverFacts
from reports.intervals import Z, share_of_counts
from reports.kpi import KeyFigures, Reading, p_of_step, usual_step
from reports.volume import Volume

MOST_CHANGES = 7
# At .05 one quiet week in twenty is expected to tell something; a little less keeps it under that.
FALSE_DISCOVERY_RATE = 0.045
_FEWEST, _FEWEST_EXACT = 20, 4
_MOST_WEEKS_OF_RARE = 26
_CLEAR = 0.01
_EVEN_PART = 0.4
REFERENCE_WEEKS = 8
_CATCH_ALL = {NO_DRIVER, "other", "others", "unknown", "misc", "miscellaneous"}


@dataclass(frozen=True)
class Change:
    """One candidate for the first screen.

    `topic`: of several candidates with the same topic one is told. `money` (in the currency of the
    transactions) and `n_concerned` (conversations, or as many as the change equals) say how grave
    it is; `is_worse` is None where neither way is good. `weight` (1 on average) says how much of the
    false discoveries allowed it may use.
    """

    section: str
    topic: str
    text: str
    p_value: float
    is_worse: bool | None
    money: float = 0.0
    n_concerned: float = 0.0
    weight: float = 1.0


def find_changes(
    figures: KeyFigures,
    workspace: Workspace,
    period: str | None,
    currency: str | None,
    volume: Volume | None = None,
) -> list[Change]:
    """The changes of the week that chance does not explain, gravest first; at most seven.

    Judged together (Benjamini and Hochberg 1995, false discovery rate 4.5 %), with weights fixed by what
    was usual before (Genovese, Roeder and Wasserman 2006). What got worse comes first,
    then what is neither, then what got better; within each by money, then by conversations.
    """
    if period is None:
        return []
    facts = DriverFacts(workspace, figures.contacts, period)
    # Where it is known what to expect, the week before is not asked.
    readings = [r for r in figures.readings if not (volume and r.kpi.topic == "volume")]
    candidates = [
        *_from_volume(volume),
        *_from_figures(readings, facts, currency),
        *_from_drivers(workspace, period, facts),
        *_from_criteria(workspace, figures.contacts, period),
    ]
    return _first_of_topic(sorted(_judged(candidates), key=_gravity))[:MOST_CHANGES]


def _judged(candidates: Sequence[Change]) -> list[Change]:
    from scipy.stats import false_discovery_control

    if not candidates:
        return []
    adjusted = false_discovery_control([min(c.p_value / c.weight, 1.0) for c in candidates])
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


def _from_volume(volume: Volume | None) -> list[Change]:
    if volume is None:
        return []
    days = "" if volume.n_days == 7 else f" on {words.plural(volume.n_days, 'day')}"
    allowed = "day of week and holidays" if volume.holidays else "day of week"
    text = (
        f"There were {words.plural(volume.n, 'contact')}{days}, where {words.integer(volume.low)} to "
        f"{words.integer(volume.high)} were to be expected ({allowed} allowed for, "
        f"{words.p_value(volume.p_value)})."
    )
    step = abs(volume.n - volume.expected)
    return [Change("kpis", "volume", text, volume.p_value, None, n_concerned=step)]


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
    """Reasons for contact that moved against the eight weeks before, or the one before where there are fewer.

    Eight weeks see what one is too few rows for. What comes less than once a week is counted over two
    weeks, against up to 26. One test a driver keeps the number judged together small.
    """
    if not facts.is_known:
        return []
    courses = {
        str(driver): {row["period"]: row for row in course.iter_rows(named=True)}
        for (driver,), course in facts.shares()
        .sort("driver", "period")
        .group_by("driver", maintain_order=True)
        if str(driver).casefold() not in _CATCH_ALL
    }
    weeks = sorted({week for rows in courses.values() for week in rows if week <= period})
    usual = weeks[:-1][-REFERENCE_WEEKS:]
    if len(usual) < REFERENCE_WEEKS or not facts.is_whole_week:
        usual = []
    sizes: list[float] = []
    dispersion = _dispersion([[rows[week]["n"] for week in usual] for rows in courses.values()])
    found = []
    for driver, rows in courses.items():
        if period not in rows or periods.week_before(period) not in rows:
            continue
        now, before = rows[period], rows[periods.week_before(period)]
        if usual:
            n_now, earlier, counted = 1, usual, "n"
            longer = weeks[:-2][-_MOST_WEEKS_OF_RARE:]
            if len(longer) >= REFERENCE_WEEKS and sum(rows[week]["n"] for week in longer) < len(longer):
                # Of so few, the follow-ups of one customer would make a change.
                n_now, earlier, counted, now = 2, longer, "n_new", _pooled([before, now])
            past, when = _pooled([rows[week] for week in earlier]), f" in the {len(earlier)} weeks before"
            p_value = _p_of_count(now[counted], n_now, [rows[week][counted] for week in earlier], dispersion)
            n_usual = past["n"] / len(earlier) * n_now
            # An exact test needs no minimum; a handful keeps one customer who calls thrice off the page.
            fewest = _FEWEST_EXACT
        else:
            n_now, past, when, n_usual, fewest = 1, before, "", before["n"], _FEWEST
            step = usual_step([rows[week]["share"] for week in sorted(rows) if week <= period]) or 0.0
            p_value = _p_of_shares(now, before, step)
        if now["n"] + past["n"] < fewest:
            continue
        text = _say_step(driver, now, n_now, past, when, n_usual, p_value)
        if p_value <= FALSE_DISCOVERY_RATE:
            text += "".join(f"; {clause}" for clause in facts.say_about(driver))
        is_worse = now["share"] > past["share"]
        concerned = abs(now["share"] - past["share"]) * now["total"]
        section, topic = "intent_prediction", f"driver:{driver}"
        found.append(Change(section, topic, f"{text}.", p_value, is_worse, n_concerned=concerned))
        sizes.append(past["share"])
    return _weighed(found, sizes)


def _weighed(changes: list[Change], sizes: list[float]) -> list[Change]:
    """Two fifths of the weight spread evenly, the rest by how common each driver was before.

    Among a hundred drivers of which most are rare, the common ones, where a change concerns many, would
    else be held to the strictness that the rare ones need.
    """
    total = sum(sizes)
    if not total:
        return changes
    even, rest = _EVEN_PART, (1 - _EVEN_PART) * len(changes) / total
    return [replace(c, weight=even + rest * size) for c, size in zip(changes, sizes, strict=True)]


def _say_step(
    driver: str,
    now: dict[str, Any],
    n_now: int,
    past: dict[str, Any],
    when: str,
    n_usual: float,
    p_value: float,
) -> str:
    """How the share of a driver moved; `now` is `n_now` weeks, `past` the week before or `when`."""
    name = f"Contacts about “{words.readable(driver)}”"
    p, two = words.p_value(p_value), " in two weeks" if n_now == 2 else ""
    if not past["n"]:
        return f"{name} are new: {words.integer(now['n'])}{two}, none{when or ' before'} ({p})"
    moved = "rose" if now["share"] > past["share"] else "fell"
    ends = [words.percent(row["share"], row["total"]) for row in (past, now)]
    step = words.signed(now["n"] - n_usual, 0)
    return f"{name} {moved} from {ends[0]}{when} to {ends[1]}{two} ({step}, {p})"


def _pooled(rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in rows) for name in ("n", "n_new", "total")}
    return {**sums, "share": sums["n"] / sums["total"]}


def _dispersion(counts: list[list[int]]) -> float:
    """How much more than Poisson counts the counts of weeks vary, over all drivers together; at least 1."""
    rows = [np.asarray(row, dtype=float) for row in counts if len(row) > 1 and any(row)]
    if not rows:
        return 1.0
    # Pearson's statistic over its degrees of freedom (McCullagh and Nelder 1989, section 6.2).
    pearson = [float(((row - row.mean()) ** 2).sum() / row.mean()) for row in rows]
    return max(sum(pearson) / sum(len(row) - 1 for row in rows), 1.0)


def _p_of_count(n: int, n_weeks: int, earlier: list[int], dispersion: float) -> float:
    """A count of `n_weeks` against earlier weeks: exact for Poisson counts (Przyborowski and Wilenski 1940).

    It is the mid-p (Lancaster 1961), since exact p-values of small counts are too large on average.
    Where all drivers vary more than that from week to week, or this one clearly does, a quasi-Poisson
    error decides if it is larger.
    """
    from scipy.stats import binom, binomtest, chi2

    total, weeks = n + sum(earlier), len(earlier)
    if not total:
        return 1.0
    part = n_weeks / (weeks + n_weeks)
    exact = float(binomtest(n, total, part).pvalue - binom.pmf(n, total, part) / 2)
    mean = float(np.mean(earlier))
    if not mean:
        return exact
    own = float(((np.asarray(earlier) - mean) ** 2).sum() / mean)
    if chi2.sf(own, weeks - 1) < _CLEAR:
        dispersion = max(dispersion, own / (weeks - 1))
    error = math.sqrt(dispersion * mean * n_weeks * (1 + n_weeks / weeks))
    return max(exact, p_of_step(n - mean * n_weeks, error))


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
