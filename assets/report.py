"""Report assets: the week's page, the key figures in it and the history they are added to.

One step writes them all, for one week. What they hold is decided in `reports`.
"""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

import reports
from assets.metadata import column_schema, markdown_table, row_count, table_metadata
from assets.partitions import WEEKS, has_weeks
from assets.resources import WorkspaceResource
from assets.sources import user_errors
from assets.tasks import scores_key
from cxm.backends.cache import CachedEncoder
from cxm.settings import read_settings
from cxm.tables import TABLES
from cxm.task import Task
from cxm.workspace import Workspace
from reports.alerts import tell_changes
from reports.report import watch

REPORT = dg.AssetKey("report")
_TABLES = ("kpis", "kpi_history", "score_history")


def _specs(tasks: Sequence[Task]) -> list[dg.AssetSpec]:
    finished = [key for task in tasks for key in (dg.AssetKey(task.name), scores_key(task))]
    tables = [
        dg.AssetSpec(
            name,
            deps=finished,
            group_name="report",
            kinds={"parquet"},
            description=TABLES[name].doc,
            metadata={"dagster/column_schema": column_schema(TABLES[name])},
            partitions_def=WEEKS,
        )
        for name in _TABLES
    ]
    page = dg.AssetSpec(
        REPORT,
        deps=[*_TABLES],
        group_name="report",
        kinds={"html"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8)),
        description="The week's report: one self-contained page, and the same as JSON.",
        partitions_def=WEEKS,
    )
    return [*tables, page]


def _list_tasks(figures: Path) -> dg.MarkdownMetadataValue:
    """What was run, and what was not for want of which table, as `report.json` has it."""
    tasks = json.loads(figures.read_text(encoding="utf-8"))["tasks"]
    rows = [(name, task["status"], ", ".join(task["needs"])) for name, task in tasks.items()]
    return markdown_table(["task", "status", "lacks"], rows)


def _plotted(workspace: Workspace, name: str, week: str) -> dict[str, float]:
    """The week's figures by name, which the UI draws over the partitions."""
    rows = workspace.read(name).filter(period=week).select("name", "value").sort("name").collect()
    return {figure: float(value) for figure, value in rows.iter_rows() if value is not None}


def build_report_assets(tasks: Sequence[Task]) -> list[dg.AssetsDefinition]:
    """Key figures, histories and the page, after all tasks and scores."""

    @dg.multi_asset(name="weekly_report", specs=_specs(tasks))
    def weekly_report(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        started, week = time.monotonic(), context.partition_key
        with user_errors(context):
            opened = workspace.workspace()
            path = reports.build(opened, week if has_weeks(opened) else None, tasks)
        encoder = opened.services.encoder
        if isinstance(encoder, CachedEncoder):
            # A task that is not run again asks for no text.
            context.log.info(
                f"encoded {encoder.n_encoded:,} of {encoder.n_texts:,} texts; cached: the others"
            )
        for name in _TABLES:
            metadata = table_metadata(TABLES[name], opened.read(name))
            of_week = {"dagster/partition_row_count": row_count(opened.read(name).filter(period=week))}
            yield dg.MaterializeResult(
                asset_key=name, metadata=metadata | of_week | _plotted(opened, name, week)
            )
        yield dg.MaterializeResult(
            asset_key=REPORT,
            metadata={
                "path": dg.MetadataValue.path(str(path)),
                "figures": dg.MetadataValue.path(str(path.with_suffix(".json"))),
                "tasks": _list_tasks(path.with_suffix(".json")),
                "dagster/uri": path.as_uri(),
                "bytes": path.stat().st_size,
                "seconds": round(time.monotonic() - started, 1),
            },
        )

    @dg.asset(
        key="alerts",
        deps=[REPORT],
        group_name="report",
        partitions_def=WEEKS,
        description="Monitors whose state changed are told once: here, and where the settings say (a file, a"
        " webhook, mail). Only the last complete week is told.",
    )
    def alerts(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult[Any]:
        with user_errors(context):
            opened = workspace.workspace()
            week = context.partition_key if has_weeks(opened) else None
            told = tell_changes(watch(opened, week, tasks), opened, week, read_settings())
        for alert in told:
            context.log.info(f"changed: {alert.text}")
        rows = [(alert.name, alert.previous, alert.state, alert.text) for alert in told]
        return dg.MaterializeResult(
            metadata={
                "n_alerts": len(told),
                "alerts": markdown_table(["monitor", "before", "now", "what"], rows),
            }
        )

    return [weekly_report, alerts]
