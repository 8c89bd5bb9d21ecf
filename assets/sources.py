"""Source assets: the data directory, and every input and gold table in it.

The border: each table is checked here once, and a broken one stops the run before any task starts.
Nothing is copied; the tables stay where they are. Bringing exports into a data directory is
`cxm import`, declaring a table `cxm/tables`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import polars as pl

from assets.metadata import column_schema, markdown_table, table_metadata
from assets.resources import WorkspaceResource
from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES, Table

SOURCE_TABLES = tuple(table for table in TABLES.values() if table.kind != "result")
_GROUPS = {"input": "sources", "gold": "gold"}


@contextmanager
def user_errors() -> Iterator[None]:
    """Show a `CxmError` in the UI as the one line it is, without a stack trace."""
    try:
        yield
    except CxmError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


@dg.asset(
    group_name="sources",
    kinds={"parquet"},
    description="The directory that holds the input and gold tables: a real one, or the simulated brand.",
)
def data_directory(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult[Any]:
    """Write the simulated brand if no data directory is named; check every table that is there."""
    with user_errors():
        if workspace.is_simulated():
            context.log.info("no data directory given: writing the simulated brand")
            write_brand(workspace)
        opened = workspace.workspace()
        known, other = store.tables_in(opened.data)
        present = [table.name for table in SOURCE_TABLES if table.name in known]
        if not present:
            raise CxmError(f"no table in {opened.data}; fill it with `cxm import`, see `cxm tables`")
        frames = opened.read_all(present)
    rows = {name: frame.select(pl.len()).collect().item() for name, frame in frames.items()}
    context.log.info(f"{opened.data}: " + ", ".join(f"{name} {n:,}" for name, n in rows.items()))
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(opened.data)),
            "simulated": workspace.is_simulated(),
            "tables": markdown_table(["table", "rows"], rows.items()),
            "other files": other,
        }
    )


def write_brand(workspace: WorkspaceResource) -> None:
    """Write the simulated brand where its tables are looked for; the same bytes each time."""
    import synth

    synth.write_world(workspace.data_directory())


def _table_asset(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        key=table.name,
        deps=[data_directory],
        group_name=_GROUPS[table.kind],
        kinds={"parquet"},
        description=table.doc,
        metadata={"dagster/column_schema": column_schema(table)},
    )
    def source_table(workspace: WorkspaceResource) -> dg.MaterializeResult[Any]:
        with user_errors():
            opened = workspace.workspace()
            if not opened.has(table.name):
                return dg.MaterializeResult(metadata={"status": "absent"})
            frame = opened.read(table.name)
        path = store.files(opened.data, table.name)[0]
        return dg.MaterializeResult(
            metadata={
                "status": "present",
                "path": dg.MetadataValue.path(str(path)),
                **table_metadata(table, frame),
            }
        )

    return source_table


def build_source_assets() -> list[dg.AssetsDefinition]:
    """The data directory and one asset for each input and gold table."""
    return [data_directory, *(_table_asset(table) for table in SOURCE_TABLES)]
