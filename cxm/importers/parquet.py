"""Parquet files of other programs: any dtypes, nested ones too.

Reads row groups into records; what paths and values mean stands in `records` and `values`. Our own
tables, already declared, are read by `cxm.store`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from cxm.errors import CxmError
from cxm.importers.mapping import Mapping
from cxm.importers.records import batch_of
from cxm.importers.source import BATCH_ROWS, Batch, Format
from cxm.importers.text_files import check_is_file
from cxm.importers.values import text_of


@dataclass(frozen=True)
class ParquetFile:
    """A `.parquet` file; the line of a row is its number, from 1."""

    path: Path
    empty_is_null = False
    is_comma_free = False

    @classmethod
    def open(cls, path: Path, mapping: Mapping | None) -> ParquetFile:
        """The file, after a look at its schema."""
        check_is_file(path)
        source = cls(path)
        if not source._height:
            raise CxmError(f"{path} has no rows")
        return source

    @cached_property
    def _schema(self) -> pl.Schema:
        try:
            return pl.scan_parquet(self.path, glob=False).collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise CxmError(f"{self.path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None

    @cached_property
    def _height(self) -> int:
        return int(self._collect(pl.scan_parquet(self.path, glob=False).select(pl.len())).item())

    def _collect(self, frame: pl.LazyFrame) -> pl.DataFrame:
        self._schema  # noqa: B018 -- an unreadable file says so here
        try:
            return frame.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise CxmError(f"{self.path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None

    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._schema)

    def _slices(self, names: list[str]) -> Iterator[tuple[int, pl.DataFrame]]:
        for offset in range(0, self._height, BATCH_ROWS):
            frame = pl.scan_parquet(self.path, glob=False).select(names).slice(offset, BATCH_ROWS)
            yield offset + 1, self._collect(frame)

    def batches(self, columns: Sequence[str], each: str | None) -> Iterator[Batch]:
        """The rows, 20,000 at a time."""
        paths = [*columns, *([each] if each else [])]
        names = [name for name in self._schema if any(p == name or p.startswith(f"{name}.") for p in paths)]
        for first, frame in self._slices(names or list(self._schema)[:1]):
            lines = list(range(first, first + frame.height))
            yield batch_of(lines, frame.to_dicts(), columns, each, [])

    def raw(self, lines: set[int]) -> Iterator[tuple[int, str]]:
        """The rows as JSON text."""
        for first, frame in self._slices(list(self._schema)):
            wanted = [line for line in range(first, first + frame.height) if line in lines]
            for line in wanted:
                record = frame.row(line - first, named=True)
                yield line, json.dumps(record, ensure_ascii=False, default=lambda value: text_of(value)[0])


PARQUET = Format("parquet", (".parquet",), ParquetFile.open)
