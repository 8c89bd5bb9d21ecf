"""Acronyms as the base itself spells them out: found in its texts, added to a query both ways.

How a short form is paired with its long form belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

SCHEMA = {"short": pl.String, "long": pl.String, "n": pl.Int64}

_LONG_FIRST = re.compile(r"((?:[^\W_][\w'’-]*[ ,]+){1,10})\(([A-Z][A-Za-z0-9&]{1,9})s?\)")
_SHORT_FIRST = re.compile(r"\b([A-Z][A-Za-z0-9&]{1,9})s? \(((?:[^\W_][\w'’-]*[ ,]*){2,10})\)")
_MAX_TEXT = 10_000


def find_acronyms(texts: Iterable[str]) -> pl.DataFrame:
    """short, long (in lower case) and n, how often a text gives both: "Wireless Application Protocol (WAP)".

    Each letter of the short form has to begin a word of the long one, in order. Of several long forms
    the one most often given stands, of equals the first by alphabet.
    """
    counts: dict[tuple[str, str], int] = {}
    for text in texts:
        text = text[:_MAX_TEXT]
        pairs = [(short, long) for long, short in _LONG_FIRST.findall(text)]
        for short, before in [*pairs, *_SHORT_FIRST.findall(text)]:
            long = _long_form(short, before)
            if long:
                counts[short, long] = counts.get((short, long), 0) + 1
    best: dict[str, tuple[int, str]] = {}
    for (short, long), n in sorted(counts.items()):
        if short not in best or n > best[short][0]:
            best[short] = (n, long)
    rows = [(short, long, n) for short, (n, long) in sorted(best.items())]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _long_form(short: str, text: str) -> str:
    """The last words of a text that the letters of a short form begin, or ""."""
    letters = [letter.lower() for letter in short if letter.isalpha()]
    words = re.findall(r"[^\W_]+", text.lower())
    n_words = len(letters)
    last = words[-n_words:]
    is_spelt = len(last) == n_words and all(w.startswith(x) for w, x in zip(last, letters, strict=True))
    return " ".join(last) if n_words > 1 and is_spelt else ""
