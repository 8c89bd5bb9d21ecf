"""Commands about tables: the dictionary, validating, importing, labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cxm import store
from cxm.cli.output import OUT, Json, UnusedOut, note, print_json, print_rows
from cxm.errors import CxmError, did_you_mean
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


labels = App(name="labels", help="Send labels out for review and take them back.")


@labels.default
def _which_labels(*words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
    """What happens where no command is named, or one that is not there."""
    legal = [name for name in labels if not name.startswith("-")]
    given = f"'{words[0]}'" if words else "nothing"
    raise CxmError(f"cxm labels takes {' or '.join(legal)}, not {given}; see `cxm labels --help`")


@labels.command(
    name="export",
    help_epilogue="Example: cxm labels export review.jsonl --table quality_labels --data data",
)
def export_labels(
    file: Path, /, *, table: str = "quality_labels", data: Path, out: UnusedOut = OUT, json: Json = False
) -> int:
    """Write a gold table as JSON Lines for review.

    Parameters
    ----------
    file
        JSON Lines file to write.
    table
        The gold table.
    data
        Data directory.
    """
    _check_gold(table)
    rows = store.scan(data, table).collect()
    with store.atomic_path(file) as temporary:
        rows.write_ndjson(temporary)
    print_json({"file": str(file), "rows": rows.height}) if json else print(
        f"{rows.height:,} labels in {file}"
    )
    return 0


@labels.command(
    name="import",
    help_epilogue="Example: cxm labels import review.jsonl --table quality_labels --data data",
)
def import_labels(
    file: Path, /, *, table: str = "quality_labels", data: Path, out: UnusedOut = OUT, json: Json = False
) -> int:
    """Take reviewed labels back into a gold table; rows with the same key are replaced.

    Parameters
    ----------
    file
        JSON Lines file as `export` writes it.
    table
        The gold table.
    data
        Data directory; its gold table is written.
    """
    from cxm.importers import import_table

    _check_gold(table)
    summary = import_table("jsonl", file, data, table)
    print_json(summary.as_dict()) if json else print(summary)
    note("used at the next run")
    return 0


def _check_gold(table: str) -> None:
    gold = [name for name, declared in TABLES.items() if declared.kind == "gold"]
    if table not in gold:
        raise CxmError(f"'{table}' is not a gold table" + did_you_mean(table, gold))
