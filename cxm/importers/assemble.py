"""Typed rows into rows of a table: chosen values, the table's rules, duplicates, numbering, merging.

Everything that needs more than one row. Single cells belong in `rows`; what is legal is declared in
`cxm.tables` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from cxm import store
from cxm.importers.further import match_further
from cxm.importers.mapping import Origin
from cxm.importers.rows import FILE, LINE, PROBLEMS, ROW, Rows
from cxm.tables import Table

_OURS = [ROW, FILE, LINE]
# A schema takes no name that begins like ours.
_NUMBER = "row number"


@dataclass(frozen=True)
class Assembled:
    """A table as it would be written, and what became of the rows read."""

    table: pl.DataFrame
    n_good: int
    n_duplicate: int
    n_new: int
    n_changed: int
    problems: pl.DataFrame


def assemble(
    rows: Rows, table: Table, old: pl.DataFrame | None, picks: dict[str, str], numbered: dict[str, Origin]
) -> Assembled:
    """The rows merged into the old table.

    Rows with equal keys replace old ones; columns the rows do not bring keep their old values.
    Rows of a table without key are added where they are not there yet. `picks` are columns chosen
    among the rows of a key, `numbered` columns that are counted.
    """
    bad = rows.problems
    frame = rows.frame.filter(~pl.col(ROW).is_in(bad[ROW].unique().implode()))
    brought = [name for name in frame.columns if name not in _OURS]
    further = sorted({*brought, *(old.columns if old is not None else [])} - set(table.columns))
    names = [*table.columns, *further]
    old = table.empty() if old is None else old
    dtypes = {name: old.schema.get(name, frame.schema.get(name, pl.String())) for name in names}
    frame, old = _with_columns(frame, dtypes), _with_columns(old, dtypes).select(names)
    old, frame = match_further(old, frame, further)
    frame = _choose(frame, table.key, picks)
    frame = _complete(frame, old, table.key, brought, picks)
    for name in numbered:
        frame = frame.with_columns(pl.lit(_start(table, name), dtype=pl.Int32).alias(name))
    found = [*_empty_orders(frame, numbered), *_broken_rules(frame, table)]
    frame = _without(frame, found)
    n_duplicate = 0
    # Without a key of their own or a time, equal rows may be one thing said twice.
    if all(origin.order_by for origin in numbered.values()):
        distinct = frame.unique(subset=names, keep="first", maintain_order=True)
        n_duplicate = frame.height - distinct.height
        found += _conflicts(distinct, [] if numbered else table.key)
        frame = _without(distinct, found)
    merged = _merge(old, frame.select(*names, ROW), table.key, numbered, table)
    n_new, n_changed = _differences(old, merged, table.key)
    return Assembled(merged, frame.height, n_duplicate, n_new, n_changed, pl.concat([bad, *found]))


def _with_columns(frame: pl.DataFrame, dtypes: dict[str, pl.DataType]) -> pl.DataFrame:
    absent = {name: dtype for name, dtype in dtypes.items() if name not in frame.columns}
    return frame.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in absent.items())


def _without(frame: pl.DataFrame, problems: Sequence[pl.DataFrame]) -> pl.DataFrame:
    bad = pl.concat([problem[ROW] for problem in problems]) if problems else pl.Series(dtype=pl.Int64)
    return frame.filter(~pl.col(ROW).is_in(bad.unique().implode()))


def _as_problems(frame: pl.DataFrame, column: str, reason: str, value: pl.Expr) -> pl.DataFrame:
    words = {"column": pl.lit(column), "reason": pl.lit(reason), "value": value}
    return frame.with_columns(**words).select(pl.col(name).cast(dtype) for name, dtype in PROBLEMS.items())


# ------------------------------------------------------------------ values out of several rows


def _choose(frame: pl.DataFrame, key: list[str], picks: dict[str, str]) -> pl.DataFrame:
    ways = {
        "earliest": lambda name: pl.col(name).min(),
        "latest": lambda name: pl.col(name).max(),
        "first": lambda name: pl.col(name).drop_nulls().first(),
    }
    return frame.with_columns(ways[pick](name).over(key).alias(name) for name, pick in picks.items())


def _complete(
    frame: pl.DataFrame, old: pl.DataFrame, key: list[str], brought: list[str], picks: dict[str, str]
) -> pl.DataFrame:
    """Values the rows leave open, from the old row of the same key."""
    names = [name for name in old.columns if name not in key and (name not in brought or name in picks)]
    if not key or not names or not old.height or not set(key) <= set(brought):
        return frame
    before = {name: pl.col(f"__old:{name}") for name in names}
    ways = {
        "earliest": lambda name: pl.min_horizontal(name, before[name]),
        "latest": lambda name: pl.max_horizontal(name, before[name]),
        "first": lambda name: pl.coalesce(name, before[name]),
    }
    return (
        frame.join(
            old.select(*key, *(pl.col(name).alias(f"__old:{name}") for name in names)),
            on=key,
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        .with_columns(
            (ways[picks[name]](name) if name in picks else before[name]).alias(name) for name in names
        )
        .drop(f"__old:{name}" for name in names)
    )


def _start(table: Table, name: str) -> int:
    """The smallest legal number of a counted column: 0 of a turn, 1 of a rank."""
    return int(getattr(table.columns[name], "min", None) or 0)


def _empty_orders(frame: pl.DataFrame, numbered: dict[str, Origin]) -> list[pl.DataFrame]:
    return [
        _as_problems(
            frame.filter(pl.col(origin.order_by).is_null()),
            origin.order_by,
            f"is null, and {name} is numbered by it",
            pl.lit(None),
        )
        for name, origin in numbered.items()
        if origin.order_by
    ]


# ------------------------------------------------------------------ the table's rules


def _broken_rules(frame: pl.DataFrame, table: Table) -> list[pl.DataFrame]:
    """Rows that break a rule of the declaration, keys that occur more than once aside."""
    if not frame.height:
        return []
    # The failures come without row numbers, so the schema is given a column for them.
    make: Any = type(table.schema)
    schema = make(table.schema.__name__, (table.schema,), {_NUMBER: dy.Int64()})
    _, failure = schema.filter(frame.select(*table.columns, pl.col(ROW).alias(_NUMBER)))
    rules = sorted(rule for rule in failure.counts() if rule != "primary_key")
    if not rules:
        return []
    details = failure.details()
    problems = []
    for rule in rules:
        broken = details.filter(pl.col(rule) == "invalid")[_NUMBER].implode()
        column, words = store.rule_words(table, rule)
        value = pl.col(column).cast(pl.String) if column and not _is_list(table, column) else pl.lit(None)
        problems.append(_as_problems(frame.filter(pl.col(ROW).is_in(broken)), column, words, value))
    return problems


def _is_list(table: Table, column: str) -> bool:
    return isinstance(table.columns[column].dtype, pl.List)


def _conflicts(distinct: pl.DataFrame, key: list[str]) -> list[pl.DataFrame]:
    if not key:
        return []
    first = distinct.unique(subset=key, keep="first", maintain_order=True)
    others = distinct.filter(~pl.col(ROW).is_in(first[ROW].implode()))
    value = pl.concat_str([pl.col(name).cast(pl.String) for name in key], separator=", ")
    words = "key occurs more than once, with other values; the first row is kept"
    return [_as_problems(others, ", ".join(key), words, value)]


# ------------------------------------------------------------------ merging


def _merge(
    old: pl.DataFrame, new: pl.DataFrame, key: list[str], numbered: dict[str, Origin], table: Table
) -> pl.DataFrame:
    names = old.columns
    if numbered:
        for name, origin in numbered.items():
            old, new = _number(old, new, name, origin, _start(table, name))
    if not key:
        merged = pl.concat([old, new.select(names)]).unique(maintain_order=True)
        return merged.sort(names, nulls_last=True)
    kept = old.join(new, on=key, how="anti", maintain_order="left")
    return pl.concat([kept, new.select(names)]).sort(key)


def _number(
    old: pl.DataFrame, new: pl.DataFrame, name: str, origin: Origin, start: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(old rows of other groups, old and new rows of the groups at hand, counted anew).

    A row that is there already, at whatever number, is not added again; of equal rows as many stay
    as the fuller side has.
    """
    group, content = str(origin.number_within), [column for column in old.columns if column != name]
    groups = new.select(group).unique()
    touched = old.join(groups, on=group, how="semi", maintain_order="left")
    rest = old.join(groups, on=group, how="anti", maintain_order="left")

    def counted(frame: pl.DataFrame, order: str, age: int) -> pl.DataFrame:
        ordered = frame.sort(order).with_columns(
            pl.lit(age).alias("__age"), pl.col(order).cast(pl.Int64).alias("__order")
        )
        return ordered.with_columns(pl.int_range(pl.len()).over(content).alias("__occurrence"))

    before, after = counted(touched, name, 0), counted(new, ROW, 1).drop(ROW)
    added = after.join(before, on=[*content, "__occurrence"], how="anti", nulls_equal=True)
    union = pl.concat([before, added.select(before.columns)])
    union = union.sort(filter(None, [group, origin.order_by, "__age", "__order"]), maintain_order=True)
    number = (pl.int_range(pl.len()).over(group) + start).cast(pl.Int32)
    return rest, union.with_columns(number.alias(name)).select(old.columns)


def _differences(old: pl.DataFrame, merged: pl.DataFrame, key: list[str]) -> tuple[int, int]:
    """(rows with a new key, rows with an old key and other values)."""
    if not key:
        return merged.height - old.height, 0
    new = merged.join(old, on=key, how="anti")
    other = merged.join(old, on=merged.columns, how="anti", nulls_equal=True)
    return new.height, other.height - new.height
