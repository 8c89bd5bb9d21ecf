"""Task assets: for each task what it found, and how well.

Everything is derived from the `Task`: key, group, description, what it depends on, run config. A
new task needs no line here. How a task is run, scored and skipped when fresh is `cxm.runs`.
"""

import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.config import config_class, make_params
from assets.metadata import column_schema, markdown_table, row_count, score_table, table_metadata
from assets.resources import WorkspaceResource
from assets.sources import user_errors
from cxm import runs
from cxm.errors import CxmError, RowProblems
from cxm.tables import TABLES
from cxm.task import Task
from cxm.workspace import Workspace


def scores_key(task: Task) -> dg.AssetKey:
    """The asset of a task's scores."""
    return dg.AssetKey(["scores", task.name])


# ------------------------------------------------------------------ what depends on what


def upstream_keys(task: Task, earlier: Sequence[Task]) -> list[dg.AssetKey]:
    """The tables a task reads, and the earlier tasks that write some of them."""
    writers = {table: other.name for other in earlier for table in other.writes}
    named = [*task.inputs, *([task.gold] if task.gold else [])]
    keys = [name if TABLES[name].kind != "result" else writers.get(name) for name in named]
    return [dg.AssetKey(key) for key in dict.fromkeys(keys) if key]


# ------------------------------------------------------------------ the assets


def _not_run(
    task: Task, workspace: Workspace, context: dg.AssetExecutionContext | None = None
) -> dg.MaterializeResult[Any] | None:
    """The result of a task that lacks its tables; None if it has them."""
    missing = task.missing(workspace.has)
    if not missing:
        return None
    if context:
        context.log.info(f"{task.name}: not run, it lacks {', '.join(missing)}")
    return dg.MaterializeResult(
        metadata={"status": "not_run", "lacks": ", ".join(missing), "needs": task.needs_text()}
    )


def _task_asset(task: Task, earlier: Sequence[Task]) -> dg.AssetsDefinition:
    TaskConfig = config_class(task.params)

    @dg.asset(
        key=task.name,
        deps=upstream_keys(task, earlier),
        group_name=task.name,
        kinds={"parquet"},
        # Among the tasks that could start now, the first in the list does.
        op_tags={"dagster/priority": str(-len(earlier))},
        description=f"{task.title}. {task.question}",
        metadata={"dagster/column_schema": column_schema(TABLES[task.writes[0]])},
    )
    def task_asset(
        context: dg.AssetExecutionContext,
        config: TaskConfig,  # type: ignore[valid-type]
        workspace: WorkspaceResource,
    ) -> dg.MaterializeResult[Any]:
        started = time.monotonic()
        with user_errors(context):
            opened = workspace.workspace()
            if not_run := _not_run(task, opened, context):
                return not_run
            before = opened.manifest(task.name)
            params = make_params(task.params, dict(config), task.name)
            context.log.info(f"{task.name} ...")
            try:
                written = runs.run(task, opened, params, force=False)
            except RowProblems:
                raise
            except CxmError as error:
                # What one task cannot answer (two currencies, no train rows) keeps no other from it.
                context.log.warning(f"{task.name}: not run, {error}")
                return dg.MaterializeResult(metadata={"status": "not_run", "reason": str(error)})
            seconds = round(time.monotonic() - started, 1)
            frames = {name: opened.read(name) for name in written}
        is_fresh = before == opened.manifest(task.name)
        main = table_metadata(TABLES[task.writes[0]], frames[task.writes[0]])
        n_rows = {name: row_count(frame) for name, frame in frames.items()}
        done = "nothing new" if is_fresh else f"{main['dagster/row_count']:,} rows in {seconds:g} s"
        context.log.info(f"{task.name}: {done}")
        return dg.MaterializeResult(
            metadata={
                "status": "run",
                **main,
                "tables": markdown_table(["table", "rows"], n_rows.items()),
                "path": dg.MetadataValue.path(str(written[task.writes[0]])),
                "fresh": is_fresh,
                "seconds": seconds,
            }
        )

    return task_asset


def _scores_asset(task: Task) -> dg.AssetsDefinition:
    @dg.asset(
        key=scores_key(task),
        deps=[task.name],
        group_name=task.name,
        kinds={"parquet"},
        description=f"How well {task.name} does, with 95 % intervals, beside a naive method"
        f" ({task.naive_name}) on the same rows.",
        metadata={"dagster/column_schema": column_schema(TABLES["scores"])},
    )
    def scores_asset(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult[Any]:
        started = time.monotonic()
        with user_errors(context):
            opened = workspace.workspace()
            if not_run := _not_run(task, opened):
                return not_run
            # What was run is scored, whatever run config it was run with.
            manifest = opened.manifest(task.name)
            if manifest is None:
                return dg.MaterializeResult(metadata={"status": "not_run", "reason": "its task was not run"})
            params = make_params(task.params, manifest["params"], task.name)
            scores = runs.score(task, opened, params, manifest["labels"])
        for row in scores.head(1).iter_rows(named=True):
            naive = "" if row["baseline"] is None else f", naive {row['baseline']:.3f}"
            context.log.info(f"{task.name}: {row['metric']} {row['value']:.3f}{naive}")
        return dg.MaterializeResult(
            metadata={
                "status": "scored" if scores.height else "nothing_to_score_against",
                "dagster/row_count": scores.height,
                "scores": score_table(scores),
                "seconds": round(time.monotonic() - started, 1),
                **{row["metric"]: round(row["value"], 4) for row in scores.head(1).iter_rows(named=True)},
            }
        )

    return scores_asset


def build_task_assets(tasks: Sequence[Task]) -> list[dg.AssetsDefinition]:
    """Two assets a task: its results and its scores."""
    return [
        asset
        for position, task in enumerate(tasks)
        for asset in (_task_asset(task, tasks[:position]), _scores_asset(task))
    ]
