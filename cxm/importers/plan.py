"""Which file of an export fills which table.

Names of files and the tables of a mapping; nothing is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxm.errors import CxmError, did_you_mean
from cxm.importers.mapping import Mapping, TableMapping
from cxm.importers.source import Format, Source
from cxm.tables import TABLES, Table


@dataclass(frozen=True)
class Plan:
    """One table: the mappings that fill it, each from all of these files (by their number)."""

    table: Table
    entries: list[TableMapping]
    files: list[int]


def find_files(format: Format, source: Path, mapping: Mapping | None) -> tuple[list[Path], list[str]]:
    """(files to import in order of name, names of those left out) of a file or a folder of them.

    Without a mapping a folder's files are imported if they, or the folder, are named after a table.
    """
    if not source.is_dir():
        return [source], []
    files = sorted(p for p in source.iterdir() if p.suffix.lower() in format.suffixes and p.name[0] != ".")
    if not files:
        raise CxmError(f"no {format.name} file ({', '.join(format.suffixes)}) in {source}")
    if mapping is not None or source.name in TABLES:
        return files, []
    known = [path for path in files if path.stem in TABLES]
    if not known:
        raise CxmError(
            f"no file in {source} is named after a table (first: {files[0].name}"
            f"{_closest(files[0].stem)}); rename it or give a --mapping"
        )
    return known, [path.name for path in files if path not in known]


def make_plans(sources: dict[int, Source], mapping: Mapping | None) -> list[Plan]:
    """One plan a table, in the order of the mapping or of the files."""
    entries: dict[str, list[TableMapping]] = {}
    if mapping is not None:
        for entry in mapping.tables:
            entries.setdefault(entry.table, []).append(entry)
        return [Plan(TABLES[name], group, list(sources)) for name, group in entries.items()]
    files: dict[str, list[int]] = {}
    for i, source in sources.items():
        files.setdefault(_table_named_by(source.path), []).append(i)
    return [Plan(TABLES[name], [TableMapping(table=name)], own) for name, own in files.items()]


def _table_named_by(path: Path) -> str:
    for name in (path.stem, path.parent.name):
        if name in TABLES:
            return name
    raise CxmError(
        f"'{path.stem}' is no table{_closest(path.stem)}; name the file after its table"
        " or give a --mapping (docs/importing.md shows some)"
    )


def _closest(name: str) -> str:
    """The closest table, if one is close: the whole list would drown the remedy."""
    hint = did_you_mean(name, TABLES)
    return hint if "mean" in hint else ""
