"""What scorecards commonly ask of agents, and the words in which agents do it.

Most scorecards ask the same eight things. Each is known by how its question is put (`asked`) and by what
is said when it is done (`said`), so that it can be answered without a single label. The words stand in
`data/behaviour_words.csv` as regular expressions that begin at a word; add one there. When a behaviour is
called for is in `cxm.methods.behaviour_answers`; criteria of any other kind are matched by
`cxm.methods.criterion_matches`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

# What it describes should not be done.
TO_AVOID = frozenset({"promise"})
_LONGEST_QUESTION = 40  # words; a longer one is a guideline with steps of its own


@cache
def _patterns() -> dict[tuple[str, str], re.Pattern[str]]:
    """(behaviour, kind) -> pattern, in the order of the file."""
    text = files("cxm.methods").joinpath("data/behaviour_words.csv").read_text(encoding="utf-8")
    words: dict[tuple[str, str], list[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        words.setdefault((row["behaviour"], row["kind"]), []).append(row["pattern"])
    return {key: re.compile(r"\b(?:" + "|".join(found) + ")", re.I) for key, found in words.items()}


def find_behaviours(questions: Sequence[str], is_about_last_reply: NDArray[np.bool_]) -> list[str | None]:
    """The behaviour each question asks for, the first that fits; None for a question of its own kind."""
    asked = [(name, pattern) for (name, kind), pattern in _patterns().items() if kind == "asked"]
    found: list[str | None] = []
    for question, is_last in zip(questions, is_about_last_reply, strict=True):
        is_plain = not is_last and len(question.split()) <= _LONGEST_QUESTION
        fits = [name for name, pattern in asked if is_plain and pattern.search(question)]
        found.append(fits[0] if fits else None)
    return found


def said_by(behaviour: str, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each text holds words of the behaviour, `(n_texts,)`."""
    pattern = _patterns()[behaviour, "said"]
    return np.array([bool(pattern.search(text)) for text in texts], dtype=bool)
