"""The section on reasons for contact where nobody named them."""

from datetime import UTC, datetime

import polars as pl

from cxm import store
from cxm.tasks.intent_prediction import TASK
from cxm.workspace import Workspace
from reports.sections.intent_prediction import tell
from reports.sections.section import Evidence


def test_discovered_reasons_are_told_with_their_words_and_the_weak_share(tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    ids = [f"c{i}" for i in range(10)]
    heads = {"conversation_id": ids, "channel": "chat", "started_at": datetime(2026, 7, 22, tzinfo=UTC)}
    pl.DataFrame(heads).write_parquet(data / "conversations.parquet")
    intents = ["late parcel"] * 6 + ["lost card"] * 4
    strengths = [0.9] * 7 + [0.3] * 3
    results = {
        "predicted_intents": {"conversation_id": ids, "rank": 1, "intent": intents, "probability": strengths}
        | {"is_abstained": False},
        "discovered_drivers": {"conversation_id": ids, "intent": intents, "strength": strengths},
        "discovered_taxonomy": {
            "intent": ["late parcel", "lost card"],
            "parent": [None, "card"],
            "description": ["late, parcel, courier", "lost, card, bank"],
        },
    }
    for name, columns in results.items():
        frame = pl.DataFrame(columns)
        if "rank" in columns:
            frame = frame.with_columns(pl.col("rank").cast(pl.Int32))
        store.write(frame, out, name)
    workspace = Workspace(data, out)
    story = tell(Evidence(TASK, workspace, {"writes": list(results)}, [], "2026-W30"))
    assert "“late parcel”" in story.finding
    assert "30\u00a0% of conversations lie between several" in story.finding.replace("\u202f", "\u00a0")
    grid = next(grid for grid in story.grids if grid.title == "Discovered reasons")
    assert [row[2] for row in grid.rows] == ["late, parcel, courier", "lost, card, bank"]
