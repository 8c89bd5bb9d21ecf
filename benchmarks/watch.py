"""Whether the first screen sees a planted incident in its week, and keeps quiet in quiet weeks.

Worlds without text, with the true reasons for contact, as a perfect intent task would give them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.figure import Figure
from cxm import store
from cxm.workspace import Workspace
from reports.changes import Change, find_changes
from reports.kpis import compute_kpis
from synth import Knobs, write_world

N_WORLDS = 200
_WEEKS = ("2026-W29", "2026-W27", "2026-W25", "2026-W23")


def run() -> Iterator[Figure]:
    """Share of incidents found in their week, and of quiet weeks in which anything is told."""
    found, alarms = [], []
    for seed in range(1000, 1000 + N_WORLDS):
        with TemporaryDirectory() as directory:
            workspace, truth = _world(Path(directory), seed)
            incident = truth["incident"]
            told = _told(workspace, incident["period"])
            found.append(any(change.topic == f"driver:{incident['intent']}" for change in told))
            # A launched product is a change that is planted too.
            planted = {f"driver:{intent}" for intent in truth["launch"]["intents"]}
            for week in _WEEKS:
                alarms.append(any(change.topic not in planted for change in _told(workspace, week)))
    note = f"{sum(found)} of {len(found)} worlds"
    yield Figure("planted incident told in its week", sum(found) / len(found), "", ">=", 0.95, note)
    note = f"{sum(alarms)} of {len(alarms)} weeks"
    yield Figure("quiet weeks with an alarm", sum(alarms) / len(alarms), "", "<=", 0.05, note)


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


def _told(workspace: Workspace, week: str) -> list[Change]:
    return find_changes(compute_kpis(workspace, week), workspace, week, None)
