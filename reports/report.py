"""The report as values: everything the page and `report.json` show, gathered from tables.

Figures come from `kpis`, sections from `sections`, states from
`monitors`; how it looks is decided in `render` and the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from cxm import __version__, runs, store
from cxm.errors import CxmError
from cxm.tables import TABLES
from cxm.task import Task
from cxm.workspace import Workspace
from reports import periods, words
from reports.kpi import KeyFigures, Reading
from reports.kpis import compute_kpis, currency_of
from reports.monitors import MonitorState, check_all, collect_figures
from reports.sections import tell
from reports.sections.section import Evidence, Story


_MOST_CHANGES = 7


@dataclass(frozen=True)
class TaskReport:
    """One task: its story and scores if it was run on this data, else the tables it lacks.

    `is_stale`: the tables have changed since.
    """

    task: Task
    needs: tuple[str, ...]
    manifest: dict[str, Any] | None = None
    story: Story | None = None
    scores: tuple[dict[str, Any], ...] = ()
    is_stale: bool = False

    @property
    def status(self) -> str:
        """`run` or `not_run`."""
        return "run" if self.story else "not_run"


@dataclass(frozen=True)
class TableFacts:
    """A table of the data directory: its rows, and rows an import has set aside, by reason."""

    name: str
    doc: str
    kind: str
    n_rows: int
    n_quarantined: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Report:
    """Everything that is shown. `period` is the ISO week reported, None where nothing has a date."""

    name: str
    period: str | None
    span: tuple[datetime, datetime] | None
    tasks: tuple[TaskReport, ...]
    kpis: KeyFigures
    monitors: list[MonitorState]
    tables: tuple[TableFacts, ...]
    other_files: tuple[str, ...]
    currency: str | None
    version: str = __version__

    @property
    def changes(self) -> list[tuple[str, str]]:
        """(anchor, sentence) of what moved against the week before, at most seven; key figures first."""
        moved = [reading for reading in self.kpis.readings if reading.is_changed]
        moved.sort(key=lambda reading: reading.is_better is not False)
        said = [("kpis", _say_change(reading, self.currency)) for reading in moved[:4]]
        for task in self.tasks:
            said += [(task.task.name, text) for text in (task.story.changes if task.story else ())[:3]]
        return said[:_MOST_CHANGES]

    @property
    def scores(self) -> list[dict[str, Any]]:
        """All scores, in the order of the tasks."""
        return [row for task in self.tasks for row in task.scores]


def _say_change(reading: Reading, currency: str | None) -> str:
    kpi, previous = reading.kpi, reading.previous
    assert previous is not None
    moved = "rose" if reading.value > previous else "fell"
    ends = [words.quantity(value, kpi.unit, reading.n, currency) for value in (previous, reading.value)]
    judged = {True: ", which is better", False: ", which is worse", None: ""}[reading.is_better]
    return f"{kpi.label} {moved} from {ends[0]} to {ends[1]}{judged}."


def compose(workspace: Workspace, week: str | None = None, tasks: Sequence[Task] | None = None) -> Report:
    """Gather the report of a week (default: the last complete one) from finished tables of `TASKS`.

    Raises `CxmError` if `week` is no week with conversations, `RowProblems` if a table is broken.
    """
    if tasks is None:
        from cxm.tasks import TASKS as tasks
    period, span = _choose_period(workspace, week)
    reports = tuple(_report_task(task, workspace, period) for task in tasks)
    figures = compute_kpis(workspace, period)
    tables = _count_tables(workspace)
    observed = collect_figures(
        (row for report in reports for row in report.scores),
        figures.readings,
        {table.name: table.n_rows for table in tables},
    )
    return Report(
        name=workspace.data.name,
        period=period,
        span=span,
        tasks=reports,
        kpis=figures,
        monitors=check_all(observed),
        tables=tables,
        other_files=tuple(name for name in store.tables_in(workspace.data)[1] if name != "quarantine"),
        currency=currency_of(workspace),
    )


def _choose_period(
    workspace: Workspace, week: str | None
) -> tuple[str | None, tuple[datetime, datetime] | None]:
    """The week reported, and the first and last moment in the data."""
    for table, column in (("conversations", "started_at"), ("transactions", "occurred_at")):
        if not workspace.has(table):
            continue
        times = workspace.read(table)
        ends = times.select(first=pl.col(column).min(), last=pl.col(column).max()).collect()
        first, last = ends.row(0)
        if last is None:
            continue
        if table == "conversations":
            weeks = times.select(periods.week_expr(column).unique()).collect().to_series().to_list()
            return periods.choose(weeks, last, week), (first, last)
        if week is None:
            return periods.week_of(last), (first, last)
    if week is not None:
        raise CxmError(
            f"no conversations in {workspace.data}, so there is no week to choose; leave out --week"
        )
    return None, None


def _report_task(task: Task, workspace: Workspace, period: str | None) -> TaskReport:
    manifest = workspace.manifest(task.name)
    if manifest is None or not all(store.exists(workspace.out, name) for name in manifest["writes"]):
        return TaskReport(task, tuple(task.missing(workspace.has) or ()))
    part = workspace.out / "scores" / f"{task.name}.parquet"
    scores = store.scan_part(workspace.out, "scores", task.name).collect().to_dicts() if part.exists() else []
    evidence = Evidence(task, workspace, manifest, scores, period)
    is_stale = manifest.get("data_hash", "") != runs.data_hash(task, workspace)
    return TaskReport(task, (), manifest, tell(evidence), tuple(scores), is_stale)


def _count_tables(workspace: Workspace) -> tuple[TableFacts, ...]:
    known, _ = store.tables_in(workspace.data)
    facts = []
    for name in known:
        n_rows = _count_rows(store.files(workspace.data, name))
        reasons = _count_reasons(workspace.data / "quarantine" / f"{name}.parquet")
        n_bad = sum(n for _, n in reasons)
        facts.append(TableFacts(name, TABLES[name].doc, TABLES[name].kind, n_rows, n_bad, reasons))
    return tuple(facts)


def _count_rows(paths: list[Path]) -> int:
    try:
        return int(pl.scan_parquet(paths, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CxmError(
            f"{paths[0]} cannot be read as Parquet: {reason}; `cxm validate` lists every problem"
        ) from error


def _count_reasons(path: Path) -> tuple[tuple[str, int], ...]:
    """Rows set aside by reason, most common first; none where the file is absent."""
    if not path.exists():
        return ()
    n_rows = _count_rows([path])
    rows = pl.scan_parquet(path, glob=False)
    if "reason" not in rows.collect_schema() or not n_rows:
        return (("not stated", n_rows),) if n_rows else ()
    counts = rows.group_by(pl.col("reason").cast(pl.String).fill_null("not stated")).agg(n=pl.len())
    return tuple(counts.sort(["n", "reason"], descending=[True, False]).collect().iter_rows())
