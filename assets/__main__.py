"""`python -m assets report`: the whole job in this process, without the UI.

Arguments in, exit code out. With DAGSTER_HOME set, the run and what it materialised stand in the UI
afterwards. What the job does is in `jobs.py` and the assets.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import dagster as dg
from cyclopts import App, Parameter

from assets.definitions import build_defs
from assets.instance import open_instance
from assets.partitions import add_week, choose_week
from assets.report import REPORT
from assets.resources import WorkspaceResource
from assets.sources import write_brand
from cxm.entry import run_app
from cxm.errors import CxmError
from synth import Knobs

app = App(name="python -m assets", help="The whole job: tables, tasks, scores, checks, report.")


class RunFailed(Exception):
    """A step failed by a fault of ours; the message holds its traceback."""


def make_report(workspace: WorkspaceResource, week: str | None = None, **overrides: Any) -> Path:
    """Run the job for a week (None: the last complete one); returns the report's path.

    `overrides` go to `build_defs`. Raises `CxmError` for what a user can mend, `RunFailed` for any
    other failure of a step.
    """
    # The week is the run's partition and has to be known before it, hence the tables too.
    if workspace.is_simulated():
        print("no data directory given, using the simulated brand", file=sys.stderr, flush=True)
        write_brand(workspace, Knobs())
        workspace = type(workspace)(data=str(workspace.data_directory()), out=workspace.out)
    opened = workspace.open()
    with opened.hold(), open_instance() as instance:
        partition = choose_week(opened, week)
        job = build_defs(workspace=workspace, **overrides).resolve_job_def("report_job")
        add_week(instance, partition)
        result = job.execute_in_process(
            run_config={"loggers": {"plain_lines": {}}},
            instance=instance,
            partition_key=partition,
            raise_on_error=False,
        )
    for event in result.all_events:
        if event.is_failure:
            _raise(event)
    pages = [e.materialization for e in result.get_asset_materialization_events() if e.asset_key == REPORT]
    return Path(str(pages[-1].metadata["path"].value))


def _raise(event: dg.DagsterEvent) -> NoReturn:
    if event.is_step_failure:
        said = event.step_failure_data.user_failure_data
        if said and said.description:
            raise CxmError(said.description)
    error = getattr(event.event_specific_data, "error", None)
    cause = error and (error.cause or error)
    if cause and cause.cls_name == "DagsterExecutionInterruptedError":
        raise KeyboardInterrupt
    traceback = cause.to_string() if cause else event.message
    raise RunFailed(f"{event.step_key or 'the run'} failed; no report was made\n{traceback}")


@app.command
def report(
    *,
    data: Annotated[
        Path | None, Parameter(help="Data directory [default: CXM_DATA, or the simulated brand]")
    ] = None,
    out: Annotated[Path | None, Parameter(help="Output directory [default: CXM_OUT, or out]")] = None,
    week: Annotated[
        str | None, Parameter(help="ISO week, like 2026-W31 [default: the last complete one]")
    ] = None,
) -> None:
    """Run everything and say where the report is.

    Example: python -m assets report --data data --out out --week 2026-W31
    """
    workspace = WorkspaceResource(data=str(data or ""), out=str(out or ""))
    print(make_report(workspace, week))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 1 a fault of ours with its traceback, 2 one line on what to mend."""
    try:
        return run_app(app, "report", arguments)
    except RunFailed as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
