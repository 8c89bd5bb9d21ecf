"""Which articles a dialogue names: titles and sections found again in its turns.

A dialogue soon stops repeating what it is about ("does it have parking?"); what was named before
still stands. How names are read and matched belongs here, how much they weigh in
`cxm.methods.retrieval`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from cxm.methods.dialogues import Context, words

_LEAST_STRENGTH = 0.8
_DECAY = 0.9
_MAX_TURNS = 12
_MAX_SHARE = 0.05
_MAX_ARTICLES = 20
_FUZZY_LETTERS = 5
_FUZZY_RATIO = 85


@dataclass
class NameFinder:
    """Names of articles and how to find them in a text.

    A name is a title or a step of a section path. One that many articles share says nothing about
    which is meant and is left out. Words weigh by how few names hold them; a word of five or more
    letters may be misspelt a little.
    """

    names: list[tuple[str, ...]]
    articles: list[list[int]]
    n_articles: int
    _weights: dict[str, float] = field(default_factory=dict, repr=False)
    _whole: list[float] = field(default_factory=list, repr=False)
    _holders: dict[str, list[int]] = field(default_factory=dict, repr=False)
    _spellings: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _found: dict[str, dict[int, float]] = field(default_factory=dict, repr=False)

    @staticmethod
    def from_passages(passages: pl.DataFrame, article_ids: Sequence[str]) -> NameFinder:
        """The names of an index's articles, in the order of `article_ids`."""
        position = {article_id: i for i, article_id in enumerate(article_ids)}
        holders: dict[tuple[str, ...], list[int]] = {}
        rows = passages.select("article_id", "title", "section").unique().sort("article_id")
        for article_id, title, section in rows.iter_rows():
            names = {tuple(words(text)) for text in (title, *section.split(">"))}
            for name in sorted(names - {()}):
                holders.setdefault(name, []).append(position[article_id])
        limit = max(_MAX_ARTICLES, int(_MAX_SHARE * len(article_ids)))
        kept = sorted(name for name, articles in holders.items() if len(articles) <= limit)
        return NameFinder(kept, [holders[name] for name in kept], len(article_ids))

    def __post_init__(self) -> None:
        for i, name in enumerate(self.names):
            for word in sorted(set(name)):
                self._holders.setdefault(word, []).append(i)
        n = len(self.names)
        self._weights = {w: math.log(1 + n / len(holders)) for w, holders in self._holders.items()}
        self._whole = [sum(self._weights[word] for word in sorted(set(name))) for name in self.names]

    def strength(self, text: str) -> dict[int, float]:
        """How much of each name's weight in words a text holds, for the names it clearly holds."""
        if text not in self._found:
            held: Counter[int] = Counter()
            spoken = {known for word in set(words(text)) for known in self._known(word)}
            for word in sorted(spoken):
                for i in self._holders[word]:
                    held[i] += self._weights[word]  # type: ignore[assignment]
            found = {i: min(1.0, held[i] / self._whole[i]) for i in sorted(held)}
            self._found[text] = {i: s for i, s in found.items() if s >= _LEAST_STRENGTH}
        return self._found[text]

    def _known(self, word: str) -> list[str]:
        if word not in self._spellings:
            self._spellings[word] = [word] if word in self._holders else self._respell(word)
        return self._spellings[word]

    def _respell(self, word: str) -> list[str]:
        if len(word) < _FUZZY_LETTERS:
            return []
        from rapidfuzz import fuzz, process

        close = process.extract(
            word, list(self._holders), scorer=fuzz.ratio, score_cutoff=_FUZZY_RATIO, limit=2
        )
        return [known for known, _, _ in close]

    def find(self, contexts: Sequence[Context]) -> Any:
        """How clearly each context names each article, 0 to 1: sparse `(n_contexts, n_articles)`.

        A name counts less the longer ago it was spoken.
        """
        from scipy.sparse import csr_matrix

        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for row, context in enumerate(contexts):
            named: dict[int, float] = {}
            for age, turn in enumerate(reversed(context.turns[-_MAX_TURNS:])):
                for name, strength in self.strength(turn.text).items():
                    for article in self.articles[name]:
                        named[article] = max(named.get(article, 0.0), strength * _DECAY**age)
            rows += [row] * len(named)
            columns += list(named)
            values += list(named.values())
        shape = (len(contexts), self.n_articles)
        return csr_matrix((np.array(values, dtype=np.float32), (rows, columns)), shape=shape)
