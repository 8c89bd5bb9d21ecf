"""Source assets: the data directory, and every input and gold table in it.

The border: each table is checked here once, and a broken one stops the run before any task starts.
Nothing is copied; the tables stay where they are. Bringing exports into a data directory is
`cxm import`, declaring a table `cxm/tables`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl

from assets.config import config_class, make_params
from assets.jobs import INBOX
from assets.metadata import column_schema, markdown_table, table_metadata
from assets.resources import WorkspaceResource
from cxm import store
from cxm.errors import CxmError
from cxm.locks import hold
from cxm.tables import TABLES, Table
from cxm.workspace import Workspace
from synth import Knobs, is_written, write_world

SOURCE_TABLES = tuple(table for table in TABLES.values() if table.kind != "result")
DATA_DIRECTORY = dg.AssetKey("data_directory")
_RETRIES, _FIRST_PAUSE = 2, 2.0
_GROUPS = {"input": "sources", "gold": "gold"}


@contextmanager
def user_errors(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Iterator[None]:
    """Show a `CxmError` in the UI as the one line it is, without a stack trace.

    What fails from outside (a disk, a network) is tried again, twice, after longer and longer pauses.
    """
    try:
        yield
    except CxmError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except OSError as error:
        raise dg.RetryRequested(
            _RETRIES, seconds_to_wait=_FIRST_PAUSE * 2**context.op_execution_context.retry_number
        ) from error


BrandConfig: Any = config_class(Knobs, but=["no_text"])


def write_brand(
    workspace: WorkspaceResource, knobs: Knobs, on_wait: Callable[[str], None] | None = None
) -> None:
    """Write the simulated brand where its tables are looked for, unless it is there already.

    A run that uses the output directory is waited for, see `locks.hold`.
    """
    directory = workspace.data_directory()
    if not is_written(directory, knobs):
        directory.mkdir(parents=True, exist_ok=True)
        with hold(workspace.out_directory(), on_wait=on_wait):
            write_world(directory, knobs)


def _specs() -> list[dg.AssetSpec]:
    directory = dg.AssetSpec(
        DATA_DIRECTORY,
        deps=[INBOX],
        group_name="sources",
        kinds={"parquet"},
        description="Where the input and gold tables are: a directory of yours, or the simulated brand.",
    )
    tables = [
        dg.AssetSpec(
            table.name,
            deps=[DATA_DIRECTORY],
            group_name=_GROUPS[table.kind],
            kinds={"parquet"},
            description=table.doc,
            metadata={"dagster/column_schema": column_schema(table)},
        )
        for table in SOURCE_TABLES
    ]
    return [directory, *tables]


def _read_tables(workspace: Workspace) -> dict[str, pl.LazyFrame]:
    """Every source table that is there, checked, keys between them too."""
    known, _ = store.tables_in(workspace.data)
    present = [table.name for table in SOURCE_TABLES if table.name in known]
    if not present:
        raise CxmError(f"no table in {workspace.data}; fill it with `cxm import`, see `cxm tables`")
    return workspace.read_all(present)


def _describe_table(workspace: Workspace, table: Table, frame: pl.LazyFrame | None) -> dict[str, Any]:
    if frame is None:
        return {"status": "absent"}
    path = dg.MetadataValue.path(str(store.files(workspace.data, table.name)[0]))
    return {"status": "present", "path": path, **table_metadata(table, frame)}


def build_source_assets() -> list[dg.AssetsDefinition]:
    """The data directory and its tables: one step, as keys between tables are checked too."""

    @dg.multi_asset(name="read_tables", specs=_specs(), can_subset=True)
    def read_tables(
        context: dg.AssetExecutionContext, config: BrandConfig, workspace: WorkspaceResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with user_errors(context):
            if workspace.is_simulated():
                context.log.info("no data directory given, using the simulated brand")
                knobs = make_params(Knobs, dict(config), "simulated brand")
                write_brand(workspace, knobs, on_wait=context.log.info)
            opened = workspace.workspace()
            frames = _read_tables(opened)
        described: dict[dg.AssetKey, dict[str, Any]] = {
            DATA_DIRECTORY: {
                "path": dg.MetadataValue.path(str(opened.data)),
                "other files": store.tables_in(opened.data)[1],
            }
        }
        for table in SOURCE_TABLES:
            described[dg.AssetKey(table.name)] = _describe_table(opened, table, frames.get(table.name))
        rows = {name: described[dg.AssetKey(name)]["dagster/row_count"] for name in frames}
        described[DATA_DIRECTORY]["tables"] = markdown_table(["table", "rows"], rows.items())
        context.log.info(f"{opened.data}: " + ", ".join(f"{name} {n:,}" for name, n in rows.items()))
        for key, metadata in described.items():
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return [read_tables]
