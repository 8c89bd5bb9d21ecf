"""A query in the base's own words: slips mended, acronyms spelt out and long forms shortened.

What is changed about the words of a query before it is searched belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cxm.methods.dialogues import content_words

_WORD = re.compile(r"[^\W_]+")
_LEAST_LETTERS, _LETTERS_FOR_TWO = 4, 8
_MAX_MENDED = 8
_MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class Wording:
    """The words of a base with how often each occurs, and its acronyms (short → long form).

    `stem` gives what a word is looked up by; a word whose stem the base knows is no slip.
    """

    counts: Mapping[str, int]
    stems: frozenset[str]
    acronyms: Mapping[str, str]
    stem: Callable[[str], str]
    _mended: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        lengths: dict[int, list[str]] = {}
        for word in self.counts:
            if len(word) >= _LEAST_LETTERS - 1 and not any(c.isdigit() for c in word):
                lengths.setdefault(len(word), []).append(word)
        return lengths

    @cached_property
    def _shorts(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(rf"\b{re.escape(long)}\b"), short) for short, long in self.acronyms.items()]

    def reword(self, text: str) -> str:
        """The text with slips mended, and with what its acronyms and long forms stand for added."""
        if len(text) > _MAX_CHARACTERS:
            return text
        mended = self.mend(text)
        added = self.expand(mended)
        return f"{mended} {' '.join(added)}" if added else mended

    def expand(self, text: str) -> list[str]:
        """What is to be added to a text: long forms of its acronyms, acronyms of its long forms."""
        lower = text.lower()
        longs = {short.lower(): long for short, long in self.acronyms.items()}
        # "it" in lower case is no short form, "wap" is.
        spoken = dict.fromkeys(word for word in _WORD.findall(text) if word.isupper() or content_words(word))
        long = [longs[word.lower()] for word in spoken if word.lower() in longs]
        short = [short for pattern, short in self._shorts if pattern.search(lower)]
        return [form for form in dict.fromkeys([*long, *short]) if form.lower() not in lower]

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Where words of a text begin and end that have a stem of the reworded query."""
        wanted = {
            self.stem(word.lower()) for word in _WORD.findall(self.reword(query)) if content_words(word)
        }
        found = ((m.span(), self.stem(m.group(0).lower())) for m in _WORD.finditer(text))
        return [span for span, stem in found if stem in wanted]

    def mend(self, text: str) -> str:
        """The text with words that the base does not know replaced by the likest it knows."""
        left = _MAX_MENDED

        def replaced(match: re.Match[str]) -> str:
            nonlocal left
            word = match.group(0)
            lower = word.lower()
            if lower in self.counts or len(lower) < _LEAST_LETTERS or any(c.isdigit() for c in lower):
                return word
            if lower not in self._mended and left:
                left -= 1
                self._mended[lower] = "" if self.stem(lower) in self.stems else self._likest(lower)
            return self._mended.get(lower) or word

        return _WORD.sub(replaced, text)

    def _likest(self, word: str) -> str:
        """The word with the fewest slips, of equals the most frequent; "" where none is close."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < _LETTERS_FOR_TWO else 2
        near: Sequence[str] = [
            known
            for n in range(len(word) - most, len(word) + most + 1)
            for known in self._by_length.get(n, [])
        ]
        close = process.extract(word, near, scorer=OSA.distance, score_cutoff=most, limit=None)
        ranked = sorted((distance, -self.counts[known], known) for known, distance, _ in close)
        return ranked[0][2] if ranked else ""
