"""Whether a text is in another language than English, by its letters and its smallest words.

The small words stand in `data/small_words.csv`. Feeling words and prototype sentences are English:
what they would say of another language is chance.
Which language it is, is not asked here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LATIN = re.compile(r"[a-z\u00c0-\u024f'’]+", re.IGNORECASE)
_FEWEST = 2


@cache
def _small_words() -> Mapping[str, str]:
    """`english` or `other` (German, French, Spanish, Italian, Dutch, Portuguese) for each word."""
    text = files("cxm.methods").joinpath("data/small_words.csv").read_text(encoding="utf-8")
    return dict(list(csv.reader(text.splitlines()))[1:])


def are_foreign(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each text is surely not English, `(n_texts,)`; a text of few or unknown words is not."""
    return np.fromiter(map(_is_foreign, texts), dtype=bool, count=len(texts))


def _is_foreign(text: str) -> bool:
    words = _WORD.findall(text.replace("’", "'").lower())
    if not words:
        return False
    if not text.isascii() and sum(_LATIN.fullmatch(word) is None for word in words) * 2 > len(words):
        return True
    known = [_small_words().get(word) for word in words]
    n_others = known.count("other")
    return n_others >= _FEWEST and n_others > known.count("english")
