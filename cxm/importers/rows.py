"""The rows of one export as rows of one table: columns, value maps, constants, dtypes.

One file and one table's mapping in, typed rows and the problems of single cells out. What needs
more than one row (duplicates, numbering, the rules of the table) stands in `assemble`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from cxm.errors import CxmError, did_you_mean
from cxm.importers.mapping import Mapping, Origin, TableMapping
from cxm.importers.source import Batch, Source
from cxm.importers.times import Unclear
from cxm.importers.values import Cells, Conventions, cast_cells, cells_of, shown

ROW, FILE, LINE = "__row", "__file", "__line"
PROBLEMS = {
    ROW: pl.Int64,
    FILE: pl.Int64,
    LINE: pl.Int64,
    "column": pl.String,
    "reason": pl.String,
    "value": pl.String,
}
# Further columns have no declared dtype: what they are (`further`) is only known at the end.
KIND = "__kind:"


@dataclass(frozen=True)
class Rows:
    """Rows of one table out of one or more files.

    `frame` holds `__row` (unique, in the order read), `__file`, `__line` and the table's columns;
    `problems` one record a bad cell (`PROBLEMS`); `n_read` counts both. `unused` are the source's
    columns that the mapping does not read.
    """

    frame: pl.DataFrame
    problems: pl.DataFrame
    n_read: int
    n_skipped: int
    unused: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def read_rows(
    source: Source, file: int, mapping: Mapping | None, entry: TableMapping, first_row: int
) -> Rows:
    """The rows of a source under one table's mapping, cell by cell in the declared dtypes.

    Raises `CxmError` where the mapping does not fit the source, or a value has two meanings.
    """
    entry, unused = _resolve(source, entry, is_given=mapping is not None)
    mapping = mapping or Mapping(tables=[entry])
    paths = sorted({origin.path for origin in entry.columns.values() if origin.path is not None})
    frames: list[pl.DataFrame] = []
    problems: list[pl.DataFrame] = []
    n_read = n_skipped = 0
    seen: set[str] = set()
    for batch in source.batches(paths, entry.each):
        seen |= batch.seen
        kept, n = _without_empty(batch, entry)
        n_skipped += n
        n_read += len(kept.lines) + len(kept.broken)
        start = first_row + n_read
        frame, found = _cast_batch(kept, start, file, source, mapping, entry)
        broken = pl.DataFrame(
            [(start - 1 - i, file, *where, None) for i, where in enumerate(kept.broken)],
            schema=PROBLEMS,
            orient="row",
        )
        frames.append(frame)
        problems += [found, broken]
    notes = _check_seen(source, entry, seen)
    rows = pl.concat(frames) if frames else pl.DataFrame()
    return Rows(rows, pl.concat(problems), n_read, n_skipped, unused, tuple(notes))


# ------------------------------------------------------------------ which column is which


def _resolve(source: Source, entry: TableMapping, *, is_given: bool) -> tuple[TableMapping, frozenset[str]]:
    """(the mapping with every column named and checked against the source, columns it leaves out)."""
    table, names = entry.declaration, source.columns()
    columns = dict(entry.columns)
    if not columns:
        columns = {name: Origin(source=name) for name in names if name in table.columns}
        unknown = [name for name in names if name not in table.columns]
        if unknown and not table.keeps_further_columns:
            legal = did_you_mean(unknown[0], table.columns)
            remedy = "list the columns to read under [columns]" if is_given else "give a --mapping"
            raise CxmError(f"{source.path}: '{unknown[0]}' is no column of {table.name}{legal}; {remedy}")
    if table.keeps_further_columns and (entry.keep_further or not entry.columns):
        taken = {origin.path for origin in columns.values()} | set(columns)
        columns |= {name: Origin(source=name) for name in names if name not in taken and name[:2] != "__"}
    given = {*columns, *entry.constants}
    missing = [name for name, c in table.columns.items() if not c.nullable and name not in given]
    if missing:
        found = f"; the file has: {', '.join(names[:12])}" if not entry.columns else ""
        raise CxmError(
            f"{source.path}: {table.name} needs {listed(missing)}; name the source columns under"
            f" [columns] in the mapping, or set them under [constants]{found}"
        )
    read = {origin.path for origin in columns.values() if origin.path is not None}
    absent = sorted(path for path in read if _head_of(path, names) is None)
    if absent and not _may_be_absent(source):
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        hint = "; is `delimiter` right?" if len(names) == 1 else ""
        raise CxmError(
            f"{source.path} has no column '{absent[0]}'{more}{did_you_mean(absent[0], names)}{hint}"
        )
    used = {_head_of(path, names) for path in (*read, *([entry.each] if entry.each else []))}
    unused = [name for name in names if name not in used]
    return entry.model_copy(update={"columns": columns}), frozenset(unused)


def _head_of(path: str, names: Sequence[str]) -> str | None:
    """The source column a path starts with."""
    return next((name for name in names if path == name or path.startswith(f"{name}.")), None)


def _may_be_absent(source: Source) -> bool:
    return not source.empty_is_null


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(f"`{name}`" for name in names[:6]) + more


def _check_seen(source: Source, entry: TableMapping, seen: set[str]) -> list[str]:
    """Notes on paths that no row held; `CxmError` if a column that must not be null hangs on one."""
    notes = []
    for ours, origin in entry.columns.items():
        if origin.path is None or origin.path in seen:
            continue
        column = entry.declaration.columns.get(ours)
        words = f"no row has '{origin.path}'" + did_you_mean(origin.path, source.columns())
        if column is not None and not column.nullable and ours not in entry.skip_where_empty:
            raise CxmError(f"{source.path}: {words} (for {entry.table}.{ours})")
        notes.append(f"{entry.table}.{ours}: {words}")
    return notes


# ------------------------------------------------------------------ cells


def _without_empty(batch: Batch, entry: TableMapping) -> tuple[Batch, int]:
    keep = pl.repeat(True, len(batch.lines), eager=True)
    for ours in entry.skip_where_empty:
        path = entry.columns[ours].path if ours in entry.columns else None
        if path is not None and path in batch.cells:
            keep &= batch.cells[path].text.str.strip_chars().fill_null("") != ""
    if keep.all():
        return batch, 0
    cells = {path: Cells(text.filter(keep), kind.filter(keep)) for path, (text, kind) in batch.cells.items()}
    return Batch(batch.lines.filter(keep), cells, batch.broken, batch.seen), int((~keep).sum())


def _cast_batch(
    batch: Batch, end: int, file: int, source: Source, mapping: Mapping, entry: TableMapping
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(typed rows, problems of their cells); row numbers end before those of the broken lines."""
    n, table = len(batch.lines), entry.declaration
    first = end - n - len(batch.broken)
    rows = pl.DataFrame(
        {
            ROW: pl.int_range(first, first + n, dtype=pl.Int64, eager=True),
            FILE: pl.repeat(file, n, dtype=pl.Int64, eager=True),
            LINE: batch.lines,
        }
    )
    problems = [pl.DataFrame(schema=PROBLEMS)]
    series: list[pl.Series] = []
    for ours, cells in _cells_by_column(batch, n, mapping, entry).items():
        column = table.columns.get(ours)
        if column is None:
            series += [cells.text.alias(ours), cells.kind.alias(KIND + ours)]
            continue
        try:
            values, reasons = cast_cells(cells, column, conventions(source, mapping, entry, ours))
        except Unclear as unclear:
            line, value = batch.lines[unclear.index], shown(cells.text[unclear.index])
            raise CxmError(
                f"{source.path}: {table.name}.{ours} {value} on line {line:,} {unclear.why}; set"
                f" `{unclear.key}` in the mapping, e.g. {unclear.key} = {unclear.example}"
            ) from None
        series.append(values.alias(ours))
        if reasons.null_count() < n:
            bad = rows.with_columns(reason=reasons, value=cells.text, column=pl.lit(ours))
            problems.append(bad.filter(pl.col("reason").is_not_null()).select(list(PROBLEMS)))
    return rows.with_columns(series), pl.concat(problems)


def _cells_by_column(batch: Batch, n: int, mapping: Mapping, entry: TableMapping) -> dict[str, Cells]:
    found = {}
    nothing = cells_of([None])
    for ours, origin in entry.columns.items():
        if origin.path is not None:
            cells = batch.cells.get(origin.path) or _repeated(nothing, n)
            cells = _without_null_values(cells, mapping.null_values)
            found[ours] = _with_values(cells, entry.values.get(ours, {}))
    for ours, value in entry.constants.items():
        found[ours] = _repeated(cells_of([value]), n)
    return found


def _repeated(cells: Cells, n: int) -> Cells:
    return Cells(
        pl.repeat(cells.text[0], n, dtype=pl.String, eager=True),
        pl.repeat(cells.kind[0], n, dtype=pl.String, eager=True),
    )


def _without_null_values(cells: Cells, null_values: Sequence[str]) -> Cells:
    if not null_values:
        return cells
    is_null = cells.text.str.strip_chars().is_in(list(null_values)).fill_null(False)
    return Cells(cells.text.set(is_null, None), cells.kind)


def _with_values(cells: Cells, values: dict[str, Any]) -> Cells:
    if not values:
        return cells
    new = cells_of(list(values.values()))
    key = cells.text.str.strip_chars()
    text = key.replace_strict(list(values), new.text, default=cells.text, return_dtype=pl.String)
    kind = key.replace_strict(list(values), new.kind, default=cells.kind, return_dtype=pl.String)
    return Cells(text, kind)


def conventions(source: Source, mapping: Mapping, entry: TableMapping, ours: str) -> Conventions:
    """How the cells of one column are to be read."""
    return Conventions(
        decimal=mapping.decimal,
        time_format=entry.time_rule("time_format", ours),
        time_zone=entry.time_rule("time_zone", ours),
        empty_is_null=source.empty_is_null,
        is_comma_free=source.is_comma_free,
    )
