"""Commands about tables: the dictionary, validating, importing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cxm import store
from cxm.cli.output import OUT, Json, UnusedOut, print_json, print_rows
from cxm.stamp import check_stamp
from cxm.tables import TABLES


def tables(*, out: UnusedOut = OUT, json: Json = False) -> int:
    """The data dictionary: every table, column, unit and rule."""
    described = [
        {"table": t.name, "kind": t.kind, "doc": t.doc, "key": t.key, "columns": t.describe()}
        for t in TABLES.values()
    ]
    if json:
        print_json(described)
        return 0
    for table in TABLES.values():
        print(f"\n{table.name} ({table.kind}): {table.doc}")
        rows = [
            {
                "column": row["column"]
                + ("*" if row["is_key"] else "")
                + ("?" if row["is_nullable"] else ""),
                "type": row["dtype"].replace("time_unit='us', time_zone='UTC'", "us, UTC"),
                "unit": row["unit"],
                "meaning": row["doc"] + (f" ({'; '.join(row['rules'])})" if row["rules"] else ""),
            }
            for row in table.describe()
        ]
        print_rows(rows)
        if table.keeps_further_columns:
            print("further columns are kept")
    print("\n* key, ? may be null or absent")
    return 0


def validate(directory: Path, /, *, out: UnusedOut = OUT, json: Json = False) -> int:
    """List every problem of the tables in a directory; exit 1 if there is any.

    Parameters
    ----------
    directory
        Data directory with `<table>.parquet` files.
    """
    known, other = store.tables_in(directory)
    check_stamp(directory)
    problems = store.problems_in(directory)
    if json:
        records = [vars(problem) for problem in problems]
        print_json({"tables": known, "other": other, "problems": records})
    else:
        print_rows([vars(problem) for problem in problems])
        print(
            f"{len(known)} tables, {len(problems)} problems"
            + (f"; not tables: {', '.join(other)}" if other else "")
        )
    return 1 if problems else 0


def import_(
    format: str,
    source: Path,
    /,
    *,
    to: Path,
    mapping: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    out: UnusedOut = OUT,
    json: Json = False,
) -> int:
    """Bring an export into a data directory; bad rows go to its `quarantine/` with their reasons.

    Parameters
    ----------
    format
        parquet, csv or jsonl.
    source
        A file, or a folder with one file a table.
    to
        Data directory to fill; existing rows with the same key are replaced.
    mapping
        TOML file that maps source columns to ours (docs/importing.md).
    dry_run
        Say what would happen and write nothing.
    """
    from cxm.importers import import_source

    summary = import_source(format, source, to, mapping=mapping, dry_run=dry_run)
    print_json(summary.as_dict()) if json else print(summary)
    return 0
