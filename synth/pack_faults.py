"""What does not fit together in a brand pack: names that point nowhere, or stand there twice.

The shape of a pack is in `packs`; a rule across its tables belongs here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cxm.errors import did_you_mean

if TYPE_CHECKING:
    from synth.packs import Pack


def _twice(what: str, keys: list[str]) -> Iterator[str]:
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"{what} '{key}' stands there twice"


def _missing(where: str, what: str, wanted: tuple[str, ...], there: set[str]) -> Iterator[str]:
    for key in wanted:
        if key not in there:
            yield f"{where}: no {what} '{key}'{did_you_mean(key, there)}"


def find_faults(pack: Pack) -> Iterator[str]:
    """What does not fit together, in words."""
    topics = {f"{topic.topic}.{fact.key}" for topic in pack.topics for fact in topic.facts}
    called = {tool.tool_name for tool in pack.tools if tool.doing and tool.result and tool.done}
    kinds = {family.kind for family in pack.families}
    problems = {problem.key for problem in pack.problems}
    aspects = {aspect.aspect for aspect in pack.aspects}
    intents = {intent.intent for intent in pack.intents}
    yield from _twice("topic", [topic.topic for topic in pack.topics])
    yield from _twice("tool", [tool.tool_name for tool in pack.tools])
    yield from _twice("intent", [intent.intent for intent in pack.intents])
    yield from _twice("family", [family.kind for family in pack.families])
    yield from _twice("problem", [problem.key for problem in pack.problems])
    yield from _twice("criterion", [criterion.criterion for criterion in pack.scorecard])
    yield from _twice("behaviour", [criterion.behaviour for criterion in pack.scorecard])
    for topic in pack.topics:
        yield from _twice(f"topic {topic.topic}: fact", [fact.key for fact in topic.facts])
    shared = {p.key for p in pack.properties}
    for p in pack.properties:
        yield from _missing(f"property {p.key}", "aspect", (p.aspect,), aspects)
    for family in pack.families:
        where = f"family {family.kind}"
        yield from _missing(where, "shared property", tuple(family.values), shared)
        yield from _missing(where, "aspect", tuple(p.aspect for p in family.properties), aspects)
        yield from _twice(f"{where}: property", [*family.values, *(p.key for p in family.properties)])
        for fault in family.faults:
            yield from _missing(f"fault {fault.key}", "called tool", fault.tools, called)
    for problem in pack.problems:
        yield from _missing(f"problem {problem.key}", "called tool", problem.tools, called)
    for intent in pack.intents:
        where = f"intent {intent.intent}"
        yield from _missing(where, "fact", intent.facts, topics)
        yield from _missing(where, "called tool", intent.tools, called)
        yield from _missing(where, "family", intent.families, kinds)
        yield from _missing(where, "problem", intent.problems, problems)
        about = [
            f
            for f in pack.families
            if f.is_launch == intent.is_launch and (not intent.families or f.kind in intent.families)
        ]
        for family in about:
            keys = {p.key for p in family.properties} | set(family.values)
            yield from _missing(f"{where}, family {family.kind}", "property", intent.properties, keys)
            faults = {fault.key for fault in family.faults} | {"*"}
            yield from _missing(f"{where}, family {family.kind}", "fault", intent.faults, faults)
        if sum(map(bool, (intent.facts, intent.properties, intent.faults, intent.problems))) > 1:
            yield f"{where}: only one of facts, properties, faults, problems"
        if intent.is_stray and not intent.answers:
            yield f"{where}: a stray intent needs answers"
    yield from _missing("incident", "intent", (pack.incident.intent,), intents)
    if sum(family.is_launch for family in pack.families) > 1:
        yield "more than one family is_launch"
    if any(i.is_launch for i in pack.intents) != any(f.is_launch for f in pack.families):
        yield "a launched family needs intents with is_launch, and the other way round"
