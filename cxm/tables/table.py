"""What a table is: a name, a schema, what it means and which other tables it points to.

The mechanism of the data dictionary; the content stands beside it in `inputs`, `gold` and
`results`. A new table does not need a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import dataframely as dy
import polars as pl


@dataclass(frozen=True)
class ForeignKey:
    """`columns` here must occur as `target_columns` in `table` (checked where both are present)."""

    columns: tuple[str, ...]
    table: str
    target_columns: tuple[str, ...]


def refers_to(table: str, *columns: str, **renamed: str) -> ForeignKey:
    """A foreign key on equally named `columns`, or `here="there"`."""
    here = columns + tuple(renamed)
    return ForeignKey(here, table, columns + tuple(renamed.values()))


@dataclass(frozen=True)
class Table:
    """One table of the data dictionary.

    `keeps_further_columns`: columns the schema does not name are kept as they are (`customers`,
    where each is a covariate, and result tables whose task adds some); elsewhere they are refused.
    """

    name: str
    kind: Literal["input", "gold", "result"]
    schema: type[dy.Schema]
    doc: str
    foreign_keys: tuple[ForeignKey, ...] = ()
    keeps_further_columns: bool = False

    @property
    def key(self) -> list[str]:
        """Names of the primary-key columns; empty where rows need no key."""
        return list(self.schema.primary_key())

    @property
    def columns(self) -> dict[str, dy.Column]:
        """The declared columns by name, in order."""
        return dict(self.schema.columns())

    @property
    def nullable(self) -> list[str]:
        """Columns that may hold nulls or be absent."""
        return [name for name, column in self.columns.items() if column.nullable]

    def empty(self) -> pl.DataFrame:
        """A frame with the declared columns and no rows."""
        return self.schema.create_empty()

    def describe(self) -> list[dict[str, Any]]:
        """One record a column: name, dtype, unit, key, nullable, rules and meaning."""
        return [
            {
                "column": name,
                "dtype": str(column.dtype),
                "unit": (column.metadata or {}).get("unit"),
                "is_key": bool(column.primary_key),
                "is_nullable": bool(column.nullable),
                "rules": sorted((column.metadata or {}).get("rules", [])),
                "doc": column.description or "",
            }
            for name, column in self.columns.items()
        ]
