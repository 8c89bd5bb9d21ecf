"""The report on disk: page, JSON, CSV, key figures and history, each by atomic replace.

What is shown is gathered in `report`, rendered in `render` and `records`. Only this module writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cxm import store
from cxm.task import Task
from cxm.workspace import Workspace
from reports.history import record, score_rows
from reports.records import render_csv, render_json
from reports.render import render_html
from reports.report import compose

MANIFEST = "reports"
_TABLES = ("kpis", "kpi_history", "score_history")


def build(workspace: Workspace, week: str | None = None, tasks: Sequence[Task] | None = None) -> Path:
    """Write the report of a week from finished tables; returns the path of `report.html`.

    Reads tables, result tables and scores made from this data directory; runs no task. `week`
    defaults to the last complete one, `tasks` to all. Raises `CxmError` for a week without
    conversations, `RowProblems` for a broken table and `InUse` while another run uses the directories;
    nothing is written then.
    """
    with workspace.hold():
        return _build(workspace, week, tasks)


def _build(workspace: Workspace, week: str | None, tasks: Sequence[Task] | None) -> Path:
    report = compose(workspace, week, tasks)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    page, figures = render_html(report, made_at), render_json(report, made_at)
    store.write(report.kpis.weeks, workspace.out, "kpis")
    now = report.kpis.weeks.filter(period=report.period) if report.period else report.kpis.weeks.clear()
    record(workspace, "kpi_history", now)
    record(workspace, "score_history", score_rows(report.scores, report.period))
    _write_text(workspace.out / "kpis.csv", render_csv(report.kpis.weeks))
    _write_text(workspace.out / "report.json", figures)
    path = _write_text(workspace.out / "report.html", page)
    workspace.write_manifest(MANIFEST, {"writes": list(_TABLES), "period": report.period, "made_at": made_at})
    return path


def _write_text(path: Path, text: str) -> Path:
    with store.atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
