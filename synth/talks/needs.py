"""What customers say of their matter: hello, a vague beginning, the need, how they feel about it.

How a persona puts a matter into words belongs here, also what is told beyond the matter. When it is
told is decided in `openings`; replies to what agents ask are in `details` and `closings`.
"""

from __future__ import annotations

import re
from functools import cache

from synth.catalog import put
from synth.packs import Phrases
from synth.talks.talk import KINDS, Talk

_LEAD = {"polite": 0.35, "terse": 0.0, "confused": 0.5, "chatty": 0.45, "angry": 0.2}
_HELLO = {"polite": 0.9, "terse": 0.35, "confused": 0.8, "chatty": 0.95, "angry": 0.35}
_CIRCUMSTANCE = {"polite": 0.15, "terse": 0.02, "confused": 0.3, "chatty": 0.8, "angry": 0.1}
_ASKS, _ASKS_ALONE = 0.45, 0.95
"""How often a customer asks for the fact where the need doesn't; more where nothing else is to be done."""

_HEATED = re.compile(
    r"!|ridicul|unaccept|disgrac|furious|fed up|annoy|frustrat|outrag|terribl|awful|appall|useless|disappoint"
    r"|rip-?off|scandal|cheek|nightmare|sick of|had enough|shambl|joke|angry|livid|absurd|fuming|upset",
    re.IGNORECASE,
)
_INTERROGATIVE = (
    r"(?:how|what|what's|when|where|which|who|whom|whose|why|can|could|do|does|did|is|are|isn't|aren't|was|will|would|"
    r"may|might|must|should|has|have|am|don't|doesn't|can't|won't)"
)
_ASKING = re.compile(rf"(?:^|[,;.:–-] |\b(?:and|but|so|or) ){_INTERROGATIVE}\b", re.IGNORECASE)
_SPOKEN = re.compile(
    rf"^(?:{_INTERROGATIVE}|if|i|i'm|i've|i'd|my|we|we're|we've|our|the|it's|there|someone|after|before|on|in|for|at)\b",
    re.IGNORECASE,
)


def say_first(talk: Talk) -> None:
    """The customer's first statement: hello, and something vague or the need at once."""
    contact = talk.contact
    if contact.channel != "email" and talk.chance(_HELLO[contact.persona]):
        talk.say("customer", talk.in_daytime(talk.voiced("hello")))
    if contact.is_repeat and (not talk.is_vague or talk.chance(0.5)):
        talk.say("customer", talk.voiced("again"))
    if not talk.is_vague:
        tell_need(talk)
        return
    own = talk.intent.vague if contact.is_upset else calm(talk.intent.vague)
    talk.is_hinted = contact.is_repeat or talk.chance(0.6)
    text = talk.fill(talk.draw(own)) if talk.is_hinted else talk.words("vague")
    is_heated = contact.is_upset and (talk.chance(0.4) or bool(_HEATED.search(text)))
    talk.say("customer", text, polarity="negative" if is_heated else "neutral")
    if is_heated:
        talk.say("customer", talk.voiced("annoyed"))
    if contact.channel == "email" and talk.chance(0.5):
        talk.say("customer", talk.voiced("ask_back"))


def tell_need(talk: Talk) -> None:
    """What it is really about, with what this persona adds."""
    contact, persona = talk.contact, talk.contact.persona
    parts: list[str] = []
    if talk.chance(_LEAD[persona]):
        parts.append(talk.voiced("lead"))
    matter = _matter(talk)
    if talk.chance(_CIRCUMSTANCE[persona]):
        own = talk.intent.circumstances
        aside = talk.fill(talk.draw(own)) if own and talk.chance(0.6) else talk.words("circumstance")
        matter.insert(len(matter) if talk.chance(0.5) else 0, aside)
    parts += matter
    if KINDS[contact.channel] != "voice":
        parts += _volunteered(talk)
    is_heated = contact.is_upset and any(_HEATED.search(part) for part in parts)
    polarity = "negative" if is_heated else "neutral"
    if contact.is_upset and not (talk.last_polarity == "negative" and talk.chance(0.4)):
        polarity = "negative"
        feeling = talk.voiced("annoyed")
        if talk.chance(0.25) and len(parts) < 3:
            parts.insert(0, feeling)
        else:
            parts.append(feeling)
        if persona == "angry" and talk.chance(0.4):
            parts.append(talk.voiced("annoyed"))
    elif persona in ("polite", "chatty") and not contact.is_upset and talk.chance(0.25):
        parts.append(talk.voiced("ask_kindly"))
    elif persona == "angry" and not contact.is_upset and talk.chance(0.5):
        parts.append(talk.words("demand"))
    talk.say("customer", *parts, polarity=polarity)


def _matter(talk: Talk) -> list[str]:
    """The need, the symptom and the question, as far as they are told."""
    contact, intent = talk.contact, talk.intent
    needs = talk.setting.pack.incident.needs if contact.is_incident else intent.needs
    need = talk.draw(needs if contact.is_upset else calm(needs))
    text = talk.fill(
        need, symptom=SYMPTOM + _symptom(talk) if "symptom" in need.slots else "", question=QUESTION
    )
    text = _BEGUN.sub(lambda found: found[1] + found[2].upper(), text).replace(SYMPTOM, "")
    parts = [_with_question(text, question_of(talk)) if QUESTION in text else text]
    if QUESTION in text:
        talk.is_asked = True
    if contact.trouble and "symptom" not in need.slots and not contact.is_incident and talk.chance(0.6):
        parts.append(_symptom_said(talk))
    if (
        contact.fact
        and not talk.is_asked
        and not contact.is_incident
        and talk.chance(_ASKS if talk.calls or contact.trouble else _ASKS_ALONE)
    ):
        parts.append(
            _with_question(
                talk.voiced("asking_more" if text.endswith("?") else "asking", question=QUESTION),
                question_of(talk),
            )
        )
        talk.is_asked = True
    return parts


QUESTION, SYMPTOM = "\ue100", "\ue101"
"""Stand for the question and before the symptom until it is known whether a sentence begins there."""

_BEGUN = re.compile(rf"(\A|[.!?] ){SYMPTOM}([a-z])")


def _with_question(text: str, question: str) -> str:
    """The question put in, with a capital where a sentence begins and with one punctuation mark."""
    before, _, after = text.partition(QUESTION)
    if not before.strip() or before.rstrip()[-1] in ".!?":
        question = question[:1].upper() + question[1:]
    elif question[1:2].islower() or (question[:2] == "A " and question[2:3].islower()):
        question = question[:1].lower() + question[1:]
    return f"{before}{question}{after.lstrip('.?!')}"


def question_of(talk: Talk) -> str:
    """How this customer asks for the contact's fact, as a sentence; empty without a fact."""
    fact = talk.contact.fact
    if not fact:
        return talk.words("any_question")
    text = put(talk.draw(spoken(fact.asked)), talk.dice, {**talk.slots, **fact.slots})
    if text[-1] not in "?.!":
        text += "?" if _ASKING.search(text) or not _SPOKEN.match(text) else "."
    return text


def _symptom(talk: Talk) -> str:
    trouble = talk.contact.trouble
    if trouble is None:
        return talk.words("any_symptom")
    return talk.draw(trouble.symptoms).render(talk.dice, {**talk.slots, **trouble.slots})


def _symptom_said(talk: Talk) -> str:
    """The symptom as a sentence: of a product (`P012.fault`) it is said what it does."""
    trouble = talk.contact.trouble
    symptom = _symptom(talk)
    return talk.words("symptom_said", symptom=symptom) if trouble and "." in trouble.key else symptom


def _volunteered(talk: Talk) -> list[str]:
    """Details people put into writing without being asked."""
    wanted = [
        slot
        for slot in ("order", "account")
        if slot in talk.wanted and slot not in {*talk.asked, *talk.told} and talk.chance(0.4)
    ]
    return [talk.words(f"volunteer_{slot}") for slot in wanted[:1]]


@cache
def calm(needs: Phrases) -> Phrases:
    """Those without heated words, for customers who aren't upset; all if there are no others."""
    return tuple(need for need in needs if not _HEATED.search(need.text)) or needs


@cache
def spoken(asked: Phrases) -> Phrases:
    """Those that are sentences, not keywords for a search box; all if there are no others."""
    whole = tuple(t for t in asked if t.text[-1] in "?.!")
    return whole or tuple(t for t in asked if t.text[-1] == "]" or _SPOKEN.match(t.text)) or asked
