"""`python -m reports build|monitor`: thin shells over `files` and `report`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cxm import __version__
from cxm.entry import run_app
from cxm.workspace import Workspace

Data = Annotated[Path, Parameter(name="--data", help="Data directory (`<table>.parquet`); only read.")]
Out = Annotated[Path, Parameter(name="--out", help="Directory of the results, and of the report.")]
Week = Annotated[str | None, Parameter(name="--week", help="ISO week; default: the last complete one.")]
_OUT = Path("out")

app = App(
    name="python -m reports",
    version=__version__,
    help="The report from finished results, and the limits they are held against.",
    help_epilogue="Example: python -m reports build --data data --out out --week 2026-W31",
)


@app.command
def build(*, data: Data, out: Out = _OUT, week: Week = None) -> int:
    """Write report.html, report.json and the key figures; prints where the page is.

    Example: python -m reports build --data data --out out
    """
    from reports.files import build as build_report

    print(build_report(Workspace(data, out), week))
    return 0


@app.command
def monitor(
    *, data: Data, out: Out = _OUT, week: Week = None, fresh: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Print each monitor's state; exit code 1 if one fails.

    A state that changed since the last call is told once, here and where the settings say (a file, a
    webhook, mail).

    Example: python -m reports monitor --data data --out out

    Parameters
    ----------
    fresh
        Also watch whether new conversations still arrive, by the clock (for a timer).
    """
    from cxm.settings import read_settings
    from reports.alerts import tell_changes
    from reports.report import watch

    workspace = Workspace(data, out)
    states = watch(workspace, week, now=datetime.now(UTC) if fresh else None)
    for state in states:
        value = "" if state.value is None else f"{state.value:.6g}"
        side = state.monitor.bad
        limits = f"warn {side} {state.monitor.warn:g}, fail {side} {state.monitor.fail:g}"
        print(f"{state.state:<8} {state.monitor.name:<40} {value:>12}  {limits}")
    for alert in tell_changes(states, workspace, week, read_settings()):
        print(f"changed  {alert.text}")
    return int(any(state.state == "fail" for state in states))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a monitor failed, 2 the call cannot be answered."""
    sys.exit(run_app(app, "reports", arguments))


if __name__ == "__main__":
    main()
