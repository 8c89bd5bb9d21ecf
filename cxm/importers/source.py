"""What every reader of a format hands over: batches of raw cells, and the text of single rows.

The contract between the format modules (`csv`, `jsonl`, `parquet`) and the rest. How a format is
read stands in its module; what the cells mean is decided in `rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from cxm.importers.mapping import Mapping
from cxm.importers.values import Cells

BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Batch:
    """Some rows of an export.

    `lines` (Int64, one a row) and the cells of the columns asked for. `broken` lists what stands
    where a row should be: (line, column, reason). `seen` are the columns that occurred at all.
    """

    lines: pl.Series
    cells: dict[str, Cells]
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    seen: frozenset[str] = frozenset()


class Source(Protocol):
    """One file of an export, open for reading as often as needed."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def empty_is_null(self) -> bool:
        """Whether the format cannot tell an empty text from no value."""

    @property
    def is_comma_free(self) -> bool:
        """Whether fields are parted by something else than a comma, as where that is the decimal sign."""

    def columns(self) -> list[str]:
        """Names of the source's columns; of an empty file `CxmError`."""

    def batches(self, columns: Sequence[str], each: str | None) -> Iterator[Batch]:
        """The rows (or, with `each`, the elements of that list in every row), in order."""

    def raw(self, lines: set[int]) -> Iterator[tuple[int, str]]:
        """(line, the row as JSON text, or as it stands if it is broken) of the lines asked for."""


@dataclass(frozen=True)
class Format:
    """A file format users hold: its name, the endings of its files, and how to open one."""

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, Mapping | None], Source]
