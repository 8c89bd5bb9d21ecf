"""How a text feels by its words: a small list of feeling words, negation, emphasis and emoji.

The words stand in `data/feeling_words.csv`, what turns or stresses them in
`data/feeling_modifiers.csv`; add one there. What learns from labelled examples
belongs in `cxm.methods.text_classifier`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(r"[:;=8][-']?[()d/]|<3|\w+(?:['’]\w+)*|[^\w\s]")
_SENTENCE_END = frozenset(".!?…")
_STOP = _SENTENCE_END | frozenset(";,:")
_REACH = 3  # words over which a negation or an emphasis carries
_LONGEST_PHRASE = 4
_TURNING_POINTS = frozenset({"but", "however", "though"})
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
    return _read("feeling_words")


@cache
def feeling_modifiers() -> Mapping[str, float]:
    """Factor on the feeling of a word that follows soon: negative for a negation."""
    return _read("feeling_modifiers")


def _read(name: str) -> dict[str, float]:
    text = files("cxm.methods").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    return {term: float(value) for term, value in list(csv.reader(text.splitlines()))[1:]}


def feeling_cues(texts: Sequence[str]) -> NDArray[np.float32]:
    """One row a text, `(n_texts, len(FEELING_CUES))`, each cue between -1 and 1.

    `balance` is the feeling of the whole text, `last` of its last sentence. A text without words
    and feeling signs has no feeling: `is_wordless`.
    """
    rows = [_cues(text) for text in texts]
    return np.array(rows, dtype=np.float32).reshape(len(texts), len(FEELING_CUES))


def feeling_of_tokens(text: str) -> tuple[list[str], list[float]]:
    """The tokens of a text in small letters, and the feeling of each in its place."""
    tokens = _TOKEN.findall(text.replace("’", "'").lower())
    return tokens, _strengths(tokens)


def _cues(text: str) -> tuple[float, ...]:
    tokens, strengths = feeling_of_tokens(text)
    positive = sum(s for s in strengths if s > 0)
    negative = -sum(s for s in strengths if s < 0)
    ends = [i for i, token in enumerate(tokens[:-1]) if token in _SENTENCE_END]
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
        _squash(float(sum(_modifier(token) < 0 for token in tokens))),
        float(not any(strengths) and not re.search(r"\w", text)),
    )


def _squash(value: float) -> float:
    return float(value / np.sqrt(value**2 + 4.0))


def _modifier(token: str) -> float:
    """Its factor; 1 for a word that modifies nothing. "n't" turns like "not"."""
    modifiers = feeling_modifiers()
    return modifiers["not"] if token.endswith("n't") else modifiers.get(token, 1.0)


def _strengths(tokens: list[str]) -> list[float]:
    """The feeling of each token in its place; a phrase counts at its first word."""
    strengths = [0.0] * len(tokens)
    start = 0
    turned_at = stressed_at = -_REACH - 1
    turn = stress = weight = 1.0
    while start < len(tokens):
        token = tokens[start]
        length, strength = _longest_entry(tokens, start)
        if start - turned_at <= _REACH:
            strength *= turn
        if start - stressed_at < _REACH:
            strength *= stress
        strengths[start] = strength * weight
        modifier = _modifier(token) if length == 1 else 1.0
        if token in _STOP:
            turned_at = stressed_at = -_REACH - 1
        elif token in _TURNING_POINTS:
            # What comes after "but" is what is meant.
            strengths = [s / _AFTER_BUT for s in strengths]
            weight, turned_at = _AFTER_BUT, -_REACH - 1
        elif modifier < 0:
            turned_at, turn = start, modifier
        elif modifier != 1.0:
            stressed_at, stress = start, modifier
        start += length
    return strengths


def _longest_entry(tokens: list[str], start: int) -> tuple[int, float]:
    """(number of tokens, strength) of the longest listed phrase that starts here; (1, 0) if none."""
    if tokens[start] in _first_words():
        words = feeling_words()
        for length in range(min(_LONGEST_PHRASE, len(tokens) - start), 1, -1):
            strength = words.get(" ".join(tokens[start : start + length]))
            if strength is not None:
                return length, strength
    return 1, _word_strength(tokens[start])


@cache
def _first_words() -> frozenset[str]:
    return frozenset(term.split()[0] for term in feeling_words() if " " in term)


@lru_cache(maxsize=50_000)
def _word_strength(word: str) -> float:
    words = feeling_words()
    return next((words[form] for form in _forms(word) if form in words), 0.0)


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
