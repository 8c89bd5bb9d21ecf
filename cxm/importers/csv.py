"""Delimited text (CSV, TSV, `;`-separated) with a header line.

Reads records with their line numbers; a record that breaks the quoting or has another number of
fields than the header is set aside alone. What values mean stands in `values`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxm.errors import CxmError
from cxm.importers.mapping import Mapping
from cxm.importers.source import BATCH_ROWS, Batch, Format
from cxm.importers.text_files import find_encoding, read_lines
from cxm.importers.values import text_cells

_DELIMITERS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
# A header of one column needs no delimiter; this one never occurs in text.
_NONE = "\x1f"
# A quote that opens a longer record than this is taken for one that is never closed.
_LINES_IN_RECORD = 10_000


class _Lines:
    """Lines with their numbers; those of the record at hand can be put back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._ahead: list[str] = []
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _LINES_IN_RECORD:
            raise StopIteration
        line = self._ahead.pop() if self._ahead else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def start_record(self) -> None:
        self.taken = []

    def put_back_all_but_first(self) -> None:
        self._ahead += reversed(self.taken[1:])
        self.number -= len(self.taken) - 1


@dataclass(frozen=True)
class Delimited:
    """A delimited text file."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    empty_is_null = True

    @classmethod
    def open(cls, path: Path, mapping: Mapping | None) -> Delimited:
        """The file, after a look at its header."""
        csv.field_size_limit(2**31 - 1)
        encoding = find_encoding(path, mapping.encoding if mapping else None)
        delimiter = mapping.delimiter if mapping else None
        before, line = 0, ""
        for before, line in enumerate(read_lines(path, encoding, "")):  # noqa: B007 -- used after the loop
            if line.lower().startswith("sep=") and len(line.strip("\r\n")) == 5:
                delimiter = delimiter or line[4]
            elif line.strip():
                break
        else:
            raise CxmError(f"{path} holds no header line")
        delimiter = delimiter or _find_delimiter(path, line)
        records = Delimited(path, encoding, delimiter, (), before)._records()
        _, fields = next(records)
        if isinstance(fields, str):
            raise CxmError(f"{path}: line {before + 1} is no header: its quotes are not closed")
        header = tuple(" ".join(name.split()) for name in fields)
        source = cls(path, encoding, delimiter, header, before)
        if next(source._rows(), None) is None:
            raise CxmError(f"{path} has a header but no rows")
        return source

    @property
    def is_comma_free(self) -> bool:
        """Whether commas are free for numbers."""
        return self.delimiter not in (",", _NONE)

    def columns(self) -> list[str]:
        """The names in the header."""
        return [name for name in self.header if name]

    def _records(self) -> Iterator[tuple[int, list[str] | str]]:
        """(first line, fields, or the text of a broken record) of each record, the header first."""
        lines = _Lines(read_lines(self.path, self.encoding, ""))
        for _ in range(self.header_line):
            lines.start_record()
            next(lines)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            lines.start_record()
            number = lines.number + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                first = lines.taken[0]
                lines.put_back_all_but_first()
                reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                yield number, first.rstrip("\r\n")
                continue
            if fields:
                yield number, fields

    def _rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """The records after the header that hold anything at all."""
        records = self._records()
        next(records)
        is_single = len(self.header) == 1
        for number, fields in records:
            text = fields if isinstance(fields, str) else "".join(fields)
            if text and (is_single or not text.isspace()):
                yield number, fields

    def _problem(self, fields: list[str] | str) -> str:
        if isinstance(fields, str):
            return "has quotes that do not close as CSV does"
        if len(fields) != len(self.header):
            return "has not as many fields as the header"
        return ""

    def batches(self, columns: Sequence[str], each: str | None) -> Iterator[Batch]:
        """The rows; a record that does not fit the header is listed as broken."""
        if each is not None:
            raise CxmError(f"{self.path}: each = '{each}' is for nested rows (jsonl, parquet), not for csv")
        twice = [name for name in columns if self.header.count(name) > 1]
        if twice:
            raise CxmError(
                f"{self.path}: column '{twice[0]}' stands more than once in the header; rename one"
            )
        places = {name: self.header.index(name) for name in columns if name in self.header}
        lines: list[int] = []
        rows: list[list[str]] = []
        broken: list[tuple[int, str, str]] = []
        for number, fields in self._rows():
            if reason := self._problem(fields):
                broken.append((number, "", reason))
            elif isinstance(fields, list):
                lines.append(number)
                rows.append(fields)
            if len(rows) + len(broken) >= BATCH_ROWS:
                yield _batch(lines, rows, broken, places)
                lines, rows, broken = [], [], []
        if rows or broken:
            yield _batch(lines, rows, broken, places)

    def raw(self, lines: set[int]) -> Iterator[tuple[int, str]]:
        """The records as JSON objects; the text of broken ones."""
        last = max(lines, default=0)
        for number, fields in self._rows():
            if number in lines:
                if isinstance(fields, str):
                    yield number, fields
                else:
                    named = dict(zip(self.header, fields, strict=False))
                    is_whole = len(named) == len(fields) == len(self.header)
                    yield number, json.dumps(named if is_whole else fields, ensure_ascii=False)
            if number >= last:
                return


def _batch(
    lines: list[int], rows: list[list[str]], broken: list[tuple[int, str, str]], places: dict[str, int]
) -> Batch:
    cells = {
        name: text_cells(pl.Series([row[place] for row in rows], dtype=pl.String))
        for name, place in places.items()
    }
    return Batch(pl.Series(lines, dtype=pl.Int64), cells, broken, frozenset(places))


def _find_delimiter(path: Path, header: str) -> str:
    outside = "".join(header.split('"')[::2])
    found = [delimiter for delimiter in _DELIMITERS if delimiter in outside]
    if len(found) > 1:
        names = " and ".join(_DELIMITERS[delimiter] for delimiter in found)
        raise CxmError(
            f"{path}: the header holds {names}, so the delimiter is open; set `delimiter` in the mapping,"
            f" e.g. delimiter = {json.dumps(found[0])}"
        )
    return found[0] if found else _NONE


CSV = Format("csv", (".csv", ".tsv", ".txt"), Delimited.open)
