"""Which names of articles a text mentions: titles and steps of section paths, found again in speech.

How names are read out of a base and matched belongs here, how a single word is respelt in
`cxm.methods.spellings`, and what a dialogue is about after several mentions in `dialogue_state`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from cxm.methods.dialogues import is_empty_word, words
from cxm.methods.spellings import Spellings

_MAX_SHARE = 0.05
_MAX_ARTICLES = 20
# A mention holds at least this share of a name's weight, and one word that few names hold.
_LEAST_SHARE = 0.5
_FEW_SHARE = 0.03
_FEW_NAMES = 1
# A word that texts use far more often than there are articles of its names is no name by itself.
_MAX_OTHER_USES = 4
_EMPTY_WEIGHT = 0.1  # of "the" and "for" in a name
_SLACK = 2  # words that may stand between those of a name
_MAX_WORDS = 2000


@dataclass(frozen=True)
class Mention:
    """A name found in a text: its number, and the share of its weight in words that was said."""

    name: int
    strength: float


@dataclass
class NameFinder:
    """Names of articles and how to find them in a text.

    A name is a title or a step of a section path. One that many articles share says nothing about
    which is meant and is left out. Words weigh by how few names hold them. `articles[i]` are the
    positions of those that name i is a name of; `uses` says how many texts of the base hold a word.
    """

    names: list[tuple[str, ...]]
    articles: list[list[int]]
    n_articles: int
    uses: dict[str, int] = field(default_factory=dict)
    _weights: dict[str, float] = field(default_factory=dict, repr=False)
    _whole: list[float] = field(default_factory=list, repr=False)
    _counts: list[Counter[str]] = field(default_factory=list, repr=False)
    _holders: dict[str, list[int]] = field(default_factory=dict, repr=False)
    _joined: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict, repr=False)
    _found: dict[str, tuple[Mention, ...]] = field(default_factory=dict, repr=False)

    @staticmethod
    def from_articles(articles: pl.DataFrame, texts: pl.Series) -> NameFinder:
        """The names of articles (title, section; in the order of their ids) in a base with these texts."""
        holders: dict[tuple[str, ...], list[int]] = {}
        for i, (title, section) in enumerate(articles.select("title", "section").iter_rows()):
            names = {tuple(words(text)) for text in (title, *(section or "").split(">"))}
            for name in sorted(names - {()}):
                holders.setdefault(name, []).append(i)
        limit = max(_MAX_ARTICLES, int(_MAX_SHARE * articles.height))
        kept = sorted(name for name, found in holders.items() if len(found) <= limit)
        return NameFinder(kept, [holders[name] for name in kept], articles.height, count_words(texts))

    def __post_init__(self) -> None:
        self._counts = [Counter(name) for name in self.names]
        for i, name in enumerate(self.names):
            for word in sorted(set(name)):
                self._holders.setdefault(word, []).append(i)
            for left, right in itertools.pairwise(name):
                self._joined.setdefault(left + right, (left, right))
        n = len(self.names)
        self._weights = {
            word: math.log(1 + n / len(holders)) * (_EMPTY_WEIGHT if is_empty_word(word) else 1.0)
            for word, holders in self._holders.items()
        }
        self._whole = [sum(self._weights[word] for word in name) for name in self.names]
        known = frozenset(self._holders) | frozenset(self._joined)
        usual = frozenset(word for word, count in self.uses.items() if count > 1)
        self._spellings = Spellings(known, usual - known)
        self._telling = self._telling_words(max(_FEW_NAMES, int(_FEW_SHARE * n)))
        self._numbers = {name: i for i, name in enumerate(self.names)}
        self._lengths = sorted({len(name) for name in self.names})

    def _telling_words(self, few: int) -> frozenset[str]:
        """Words that point at a name by themselves."""
        own = {word: sum(len(self.articles[i]) for i in held) for word, held in self._holders.items()}
        return frozenset(
            word
            for word, held in self._holders.items()
            if len(held) <= few
            and not is_empty_word(word)
            and self.uses.get(word, 0) <= _MAX_OTHER_USES * own[word]
        )

    # ---------------------------------------------------------------- mentions

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The names a text holds, whole or in good part, in order of their number.

        Where the words of one name are also part of another that holds more of them, only the other
        is meant.
        """
        if text not in self._found:
            self._found[text] = tuple(self._mentions(words(text)[-_MAX_WORDS:]))
        return self._found[text]

    def _mentions(self, said: Sequence[str]) -> Iterator[Mention]:
        found = self._name_words(said)
        telling = {word for _, word in found if word in self._telling}
        names = {name for word in telling for name in self._holders[word]} | self._whole_names(said)
        spoken: list[tuple[float, float, int, frozenset[int]]] = []
        for name in sorted(names):
            held = [(at, word) for at, word in found if word in self._counts[name]]
            weight, used = self._best_window(name, held)
            share = min(1.0, weight / self._whole[name])
            tells = any(at in used and word in telling for at, word in held)
            if share >= (_LEAST_SHARE if tells else 1 - 1e-9):
                spoken.append((-round(weight, 6), -round(share, 6), name, used))
        yield from self._keep_best(spoken)

    def _whole_names(self, said: Sequence[str]) -> set[int]:
        """Names said word for word; one of a single word has to be a telling one."""
        runs = (tuple(said[at : at + n]) for n in self._lengths if n > 1 for at in range(len(said) - n + 1))
        return {self._numbers[run] for run in runs if run in self._numbers}

    def _name_words(self, said: Sequence[str]) -> list[tuple[int, str]]:
        """The words of names that are said, with their places; run together, apart or misspelt."""
        found = []
        for at, word in enumerate(said):
            options = self._spellings.find(word)
            if at + 1 < len(said) and word + said[at + 1] in self._holders:
                options = (*options, word + said[at + 1])
            for option in options:
                parts = (option,) if option in self._holders else ()
                found += [(at, part) for part in (*parts, *self._joined.get(option, ()))]
        return found

    def _best_window(self, name: int, held: Sequence[tuple[int, str]]) -> tuple[float, frozenset[int]]:
        """The most weight of a name said within its length and a little more, and at which places."""
        best: tuple[float, frozenset[int]] = (0.0, frozenset())
        length = len(self.names[name]) + _SLACK
        for first in range(len(held)):
            left = self._counts[name].copy()
            weight, used = 0.0, []
            for at, word in held[first:]:
                if at - held[first][0] >= length:
                    break
                if left[word]:
                    left[word] -= 1
                    weight += self._weights[word]
                    used.append(at)
            if weight > best[0] + 1e-9:
                best = (weight, frozenset(used))
        return best

    def _keep_best(self, spoken: list[tuple[float, float, int, frozenset[int]]]) -> Iterator[Mention]:
        """Mentions whose words are not all part of one with more weight; equals stand together."""
        taken: list[tuple[float, frozenset[int]]] = []
        kept = []
        for minus_weight, minus_share, name, used in sorted(spoken, key=lambda s: s[:3]):
            if not any(used <= places and minus_weight > weight for weight, places in taken):
                taken.append((minus_weight, used))
                kept.append(Mention(name, -minus_share))
        yield from sorted(kept, key=lambda mention: mention.name)

    # ---------------------------------------------------------------- articles

    def incidence(self) -> Any:
        """Which articles a name is a name of: sparse `(n_names, n_articles)` of ones."""
        from scipy.sparse import csr_matrix

        rows = np.repeat(np.arange(len(self.names)), [len(a) for a in self.articles])
        columns = np.array([a for articles in self.articles for a in articles], dtype=np.intp)
        shape = (len(self.names), self.n_articles)
        return csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)


def count_words(texts: pl.Series) -> dict[str, int]:
    """In how many texts each word of three or more letters occurs."""
    found = texts.str.to_lowercase().str.replace_all("['’]", "").str.extract_all(r"\w{3,}").list.unique()
    return dict(found.explode().drop_nulls().value_counts().sort(texts.name).iter_rows())
