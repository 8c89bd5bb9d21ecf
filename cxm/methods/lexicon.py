"""How a text feels by its words: a small list of feeling words, negation, emphasis and emoji.

The words stand in `data/feeling_words.csv`; add one there. What learns from labelled examples
belongs in `cxm.methods.text_classifier`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(r"[:;=8][-']?[()d/]|<3|\w+(?:['’]\w+)*|[^\w\s]")
_STOP = frozenset(".!?;,:…\n")
_NEGATIONS = frozenset(
    "not no never none nothing neither nor without hardly barely cannot cant dont doesnt didnt isnt arent"
    " wasnt werent wont wouldnt couldnt shouldnt aint hasnt havent hadnt".split()
)
_EMPHASIS = {
    **dict.fromkeys("very really so extremely absolutely totally completely super incredibly most".split(), 1.4),
    **dict.fromkeys("too such beyond utterly truly deeply highly always ever all".split(), 1.2),
    **dict.fromkeys("slightly somewhat little bit fairly quite rather almost kinda sorta".split(), 0.7),
}
_REACH = 3  # words over which a negation or an emphasis carries
_TURNED = -0.6  # "not great" is less bad than "terrible"
_LONGEST_PHRASE = 4
_AFTER_BUT = 1.5
FEELING_CUES = (
    "balance",
    "positive",
    "negative",
    "last",
    "exclamations",
    "questions",
    "shouted_share",
    "negations",
    "is_wordless",
)


@cache
def feeling_words() -> Mapping[str, float]:
    """Strength of each word, phrase or sign: -3 (hateful) to 3 (delighted), 0 means none."""
    text = files("cxm.methods").joinpath("data/feeling_words.csv").read_text(encoding="utf-8")
    return {row["term"]: float(row["strength"]) for row in csv.DictReader(text.splitlines())}


def feeling_cues(texts: Sequence[str]) -> NDArray[np.float32]:
    """One row a text, `(n_texts, len(FEELING_CUES))`, each cue between -1 and 1.

    `balance` is the feeling of the whole text, `last` of its last sentence. A text without words
    has no feeling: all zero but `is_wordless`.
    """
    rows = [_cues(text) for text in texts]
    return np.array(rows, dtype=np.float32).reshape(len(texts), len(FEELING_CUES))


def _cues(text: str) -> tuple[float, ...]:
    tokens = _TOKEN.findall(text.replace("’", "'").lower())
    strengths = _strengths(tokens)
    positive = sum(s for s in strengths if s > 0)
    negative = -sum(s for s in strengths if s < 0)
    ends = [i for i, token in enumerate(tokens[:-1]) if token in ".!?\n"]
    last = sum(strengths[ends[-1] :]) if ends else sum(strengths)
    words = re.findall(r"[^\W\d_]{3,}", text)
    shouted = sum(word.isupper() for word in words) / len(words) if len(words) > 2 else 0.0
    return (
        _squash(positive - negative),
        _squash(positive),
        _squash(negative),
        _squash(last),
        _squash(float(text.count("!"))),
        _squash(float(text.count("?"))),
        shouted,
        _squash(float(sum(_is_negation(token) for token in tokens))),
        float(not tokens),
    )


def _squash(value: float) -> float:
    return float(value / np.sqrt(value**2 + 4.0))


def _is_negation(token: str) -> bool:
    return token.replace("'", "") in _NEGATIONS or token.endswith("n't")


def _strengths(tokens: list[str]) -> list[float]:
    """The feeling of each token in its place; a phrase counts at its first word."""
    strengths = [0.0] * len(tokens)
    start = 0
    turn_at = boost_at = -_REACH - 1
    boost, weight = 1.0, 1.0
    while start < len(tokens):
        token = tokens[start]
        length, strength = _longest_entry(tokens, start)
        if strength:
            if start - turn_at <= _REACH:
                strength *= _TURNED
            if start - boost_at <= 2:
                strength *= boost
            strengths[start] = strength * weight
        if token in _STOP:
            turn_at = boost_at = -_REACH - 1
        elif token in ("but", "however", "though"):
            # What comes after "but" is what is meant.
            strengths = [s / _AFTER_BUT for s in strengths]
            weight, turn_at = _AFTER_BUT, -_REACH - 1
        elif length == 1 and _is_negation(token):
            turn_at = start
        if length == 1 and token in _EMPHASIS:
            boost_at, boost = start, _EMPHASIS[token]
        start += length
    return strengths


def _longest_entry(tokens: list[str], start: int) -> tuple[int, float]:
    """(number of tokens, strength) of the longest listed phrase that starts here; (1, 0) if none."""
    words = feeling_words()
    for length in range(min(_LONGEST_PHRASE, len(tokens) - start), 1, -1):
        strength = words.get(" ".join(tokens[start : start + length]))
        if strength is not None:
            return length, strength
    return 1, next((words[form] for form in _forms(tokens[start]) if form in words), 0.0)


def _forms(word: str) -> tuple[str, ...]:
    """The word, and what it may be an inflection of."""
    if len(word) < 5:
        return (word,)
    stems = [word]
    for ending in ("s", "es", "d", "ed", "ing", "ly", "er", "est"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            stems += [stem, stem + "e", stem.removesuffix("i") + "y"]
    squeezed = re.sub(r"(\w)\1{2,}", r"\1", word)  # "soooo"
    return (*stems, squeezed) if squeezed != word else tuple(stems)
