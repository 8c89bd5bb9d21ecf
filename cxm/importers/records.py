"""Rows that are nested records (`dict`s) into raw cells, by dotted paths.

What `jsonl` and `parquet` share. A path is a field's name, or names joined by dots
(`customer.id`, `messages.0.text`); a field whose own name holds the dot goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from cxm.importers.source import Batch
from cxm.importers.values import cells_of

_MISSING = object()


def look_up(record: Any, path: str) -> Any:
    """The value at a path, or `_MISSING`."""
    if isinstance(record, dict):
        if path in record:
            return record[path]
        name, dot, rest = path.partition(".")
        while dot:
            if name in record:
                return look_up(record[name], rest)
            further, dot, rest = rest.partition(".")
            name = f"{name}.{further}"
    elif isinstance(record, list):
        name, dot, rest = path.partition(".")
        if name.isdecimal() and int(name) < len(record):
            return look_up(record[int(name)], rest) if dot else record[int(name)]
    return _MISSING


def batch_of(
    lines: list[int],
    records: list[dict[str, Any]],
    columns: Sequence[str],
    each: str | None,
    broken: list[tuple[int, str, str]],
) -> Batch:
    """The cells of some records; with `each`, one row an element of that list."""
    broken = list(broken)
    if each is None:
        rows: list[tuple[int, dict[str, Any], Any]] = [
            (line, record, _MISSING) for line, record in zip(lines, records, strict=True)
        ]
    else:
        rows = []
        for line, record in zip(lines, records, strict=True):
            elements = look_up(record, each)
            if elements is _MISSING or elements is None:
                continue
            if isinstance(elements, list):
                rows += [(line, record, element) for element in elements]
            else:
                broken.append((line, each, "is not a list"))
    cells, seen = {}, set()
    for path in columns:
        values = [_value(record, element, path, each) for _, record, element in rows]
        if any(value is not _MISSING for value in values):
            seen.add(path)
        cells[path] = cells_of([None if value is _MISSING else value for value in values])
    numbers = pl.Series([line for line, _, _ in rows], dtype=pl.Int64)
    return Batch(numbers, cells, broken, frozenset(seen))


def _value(record: dict[str, Any], element: Any, path: str, each: str | None) -> Any:
    if element is not _MISSING and each is not None:
        if path == each:
            return element
        if path.startswith(f"{each}."):
            return look_up(element, path[len(each) + 1 :])
    return look_up(record, path)
