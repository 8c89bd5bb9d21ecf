"""Phrases: templates with choices and slots, parsed once and rendered often.

`[Could|Can] you send the {thing} back?` has a choice and a slot. Choices may hold choices and slots,
and an empty one says nothing. The words themselves belong in `brands/` and `stock/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from synth.streams import Dice

SLOTS = frozenset(
    {
        "brand",
        "agent",
        "name",
        "first",
        "thing",
        "a_thing",
        "product",
        "order",
        "amount",
        "date",
        "days",
        "n",
        "email",
        "phone",
        "postcode",
        "address",
        "card",
        "iban",
        "account",
        "plan",
        "fee",
        "symptom",
        "question",
        "cause",
        "team",
        "v",
        "fact",
        "action",
        "doing",
        "month",
    }
)
"""What a phrase may leave open; who fills a slot is told where the phrase is used."""

_TOKEN = re.compile(r"[\[\]|]|\{[a-z_]*\}")
_SPACES = re.compile(r" {2,}")
_BEFORE = re.compile(r" +([.,;:!?])")
_UNTIDY = re.compile(r" [ .,;:!?]")


class Template:
    """A parsed phrase; `slots` are the names it leaves open. `ValueError` for a malformed one."""

    __slots__ = ("_parts", "slots", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.slots: set[str] = set()
        pieces = _TOKEN.split(text)
        marks = _TOKEN.findall(text)
        queue = [pieces[0]]
        for mark, piece in zip(marks, pieces[1:], strict=True):
            queue += [mark, piece]
        self._parts, rest = self._sequence(queue, 0, is_inner=False)
        if rest != len(queue):
            raise ValueError(f"']' without '[' in {text!r}")
        if unknown := self.slots - SLOTS:
            raise ValueError(f"unknown slot {{{sorted(unknown)[0]}}} in {text!r}")

    def _sequence(self, queue: list[str], place: int, is_inner: bool) -> tuple[list[Any], int]:
        """Parts up to a `|` or `]` that belongs to what is around; and the place of it."""
        parts: list[Any] = []
        while place < len(queue):
            piece = queue[place]
            if piece == "[":
                options = []
                while True:
                    option, place = self._sequence(queue, place + 1, is_inner=True)
                    options.append(option)
                    if place == len(queue):
                        raise ValueError(f"'[' without ']' in {self.text!r}")
                    if queue[place] == "]":
                        break
                parts.append(options)
            elif piece == "]" or (piece == "|" and is_inner):
                return parts, place
            elif piece.startswith("{") and piece.endswith("}") and len(piece) > 2:
                self.slots.add(piece[1:-1])
                parts.append((piece[1:-1],))
            elif piece:
                if "{" in piece or "}" in piece:
                    raise ValueError(f"a brace that is not a slot in {self.text!r}")
                parts.append(piece)
            place += 1
        return parts, place

    def render(self, dice: Dice, slots: Mapping[str, str]) -> str:
        """The phrase with its choices drawn and its slots filled; `KeyError` for an unfilled slot."""
        out: list[str] = []
        _render(self._parts, dice, slots, out)
        text = "".join(out)
        # Few are untidy, and looking is much faster than replacing.
        if _UNTIDY.search(text):
            text = _BEFORE.sub(r"\1", _SPACES.sub(" ", text))
        return text.strip()

    def fill(self, **slots: str) -> str:
        """The phrase with its slots filled, each choice by its first option."""
        return self.render(_FIRST, slots)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Packs hold templates as strings."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(min_length=1))


def _render(parts: list[Any], dice: Dice, slots: Mapping[str, str], out: list[str]) -> None:
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, tuple):
            out.append(slots[part[0]])
        else:
            _render(dice.pick(part), dice, slots, out)


class _FirstOption(Dice):
    def __init__(self) -> None:
        self.random = lambda: 0.0


_FIRST = _FirstOption()


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
