"""One table, on disk and back: `<dir>/<table>.parquet` or a folder `<dir>/<table>/` of parts.

Every table is checked against its declaration both ways, and written by atomic replace: a killed
run leaves the old table or the new one. Other formats belong in `cxm.importers`; a new rule of a
table belongs in `cxm.tables`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from cxm.errors import CxmError, MissingTable, RowProblems, did_you_mean
from cxm.tables import TABLES, ForeignKey, Table

_ROW = "__row__"


@dataclass(frozen=True)
class Problem:
    """A rule of a table that some rows break.

    `count` is the number of rows; `first` the key (or row) of the first one.
    """

    table: str
    column: str
    rule: str
    count: int
    first: str

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        return f"{where}: {self.rule} ({rows}" + (f", first: {self.first})" if self.first else ")")


# ------------------------------------------------------------------ where tables lie


def _table(name: str) -> Table:
    if name not in TABLES:
        raise CxmError(f"unknown table '{name}'" + did_you_mean(name, TABLES))
    return TABLES[name]


def check_directory(directory: Path) -> None:
    """Raise `CxmError` unless `directory` is a directory that can be read."""
    if not directory.exists():
        raise CxmError(f"no such data directory: {directory}; make it, or fill it with `cxm import`")
    if not directory.is_dir():
        raise CxmError(f"not a directory: {directory}; give the folder that holds the tables")


def files(directory: Path, name: str) -> list[Path]:
    """The Parquet files of a table, sorted; empty if it is not there."""
    single, folder = directory / f"{name}.parquet", directory / name
    parts = sorted(folder.glob("[!.]*.parquet")) if folder.is_dir() else []
    if parts and single.exists():
        raise CxmError(f"table '{name}' in {directory}: {_TWICE.format(name=name)}")
    return [single] if single.exists() else parts


_TWICE = "stands twice, as {name}.parquet and as {name}/; remove one"


def _place_fault(directory: Path, name: str) -> str | None:
    """What is wrong with where a table stands; None if nothing is, or it is not there."""
    single, folder = directory / f"{name}.parquet", directory / name
    has_parts = folder.is_dir() and any(folder.glob("[!.]*.parquet"))
    if single.is_symlink() and not single.exists():
        return "is a link that leads nowhere"
    if single.exists() and has_parts:
        return _TWICE.format(name=name)
    return "is a folder without a Parquet file" if folder.is_dir() and not has_parts else None


def exists(directory: Path, name: str) -> bool:
    """Whether the table is in the directory."""
    return (directory / f"{name}.parquet").exists() or any((directory / name).glob("[!.]*.parquet"))


def is_readable(path: Path) -> bool:
    """Whether a file is there and is Parquet to its end."""
    try:
        pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True


def tables_in(directory: Path) -> tuple[list[str], list[str]]:
    """(names of known tables, names of other files and folders) in a directory."""
    check_directory(directory)
    known = [name for name in TABLES if exists(directory, name) or _place_fault(directory, name)]
    other = sorted(
        path.name
        for path in directory.iterdir()
        if not path.name.startswith(".") and path.name.removesuffix(".parquet") not in known
    )
    return known, other


def digest(directory: Path, name: str) -> str:
    """Hex digest of a table's bytes; of nothing if the table is absent."""
    state = blake2b(name.encode(), digest_size=16)
    for path in files(directory, name):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                state.update(block)
    return state.hexdigest()


# ------------------------------------------------------------------ the checks


def _is_castable(found: pl.DataType, wanted: pl.DataType) -> bool:
    if found == wanted or found == pl.Null:
        return True
    if isinstance(wanted, pl.List) and isinstance(found, pl.List):
        return _is_castable(found.inner, wanted.inner)  # type: ignore[arg-type]
    if wanted == pl.Int32:
        return found.is_integer()
    if wanted == pl.Float64:
        return found.is_numeric()
    if wanted == pl.String:
        return isinstance(found, pl.Categorical | pl.Enum)
    if isinstance(wanted, pl.Datetime):
        return isinstance(found, pl.Datetime) and found.time_zone is not None
    return False


def _remedy(found: pl.DataType, wanted: pl.DataType) -> str:
    if isinstance(wanted, pl.Datetime) and isinstance(found, pl.Datetime):
        return "has no time zone, UTC is needed"
    return f"is {found}, {wanted} is needed"


def conform(frame: pl.LazyFrame, table: Table) -> tuple[pl.LazyFrame, list[Problem]]:
    """The frame with declared names, order and dtypes, and what stood in the way.

    Absent nullable columns are added as null, integers of any width are taken. Columns with a
    problem are left out of the frame.
    """
    found = frame.collect_schema()
    n_rows: int | None = None
    problems: list[Problem] = []
    columns: list[pl.Expr] = []
    for name, column in table.columns.items():
        wanted = column.dtype
        if name not in found:
            if column.nullable:
                columns.append(pl.lit(None, dtype=wanted).alias(name))
            else:
                problems.append(Problem(table.name, name, "column is missing", 0, ""))
            continue
        if not _is_castable(found[name], wanted):
            n_rows = n_rows if n_rows is not None else frame.select(pl.len()).collect().item()
            problems.append(Problem(table.name, name, _remedy(found[name], wanted), n_rows, ""))
            continue
        if wanted == pl.Int32 and found[name] not in (pl.Int32, pl.Int16, pl.Int8, pl.UInt16, pl.UInt8):
            cast = pl.col(name).cast(pl.Int32, strict=False)
            lost = frame.filter(pl.col(name).is_not_null() & cast.is_null()).select(name).collect()
            if lost.height:
                first = str(lost.item(0, 0))
                problems.append(Problem(table.name, name, "does not fit 32 bits", lost.height, first))
                continue
        columns.append(pl.col(name).cast(wanted) if found[name] != wanted else pl.col(name))
    further = [name for name in found if name not in table.columns]
    if further and not table.keeps_further_columns:
        legal = did_you_mean(further[0], table.columns)
        problems.append(Problem(table.name, further[0], f"column is not known here{legal}", 0, ""))
        problems += [Problem(table.name, name, "column is not known here", 0, "") for name in further[1:]]
    elif further:
        columns += [pl.col(name) for name in further]
    return frame.select(columns), problems


def _key_text(row: Mapping[str, Any], key: list[str]) -> str:
    names = key or [name for name in row if name != _ROW][:1]
    return ", ".join(f"{name}={row[name]!r}" for name in names if name in row)


def rule_words(table: Table, rule: str) -> tuple[str, str]:
    """(column or "", words for a person) of a rule as the schema names it, e.g. `csat|max`."""
    column, _, name = rule.partition("|")
    if not name:
        column, name = "", rule
    words = {"nullability": "is null", "primary_key": "key occurs more than once"}.get(name)
    if words is None and column:
        metadata = table.columns[column].metadata or {}
        words = "must be " + " and ".join(metadata.get("rules") or [name])
    return column, words or name.replace("_", " ")


def row_problems(frame: pl.LazyFrame, table: Table) -> list[Problem]:
    """The rules of the declaration that rows of a conformed frame break."""
    _, failure = table.schema.filter(frame.select(list(table.columns)))
    counts = failure.counts()
    if not counts:
        return []
    details = failure.details()
    problems = []
    for rule, count in sorted(counts.items()):
        first = details.filter(pl.col(rule) == "invalid").row(0, named=True)
        column, words = rule_words(table, rule)
        problems.append(Problem(table.name, column, words, count, _key_text(first, table.key)))
    return problems


def foreign_key_problems(frames: Mapping[str, pl.LazyFrame]) -> list[Problem]:
    """Keys that point to rows which are not there, for tables present on both sides."""
    problems = []
    for name, frame in frames.items():
        for reference in TABLES[name].foreign_keys:
            if reference.table in frames:
                problems += _dangling(name, frame, reference, frames[reference.table])
    return problems


def _dangling(name: str, frame: pl.LazyFrame, reference: ForeignKey, target: pl.LazyFrame) -> list[Problem]:
    lost = (
        frame.select(reference.columns)
        .filter(~pl.any_horizontal(pl.col(reference.columns).is_null()))
        .join(
            target.select(reference.target_columns).unique(),
            left_on=reference.columns,
            right_on=reference.target_columns,
            how="anti",
            maintain_order="left",
        )
        .select(pl.len().alias("n"), *[pl.col(column).first() for column in reference.columns])
        .collect()
        .row(0, named=True)
    )
    if not lost["n"]:
        return []
    first = _key_text(lost, list(reference.columns))
    return [Problem(name, ", ".join(reference.columns), f"is not in {reference.table}", lost["n"], first)]


# ------------------------------------------------------------------ reading


def _scan(directory: Path, name: str) -> tuple[pl.LazyFrame | None, list[Problem]]:
    """The conformed frame (None if it cannot be read) and all its problems."""
    table = _table(name)
    paths = files(directory, name)
    if not paths:
        raise MissingTable(f"no table '{name}' in {directory}; expected {name}.parquet")
    try:
        # Each part by itself: one may lack a nullable column or hold wider integers than another.
        parts = [conform(pl.scan_parquet(path, glob=False), table) for path in paths]
        frame = parts[0][0] if len(parts) == 1 else pl.concat([part for part, _ in parts], how="diagonal")
        problems = list(dict.fromkeys(problem for _, found in parts for problem in found))
        complete = all(set(table.columns) <= set(part.collect_schema().names()) for part, _ in parts)
        return frame, problems + (row_problems(frame, table) if complete else [])
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        return None, [Problem(name, "", f"cannot be read as Parquet: {reason}", 0, "")]


def scan(directory: Path, name: str) -> pl.LazyFrame:
    """The table, lazily, with declared dtypes and every rule checked.

    Raises `MissingTable` if it is not there and `RowProblems` if it breaks a rule or cannot be read.
    """
    frame, problems = _scan(directory, name)
    if problems or frame is None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RowProblems(
            f"{problems[0]}{more} in {directory}; `cxm validate {directory}` lists every problem"
        )
    return frame


def check_foreign_keys(frames: Mapping[str, pl.LazyFrame], directory: Path) -> None:
    """Raise `RowProblems` if keys between these tables point nowhere."""
    if problems := foreign_key_problems(frames):
        raise RowProblems(f"{problems[0]} in {directory}; `cxm validate {directory}` lists every problem")


def problems_in(directory: Path) -> list[Problem]:
    """Every problem of every table in a directory, foreign keys last."""
    frames: dict[str, pl.LazyFrame] = {}
    problems: list[Problem] = []
    for name in tables_in(directory)[0]:
        if fault := _place_fault(directory, name):
            problems.append(Problem(name, "", fault, 0, ""))
            continue
        frame, found = _scan(directory, name)
        problems += found
        if frame is not None and set(TABLES[name].columns) <= set(frame.collect_schema().names()):
            frames[name] = frame
    return problems + foreign_key_problems(frames)


# ------------------------------------------------------------------ writing


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A new directory beside `path` to fill; it takes the place of `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            path.replace(old / path.name)
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def checked(frame: pl.DataFrame | pl.LazyFrame, name: str) -> pl.DataFrame:
    """The frame with declared dtypes, all rules checked; `RowProblems` otherwise."""
    table = _table(name)
    conformed, problems = conform(frame.lazy(), table)
    if not problems:
        conformed = conformed.collect().lazy()
        problems = row_problems(conformed, table)
    if problems:
        raise RowProblems("; ".join(str(problem) for problem in problems))
    return conformed.collect()


def write(frame: pl.DataFrame | pl.LazyFrame, directory: Path, name: str, part: str | None = None) -> Path:
    """Write a table (or one part of its folder) by atomic replace; returns the path.

    Raises `RowProblems` if the frame breaks the table's declaration; nothing is written then.
    """
    path = directory / name / f"{part}.parquet" if part else directory / f"{name}.parquet"
    data = checked(frame, name)
    with atomic_path(path) as temporary:
        data.write_parquet(temporary, compression="zstd")
    return path


def remove(directory: Path, name: str) -> None:
    """Delete a table, if it is there."""
    for path in files(directory, name):
        path.unlink()


def remove_part(directory: Path, name: str, part: str) -> None:
    """Delete one part of a table's folder, if it is there."""
    (directory / name / f"{part}.parquet").unlink(missing_ok=True)


def scan_part(directory: Path, name: str, part: str) -> pl.LazyFrame:
    """One part of a table's folder, unchecked: `write` has checked it."""
    return pl.scan_parquet(directory / name / f"{part}.parquet", glob=False)
