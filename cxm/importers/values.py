"""Raw cells of an export into the dtype of one of our columns, each failure with its reason.

A new dtype of the data dictionary needs a line in `cast_cells`. Times are read in `times`; whether
a value of the right dtype is legal says the table's declaration alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl

from cxm.importers.times import UTC_TIME, Unclear, parse_times

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_GROUPED = {
    ".": r"^[+-]?\d{1,3}([, \x{00A0}\x{202F}'’]\d{3})+(\.\d+)?$",
    ",": r"^[+-]?(\d+|\d{1,3}([. \x{00A0}\x{202F}'’]\d{3})+)(,\d+)?$",
}
_HAS_COMMA = r"^[+-]?[\d.\s'’]*,[\d.,\s'’]*$"
_DOTS_OF_THREE = r"^[+-]?\d{1,3}(\.\d{3})+$"
_TRUTH = {"true": True, "yes": True, "y": True, "t": True, "1": True, "1.0": True}
_TRUTH |= {"false": False, "no": False, "n": False, "f": False, "0": False, "0.0": False}
_INT32 = 2**31


class Cells(NamedTuple):
    """One column as read: its text, and what each value was.

    `kind` is `text`, `number` (typed, so its decimal point is a point), `boolean`, `time` (typed,
    so the text is ISO), `structure` (a list or an object, the text is JSON) or `broken`.
    """

    text: pl.Series
    kind: pl.Series


@dataclass(frozen=True)
class Conventions:
    """What the mapping says about one column, and what the format says about empty values."""

    decimal: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    empty_is_null: bool = True
    is_comma_free: bool = False
    """A comma is no field delimiter here, so `1.234` may be grouped."""


def text_of(value: Any) -> tuple[str | None, str]:
    """(text, kind) of a typed value."""
    # NaN is how typed exports write a gap in a column of numbers.
    if value is None or isinstance(value, str) or value != value:
        return value if isinstance(value, str) else None, "text"
    if isinstance(value, bool):
        return str(value).lower(), "boolean"
    if isinstance(value, int | Decimal):
        return str(value), "number"
    if isinstance(value, float):
        # Exports of whole-number columns with gaps hold floats: 17850.0 is the id 17850.
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value), "number"
    if isinstance(value, datetime):
        return value.isoformat(), "time"
    if isinstance(value, date):
        return value.isoformat(), "time"
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=lambda v: text_of(v)[0]), "structure"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace"), "text"
    return str(value), "text"


def cells_of(values: list[Any]) -> Cells:
    """The cells of typed values; `broken` where a text holds an unpaired surrogate."""
    pairs = [text_of(value) for value in values]
    texts, kinds = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    for index, value in enumerate(texts):
        if value is not None and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            texts[index], kinds[index] = value.encode("utf-8", "backslashreplace").decode(), "broken"
    return Cells(pl.Series(texts, dtype=pl.String), pl.Series(kinds, dtype=pl.String))


def text_cells(text: pl.Series) -> Cells:
    """The cells of a column that holds nothing but text."""
    return Cells(text, pl.repeat("text", len(text), dtype=pl.String, eager=True))


def is_free_text(column: dy.Column) -> bool:
    """Whether the empty text is a legal value of the column."""
    return column.dtype == pl.String and not (column.metadata or {}).get("rules")


def cast_cells(cells: Cells, column: dy.Column, rules: Conventions) -> tuple[pl.Series, pl.Series]:
    """(values of the column's dtype, reason why not or null) of each cell."""
    dtype = column.dtype
    if dtype == pl.String:
        return _cast_text(cells, column, rules)
    trimmed = cells.text.str.strip_chars()
    text = trimmed.set((trimmed == "").fill_null(False), None)
    if isinstance(dtype, pl.Datetime):
        values, reasons = parse_times(text, cells.kind == "time", rules.time_format, rules.time_zone)
        return values.cast(UTC_TIME), reasons
    if isinstance(dtype, pl.List):
        return _cast_list(text, dtype)
    if dtype == pl.Boolean:
        values = text.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
        return values, _reason(text.is_not_null() & values.is_null(), "is not true or false")
    number, reasons = parse_numbers(text, cells.kind == "number", rules)
    if dtype == pl.Float64:
        return number, reasons
    is_whole = (number == number.floor()).fill_null(True)
    fits = (number.abs() < _INT32).fill_null(True)
    whole = number.set(~(is_whole & fits), None).cast(dtype)
    reasons = _first(reasons, _reason(~is_whole, "is not a whole number"))
    return whole, _first(reasons, _reason(~fits, "does not fit 32 bits"))


def parse_numbers(text: pl.Series, is_typed: pl.Series, rules: Conventions) -> tuple[pl.Series, pl.Series]:
    """(finite floats, reason why not or null); raises `Unclear` if the decimal sign is open."""
    is_plain = text.str.contains(_NUMBER)
    if rules.decimal is None:
        open_to_doubt = text.str.contains(_HAS_COMMA) & text.str.contains(r"\d")
        if rules.is_comma_free:
            open_to_doubt |= text.str.contains(_DOTS_OF_THREE)
        hits = (open_to_doubt & ~is_typed).fill_null(False).arg_true()
        if len(hits):
            raise Unclear(int(hits[0]), "may be a fraction or grouped digits", "decimal", '"," or "."')
        plain = text
    else:
        is_grouped = text.str.contains(_GROUPED[rules.decimal]) & ~is_typed
        digits = text.str.replace_all(r"[ \x{00A0}\x{202F}'’]", "")
        digits = digits.str.replace_all("," if rules.decimal == "." else ".", "", literal=True)
        digits = digits.str.replace(",", ".", literal=True)
        plain = digits.zip_with(is_grouped.fill_null(False), text)
        is_plain = is_grouped | (is_plain & (is_typed | (rules.decimal == ".")))
    number = plain.set(~is_plain.fill_null(False), None).cast(pl.Float64, strict=False)
    number = number.set(~number.is_finite().fill_null(True), None)
    return number, _reason(text.is_not_null() & number.is_null(), "is not a number")


def _cast_text(cells: Cells, column: dy.Column, rules: Conventions) -> tuple[pl.Series, pl.Series]:
    text = cells.text
    if column.nullable and (rules.empty_is_null or not is_free_text(column)):
        text = text.set((text == "").fill_null(False), None)
    is_json = (column.metadata or {}).get("unit") == "JSON"
    reasons = _reason(
        (cells.kind == "structure") & text.is_not_null() & (not is_json), "is a list or an object, not text"
    )
    return text, _first(reasons, _reason(cells.kind == "broken", "is not Unicode (an unpaired surrogate)"))


def _cast_list(text: pl.Series, dtype: pl.List) -> tuple[pl.Series, pl.Series]:
    whole = dtype.inner == pl.Int32
    values, reasons = [], []
    for value in text:
        parsed, reason = None, None
        if value is not None:
            parsed, reason = _parse_list(value, whole)
        values.append(parsed)
        reasons.append(reason)
    return pl.Series(values, dtype=dtype), pl.Series(reasons, dtype=pl.String)


def _parse_list(text: str, whole: bool) -> tuple[list[Any] | None, str | None]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None, "is not a JSON list"
    if not isinstance(items, list):
        return None, "is not a JSON list"
    if whole:
        if any(not isinstance(i, int) or isinstance(i, bool) or abs(i) >= _INT32 for i in items):
            return None, "is not a list of whole numbers"
        return items, None
    texts = [text_of(item)[0] for item in items]
    if cells_of(texts).kind.is_in(["broken"]).any() or any(isinstance(i, list | dict) for i in items):
        return None, "is not a list of texts"
    return texts, None


def _reason(mask: pl.Series, words: str) -> pl.Series:
    return pl.select(pl.when(mask.fill_null(False)).then(pl.lit(words))).to_series()


def _first(left: pl.Series, right: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(left, right)).to_series()


def shown(value: Any) -> str:
    """A value in quotes on one line, cut where it is long."""
    text = " ".join(str(value).split())
    return f"'{text[:57]}...'" if len(text) > 60 else f"'{text}'"
