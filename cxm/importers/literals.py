"""The values a mapping itself sets (`constants`, right-hand sides of `values`): are they legal?

Checked before a row is read, so that a slip in the mapping is one error and not a bad row each time.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from cxm import store
from cxm.errors import CxmError
from cxm.importers.mapping import Mapping, TableMapping
from cxm.importers.times import Unclear
from cxm.importers.values import Conventions, cast_cells, cells_of, shown


def check_literals(mapping: Mapping) -> None:
    """Raise `CxmError` for the first constant or mapped value that its column does not allow."""
    for entry in mapping.tables:
        for name, value in entry.constants.items():
            _check(mapping, entry, name, value, f"constants.{name}")
        for name, values in entry.values.items():
            for key, value in values.items():
                _check(mapping, entry, name, value, f"values.{name}.{key}")


def _check(mapping: Mapping, entry: TableMapping, name: str, value: Any, where: str) -> None:
    table = entry.declaration
    column = table.columns.get(name)
    if column is None:
        return
    rules = Conventions(
        mapping.decimal, entry.time_rule("time_format", name), entry.time_rule("time_zone", name)
    )
    try:
        values, reasons = cast_cells(cells_of([value]), column, rules)
    except Unclear as unclear:
        raise CxmError(
            f"mapping: {table.name}: {where} = {shown(value)} {unclear.why}; set `{unclear.key}`,"
            f" e.g. {unclear.key} = {unclear.example}"
        ) from None
    words = reasons[0]
    if words is None:
        frame = values.to_frame(name)
        for rule, check in column.validation_rules(pl.col(name)).items():
            if frame.select(check.fill_null(True)).item() is False:
                words = store.rule_words(table, f"{name}|{rule}")[1]
                break
    if words:
        raise CxmError(f"mapping: {table.name}: {where} = {shown(value)} {words}")
