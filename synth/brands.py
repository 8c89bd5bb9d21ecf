"""The brand as data: `brand/*.toml` read into frozen values, and phrases filled in.

What the brand sells, knows and says belongs in the files; how a world is made of it belongs in the
other modules.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from synth.streams import pick

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Fact:
    """Something with one true value: two or three wordings, and how customers ask for it."""

    key: str
    says: tuple[str, ...]
    asked: tuple[str, ...]
    value: str
    other: str

    def sentence(self, wording: int = 0, is_true: bool = True) -> str:
        """The fact in one of its wordings, with the true or the wrong value."""
        return self.says[wording % len(self.says)].replace("{v}", self.value if is_true else self.other)


@dataclass(frozen=True)
class Topic:
    """One matter of the knowledge base; `twin` titles a second article on the same matter."""

    key: str
    section: str
    title: str
    intro: str
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    twin: str | None = None


@dataclass(frozen=True)
class Issue:
    """A problem, how customers describe it, why it happens and what to do."""

    key: str
    section: str
    title: str
    symptoms: tuple[str, ...]
    cause: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """Something sold: a name, its facts and the fault it is known for."""

    name: str
    group: str
    price: float
    note: str
    tip: str
    facts: dict[str, Fact]
    issue: Issue

    @property
    def thing(self) -> str:
        """What a customer calls it: `hedge trimmer`."""
        return self.name.split(" ", 1)[1]


@dataclass(frozen=True)
class Intent:
    """A reason for contact. One without a `parent` is not in the taxonomy."""

    intent: str
    weight: float
    upset: float
    needs: tuple[str, ...]
    parent: str | None = None
    description: str = ""
    facts: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    tools_bulky: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tool:
    """A function agents call; `action` is what they ask leave for (empty: it only reads)."""

    tool_name: str
    description: str
    arguments: dict[str, str]
    doing: str
    result: str
    done: str
    action: str = ""

    @property
    def opens_account(self) -> bool:
        """Whether it looks into what belongs to one customer."""
        return not {"order_id", "customer_id", "email"}.isdisjoint(self.arguments)


@dataclass(frozen=True)
class Criterion:
    """A question of the scorecard, and how well agents do on average (`skill`, 0 to 1)."""

    criterion: str
    question: str
    weight: float
    is_critical: bool
    skill: float


@dataclass(frozen=True)
class Brand:
    """Everything in `brand/`."""

    name: str
    topics: tuple[Topic, ...]
    issues: tuple[Issue, ...]
    products: tuple[Product, ...]
    intents: tuple[Intent, ...]
    tools: dict[str, Tool]
    scorecard: tuple[Criterion, ...]
    agents: tuple[str, ...]
    names: tuple[str, ...]
    phrases: dict[str, Any] = field(repr=False)

    @property
    def facts(self) -> dict[str, Fact]:
        """All facts by key, those of topics first."""
        found = [fact for topic in self.topics for fact in topic.facts]
        found += [fact for product in self.products for fact in product.facts.values()]
        return {fact.key: fact for fact in found}


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _topic(table: dict[str, Any]) -> Topic:
    facts = tuple(
        Fact(f"{table['key']}.{key}", tuple(f["says"]), tuple(f["asked"]), f["v"], f["other"])
        for key, f in table.pop("facts").items()
    )
    return Topic(facts=facts, **_frozen(table))


def _product(table: dict[str, Any], properties: dict[str, Any]) -> Product:
    name, section = table["name"], f"Products > {table['group']} > {table['name']}"
    facts = {}
    for key, spec in properties.items():
        says, asked = (tuple(t.replace("{product}", name) for t in spec[part]) for part in ("says", "asked"))
        value, other = str(table[key]), str(table[key] + spec["other"])
        facts[key] = Fact(f"{name}.{key}", says, asked, value, other)
    title = f"{name} {table['symptoms'][0].replace(' I ', ' you ')}"
    issue = Issue(name, section, title, tuple(table["symptoms"]), table["cause"], tuple(table["steps"]))
    return Product(name, table["group"], table["price"], table["note"], table["tip"], facts, issue)


@cache
def larkfield() -> Brand:
    """The brand in `brand/`, a home-and-garden retailer with a paid membership."""
    folder = Path(__file__).parent / "brand"
    knowledge, products, dialogue = (
        tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("knowledge", "products", "dialogue")
    )
    return Brand(
        name=dialogue["brand"],
        topics=tuple(_topic(table) for table in knowledge["topics"]),
        issues=tuple(Issue(**_frozen(table)) for table in knowledge["issues"]),
        products=tuple(_product(table, products["properties"]) for table in products["products"]),
        intents=tuple(Intent(**_frozen(t)) for t in [*dialogue["intents"], *dialogue["strays"]]),
        tools={table["tool_name"]: Tool(**table) for table in dialogue["tools"]},
        scorecard=tuple(Criterion(**table) for table in dialogue["scorecard"]),
        agents=tuple(dialogue["agents"]),
        names=tuple(dialogue["customers"]),
        phrases=dialogue["phrases"],
    )


def phrase(rng: np.random.Generator, template: str, **slots: object) -> str:
    """A template with each `[a|b]` chosen and each `{slot}` filled."""
    while found := _CHOICE.search(template):
        chosen = pick(rng, found.group(1).split("|"))
        template = template[: found.start()] + chosen + template[found.end() :]
    return template.format(**slots)
