"""Known words as people spell, mishear and run them together: which of them a word stands for.

The look-up of a single word belongs here; what the words are names of is in `cxm.methods.names`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_LEAST_LETTERS = 5
_LEAST_RATIO = 80  # spelt nearly alike
_LEAST_SOUND_RATIO = 65  # said alike: more letters may differ
_MOST_LETTERS = 40
_MOST_FOUND = 3


@dataclass
class Spellings:
    """A vocabulary that finds its words again in other spellings, without reading through it.

    `known`: the words. `usual`: further words that are no slip of a known one ("price" is not "rice").
    A word of five or more letters is looked up by what is left of it with one letter taken out
    (symmetric delete, Garbe 2012) and by its sound (metaphone), and kept where enough letters agree.
    """

    known: frozenset[str]
    usual: frozenset[str] = frozenset()
    _by_key: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _found: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for word in sorted(self.known):
            for key in _keys(word):
                self._by_key.setdefault(key, []).append(word)

    def find(self, word: str) -> tuple[str, ...]:
        """The known words that `word` may stand for, the likeliest first: itself where it is known."""
        if word not in self._found:
            self._found[word] = self._respell(word)
        return self._found[word]

    def _respell(self, word: str) -> tuple[str, ...]:
        if word in self.known:
            return (word,)
        if word in self.usual or not _LEAST_LETTERS <= len(word) <= _MOST_LETTERS:
            return ()
        from rapidfuzz import fuzz

        close = []
        for known in {known for key in _keys(word) for known in self._by_key.get(key, ())}:
            ratio = round(fuzz.ratio(word, known), 3)
            is_alike = ratio >= (_LEAST_SOUND_RATIO if _sound(word) == _sound(known) else _LEAST_RATIO)
            if is_alike:
                close.append((-ratio, known))
        return tuple(known for _, known in sorted(close)[:_MOST_FOUND])


def _keys(word: str) -> Iterable[str]:
    if not _LEAST_LETTERS - 1 <= len(word) <= _MOST_LETTERS:
        return ()
    cut = {word[:i] + word[i + 1 :] for i in range(len(word))}
    return sorted({word, *cut, f"/{_sound(word)}"})


def _sound(word: str) -> str:
    import jellyfish

    return jellyfish.metaphone(word) if word.isascii() and word.isalpha() else word
