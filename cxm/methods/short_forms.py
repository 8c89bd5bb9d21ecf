"""Acronyms that a knowledge base itself explains, written out wherever they stand.

"Within 5 working days (WD)" explains "WD". What counts as an explanation belongs here; which texts
are read so is their reader's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_EXPLAINED = re.compile(r"((?:[^\W\d_][\w-]*[ -]){1,6})\(([A-Z]{2,6})s?\)")
_MOST = 500


def find_short_forms(texts: Sequence[str]) -> dict[str, str]:
    """Acronym to the words it stands for, where their initials say so; the commonest reading of each."""
    readings: Counter[tuple[str, str]] = Counter()
    for text in texts:
        if "(" in text:
            for before, acronym in _EXPLAINED.findall(text):
                words = re.split(r"[ -]", before.strip(" -"))[-len(acronym) :]
                if "".join(word[0] for word in words).upper() == acronym:
                    readings[acronym, " ".join(words).lower()] += 1
    found: dict[str, str] = {}
    for (acronym, reading), _ in sorted(readings.items(), key=lambda item: (-item[1], item[0])):
        if len(found) < _MOST:
            found.setdefault(acronym, reading)
    return found


def write_out(texts: Sequence[str], short_forms: dict[str, str]) -> list[str]:
    """The texts with words in place of acronyms, each once where it was explained."""
    if not short_forms:
        return list(texts)
    names = "|".join(sorted(map(re.escape, short_forms), key=lambda name: (-len(name), name)))
    explained = re.compile(rf"\s*\((?:{names})s?\)")
    acronym = re.compile(rf"\b({names})(s?)\b")
    return [acronym.sub(lambda m: short_forms[m[1]] + m[2], explained.sub("", text)) for text in texts]
