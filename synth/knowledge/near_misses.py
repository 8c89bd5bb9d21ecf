"""Near misses: pairs of articles that look like a defect and are none.

`relation` says what misleads: the same sentence about another product (`other_product`), a fact stated
once more and rightly (`same_fact`), the same steps for another product (`same_steps`). What is a
defect is planted in `defects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, islice

from synth.catalog import Catalog
from synth.knowledge.defects import Defect, Planter
from synth.knowledge.drafts import Desk, Draft, Line

MOST = 200
"""Of those about another product, and of those with the same steps."""

_A_SENTENCE = 4


def find_near_misses(planter: Planter, catalog: Catalog) -> list[Defect]:
    """Pairs that are not planted and look as if they were; no two articles stand there twice."""
    found = [
        *planter.mentions,
        *islice(_other_products(planter.desk, catalog), MOST),
        *islice(_same_steps(planter.desk, catalog), MOST),
    ]
    pairs: dict[frozenset[int], Defect] = {}
    for miss in found:
        pairs.setdefault(frozenset((id(miss.one), id(miss.other))), miss)
    planted = {frozenset((id(defect.one), id(defect.other))) for defect in planter.defects}
    return [miss for pair, miss in pairs.items() if pair not in planted]


def _other_products(desk: Desk, catalog: Catalog) -> Iterator[Defect]:
    """The same sentence about another product, with another value."""
    alike: dict[str, list[tuple[Draft, Line]]] = {}
    lines = ((draft, line) for draft in desk.drafts for line in draft.lines if line.fact and line.is_own)
    for draft, line in lines:
        fact = catalog.facts[line.fact]
        if fact.slots:
            frame = line.text.replace(fact.slots["product"], "{product}").replace(fact.value, "{v}")
            alike.setdefault(frame, []).append((draft, line))
    for (one, line), (other, other_line) in _pairs(alike):
        values = (catalog.facts[line.fact].value, catalog.facts[other_line.fact].value)
        if one.group != other.group and values[0] != values[1]:
            yield Defect(one, other, "other_product", line, other_line, line.fact)


def _same_steps(desk: Desk, catalog: Catalog) -> Iterator[Defect]:
    """The same way out of a fault of another product."""
    alike: dict[str, list[tuple[Draft, Line]]] = {}
    for key, (draft, *_) in desk.stated.items():
        trouble = catalog.troubles.get(key)
        if trouble and trouble.slots:
            for template, step in zip(trouble.steps, draft.steps, strict=True):
                if not template.slots:
                    alike.setdefault(f"{trouble.section} {step.text}", []).append((draft, step))
    for (one, step), (other, other_step) in _pairs(alike):
        yield Defect(one, other, "same_steps", step, other_step, "")


def _pairs(
    alike: dict[str, list[tuple[Draft, Line]]],
) -> Iterable[tuple[tuple[Draft, Line], tuple[Draft, Line]]]:
    """A few pairs of each sentence, in the order of sentences."""
    for text in sorted(alike):
        yield from islice(combinations(alike[text], 2), _A_SENTENCE)
