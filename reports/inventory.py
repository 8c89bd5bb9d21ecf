"""What lies in a data directory: tables with their rows, and rows an import has set aside.

Counts only; rules of tables are checked by `cxm.store`, figures computed in `kpis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES
from cxm.workspace import Workspace


@dataclass(frozen=True)
class TableFacts:
    """A table of the data directory: its rows, and rows an import has set aside, by reason."""

    name: str
    doc: str
    kind: str
    n_rows: int
    n_quarantined: int
    reasons: tuple[tuple[str, int], ...]


def count_tables(workspace: Workspace) -> tuple[TableFacts, ...]:
    """Every table of the data directory."""
    known, _ = store.tables_in(workspace.data)
    facts = []
    for name in known:
        n_rows = _count_rows(store.files(workspace.data, name))
        reasons = _count_reasons(workspace.data / "quarantine" / f"{name}.parquet")
        n_bad = sum(n for _, n in reasons)
        facts.append(TableFacts(name, TABLES[name].doc, TABLES[name].kind, n_rows, n_bad, reasons))
    return tuple(facts)


def _count_rows(paths: list[Path]) -> int:
    try:
        return int(pl.scan_parquet(paths, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CxmError(
            f"{paths[0]} cannot be read as Parquet: {reason}; `cxm validate` lists every problem"
        ) from error


def _count_reasons(path: Path) -> tuple[tuple[str, int], ...]:
    """Rows set aside by reason, most common first; none where the file is absent."""
    if not path.exists():
        return ()
    n_rows = _count_rows([path])
    rows = pl.scan_parquet(path, glob=False)
    if "reason" not in rows.collect_schema() or not n_rows:
        return (("not stated", n_rows),) if n_rows else ()
    counts = rows.group_by(pl.col("reason").cast(pl.String).fill_null("not stated")).agg(n=pl.len())
    return tuple(counts.sort(["n", "reason"], descending=[True, False]).collect().iter_rows())
