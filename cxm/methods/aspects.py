"""What a feeling is about: the agent, the product, or else the reason for contact itself.

A rule, not a model: the words of `data/aspect_words.csv` in the sentence that feels most; add one there.
How strong a word's feeling is comes from `cxm.methods.lexicon`.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from cxm.methods.lexicon import feeling_of_tokens

ASPECTS = ("agent", "product", "driver")
_LONGEST = 3
_SENTENCE_END = frozenset(".!?…;")


@cache
def aspect_words() -> Mapping[str, str]:
    """The aspect of each word or phrase that names one."""
    text = files("cxm.methods").joinpath("data/aspect_words.csv").read_text(encoding="utf-8")
    return dict(list(csv.reader(text.splitlines()))[1:])


def find_aspects(texts: Sequence[str], is_positive: Sequence[bool]) -> list[str]:
    """What each text feels about, one of `ASPECTS`; `is_positive` says which way it feels.

    Looked for in the sentence with most feeling that way, by the word nearest to its strongest feeling,
    then in the whole text; `driver` where no word says otherwise.
    """
    return [_find(text, 1.0 if positive else -1.0) for text, positive in zip(texts, is_positive, strict=True)]


def _find(text: str, sign: float) -> str:
    tokens, strengths = feeling_of_tokens(text)
    felt = np.array(strengths) * sign
    ends = [i + 1 for i, token in enumerate(tokens) if token in _SENTENCE_END]
    bounds = [0, *ends, len(tokens)]
    spans = [(a, b) for a, b in itertools.pairwise(bounds) if b > a]
    named = _named(tokens)
    if not spans or not named:
        return "driver"
    start, end = max(spans, key=lambda span: float(felt[span[0] : span[1]].sum()))
    strongest = start + int(felt[start:end].argmax())
    inside = [(place, aspect) for place, aspect in named if start <= place < end]
    return min(inside or named, key=lambda found: abs(found[0] - strongest))[1]


def _named(tokens: list[str]) -> list[tuple[int, str]]:
    """(place, aspect) of each word or phrase that names one; a longer phrase may say that it names none."""
    words = aspect_words()
    found = []
    start = 0
    while start < len(tokens):
        lengths = range(min(_LONGEST, len(tokens) - start), 0, -1)
        known = next((n for n in lengths if " ".join(tokens[start : start + n]) in words), 1)
        aspect = words.get(" ".join(tokens[start : start + known]))
        if aspect:
            found.append((start, aspect))
        start += known
    return found
