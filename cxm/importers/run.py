"""The whole import: read the files under the mapping, check, write.

All tables are assembled and judged before the first is written. Which file fills which table stands
in `plan`; how a file is read, a cell cast or rows merged in the other modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from cxm import locks, store
from cxm.errors import CxmError, TooManyBadRows, did_you_mean
from cxm.importers import quarantine
from cxm.importers.assemble import Assembled, assemble
from cxm.importers.formats import FORMATS
from cxm.importers.further import type_further
from cxm.importers.labels import labels_mapping, unknown_references
from cxm.importers.literals import check_literals
from cxm.importers.mapping import Mapping, Origin, parse_mapping, read_mapping
from cxm.importers.plan import Plan, find_files, make_plans
from cxm.importers.rows import FILE, LINE, ROW, Rows, listed, read_rows
from cxm.importers.source import Source
from cxm.importers.summary import ImportSummary, TableSummary
from cxm.importers.values import Conventions, shown
from cxm.settings import read_settings
from cxm.stamp import check_stamp, write_stamp
from cxm.tables import TABLES, Table

_EXAMPLES = 3


@dataclass(frozen=True)
class _Result:
    plan: Plan
    rows: Rows
    assembled: Assembled
    bad: pl.DataFrame


def import_source(
    format: str,
    source: Path,
    to: Path,
    mapping: Path | None = None,
    dry_run: bool = False,
    max_bad_share: float | None = None,
) -> ImportSummary:
    """Import an export (a file, or a folder of them) into the data directory `to`.

    Without a mapping file, each file is named after its table and holds our columns. Rows with equal
    keys replace those in `to`, so importing the same file again changes nothing. With `dry_run`
    nothing is written. Raises `TooManyBadRows`, with nothing written, if of any table more than
    `max_bad_share` (default: the setting `CXM_MAX_BAD_SHARE`) of the rows are bad, and `CxmError` for
    whatever else a user has to settle.
    """
    limit = _limit(max_bad_share)
    given = read_mapping(Path(mapping)) if mapping is not None else None
    return _import(format, Path(source), Path(to), given, dry_run, limit)


def import_table(
    format: str,
    source: Path,
    to: Path,
    table: str,
    dry_run: bool = False,
    max_bad_share: float | None = None,
) -> ImportSummary:
    """Import a file that holds our columns into the table named, whatever the file is called."""
    given = parse_mapping({"table": table}, "import")
    return _import(format, Path(source), Path(to), given, dry_run, _limit(max_bad_share))


def import_labels(source: Path, to: Path, table: str) -> ImportSummary:
    """Import reviewed labels, JSON Lines, into a gold table (`cxm.importers.labels`).

    A row about a conversation or criterion that is not there is a bad row.
    """
    given = parse_mapping(labels_mapping(FORMATS["jsonl"].open(source, None), table), "import")
    return _import("jsonl", source, to, given, False, _limit(None), is_last=True)


def _import(
    format: str,
    source: Path,
    to: Path,
    given: Mapping | None,
    dry_run: bool,
    limit: float,
    is_last: bool = False,
) -> ImportSummary:
    if format not in FORMATS:
        raise CxmError(f"unknown format '{format}'" + did_you_mean(format, FORMATS))
    if to.exists() and not to.is_dir():
        raise CxmError(f"not a directory: {to}; --to takes the folder of the tables")
    with nullcontext() if dry_run else _held(to):
        if given is not None:
            check_literals(given)
        if to.is_dir():
            check_stamp(to)
        paths, others = find_files(FORMATS[format], source, given)
        sources = {i: FORMATS[format].open(path, given) for i, path in enumerate(paths)}
        results = [_read(plan, sources, given, to, is_last) for plan in make_plans(sources, given)]
        summaries = [_summarise(result, sources) for result in results]
        _stop_if_too_many(summaries, limit, source)
        if not dry_run:
            summaries = [
                _write(result, summary, sources, to)
                for result, summary in zip(results, summaries, strict=True)
            ]
            write_stamp(to)
        notes = [f"not imported, not named after a table: {listed(others)}"] if others else []
        notes += _unread(results)
        notes += [note for result in results for note in dict.fromkeys(result.rows.notes)]
        return ImportSummary(str(source), str(to), dry_run, summaries, notes + _dangling(results, to))


@contextmanager
def _held(to: Path) -> Iterator[None]:
    """Nobody else writes to the folder meanwhile; it is made, and taken away again if it stays empty."""
    is_new = not to.exists()
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CxmError(f"{to} cannot be written: {error.strerror}") from None
    try:
        with locks.hold(to):
            yield
    finally:
        if is_new and not any(to.iterdir()):
            to.rmdir()


def _limit(max_bad_share: float | None) -> float:
    if max_bad_share is None:
        return read_settings().max_bad_share
    if not 0 <= max_bad_share <= 1:
        raise CxmError(f"max_bad_share is {max_bad_share:g}; it is a share from 0 to 1")
    return max_bad_share


# ------------------------------------------------------------------ one table


def _read(
    plan: Plan, sources: dict[int, Source], mapping: Mapping | None, to: Path, is_last: bool
) -> _Result:
    parts: list[Rows] = []
    first = 0
    for i in plan.files:
        for entry in plan.entries:
            parts.append(read_rows(sources[i], i, mapping, entry, first))
            first += parts[-1].n_read
    rows = Rows(
        pl.concat([part.frame for part in parts], how="diagonal"),
        pl.concat([part.problems for part in parts]),
        sum(part.n_read for part in parts),
        sum(part.n_skipped for part in parts),
        notes=tuple(note for part in parts for note in part.notes),
    )
    picks, numbered = _derivations(plan)
    frame = _typed(rows.frame, plan, sources, mapping)
    rows = replace(rows, frame=frame, unused=frozenset.intersection(*(part.unused for part in parts)))
    if is_last:  # what its rows point to is there already
        rows = replace(rows, problems=pl.concat([rows.problems, unknown_references(frame, plan.table, to)]))
    assembled = assemble(rows, plan.table, _old(to, plan.table), picks, numbered)
    return _Result(plan, rows, assembled, quarantine.bad_rows(assembled.problems))


def _typed(
    frame: pl.DataFrame, plan: Plan, sources: dict[int, Source], mapping: Mapping | None
) -> pl.DataFrame:
    rules = Conventions(
        decimal=mapping.decimal if mapping else None,
        time_zone=next((e.time_zone for e in plan.entries if isinstance(e.time_zone, str)), None),
        is_comma_free=any(sources[i].is_comma_free for i in plan.files),
    )
    return type_further(frame, rules, [name for entry in plan.entries for name in entry.as_text])


def _derivations(plan: Plan) -> tuple[dict[str, str], dict[str, Origin]]:
    picks: dict[str, str] = {}
    numbered: dict[str, Origin] = {}
    for entry in plan.entries:
        picks |= entry.picks
        numbered |= entry.numbered
    for entry in plan.entries:
        for name, wanted in {**picks, **numbered}.items():
            here = entry.numbered if name in numbered else entry.picks
            if here.get(name) != wanted:
                raise CxmError(
                    f"mapping: {plan.table.name}.{name} is derived in one of its [[tables]] and not, or"
                    " otherwise, in another; write it the same in each"
                )
    return picks, numbered


def _old(to: Path, table: Table) -> pl.DataFrame | None:
    if not to.is_dir() or not store.exists(to, table.name):
        return None
    if (to / table.name).is_dir():
        raise CxmError(
            f"'{table.name}' stands in {to} as a folder of parts, and an import writes one file;"
            " join the parts into one, or import to another directory"
        )
    return store.scan(to, table.name).collect()


def _summarise(result: _Result, sources: dict[int, Source]) -> TableSummary:
    assembled, problems = result.assembled, result.assembled.problems
    named = pl.when(pl.col("column") == "").then("reason").otherwise(pl.format("{}: {}", "column", "reason"))
    reasons = (
        problems.select(named.alias("reason"), ROW)
        .unique()
        .group_by("reason")
        .len()
        .sort("len", "reason", descending=[True, False])
    )
    return TableSummary(
        table=result.plan.table.name,
        n_read=result.rows.n_read,
        n_good=assembled.n_good,
        n_bad=result.bad.height,
        n_duplicate=assembled.n_duplicate,
        n_skipped=result.rows.n_skipped,
        n_new=assembled.n_new,
        n_changed=assembled.n_changed,
        n_rows=assembled.table.height,
        reasons=dict(reasons.iter_rows()),
        examples=[
            _example(row, sources if len(result.plan.files) > 1 else {})
            for row in problems.sort(FILE, LINE, ROW).head(_EXAMPLES).iter_rows(named=True)
        ],
    )


def _example(problem: dict[str, Any], sources: dict[int, Source]) -> str:
    file = f"{sources[problem[FILE]].path.name}, " if sources else ""
    value = "" if problem["value"] is None else f" ({shown(problem['value'])})"
    column = f"{problem['column']} " if problem["column"] else ""
    return f"{file}line {problem[LINE]:,}: {column}{problem['reason']}{value}"


def _stop_if_too_many(summaries: Sequence[TableSummary], limit: float, source: Path) -> None:
    over = [summary for summary in summaries if summary.bad_share > limit]
    if over:
        first = max(over, key=lambda summary: summary.bad_share)
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in list(first.reasons.items())[:3])
        raise TooManyBadRows(
            f"{source}: {first.n_bad:,} of {first.n_read:,} rows of {first.table} are bad"
            f" ({first.bad_share:.0%}, allowed: {limit:.0%}): {reasons}; first: {first.examples[0]};"
            " nothing was written; mend the mapping, or allow more with CXM_MAX_BAD_SHARE"
        )


def _write(result: _Result, summary: TableSummary, sources: dict[int, Source], to: Path) -> TableSummary:
    name = result.plan.table.name
    own = {i: sources[i] for i in result.plan.files}
    raws = quarantine.with_raw(result.bad, own)
    try:
        path = quarantine.write(to, name, raws, [source.path.as_posix() for source in own.values()])
        store.write(result.assembled.table, to, name)
    except OSError as error:
        raise CxmError(f"{to} cannot be written: {error.strerror}") from None
    return replace(summary, quarantine=str(path) if path else None)


def _unread(results: Sequence[_Result]) -> list[str]:
    """A note on the columns of the source that went into no table."""
    unused = frozenset.intersection(*(result.rows.unused for result in results))
    return [f"not read: {listed(sorted(unused))}"] if unused else []


def _dangling(results: Sequence[_Result], to: Path) -> list[str]:
    """Notes on keys of the imported tables that point to rows which are not there."""
    frames = {result.plan.table.name: result.assembled.table.lazy() for result in results}
    notes = []
    for name, frame in list(frames.items()):
        targets = {reference.table for reference in TABLES[name].foreign_keys}
        present = {name: frame}
        for target in sorted(targets):
            if target in frames:
                present[target] = frames[target]
            elif to.is_dir() and store.exists(to, target):
                try:
                    present[target] = store.scan(to, target)
                except CxmError as error:
                    notes.append(str(error))
        problems = [p for p in store.foreign_key_problems(present) if p.table == name]
        notes += [
            f"{problem}; once all tables are there, `cxm validate {to}` lists them" for problem in problems
        ]
    return notes
