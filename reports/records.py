"""The report as JSON and the key figures as CSV, for programs.

A key here is a contract; the page itself is in `render`.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from reports.changes import Change
from reports.kpi import TIME_ZONE, Reading
from reports.monitors import MonitorState
from reports.report import Report, TaskReport


def render_json(report: Report, made_at: str) -> str:
    """`report.json`: every task, key figure, monitor and table; the time of making once."""
    kpis = [_kpi_record(reading) for reading in report.kpis.readings]
    record = {
        "made_at": made_at,
        "version": report.version,
        "period": report.period,
        "tasks": {task.task.name: _task_record(task) for task in report.tasks},
        "changes": [_change_record(change) for change in report.changes],
        "kpis": kpis,
        "kpis_absent": [
            {"name": kpi.name, "label": kpi.label, "needs": missing} for kpi, missing in report.kpis.absent
        ],
        "monitors": [_monitor_record(state) for state in report.monitors],
        "drift": [{**vars(drift), "state": drift.state} for drift in report.drift],
        "expectations": [vars(expectation) for expectation in report.expectations],
        "volume": vars(report.volume) if report.volume else None,
        "levels": [vars(level) for level in report.levels],
        "embedding_drift": vars(report.embedding_drift) if report.embedding_drift else None,
        "data": {
            "name": report.name,
            "first": report.span[0].isoformat() if report.span else None,
            "last": report.span[1].isoformat() if report.span else None,
            "tables": [
                {"name": t.name, "kind": t.kind, "rows": t.n_rows, "quarantined": t.n_quarantined}
                for t in report.tables
            ],
            "other_files": list(report.other_files),
        },
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_csv(weeks: pl.DataFrame) -> str:
    """`kpis.csv`: every key figure of every week."""
    return defuse(weeks).write_csv()


def defuse(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with texts that a spreadsheet would run as a formula put behind an apostrophe."""
    starts = r"^\s*[=+\-@\t\r]"
    columns = [pl.col(name) for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(column.str.contains(starts))
        .then("'" + column)
        .otherwise(column)
        .alias(column.meta.output_name())
        for column in columns
    )


def _task_record(task: TaskReport) -> dict[str, Any]:
    return {
        "status": task.status,
        "needs": list(task.needs),
        "title": task.task.title,
        "question": task.task.question,
        "finding": task.story.finding if task.story else None,
        "is_stale": task.is_stale,
        "scores": list(task.scores),
    }


def _change_record(change: Change) -> dict[str, Any]:
    return {
        "section": change.section,
        "text": change.text,
        "p_value": change.p_value,
        "is_worse": change.is_worse,
        "n_concerned": change.n_concerned,
    }


def _kpi_record(reading: Reading) -> dict[str, Any]:
    kpi = reading.kpi
    return {
        "name": kpi.name,
        "label": kpi.label,
        "value": reading.value,
        "low": reading.low,
        "high": reading.high,
        "n": reading.n,
        "period": reading.period,
        "previous": reading.previous,
        "is_changed": reading.is_changed,
        "unit": kpi.unit,
        "better": kpi.better,
        "p_value": reading.p_value,
        "reference": reading.reference,
        "course": [{"period": week, "value": value} for week, value in reading.course],
        "definition_id": kpi.name,
        "definition": kpi.definition,
        "numerator": kpi.numerator,
        "denominator": kpi.denominator,
        "window": kpi.window,
        "time_zone": TIME_ZONE,
    }


def _monitor_record(state: MonitorState) -> dict[str, Any]:
    monitor = state.monitor
    return {
        "name": monitor.name,
        "state": state.state,
        "value": state.value,
        "warn": monitor.warn,
        "fail": monitor.fail,
        "bad": monitor.bad,
        "figure": monitor.figure,
        "doc": monitor.doc,
    }
