"""Figures in words: one way to write a count, a share, a duration, a change or a name.

A function belongs here if two places on the page must write the same kind of thing alike. What is
said about a figure belongs in `sections`, how it looks in the template.
"""

from __future__ import annotations

import math
import re
import unicodedata

_SPACE = "\u00a0"
_MINUS = "\u2212"


def integer(value: float) -> str:
    """`12,345`."""
    return f"{round(value):,}".replace("-", _MINUS)


def decimal(value: float, digits: int = 2) -> str:
    """`0.73`, with thousands separated."""
    text = f"{value:,.{digits}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", _MINUS)


def percent(value: float, n: int | None = None) -> str:
    """`31 %` from 0.31; one decimal where a small share or many rows make it mean something."""
    digits = 1 if (0 < abs(value) < 0.1 or (n is not None and n >= 1000)) and abs(value) != 1 else 0
    return decimal(100 * value, digits) + _SPACE + "%"


def points(value: float) -> str:
    """`+4.2 points`: a difference of two shares."""
    return signed(100 * value, 1) + _SPACE + "points"


def signed(value: float, digits: int = 1) -> str:
    """`+4.2`, with a sign unless it rounds to zero."""
    text = decimal(value, digits)
    return text if text.startswith(_MINUS) or not text.strip("0.,") else f"+{text}"


def duration(seconds: float) -> str:
    """`45 s`, `4 min 10 s`, `1 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{decimal(seconds, 1) if seconds < 10 and seconds != whole else whole}{_SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{_SPACE}min" + (f"{_SPACE}{whole % 60}{_SPACE}s" if whole % 60 else "")
    minutes = round(whole / 60)
    return f"{minutes // 60:,}{_SPACE}h" + (f"{_SPACE}{minutes % 60}{_SPACE}min" if minutes % 60 else "")


def money(value: float, currency: str | None = None) -> str:
    """`1,234 GBP`, `1.23 million GBP`; without a unit where the currency is not known."""
    if abs(value) >= 1e6:
        text = f"{decimal(value / 1e6)} million"
    else:
        text = decimal(value, 0 if abs(value) >= 100 else 2)
    return text + (_SPACE + excerpt(currency, 8) if currency else "")


def quantity(value: float, unit: str, n: int | None = None, currency: str | None = None) -> str:
    """A value in its unit: count, share, seconds, points, rate, score or currency."""
    if unit == "share":
        return percent(value, n)
    if unit == "seconds":
        return duration(value)
    if unit == "currency":
        return money(value, currency)
    if unit == "count":
        return integer(value)
    return signed(value, 0) if unit == "points" else decimal(value, _digits(unit))


def difference(value: float, previous: float, unit: str) -> str:
    """How a value moved against the one before, in its unit; `unchanged` where it did not."""
    change = value - previous
    if math.isclose(change, 0, abs_tol=1e-12):
        return "unchanged"
    if unit == "share":
        return points(change)
    if unit == "seconds":
        return ("+" if change > 0 else _MINUS) + duration(abs(change))
    if unit == "count":
        share = f" ({signed(100 * change / previous, 0)}{_SPACE}%)" if previous else ""
        return signed(change, 0) + share
    return signed(change, _digits(unit))


def _digits(unit: str) -> int:
    """Contacts of a customer in a week are hundredths: a change shows in the third decimal."""
    return 3 if unit == "rate" else 2


def p_value(value: float) -> str:
    """`p = .003`, `p < .001`."""
    if value < 0.001:
        return f"p{_SPACE}<{_SPACE}.001"
    return f"p{_SPACE}={_SPACE}{value:.{2 if value >= 0.01 else 3}f}".replace("0.", ".")


def counted(n: int) -> str:
    """`n = 344`, in one piece."""
    return f"n{_SPACE}={_SPACE}{integer(n)}"


def key(identifier: str) -> str:
    """An id from data, short enough for a column; ids that differ at their end stay apart."""
    text = clean(identifier)
    return text if len(text) <= 26 else f"{text[:12]}…{text[-13:]}"


def plural(n: int, noun: str, nouns: str | None = None) -> str:
    """`1 customer`, `12 customers`."""
    return f"{integer(n)} {noun if n == 1 else nouns or noun + 's'}"


def verb(n: int, one: str, many: str) -> str:
    """The verb that goes with a number."""
    return one if n == 1 else many


def listed(items: list[str], last: str = "and") -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def readable(name: str) -> str:
    """A label from data as people read it: `lost_or_stolen_card` becomes `lost or stolen card`."""
    text = clean(name)
    return re.sub(r"_+", " ", text).strip() or text


def sentence_case(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def clean(text: str) -> str:
    """Text on one line, without control characters; never empty."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return " ".join(kept.split()) or "(empty)"


def excerpt(text: str, limit: int = 240) -> str:
    """The clean text, cut at a word where it is longer than `limit` characters."""
    text = clean(text)
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(" ,;:") + "…"
