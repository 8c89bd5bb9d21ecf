"""Columns the data dictionary does not declare (covariates of `customers`): what dtype they get.

Declared columns are read in `values`; only tables that keep further columns come here.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cxm.errors import CxmError
from cxm.importers.rows import KIND
from cxm.importers.times import UTC_TIME, Unclear, parse_times
from cxm.importers.values import Conventions, parse_numbers, shown

_LEADING_ZERO = r"^\s*[+-]?0\d"
_LIKE_A_NUMBER = r"^\s*[+-]?[\d.,\s]*\d[\d.,\s]*([eE][+-]?\d+)?\s*$"


def type_further(frame: pl.DataFrame, rules: Conventions, as_text: Sequence[str]) -> pl.DataFrame:
    """Further columns as numbers, truth values or times where all their cells are, else as text.

    Digits with a leading zero are text (a postcode), as are the columns named in `as_text`. Raises
    `CxmError` where all cells look like numbers but the decimal sign is open.
    """
    for kind_name in [name for name in frame.columns if name.startswith(KIND)]:
        name = kind_name.removeprefix(KIND)
        text = frame[name].set((frame[name].str.strip_chars() == "").fill_null(False), None)
        kinds = frame[kind_name].filter(text.is_not_null())
        values = text
        if len(kinds) and name not in as_text:
            try:
                values = _typed(text, kinds, rules)
            except Unclear as unclear:
                raise CxmError(
                    f"column '{name}' {unclear.why} (first: {shown(text[unclear.index])});"
                    f" set `{unclear.key}` in the mapping, e.g. {unclear.key} = {unclear.example},"
                    " or name the column under as_text"
                ) from None
        frame = frame.drop(kind_name).with_columns(values.alias(name))
    return frame


def match_further(
    old: pl.DataFrame, new: pl.DataFrame, names: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both frames with one dtype for each column that both have: numbers as Float64, else text."""
    for name in names:
        left, right = old.schema[name], new.schema[name]
        if left != right and pl.Null not in (left, right):
            dtype = pl.Float64() if left.is_numeric() and right.is_numeric() else pl.String()
            old, new = old.with_columns(pl.col(name).cast(dtype)), new.with_columns(pl.col(name).cast(dtype))
    return old, new


def _typed(text: pl.Series, kinds: pl.Series, rules: Conventions) -> pl.Series:
    if (kinds == "boolean").all():
        return text == "true"
    if (kinds == "time").all():
        is_moment = pl.repeat(True, len(text), eager=True)
        return parse_times(text, is_moment, None, rules.time_zone)[0].cast(UTC_TIME)
    is_typed = bool((kinds == "number").all())
    looks = text.str.contains(_LIKE_A_NUMBER).fill_null(True)
    if not looks.all() or text.str.contains(_LEADING_ZERO).any():
        return text
    trimmed = text.str.strip_chars()
    numbers, reasons = parse_numbers(trimmed, pl.repeat(is_typed, len(text), eager=True), rules)
    if reasons.null_count() < len(reasons):
        return text
    is_whole = (numbers == numbers.floor()) & (numbers.abs() < 2**53) & ~trimmed.str.contains(r"[.,eE]")
    return numbers.cast(pl.Int64) if is_whole.fill_null(True).all() else numbers
