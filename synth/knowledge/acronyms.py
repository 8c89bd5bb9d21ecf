"""Acronyms: the words of an article shortened, as authors in a hurry do.

Which words have one is in the pack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPELT_WITH_VOWEL = frozenset("AEFHILMNORSX")


class Acronyms:
    """Shortens the words of a pack; without any, texts stay as they are."""

    def __init__(self, acronyms: Mapping[str, str]) -> None:
        self._short = {words.lower(): acronym for words, acronym in acronyms.items()}
        longest_first = sorted(map(re.escape, self._short), key=len, reverse=True)
        # Most sentences hold none, and looking for plain strings is much faster than for a pattern.
        self._plain = tuple(self._short)
        self._words = re.compile(
            rf"(?P<article>\b[Aa]n? )?\b(?P<words>{'|'.join(longest_first) or '(?!)'})(?P<plural>s?)\b",
            re.IGNORECASE,
        )

    def occur_in(self, text: str) -> bool:
        """Whether there may be something to shorten."""
        lower = text.lower()
        return any(words in lower for words in self._plain)

    def shorten(self, text: str, spelt_out: set[str] | None = None) -> str:
        """The text with acronyms in place of words.

        With a set, words that are not in it yet are spelt out this once, with the acronym behind
        them, and added.
        """
        if not self.occur_in(text):
            return text

        def replace(found: re.Match[str]) -> str:
            article, words, plural = found["article"] or "", found["words"], found["plural"]
            acronym = self._short[words.lower()]
            if spelt_out is not None and acronym not in spelt_out:
                spelt_out.add(acronym)
                return f"{article}{words}{plural} ({acronym}{plural})"
            if article:
                article = f"{article[0]}{'n' if acronym[0] in _SPELT_WITH_VOWEL else ''} "
            return f"{article}{acronym}{plural}"

        return self._words.sub(replace, text)
