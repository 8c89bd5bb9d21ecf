"""The catalog: the products, facts and problems that a world draws from its pack.

Which values are true is decided here, once, for articles, agents and queries alike. What articles
say of it is in `knowledge`; wordings are in the pack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from zlib import crc32

import numpy as np

from cxm.errors import CxmError
from synth.knobs import Knobs
from synth.packs import FactSpec, Family, Pack, Phrases, Problem, ProblemSpec, Topic
from synth.phrases import Template, sentence
from synth.streams import Dice, Floats, Kind, uniforms

_LARGEST_SHARE = 2 / 3
"""Of a small base, what topics and problems may take up, so that products are covered as well."""

_TAKES_AN = re.compile(
    r"[aeioAEIO]|[uU](?!ni|s[aeu]|ti|[A-Z])|LED\b|[FHLMNRSX](?=[B-DF-HJ-NP-TV-Z\d])[A-Z\d]|hour"
)


_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")


@dataclass(frozen=True)
class Fact:
    """Something with one true value; key `topic.fact`, or `P012.property` for a product's.

    `slots` fill what the wordings leave open besides {v}: those of the product, or none.
    """

    key: str
    says: Phrases
    asked: Phrases
    value: str
    wrong: str
    slots: dict[str, str]

    def sentence(self, wording: int = 0, is_true: bool = True) -> str:
        """The fact in one of its wordings (counted round), with the true or the wrong value."""
        value = self.value if is_true else self.wrong
        return _mend(self.says[wording % len(self.says)].fill(v=value, **self.slots), self.slots)

    def question(self, wording: int = 0) -> str:
        """How a customer asks for it."""
        return _mend(self.asked[wording % len(self.asked)].fill(**self.slots), self.slots)


@dataclass(frozen=True)
class Trouble:
    """A problem as it stands in the catalog; key `problem`, or `P012.fault` for a product's."""

    key: str
    section: str
    titles: Phrases
    symptoms: Phrases
    asked: Phrases
    causes: Phrases
    steps: Phrases
    tools: tuple[str, ...]
    slots: dict[str, str]


@dataclass(frozen=True)
class Product:
    """Something sold: `facts` by property key, `troubles` by fault key, `number` its place in the catalog."""

    number: int
    name: str
    thing: str
    family: Family
    price: float
    facts: dict[str, Fact]
    troubles: dict[str, Trouble]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its facts and troubles."""
        return tuple(f.key for f in self.facts.values()) + tuple(t.key for t in self.troubles.values())

    @property
    def slots(self) -> dict[str, str]:
        """What phrases about it are filled with."""
        return name_slots(self.name, self.thing)


@dataclass(frozen=True)
class Catalog:
    """All products (the launched one last; `number` counts from 0), facts and troubles, by key.

    Those of the launched product are among them; there is always one where the pack has one.
    """

    products: tuple[Product, ...]
    facts: dict[str, Fact]
    troubles: dict[str, Trouble]
    launched: Product | None


def name_slots(name: str, thing: str) -> dict[str, str]:
    """The slots {product}, {thing} and {a_thing} of something sold."""
    return {"product": name, "thing": thing, "a_thing": f"{'an' if _TAKES_AN.match(thing) else 'a'} {thing}"}


def put(template: Template, dice: Dice, slots: Mapping[str, str]) -> str:
    """The phrase with its choices drawn and its slots filled; `a` becomes `an` where a name asks."""
    try:
        return _mend(template.render(dice, slots), slots)
    except KeyError as error:
        raise CxmError(
            f"brand pack: nothing fills {{{error.args[0]}}} in '{template.text}'; say it without"
        ) from error


def fitting(phrases: Phrases, slots: Mapping[str, str]) -> Phrases:
    """The phrases that these slots fill; all of them where none is."""
    return tuple(phrase for phrase in phrases if phrase.slots <= slots.keys()) or phrases


def _mend(text: str, slots: Mapping[str, str]) -> str:
    if ".." in text:
        # A value like `11 p.m.` brings its own full stop.
        text = _TWO_STOPS.sub(".", text)
    product = slots.get("product")
    if product and _TAKES_AN.match(product):
        text = text.replace(f" a {product}", f" an {product}")
        if text.startswith(f"A {product}"):
            text = f"An{text[1:]}"
    return text


def draws(seed: int, kind: Kind, keys: Iterable[str], n: int) -> Floats:
    """Numbers in [0, 1) that belong to texts, `(n_keys, n)`: the same wherever a text stands."""
    places = np.array([crc32(key.encode()) for key in keys], dtype=np.uint64)
    return uniforms(seed, kind, places[:, None], np.arange(n))


# ------------------------------------------------------------------ what the base covers


def covered_topics(pack: Pack, knobs: Knobs) -> tuple[Topic, ...]:
    """The topics that get an article; of a small base those that intents are about come first."""
    named = {key.rpartition(".")[0] for intent in pack.intents for key in intent.facts}
    ordered = sorted(pack.topics, key=lambda topic: topic.topic not in named)
    return tuple(ordered[: ceil(_LARGEST_SHARE * (knobs.information_articles - knobs.near_duplicates))])


def covered_problems(pack: Pack, knobs: Knobs) -> tuple[Problem, ...]:
    """The problems that get an article; of a small base those that intents are about come first."""
    named = {key for intent in pack.intents for key in intent.problems}
    ordered = sorted(pack.problems, key=lambda problem: problem.key not in named)
    return tuple(ordered[: ceil(_LARGEST_SHARE * knobs.issue_articles)])


@dataclass(frozen=True)
class _Sold:
    """A product before its facts are drawn; `place` counts within its family."""

    name: str
    family: Family
    place: int

    @property
    def slots(self) -> dict[str, str]:
        return name_slots(self.name, self.family.kind)


def _choose_products(pack: Pack, knobs: Knobs) -> list[_Sold]:
    """Enough products for the articles wanted, and one of each family at least."""
    wanted = knobs.information_articles - knobs.near_duplicates - len(covered_topics(pack, knobs))
    wanted_issues = knobs.issue_articles - len(covered_problems(pack, knobs))
    aspects = {family.kind: len({p.aspect for p in pack.properties_of(family)}) for family in pack.families}
    n_families = sum(not family.is_launch for family in pack.families)
    chosen: list[_Sold] = []
    n, n_issues = 0, 0
    for sold in _line_up(pack, knobs.seed):
        if n >= wanted and n_issues >= wanted_issues and len(chosen) >= n_families:
            break
        chosen.append(sold)
        n += aspects[sold.family.kind]
        n_issues += len(sold.family.faults)
    if n < wanted or n_issues < wanted_issues:
        most = knobs.information_articles - max(wanted - n, 0)
        most_issues = knobs.issue_articles - max(wanted_issues - n_issues, 0)
        raise CxmError(
            f"brand pack '{knobs.brand}' has matter for {most} of {knobs.information_articles} "
            f"information_articles and {most_issues} of {knobs.issue_articles} issue_articles with its "
            f"{len(chosen)} product names; add names to its families or set smaller numbers"
        )
    return chosen


def _line_up(pack: Pack, seed: int) -> Iterator[_Sold]:
    """All products in order: one of each family, then another of each, as long as there are names."""
    families = [family for family in pack.families if not family.is_launch]
    names = {family.kind: _shuffled_names(family, seed) for family in families}
    for place in range(max(map(len, names.values()), default=0)):
        for family in families:
            if place < len(names[family.kind]):
                yield _Sold(f"{names[family.kind][place]} {family.kind}", family, place)


def _shuffled_names(family: Family, seed: int) -> list[str]:
    return Dice(seed, Kind.CATALOG, crc32(family.kind.encode())).shuffled(list(dict.fromkeys(family.names)))


# ------------------------------------------------------------------ drawing


def draw_catalog(pack: Pack, knobs: Knobs) -> Catalog:
    """The catalog of a world: as many products as its articles need, and one of each family at least.

    More articles only add products. Raises `CxmError` where the pack has too few names.
    """
    seed = knobs.seed
    sold = _choose_products(pack, knobs)
    launched = next((family for family in pack.families if family.is_launch), None)
    if launched:
        sold.append(_Sold(f"{_shuffled_names(launched, seed)[0]} {launched.kind}", launched, 0))
    facts = {f"{t.topic}.{f.key}": f for t in pack.topics for f in t.facts}
    drawn = _draw_facts(seed, [(key, key, spec, {}) for key, spec in facts.items()])
    properties = {family.kind: pack.properties_of(family) for family in pack.families}
    turns = _first_turns(seed, [f"{family.kind}.{f.key}" for family in pack.families for f in family.faults])
    shares = draws(seed, Kind.CATALOG, (one.name for one in sold), 1)[:, 0].tolist()
    products = []
    for number, (one, share) in enumerate(zip(sold, shares, strict=True)):
        keys = [f"P{number:03d}.{spec.key}" for spec in properties[one.family.kind]]
        own = _draw_facts(
            seed,
            [
                (key, f"{one.name}.{spec.key}", spec, one.slots)
                for key, spec in zip(keys, properties[one.family.kind], strict=True)
            ],
        )
        drawn |= own
        products.append(
            Product(
                number=number,
                name=one.name,
                thing=one.family.kind,
                family=one.family,
                price=_price(one.family.prices, share),
                facts={fact.key.partition(".")[2]: fact for fact in own.values()},
                troubles=_make_faults(number, one, turns),
            )
        )
    turns = _first_turns(seed, [problem.key for problem in pack.problems])
    troubles = {p.key: _make_trouble(p.key, p.section, p, {}, turns[p.key]) for p in pack.problems}
    troubles |= {trouble.key: trouble for product in products for trouble in product.troubles.values()}
    return Catalog(tuple(products), drawn, troubles, products[-1] if launched else None)


def _draw_facts(seed: int, specs: list[tuple[str, str, FactSpec, dict[str, str]]]) -> dict[str, Fact]:
    """Facts by key, from key, text that the draws belong to, words and slots.

    A product's draws belong to its name, which stays when its place changes.
    """
    numbers = draws(seed, Kind.CATALOG, (text for _, text, _, _ in specs), 2).tolist()
    facts = {}
    for (key, _, spec, slots), (true, wrong) in zip(specs, numbers, strict=True):
        values = list(dict.fromkeys(spec.values))
        if len(values) < 2:
            raise CxmError(
                f"brand pack: fact '{key}' has one value only; give another, so that it can be stated wrongly"
            )
        value = values.pop(int(true * len(values)))
        facts[key] = Fact(key, spec.says, spec.asked, value, values[int(wrong * len(values))], slots)
    return facts


def _make_faults(number: int, one: _Sold, turns: dict[str, int]) -> dict[str, Trouble]:
    # `SIM card`, `eSIM` and the like keep their own capitals.
    kind = sentence(one.family.kind) if one.family.kind.islower() else one.family.kind
    section = f"Troubleshooting > {one.family.group} > {kind}"
    return {
        fault.key: _make_trouble(
            f"P{number:03d}.{fault.key}",
            section,
            fault,
            one.slots,
            turns[f"{one.family.kind}.{fault.key}"] + one.place,
        )
        for fault in one.family.faults
    }


def _make_trouble(key: str, section: str, spec: ProblemSpec, slots: dict[str, str], turn: int) -> Trouble:
    """A trouble with its words turned round, so that the same fault of two products is told differently."""
    return Trouble(
        key=key,
        section=section,
        titles=_turned(spec.titles, turn),
        symptoms=_turned(spec.symptoms, 2 * turn),
        asked=spec.asked,
        causes=_turned(spec.causes, 2 * turn),
        steps=spec.steps[turn % len(spec.steps)],
        tools=spec.tools,
        slots=slots,
    )


def _turned(phrases: Phrases, turn: int) -> Phrases:
    start = turn % len(phrases)
    return phrases[start:] + phrases[:start]


def _first_turns(seed: int, keys: list[str]) -> dict[str, int]:
    numbers = draws(seed, Kind.CATALOG, (f"{key} turn" for key in keys), 1)[:, 0]
    return {key: int(1000 * number) for key, number in zip(keys, numbers, strict=True)}


def _price(prices: tuple[float, float], share: float) -> float:
    """A price between the two, with the ending that prices of its size have."""
    low, high = prices
    price = low + share * (high - low)
    if price >= 200:
        price = round(price / 10) * 10 - 1.0
    elif price >= 20:
        price = round(price) - 0.1
    return round(min(max(price, low), high), 2)
