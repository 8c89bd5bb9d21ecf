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
import polars as pl

from cxm.methods.lexicon import feeling_of_tokens

ASPECTS = ("agent", "product", "driver")
_LONGEST = 3
# A feeling below this is not about anything.
_STRONG = 0.3
_SENTENCE_END = frozenset(".!?…;")


@cache
def aspect_words() -> Mapping[str, str]:
    """The aspect of each word or phrase that names one."""
    text = files("cxm.methods").joinpath("data/aspect_words.csv").read_text(encoding="utf-8")
    return dict(list(csv.reader(text.splitlines()))[1:])


def aspects_of(course: pl.DataFrame, turns: pl.DataFrame) -> pl.Series:
    """What the strongest feeling of each conversation is about; null where none is strong.

    `course` as `cxm.methods.course` makes it, one entry a row; `turns` holds the texts.
    """
    is_low = -pl.col("lowest_score") >= pl.col("highest_score")
    strongest = course.select(
        "conversation_id",
        turn_index=pl.when(is_low).then("lowest_turn_index").otherwise("highest_turn_index"),
        strength=pl.max_horizontal(-pl.col("lowest_score"), "highest_score"),
        is_positive=~is_low,
    ).join(
        turns.select("conversation_id", "turn_index", "text"),
        on=["conversation_id", "turn_index"],
        how="left",
        validate="1:1",
        maintain_order="left",
    )
    is_strong = strongest["strength"] >= _STRONG
    chosen = strongest.filter(is_strong)
    found = find_aspects(chosen["text"].to_list(), chosen["is_positive"].to_list())
    aspects = np.full(course.height, None, dtype=object)
    aspects[is_strong.to_numpy()] = found
    return pl.Series("aspect", aspects.tolist(), dtype=pl.String)


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
