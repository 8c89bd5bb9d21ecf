"""Metadata: how tables and scores are shown beside an asset in the UI.

Turning a frame into what Dagster displays belongs here; which facts an asset reports is the
asset's own matter.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import polars as pl

from cxm.tables import Table

_PREVIEW_ROWS = 5
_PREVIEW_CHARACTERS = 80


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    if len(text) > _PREVIEW_CHARACTERS:
        text = text[: _PREVIEW_CHARACTERS - 1] + "…"
    return re.sub(r"([\\`*_~{}\[\]<>|#&])", r"\\\1", text)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A Markdown table; texts are cut to 80 characters and shown as they are, never as markup."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return dg.MetadataValue.md("\n".join("| " + " | ".join(line) + " |" for line in lines))


def preview(frame: pl.LazyFrame) -> dg.MarkdownMetadataValue:
    """The first five rows as a Markdown table."""
    rows = frame.head(_PREVIEW_ROWS).collect()
    return markdown_table([_cell(column) for column in rows.columns], rows.rows())


def column_schema(table: Table, frame: pl.LazyFrame | None = None) -> dg.TableSchema:
    """The declared columns with their meaning, and those of `frame` that are not declared."""
    columns = [
        dg.TableColumn(
            row["column"],
            row["dtype"],
            description=row["doc"] + (f" Unit: {row['unit']}." if row["unit"] else ""),
            constraints=dg.TableColumnConstraints(nullable=row["is_nullable"], other=row["rules"]),
            tags={"key": ""} if row["is_key"] else None,
        )
        for row in table.describe()
    ]
    found = frame.collect_schema() if frame is not None else {}
    further = [dg.TableColumn(name, str(dtype)) for name, dtype in found.items() if name not in table.columns]
    return dg.TableSchema(columns + further)


def row_count(frame: pl.LazyFrame) -> int:
    """Number of rows."""
    return int(frame.select(pl.len()).collect().item())


def table_metadata(table: Table, frame: pl.LazyFrame) -> dict[str, Any]:
    """Rows, preview and columns of a table that is there."""
    return {
        "dagster/row_count": row_count(frame),
        "dagster/column_schema": column_schema(table, frame),
        "preview": preview(frame),
    }


def score_table(scores: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Rows of `scores` as a Markdown table, in their order."""
    columns = ["metric", "value", "low", "high", "n", "baseline"]
    return markdown_table(columns, scores.select(columns).rows())
