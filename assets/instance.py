"""The instance: where Dagster keeps runs and what they materialised.

`make ui` and `python -m assets report` share the one in DAGSTER_HOME; its settings stand in
`dagster.yaml`. Results of ours are never kept here, they are files in the output directory.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from cxm.errors import CxmError


def _write_without_waiting(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The persistent instance in DAGSTER_HOME, else one that is gone afterwards.

    Dagster commits and closes the history's database hundreds of times a run; waiting for the disk
    each time would cost more than a run with nothing new. A killed run loses nothing by that.
    Raises `CxmError` if DAGSTER_HOME names no directory.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home and not (Path(home).is_absolute() and Path(home).is_dir()):
        raise CxmError(f"DAGSTER_HOME is {home}, not the absolute path of a directory; make it or unset it")
    event.listen(Engine, "connect", _write_without_waiting)
    try:
        with dg.DagsterInstance.get() if home else dg.DagsterInstance.ephemeral() as instance:
            yield instance
    finally:
        event.remove(Engine, "connect", _write_without_waiting)
