"""The report as values: everything the page and `report.json` show, gathered from tables.

Figures come from `kpis`, sections from `sections`, states from
`monitors`; how it looks is decided in `render` and the template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cxm import __version__, runs, store
from cxm.settings import read_settings
from cxm.task import Task
from cxm.workspace import Workspace
from reports import periods
from reports.changes import Change, find_changes
from reports.drift import Drift, Expectation, expect_accuracy, find_drift
from reports.embedding_drift import EmbeddingDrift, find_embedding_drift
from reports.freshness import measure_silence
from reports.inventory import TableFacts, count_tables
from reports.kpi import KeyFigures
from reports.kpis import compute_kpis, currency_of
from reports.levels import Level, find_levels
from reports.limits import read_monitors
from reports.listings import Listing, list_conversations
from reports.monitors import MonitorState, check_all, collect_figures
from reports.sections import tell
from reports.sections.section import Evidence, Story, mask_quotes, may_quote
from reports.transcripts import Transcript, write_transcripts
from reports.volume import Volume, expect_volume


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
    changes: tuple[Change, ...] = ()
    lists: tuple[Listing, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    drift: tuple[Drift, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    volume: Volume | None = None
    levels: tuple[Level, ...] = ()
    embedding_drift: EmbeddingDrift | None = None
    version: str = __version__

    @property
    def scores(self) -> list[dict[str, Any]]:
        """All scores, in the order of the tasks."""
        return [row for task in self.tasks for row in task.scores]


def compose(workspace: Workspace, week: str | None = None, tasks: Sequence[Task] | None = None) -> Report:
    """Gather the report of a week (default: the last complete one) from finished tables of `TASKS`.

    Raises `CxmError` if `week` is no week with conversations, `RowProblems` if a table is broken.
    """
    period, span = periods.choose_period(workspace, week)
    reports = tuple(_report_task(task, workspace, period) for task in _all_tasks(tasks))
    figures = compute_kpis(workspace, period)
    tables = count_tables(workspace)
    scores = [row for report in reports for row in report.scores]
    currency = currency_of(workspace)
    volume = expect_volume(figures.contacts, period, read_settings().country)
    changes = find_changes(figures, workspace, period, currency, volume)
    has_run = {"kpis", *(report.task.name for report in reports if report.story)}
    quoting = {report.task.name for report in reports if may_quote(report.task, workspace)}
    lists = [
        replace(listing, label=workspace.redactor.mask(listing.label))
        if listing.section in quoting and not listing.is_id
        else listing
        for listing in list_conversations(workspace, figures, period, has_run)
    ]
    embeddings = find_embedding_drift(workspace, figures.contacts, period)
    if embeddings:
        order = "most unlike the weeks before first"
        ids = embeddings.unlike
        lists.append(Listing("monitors", "What customers write", ids, embeddings.n, order, "turns.parquet"))
    return Report(
        name=workspace.data.name,
        period=period,
        span=span,
        tasks=reports,
        kpis=figures,
        monitors=_check(workspace, scores, figures, tables),
        tables=tables,
        other_files=tuple(name for name in store.tables_in(workspace.data)[1] if name != "quarantine"),
        currency=currency,
        changes=tuple(change for change in changes if change.section in has_run),
        lists=tuple(lists),
        transcripts=tuple(write_transcripts(workspace, lists)),
        drift=tuple(find_drift(workspace, figures.contacts, period)),
        expectations=tuple(expect_accuracy(workspace, figures.contacts, period, scores)),
        volume=volume,
        levels=tuple(find_levels(figures.readings)),
        embedding_drift=embeddings,
    )


def watch(
    workspace: Workspace,
    week: str | None = None,
    tasks: Sequence[Task] | None = None,
    now: datetime | None = None,
) -> list[MonitorState]:
    """Every monitor's state in a week, without the stories; raises as `compose` does.

    With `now` also whether new conversations still arrive.
    """
    period, _ = periods.choose_period(workspace, week)
    scores = [
        row for task in _all_tasks(tasks) if _manifest(task, workspace) for row in _scores(task, workspace)
    ]
    silence = measure_silence(workspace, now) if now else {}
    return _check(workspace, scores, compute_kpis(workspace, period), count_tables(workspace), silence)


def _all_tasks(tasks: Sequence[Task] | None) -> Sequence[Task]:
    if tasks is not None:
        return tasks
    from cxm.tasks import TASKS

    return TASKS


def _check(
    workspace: Workspace,
    scores: Sequence[dict[str, Any]],
    figures: KeyFigures,
    tables: Sequence[TableFacts],
    silence: Mapping[str, float] | None = None,
) -> list[MonitorState]:
    rows = {table.name: table.n_rows for table in tables}
    found = collect_figures(scores, figures.readings, rows) | dict(silence or {})
    return check_all(found, read_monitors(workspace.data))


def _manifest(task: Task, workspace: Workspace) -> dict[str, Any] | None:
    """The manifest of a run on this data directory whose results are all still there."""
    manifest = workspace.manifest(task.name)
    is_whole = manifest and all(store.exists(workspace.out, name) for name in manifest["writes"])
    return manifest if is_whole else None


def _scores(task: Task, workspace: Workspace) -> list[dict[str, Any]]:
    part = workspace.out / "scores" / f"{task.name}.parquet"
    return store.scan_part(workspace.out, "scores", task.name).collect().to_dicts() if part.exists() else []


def _report_task(task: Task, workspace: Workspace, period: str | None) -> TaskReport:
    manifest = _manifest(task, workspace)
    if manifest is None:
        return TaskReport(task, tuple(task.missing(workspace.has) or ()))
    scores = _scores(task, workspace)
    story = mask_quotes(tell(Evidence(task, workspace, manifest, scores, period)), task, workspace)
    is_stale = manifest.get("data_hash") != runs.data_hash(task, workspace)
    return TaskReport(task, (), manifest, story, tuple(scores), is_stale)
