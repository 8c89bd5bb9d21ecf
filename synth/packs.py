"""Brand packs: the declared shape of `brands/<name>/*.toml`, read into frozen values.

What a brand sells, knows and says is data in these files; how a world is made of it is in the other
modules. `docs/brands.md` explains how to write one. A new thing a pack can say is a field here.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxm.errors import CxmError, did_you_mean
from synth.pack_faults import find_faults
from synth.phrases import Template

BRANDS = Path(__file__).parent / "brands"
STOCK = Path(__file__).parent / "stock"

BEHAVIOURS = (
    "greeting",
    "identity",
    "empathy",
    "probing",
    "accuracy",
    "consent",
    "promise",
    "more_help",
    "closing",
)
"""What agents do well or badly; a criterion of the scorecard asks for one of them each."""

Phrases = tuple[Template, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class About(_Part):
    """Who the brand is."""

    name: str
    industry: str
    domain: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    order_prefix: str = Field(pattern="^[A-Z]{2,4}$")
    order_word: str
    """What a purchase is called: `order`, `invoice`."""
    member_word: str
    """What a customer is called: `member`, `subscriber`."""


class People(_Part):
    """Names to draw from, all fictional."""

    agents: tuple[str, ...] = Field(min_length=6)
    first_names: tuple[str, ...] = Field(min_length=40)
    last_names: tuple[str, ...] = Field(min_length=60)
    streets: tuple[str, ...] = Field(min_length=20)
    cities: tuple[str, ...] = Field(min_length=10)


class Plan(_Part):
    """What customers pay for; the first plan is the reference of the hazard ratios."""

    plan: str
    share: float = Field(gt=0)
    monthly_fee: float = Field(ge=0)
    hazard_ratio: float = Field(gt=0)


class Segment(_Part):
    """A way of buying: share of customers, mean days between purchases, median amount, its spread."""

    segment: str
    share: float = Field(gt=0)
    gap_days: float = Field(gt=0)
    amount: float = Field(gt=0)
    spread: float = Field(ge=0)


class Criterion(_Part):
    """A question of the scorecard and the mean skill of agents (0 to 1) in what it asks for."""

    criterion: str
    behaviour: Literal[BEHAVIOURS]  # type: ignore[valid-type]
    question: str
    weight: float = Field(gt=0)
    is_critical: bool
    skill: float = Field(gt=0, lt=1)


class FactSpec(_Part):
    """Something with one true value, drawn from `values`; slots {v}, and {product} for a product's."""

    key: str
    values: tuple[str, ...] = Field(min_length=2)
    says: Phrases = Field(min_length=3)
    asked: Phrases = Field(min_length=3)


class Property(FactSpec):
    """A fact each product of a family has; `aspect` is the article it stands in."""

    aspect: str


class SharedProperty(_Part):
    """The words of a property that several families have; each gives its own `values`."""

    key: str
    aspect: str
    says: Phrases = Field(min_length=3)
    asked: Phrases = Field(min_length=3)


class ProblemSpec(_Part):
    """What goes wrong, how customers put it, why it happens, what to do."""

    key: str
    titles: Phrases = Field(min_length=2)
    symptoms: Phrases = Field(min_length=4)
    """For a product's fault they continue `My mower ...`; else whole clauses: `the code never reaches me`."""
    asked: Phrases = Field(min_length=2)
    causes: Phrases = Field(min_length=2)
    steps: tuple[Phrases, ...] = Field(min_length=2)
    """Alternative sets of steps, in order."""
    tools: tuple[str, ...] = ()


class Problem(ProblemSpec):
    """A problem of a process, not of a product."""

    section: str


class Aspect(_Part):
    """A kind of article every product has; `titles` with {product}."""

    aspect: str
    section: str
    titles: Phrases = Field(min_length=2)
    intros: Phrases = Field(min_length=3)


class Family(_Part):
    """Products of one kind: `names` in front of `kind` give the products."""

    kind: str
    group: str
    names: tuple[str, ...] = Field(min_length=1)
    prices: tuple[float, float]
    notes: Phrases = Field(min_length=4)
    values: dict[str, tuple[str, ...]] = {}
    """Values of shared properties, by key."""
    properties: tuple[Property, ...] = ()
    """Its own."""
    faults: tuple[ProblemSpec, ...] = Field(min_length=1)
    is_launch: bool = False
    """The product launched half-way: nobody has it before, no article covers it."""


class Topic(_Part):
    """One matter of the knowledge base."""

    topic: str
    section: str
    titles: Phrases = Field(min_length=2)
    intros: Phrases = Field(min_length=2)
    notes: Phrases = Field(min_length=2)
    facts: tuple[FactSpec, ...] = Field(min_length=1)


class Argument(_Part):
    """An argument of a tool; `fill` is the phrase that gives its value in a conversation."""

    type: Literal["string", "number", "integer", "boolean"] = "string"
    description: str
    enum: tuple[str, ...] = ()
    fill: Template | None = None
    is_required: bool = True


class Tool(_Part):
    """A function agents call. One without `doing` is only a lookalike and never called.

    `doing`: how an agent announces it; `result`: slots and plain text of what comes back; `done`:
    what the agent can say then; `action`: what they ask leave for (none: it only reads).
    """

    tool_name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    description: str
    arguments: dict[str, Argument]
    doing: Phrases = ()
    result: Phrases = ()
    done: Phrases = ()
    action: Template | None = None


class Intent(_Part):
    """A reason for contact.

    About at most one of `facts` (keys `topic.fact`), `properties` and `faults` (keys of the product's
    family; `faults = ["*"]`: any) and `problems`; `families` says which products it can be about.
    """

    intent: str = Field(pattern="^[a-z][a-z0-9_]*$")
    parent: str
    description: str
    weight: float = Field(gt=0)
    upset: float = Field(ge=0, le=1)
    trigger: Literal["purchase", "bill", "fault", "any"] = "any"
    months: tuple[int, ...] = ()
    """Months in which it happens twice as often."""
    families: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    causes: Phrases = ()
    """What the agent finds, told after looking."""
    vague: Phrases = Field(min_length=2)
    needs: Phrases = Field(min_length=5)
    circumstances: Phrases = ()
    answers: Phrases = ()
    """What an agent says to a stray intent."""
    is_stray: bool = False
    """Not in the taxonomy: none of our business."""
    is_launch: bool = False
    """About the launched product; not in the taxonomy either."""


class Incident(_Part):
    """The driver that triples in the incident week, and what customers and agents say of it."""

    intent: str
    needs: Phrases = Field(min_length=3)
    causes: Phrases = Field(min_length=2)


class Pack(_Part):
    """Everything in a pack's folder."""

    brand: About
    people: People
    plans: tuple[Plan, ...] = Field(min_length=2)
    segments: tuple[Segment, ...] = Field(min_length=2)
    regions: tuple[str, ...] = Field(min_length=2)
    channels: dict[Literal["voice", "chat", "email", "messaging", "social"], float]
    acronyms: dict[str, str]
    """Words of the articles and what they are shortened to."""
    scorecard: tuple[Criterion, ...]
    aspects: tuple[Aspect, ...]
    properties: tuple[SharedProperty, ...] = ()
    families: tuple[Family, ...]
    topics: tuple[Topic, ...]
    problems: tuple[Problem, ...]
    tools: tuple[Tool, ...]
    intents: tuple[Intent, ...]
    incident: Incident
    phrases: dict[str, Phrases] = {}
    """Banks that take the place of those of the stock with the same name."""

    def properties_of(self, family: Family) -> tuple[Property, ...]:
        """The family's own properties and the shared ones it gives values for."""
        shared = {p.key: p for p in self.properties}
        return family.properties + tuple(
            Property.model_construct(
                key=key,
                values=values,
                aspect=shared[key].aspect,
                says=shared[key].says,
                asked=shared[key].asked,
            )
            for key, values in family.values.items()
        )


def names() -> list[str]:
    """The packs that come along."""
    return sorted(path.name for path in BRANDS.iterdir() if path.is_dir())


@cache
def read_pack(brand: str) -> Pack:
    """The pack of this name, or in this folder; `CxmError` with what is wrong and where."""
    folder = BRANDS / brand if brand in names() else Path(brand)
    if not folder.is_dir():
        raise CxmError(
            f"no brand pack '{brand}'{did_you_mean(brand, names())}; there are {', '.join(names())}, or give "
            "a folder"
        )
    try:
        tables = _merged(folder)
        pack = Pack.model_validate(tables)
    except ValidationError as error:
        problem = error.errors()[0]
        where = _place(problem["loc"], tables)
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        fault = problem["msg"].removeprefix("Value error, ")
        raise CxmError(f"brand pack {folder}: {where}: {fault}{more}; see docs/brands.md") from error
    if faults := list(find_faults(pack)):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CxmError(f"brand pack {folder}: {faults[0]}{more}; see docs/brands.md")
    return pack


_NAMES = ("key", "intent", "topic", "tool_name", "kind", "criterion", "aspect", "plan", "segment")
"""Fields by which an entry of a table is called."""


def _place(path: tuple[str | int, ...], found: Any) -> str:
    """Where a fault is, with the names of entries where they have one: `intents 'returns'.needs.0`."""
    words: list[str] = []
    for part in path:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            found = None
        names = [found.get(name) for name in _NAMES] if isinstance(found, dict) else []
        name = next((name for name in names if isinstance(name, str)), None)
        if isinstance(part, int) and words and name and name.isprintable():
            words[-1] += f" '{name}'"
        else:
            words.append(str(part))
    return ".".join(words)


def _merged(folder: Path) -> dict[str, Any]:
    """All files of a folder as one table: lists of the same name are joined."""
    merged: dict[str, Any] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CxmError(f"brand pack file {path}: {error}") from error
        for key, value in table.items():
            if isinstance(value, list) and isinstance(merged.get(key), list):
                merged[key] = [*merged[key], *value]
            elif isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = {**merged[key], **value}
            else:
                merged[key] = value
    return merged
