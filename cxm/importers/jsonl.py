"""JSON Lines: one JSON object a line.

Reads lines into records; what paths and values mean stands in `records` and `values`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from cxm.errors import CxmError
from cxm.importers.mapping import Mapping
from cxm.importers.records import batch_of
from cxm.importers.source import BATCH_ROWS, Batch, Format
from cxm.importers.text_files import find_encoding, read_lines
from cxm.importers.values import shown

# A file without an object in so many lines is something else.
_START = 1_000


@dataclass(frozen=True)
class JsonLines:
    """A `.jsonl` file."""

    path: Path
    encoding: str
    empty_is_null = False
    is_comma_free = False

    @classmethod
    def open(cls, path: Path, mapping: Mapping | None) -> JsonLines:
        """The file, after a look at its first line."""
        source = cls(path, find_encoding(path, mapping.encoding if mapping else None))
        first = next((line.strip() for _, line in source._lines()), None)
        if first is None:
            raise CxmError(f"{path} holds nothing but blank lines")
        remedy = f"`jq -c '{'.[]' if first.startswith('[') else '.'}' {path.name} > lines.jsonl`"
        if first.startswith("["):
            raise CxmError(f"{path} is one JSON array, not one object a line; convert it, e.g. {remedy}")
        if first == "{":
            raise CxmError(f"{path} spreads an object over several lines; convert it, e.g. {remedy}")
        start = (parse_line(line)[0] for _, line in islice(source._lines(), _START))
        if all(record is None for record in start):
            raise CxmError(f"{path} is not JSON Lines: no object in its first lines ({shown(first)})")
        return source

    def _lines(self) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(read_lines(self.path, self.encoding, "\n"), start=1):
            if line.strip():
                yield number, line.rstrip("\r\n")

    @cached_property
    def _names(self) -> list[str]:
        names: dict[str, None] = {}
        for _, line in self._lines():
            record, _ = parse_line(line)
            names.update(dict.fromkeys(record or ()))
        return list(names)

    def columns(self) -> list[str]:
        """Names of the fields that occur in any line, in order of appearance."""
        return self._names

    def batches(self, columns: Sequence[str], each: str | None) -> Iterator[Batch]:
        """The rows; a line that is no object is listed as broken."""
        lines: list[int] = []
        records: list[dict[str, Any]] = []
        broken: list[tuple[int, str, str]] = []
        for number, line in self._lines():
            record, reason = parse_line(line)
            if record is None:
                broken.append((number, "", reason))
            else:
                lines.append(number)
                records.append(record)
            if len(records) + len(broken) >= BATCH_ROWS:
                yield batch_of(lines, records, columns, each, broken)
                lines, records, broken = [], [], []
        if records or broken:
            yield batch_of(lines, records, columns, each, broken)

    def raw(self, lines: set[int]) -> Iterator[tuple[int, str]]:
        """The lines as they stand."""
        last = max(lines, default=0)
        for number, line in self._lines():
            if number in lines:
                yield number, line
            if number >= last:
                return


def parse_line(line: str) -> tuple[dict[str, Any] | None, str]:
    """(the object, "") or (None, reason)."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None, "is not JSON"
    return (record, "") if isinstance(record, dict) else (None, "is not a JSON object")


JSONL = Format("jsonl", (".jsonl", ".ndjson", ".json"), JsonLines.open)
