"""`quarantine/<table>.parquet`: the rows an import set aside, each with its line and reason.

Written beside the tables, replaced for a source at each import of it. Why a row is bad is found in
`rows` and `assemble`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from cxm import store
from cxm.errors import CxmError
from cxm.importers.rows import FILE, LINE, ROW
from cxm.importers.source import Source

SCHEMA = {"source": pl.String, "line": pl.Int64, "column": pl.String, "reason": pl.String, "raw": pl.String}


def bad_rows(problems: pl.DataFrame) -> pl.DataFrame:
    """One record a bad row: all its columns and reasons joined, in the order read."""
    named = pl.when(pl.col("column") == "").then("reason").otherwise(pl.format("{}: {}", "column", "reason"))
    return (
        problems.with_columns(named.alias("reason"))
        .group_by(ROW, FILE, LINE, maintain_order=True)
        .agg(
            pl.col("column").unique(maintain_order=True).str.join(", "),
            pl.col("reason").unique(maintain_order=True).str.join("; "),
        )
        .sort(FILE, LINE, ROW)
    )


def with_raw(bad: pl.DataFrame, sources: Mapping[int, Source]) -> pl.DataFrame:
    """The bad rows with the name of their source and their text, which is read once more."""
    frames = [pl.DataFrame(schema=SCHEMA)]
    for file, source in sources.items():
        rows = bad.filter(pl.col(FILE) == file)
        if not rows.height:
            continue
        raws = pl.DataFrame(
            list(source.raw(set(rows[LINE]))), schema={LINE: pl.Int64, "raw": pl.String}, orient="row"
        )
        rows = rows.join(raws, on=LINE, how="left", validate="m:1", maintain_order="left")
        frames.append(
            rows.select(
                pl.lit(source.path.as_posix()).alias("source"),
                pl.col(LINE).alias("line"),
                "column",
                "reason",
                "raw",
            )
        )
    return pl.concat(frames)


def write(directory: Path, table: str, rows: pl.DataFrame, sources: list[str]) -> Path | None:
    """Put `rows` in the place of earlier bad rows of these sources; the path, or None if none are left."""
    path = directory / "quarantine" / f"{table}.parquet"
    kept = _read(path).filter(~pl.col("source").is_in(sources))
    merged = pl.concat([kept, rows]).sort("source", "line", "column", "reason", "raw")
    if not merged.height:
        path.unlink(missing_ok=True)
        return None
    with store.atomic_path(path) as temporary:
        merged.write_parquet(temporary, compression="zstd")
    return path if rows.height else None


def _read(path: Path) -> pl.DataFrame:
    if not path.exists():
        return pl.DataFrame(schema=SCHEMA)
    try:
        return pl.read_parquet(path, glob=False).select(pl.col(n).cast(t) for n, t in SCHEMA.items())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CxmError(f"{path} cannot be read ({reason}); move it away and import again") from None
