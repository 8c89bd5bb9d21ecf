"""Labels that come back from review: what is read of them, and which rows point to nothing.

The import itself stands in `run`; what is legal in a gold table in `cxm.tables.gold`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from cxm import store
from cxm.importers.rows import PROBLEMS
from cxm.importers.source import Source
from cxm.tables import TABLES, Table


def labels_mapping(source: Source, table: str) -> dict[str, Any]:
    """The mapping of a file with the columns of a gold table and perhaps others, which are not read.

    Rows whose label is empty (nobody has judged them) are passed over; a file without `split` is
    learned from.
    """
    declared, present = TABLES[table], set(source.columns())
    judged = [
        name
        for name, column in declared.columns.items()
        if name in present and not column.nullable and name not in (*declared.key, "split")
    ]
    columns = {name: name for name in declared.columns if name in present or name in declared.key}
    given: dict[str, Any] = {"table": table, "columns": columns, "skip_where_empty": judged}
    if "split" in declared.columns and "split" not in present:
        given["constants"] = {"split": "train"}
    return given


def unknown_references(rows: pl.DataFrame, table: Table, directory: Path) -> pl.DataFrame:
    """Rows (`PROBLEMS`) that point to what the tables of the directory, where they are there, do not hold."""
    found = [pl.DataFrame(schema=PROBLEMS)]
    for reference in table.foreign_keys:
        columns, target = list(reference.columns), reference.table
        if not set(columns) <= set(rows.columns) or not store.exists(directory, target):
            continue
        known = store.scan(directory, target).select(reference.target_columns).unique().collect()
        lost = rows.drop_nulls(columns).join(
            known, left_on=columns, right_on=list(reference.target_columns), how="anti"
        )
        words = {
            "column": pl.lit(columns[0]),
            "reason": pl.lit(f"is not in {target}"),
            "value": pl.col(columns[0]).cast(pl.String),
        }
        found.append(
            lost.with_columns(**words).select(pl.col(name).cast(dtype) for name, dtype in PROBLEMS.items())
        )
    return pl.concat(found)
