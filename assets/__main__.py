"""`python -m assets report`: the whole job in this process, without the UI.

Arguments in, exit code out. With DAGSTER_HOME set, the run and what it materialised stand in the UI
afterwards. What the job does is in `jobs.py` and the assets.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import dagster as dg
from cyclopts import App, CycloptsError, Parameter

from assets.definitions import build_defs
from assets.partitions import add_week
from assets.report import choose_partition, report_path
from assets.resources import WorkspaceResource
from assets.sources import prepare_data
from cxm.errors import CxmError

app = App(name="python -m assets", help="The whole job: tables, tasks, scores, checks, report.")


class _RunFailed(Exception):
    """A step failed by a fault of ours; the message holds its traceback."""


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """The persistent instance in DAGSTER_HOME, else one that is gone afterwards."""
    home = os.environ.get("DAGSTER_HOME")
    if home and not (Path(home).is_absolute() and Path(home).is_dir()):
        raise CxmError(
            f"DAGSTER_HOME is {home}, which is no absolute path of a directory; make it or unset it"
        )
    with dg.DagsterInstance.get() if home else dg.DagsterInstance.ephemeral() as instance:
        yield instance


def make_report(workspace: WorkspaceResource, week: str | None, defs: dg.Definitions | None = None) -> Path:
    """Run the job for a week (None: the last complete one); returns the report's path.

    Raises `CxmError` for what a user can mend; any other failure of a step with its traceback.
    """
    prepare_data(workspace)
    partition = choose_partition(workspace.workspace(), week)
    job = (defs or build_defs(workspace=workspace)).resolve_job_def("report_job")
    with _instance() as instance:
        add_week(instance, partition)
        result = job.execute_in_process(
            run_config={"loggers": {"plain_lines": {}}},
            instance=instance,
            partition_key=partition,
            raise_on_error=False,
        )
    for event in result.all_events:
        if event.is_step_failure:
            _raise(event)
    return report_path(workspace.workspace())


def _raise(event: dg.DagsterEvent) -> None:
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        raise CxmError(failure.user_failure_data.description)
    error = failure.error.cause if failure.error and failure.error.cause else failure.error
    raise _RunFailed(f"{event.step_key} failed; no report was made\n{error.to_string() if error else ''}")


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
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(f"{error}; see `python -m assets --help`", 2)
    except CxmError as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except _RunFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _fail(message: str, code: int) -> int:
    print("report: " + " ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
