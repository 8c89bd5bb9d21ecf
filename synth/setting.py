"""The setting of a world: all that is there before anyone's life begins.

Made once and handed to every block of customers and every dialogue; nothing in it changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from synth.catalog import Catalog
from synth.knobs import Knobs
from synth.knowledge.articles import Knowledge
from synth.lives.agents import Agent
from synth.packs import Pack


@dataclass(frozen=True)
class Setting:
    """Knobs, pack, and what was drawn from them."""

    knobs: Knobs
    pack: Pack
    catalog: Catalog
    knowledge: Knowledge
    agents: tuple[Agent, ...]
