"""Drafts: articles while they are being written, and the desk they lie on.

Only what all authors share. What an article of a kind is made of is in `information` and `issues`,
what goes wrong between articles in `defects`, how an article looks in `layouts`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from pydantic import TypeAdapter

from synth.catalog import Fact, draws
from synth.packs import STOCK, Pack, Phrases
from synth.phrases import Template
from synth.streams import Dice, Kind


class Author(Dice):
    """The draws of one article, seeded with a number that belongs to its key."""

    def __init__(self, number: float) -> None:
        self.random = Random(number).random  # noqa: S311 - a world is no secret


@dataclass(slots=True, eq=False)
class Line:
    """A sentence of a draft; `fact` is the key of what it states rightly, `wording` how.

    `label` says what a row of a table is about; `is_own` is False for what was put in later.
    """

    text: str
    fact: str = ""
    label: str = ""
    wording: int = 0
    is_own: bool = True
    is_intro: bool = False


@dataclass(slots=True, eq=False)
class Subject:
    """What an information article is about; `group`: the product, or the section around a topic's."""

    key: str
    section: str
    group: str
    facts: list[Fact]
    titles: Phrases
    intros: Phrases
    notes: Sequence[Template]
    slots: dict[str, str]


@dataclass(slots=True, eq=False)
class Draft:
    """An article being written; siblings have the same `group`. Issues have no `subject`."""

    key: str
    author: Author
    title: str
    section: str
    kind: str
    group: str
    lines: list[Line]
    steps: list[Line] = field(default_factory=list)
    closing: list[Line] = field(default_factory=list)
    subject: Subject | None = None


@dataclass(eq=False)
class Desk:
    """All drafts; `stated`: key of a fact or trouble → drafts that say it rightly, its own first."""

    drafts: list[Draft] = field(default_factory=list)
    stated: dict[str, list[Draft]] = field(default_factory=dict)

    def add(self, draft: Draft) -> None:
        """Put a draft on the desk with the facts it states."""
        self.drafts.append(draft)
        for line in draft.lines:
            if line.fact:
                self.stated.setdefault(line.fact, []).append(draft)

    def keys(self, purpose: str) -> list[str]:
        """A text for each draft, for its draws; a second version of a subject has one of its own."""
        seen: dict[str, int] = {}
        keys = []
        for draft in self.drafts:
            seen[draft.key] = seen.get(draft.key, 0) + 1
            keys.append(f"{draft.key} {seen[draft.key]} {purpose}")
        return keys


@cache
def _stock() -> dict[str, Phrases]:
    words = tomllib.loads((STOCK / "articles.toml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, tuple[Template, ...]]).validate_python(words)


def word_banks(pack: Pack) -> dict[str, Phrases]:
    """The stock of phrases for articles, with the pack's own in place of those of the same name."""
    return {**_stock(), **pack.phrases}


def make_authors(seed: int, keys: Sequence[str]) -> list[Author]:
    """An author for each key: the same draws wherever the key stands."""
    return [Author(number) for number in draws(seed, Kind.KNOWLEDGE, keys, 1)[:, 0].tolist()]
