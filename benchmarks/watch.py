"""Whether the report sees a planted incident in its week, a planted drift within two, and else keeps quiet.

The drift is the launch of a product: from its day on, a few of a hundred contacts are about it.

Worlds without text, with the true reasons for contact, as a perfect intent task would give them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.figure import Figure
from cxm import store
from cxm.workspace import Workspace
from reports.changes import find_changes
from reports.kpis import compute_kpis
from reports.periods import week_of
from reports.volume import expect_volume
from synth import Knobs, write_world

FIRST_SEED, N_WORLDS = 1000, 200
_WEEKS = ("2026-W29", "2026-W27", "2026-W25", "2026-W23")


def run() -> Iterator[Figure]:
    """Share of incidents and launches found, and of quiet weeks in which anything is told."""
    found, launched, alarms = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + N_WORLDS):
        with TemporaryDirectory() as directory:
            workspace, truth = _world(Path(directory), seed)
            incident = truth["incident"]
            told = _told(workspace, incident["period"])
            found.append(f"driver:{incident['intent']}" in told)
            # A launched product is a change that is planted too.
            planted = {f"driver:{intent}" for intent in truth["launch"]["intents"]}
            first = week_of(date.fromisoformat(truth["launch"]["day"]))
            second = week_of(date.fromisoformat(truth["launch"]["day"]) + timedelta(days=7))
            launched.append(bool(planted & (_told(workspace, first) | _told(workspace, second))))
            alarms += [bool(_told(workspace, week) - planted) for week in _WEEKS]
    yield _figure("planted incident told in its week", found, ">=", 0.95, "worlds")
    yield _figure("planted drift told within two weeks", launched, ">=", 0.9, "worlds")
    yield _figure("quiet weeks with an alarm", alarms, "<=", 0.05, "weeks")


def _figure(name: str, hits: list[bool], sign: str, limit: float, noun: str) -> Figure:
    note = f"{sum(hits)} of {len(hits)} {noun}"
    return Figure(name, sum(hits) / len(hits), "", sign, limit, note)


def _world(directory: Path, seed: int) -> tuple[Workspace, dict[str, Any]]:
    data, out = directory / "data", directory / "out"
    write_world(data, Knobs(seed=seed, no_text=True))
    truth = json.loads((data / "truth.json").read_text(encoding="utf-8"))
    contacts = pl.DataFrame(truth["contacts"], infer_schema_length=None).select("conversation_id", "intent")
    best = contacts.with_columns(
        rank=pl.lit(1, pl.Int32), probability=pl.lit(1.0), is_abstained=pl.lit(value=False)
    )
    workspace = Workspace(data, out)
    store.write(best, out, "predicted_intents")
    workspace.write_manifest("intent_prediction", {"writes": ["predicted_intents"]})
    return workspace, truth


def _told(workspace: Workspace, week: str) -> set[str]:
    """The topics of the first screen."""
    figures = compute_kpis(workspace, week)
    volume = expect_volume(figures.contacts, week)
    return {change.topic for change in find_changes(figures, workspace, week, None, volume)}
