"""Identity checks, and details the tools need: how agents ask for them, how customers tell them.

What counts as an account tool, and which details are asked for, is decided here. Filling the
arguments of a call is in `actions`.
"""

from __future__ import annotations

import re

from synth.packs import Tool
from synth.phrases import sentence
from synth.talks.talk import Talk

_ACCOUNT = {"order", "account", "email", "phone", "card", "iban", "name"}
"""A tool that is called with one of these opens what belongs to a customer."""

_ASKABLE = (
    "order",
    "account",
    "name",
    "postcode",
    "email",
    "phone",
    "address",
    "iban",
    "card",
    "product",
    "plan",
)
"""Details agents ask for, in the order in which they do."""

_MOST = 3
_BEGINNING = re.compile(r"(?<=[.!?] )[a-z]")


def opens_account(tool: Tool) -> bool:
    """Whether identity has to be checked before this tool."""
    return any(a.fill and a.fill.slots & _ACCOUNT for a in tool.arguments.values())


def slots_of(tools: list[Tool]) -> list[str]:
    """What customers have to tell so that the tools can be called."""
    slots = {slot for tool in tools for a in tool.arguments.values() if a.fill for slot in a.fill.slots}
    if slots & {"order", "account"}:
        slots -= {"product", "plan"}
    return [slot for slot in _ASKABLE if slot in slots]


def ask_details(talk: Talk) -> None:
    """Ask who it is, where the agent checks that, and what else the tools need."""
    if talk.is_settled:
        return
    talk.is_settled = True
    talk.listen()
    wanted = [slot for slot in talk.wanted if slot not in talk.told]
    checks = talk.contact.does["identity"] and any(opens_account(tool) for tool in talk.calls)
    if checks:
        known = {"order", "account"} & (set(wanted) | talk.told)
        identity = ["postcode"] if known or talk.chance(0.1) else ["name", "postcode"]
        if known and talk.chance(0.25):
            identity.append("name")
        identity = [slot for slot in identity if slot not in talk.told] or ["name"]
        wanted = [slot for slot in _ASKABLE if slot in {*identity, *wanted[: _MOST - len(identity)]}]
    wanted = wanted[:_MOST]
    if not wanted:
        return
    asked = _list(_brief([_label(talk, slot) for slot in wanted]))
    text = talk.echo("verify" if checks else "ask", v=asked)
    turn = talk.say("agent", _BEGINNING.sub(lambda found: found[0].upper(), text))
    if checks:
        talk.judge("identity", True, turn)
    talk.asked = wanted


def give_details(talk: Talk) -> None:
    """What has just been asked for, told in the way of the persona."""
    wanted, talk.asked = [slot for slot in talk.asked if not talk.mentions(slot)], []
    if not wanted:
        return
    persona = talk.contact.persona
    if persona == "confused" and talk.contact.channel != "email" and talk.chance(0.4):
        talk.say("customer", talk.words("fumble"))
    if persona == "terse" or talk.chance(0.12):
        text = ", ".join(talk.slots[slot] for slot in wanted)
    else:
        clauses = [talk.words(f"tell_{slot}") for slot in wanted]
        text = _list(clauses) if talk.chance(0.7) else ", ".join(clauses)
    gives = talk.words if talk.contact.channel == "email" else talk.voiced
    lead = gives("giving") if persona != "terse" and talk.chance(0.5) else ""
    if talk.contact.is_upset and not talk.is_agreed and talk.chance(0.3 if persona == "angry" else 0.1):
        talk.say("customer", sentence(text))
        talk.say("customer", talk.voiced("grumble"), polarity="negative")
    else:
        talk.say("customer", lead, sentence(text))


def _label(talk: Talk, slot: str) -> str:
    return talk.words(f"label_{slot}", v=talk.setting.pack.brand.order_word)


def _brief(labels: list[str]) -> list[str]:
    """`your name and postcode` for `your name and your postcode`."""
    if labels[0].startswith("your "):
        return [labels[0], *(label.removeprefix("your ") for label in labels[1:])]
    return labels


def _list(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else items[0]
