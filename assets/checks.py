"""Asset checks: the limits of `reports/monitors.toml` and a user's own, shown on the asset they watch.

One step holds all of them against the week's figures. A check marks an asset and never stops a
run. Which checks there are is read when the project is loaded, their limits at each run; what can be
watched is `reports/monitors.py`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from assets.partitions import has_weeks
from assets.resources import WorkspaceResource
from assets.sources import user_errors
from assets.tasks import scores_key
from cxm.tables import TABLES
from cxm.task import Task
from reports.limits import read_monitors
from reports.monitors import Monitor, MonitorState
from reports.report import watch

_SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "fail": dg.AssetCheckSeverity.ERROR}


def watched_asset(monitor: Monitor, tasks: Sequence[Task]) -> dg.AssetKey | None:
    """The asset a monitor looks at: a table, a task's scores or `kpis`; None if it is not there."""
    if monitor.kind == "kpi":
        return dg.AssetKey("kpis")
    if monitor.kind == "rows":
        is_source = TABLES[monitor.subject].kind != "result"
        writer = next((task.name for task in tasks if monitor.subject in task.writes), None)
        name = monitor.subject if is_source else writer
        return dg.AssetKey(name) if name else None
    return next((scores_key(task) for task in tasks if task.name == monitor.subject), None)


def _result(state: MonitorState, asset: dg.AssetKey) -> dg.AssetCheckResult:
    monitor = state.monitor
    value = {} if state.value is None else {"value": float(state.value)}
    limits = f"warns {monitor.bad} {monitor.warn:g}, fails {monitor.bad} {monitor.fail:g}"
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=monitor.name,
        passed=state.state not in _SEVERITIES,
        severity=_SEVERITIES.get(state.state, dg.AssetCheckSeverity.WARN),
        description=f"{state.state}: {monitor.doc}",
        metadata={**value, "limits": limits},
    )


def build_checks(tasks: Sequence[Task], data: Path | None = None) -> list[dg.AssetChecksDefinition]:
    """A check for each monitor of a data directory whose asset is there."""
    # By the clock, a week's run has nothing to say: `python -m reports monitor --fresh` has.
    all_monitors = [monitor for monitor in read_monitors(data) if monitor.kind != "fresh"]
    watched = {monitor.name: watched_asset(monitor, tasks) for monitor in all_monitors}
    specs = [
        dg.AssetCheckSpec(monitor.name, asset=asset, description=f"{monitor.doc} ({monitor.figure})")
        for monitor in all_monitors
        if (asset := watched[monitor.name])
    ]

    @dg.multi_asset_check(name="monitors", specs=specs, can_subset=True)
    def monitors(
        context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource
    ) -> Iterator[dg.AssetCheckResult]:
        with user_errors(context):
            opened = workspace.workspace()
            is_of_week = context.has_partition_key and has_weeks(opened)
            states = watch(opened, context.partition_key if is_of_week else None, tasks)
        for state in states:
            asset = watched.get(state.monitor.name)
            if asset and dg.AssetCheckKey(asset, state.monitor.name) in context.selected_asset_check_keys:
                yield _result(state, asset)

    return [monitors]
