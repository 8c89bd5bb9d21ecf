"""The setting of a world: all that is there before anyone's life begins.

Made once and handed to every block of customers and every dialogue; nothing in it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from synth.catalog import Catalog, Product
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

    @cached_property
    def sold(self) -> tuple[Product, ...]:
        """What customers buy: products the base covers in full, so that the launched one is its gap.

        All of them in a world with too few articles to cover any.
        """
        stated = self.knowledge.stated
        products = [product for product in self.catalog.products if product is not self.catalog.launched]
        covered = [p for p in products if all(key in stated for key in p.keys)]
        return tuple(covered or products)

    def covered(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the keys of facts or troubles that an article covers; all if none does."""
        return tuple(key for key in keys if key in self.knowledge.stated) or keys
