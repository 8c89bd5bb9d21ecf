"""Which tools an agent could choose from at a reply point: the right one among its lookalikes.

What the tools are is in the pack; the calls are in `talks`.
"""

from __future__ import annotations

import re
from typing import Any

from synth.streams import Dice

SIZES = (16, 32, 64, 128)
"""As many candidates as CXMArena offers; one size in five is `all tools`."""
_WORD = re.compile(r"[a-z]+")


class Shortlists:
    """Candidates for each tool, from the rows of `tools`."""

    def __init__(self, tools: list[dict[str, Any]]) -> None:
        words = {
            t["tool_name"]: set(_WORD.findall(f"{t['tool_name']} {t['description']}".lower())) for t in tools
        }
        self._nearest = {
            name: sorted(
                (other for other in words if other != name),
                key=lambda other: (-len(words[other] & own) / len(words[other] | own), other),
            )
            for name, own in words.items()
        }

    def draw(self, dice: Dice, tool_name: str) -> list[str] | None:
        """The tool, its nearest lookalikes and others, by name; None where all tools are candidates."""
        size = dice.pick((*SIZES, None))
        others = self._nearest[tool_name]
        if size is None or size > len(others):
            return None
        near = others[: size // 2]
        far = dice.shuffled(others[size // 2 :])[: size - 1 - len(near)]
        return sorted([tool_name, *near, *far])
