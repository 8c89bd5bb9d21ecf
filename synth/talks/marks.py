"""Marks: personal data stays findable while a text is still being worked on.

A mark is a pair of private-use characters around the data, the first of which tells its kind, so a
marked text is an ordinary string that templates may fill in and `surfaces` may rewrite around. A new
kind of personal data gets a name in `KINDS`. Finding personal data in unmarked text is `cxm`'s work.
"""

from __future__ import annotations

import re

KINDS = ("name", "email", "phone", "address", "postcode", "order", "card", "iban", "account")

OPENS = {kind: chr(0xE000 + number) for number, kind in enumerate(KINDS)}
CLOSE = "\ue0ff"
_KIND_OF = {opening: kind for kind, opening in OPENS.items()}
ANY_OPEN = f"{OPENS[KINDS[0]]}-{OPENS[KINDS[-1]]}"
"""All opening characters, for a character class of a pattern."""
MARKED = re.compile(f"([{ANY_OPEN}])([^{CLOSE}]*){CLOSE}")
"""A marked place: group 1 is the opening character, group 2 the data."""
OUTSIDE = f"(?![^{ANY_OPEN}]*{CLOSE})"
"""A condition for patterns: what precedes is not within a marked place."""
_MARKS = re.compile(f"[{ANY_OPEN}{CLOSE}]")


def mark(kind: str, text: str) -> str:
    """The text as personal data of a kind (`KeyError`: none of `KINDS`); marks inside it give way."""
    opening = OPENS[kind]
    return f"{opening}{_MARKS.sub('', text)}{CLOSE}" if text else ""


def unmark(text: str) -> str:
    """The text without marks."""
    return _MARKS.sub("", text)


def spans(text: str) -> tuple[str, list[tuple[str, int, int, str]]]:
    """The text without marks, and (kind, start, end, data) of each marked place, in order."""
    if CLOSE not in text:
        return text, []
    places = []
    removed = 0
    for found in MARKED.finditer(text):
        start = found.start() - removed
        data = found[2]
        places.append((_KIND_OF[found[1]], start, start + len(data), data))
        removed += 2
    return _MARKS.sub("", text), places
