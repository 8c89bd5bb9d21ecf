"""Acronyms as the base itself spells them out: found in its texts, and written out.

How a short form is paired with its long form belongs here; what a query makes of the pairs is in
`cxm.methods.wording`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

SCHEMA = {"short": pl.String, "long": pl.String, "n": pl.Int64}

# A short form is a word that begins with a capital, or has two of them among others: "FW shop".
_SHORT = r"[A-Z][A-Za-z0-9&]{1,9}(?: [a-z]{2,12})?"
# A word is taken whole or not at all: no text makes the search go back and forth.
_WORD = r"(?<![\w'’-])[^\W_][\w'’-]{0,40}"
_LONG_FIRST = re.compile(rf"((?:{_WORD}[ ,]+){{1,10}})\(({_SHORT}?)s?\)")
_SHORT_FIRST = re.compile(rf"\b([A-Z][A-Za-z0-9&]{{1,9}})s? \(((?:{_WORD}(?:[ ,]+|(?=\)))){{2,10}})\)")
_MAX_TEXT = 10_000
_MOST = 500


def find_acronyms(texts: Iterable[str]) -> pl.DataFrame:
    """short, long (in lower case) and n, how often a text gives both: "Wireless Application Protocol (WAP)".

    Each letter of the short form has to begin a word of the long one, in order; where both end in the
    same word, as "Fennwick shop (FW shop)", the other letters need only occur in order (the rule of
    Schwartz & Hearst 2003). Of several long forms the one most often given stands, of equals the first
    by alphabet. No texts give no rows.
    """
    counts: dict[tuple[str, str], int] = {}
    for text in texts:
        if "(" not in text:
            continue
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


def write_out(texts: Sequence[str], acronyms: pl.DataFrame) -> list[str]:
    """The texts with words in place of `acronyms` (as found), each once where it was explained.

    Only those in capitals: of 500 and more the commonest.
    """
    kept = acronyms.filter(pl.col("short").str.contains(r"^\p{Lu}{2,6}( |$)")).top_k(_MOST, by=["n", "short"])
    if not kept.height:
        return list(texts)
    longs: Mapping[str, str] = dict(kept.select("short", "long").iter_rows())
    names = "|".join(sorted(map(re.escape, longs), key=lambda name: (-len(name), name)))
    explained = re.compile(rf"\s*\((?:{names})s?\)")
    acronym = re.compile(rf"\b({names})(s?)\b")
    return [acronym.sub(lambda m: longs[m[1]] + m[2], explained.sub("", text)) for text in texts]


def _long_form(short: str, text: str) -> str:
    """The last words of a text that a short form stands for, or ""."""
    head, _, tail = short.partition(" ")
    words = re.findall(r"[^\W_]+", text.lower())
    if tail:
        return _with_same_end(head.lower(), tail, words)
    letters = [letter.lower() for letter in head if letter.isalpha()]
    last = words[-len(letters) :]
    is_spelt = len(last) == len(letters) and all(w.startswith(x) for w, x in zip(last, letters, strict=True))
    return " ".join(last) if len(letters) > 1 and is_spelt else ""


def _with_same_end(letters: str, tail: str, words: list[str]) -> str:
    """The fewest last words before `tail` in which the letters occur in order, the first beginning one."""
    if not letters.isalpha() or words[-1:] != [tail]:
        return ""
    for n in range(1, min(len(letters), len(words) - 1) + 1):
        before = words[-1 - n : -1]
        rest = iter("".join(before))
        if before[0][0] == letters[0] and all(letter in rest for letter in letters):
            return " ".join([*before, tail])
    return ""
