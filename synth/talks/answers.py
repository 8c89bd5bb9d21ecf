"""Answers: steps against a trouble, facts stated rightly or wrongly, causes, what cannot be done.

What an agent says in substance and which articles it rests on belongs here. Tools are in `actions`,
reactions at the end in `closings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from synth.catalog import Fact, Trouble, put
from synth.packs import Tool
from synth.phrases import sentence
from synth.talks.actions import agree, ask_leave
from synth.talks.talk import Talk

_TO_US = re.compile(
    r"\b(?:agents?|advisers?|customer service|(?:contact|ask|tell|have|write to) us)\b"
    r"|\b[Hh]ave (?:a|an|the|it|your) [a-z -]+(?:booked|tested|registered|checked|replaced|opened|sent)\b"
)
"""Steps of an article that send customers to those they are talking to."""

_ORDINALS = {
    1: ("first, ", "start like this: ", "to begin with, ", "first of all, ", ""),
    2: ("then ", "next, ", "after that, ", "and then ", ""),
    3: ("finally, ", "last of all, ", "in the end, ", "and then ", "after that, "),
}

_LED = ("Then ", "After ", "Finally", "Next", "First", "Now ")


def walk_through(talk: Talk, acts: list[Tool]) -> None:
    """Cause and steps of the trouble, in one turn or two, and what the customer says to them."""
    trouble, contact = talk.contact.trouble, talk.contact
    assert trouble is not None
    slots = {**talk.slots, **trouble.slots}
    is_fault = "." in trouble.key
    is_covered = not contact.intent.is_launch or trouble.key in talk.setting.knowledge.stated
    if is_covered and talk.chance(0.5):
        talk.is_explained = True
        cause = talk.draw(trouble.causes).render(talk.dice, slots)
        talk.rest_on(talk.say("agent", talk.state("cause", cause=cause)), trouble.key)
    steps = _steps(talk, trouble)
    half = (len(steps) + 1) // 2
    is_split = is_fault and contact.channel != "email" and len(steps) > 2 and not acts and talk.chance(0.12)
    first = steps[:half] if is_split else steps
    if is_covered:
        lead = talk.echo("steps") if is_fault else talk.words("steps_matter")
    else:
        lead = talk.words("launch_steps")
    lead = lead if not is_covered or talk.chance(0.6) else ""
    talk.rest_on(talk.say("agent", lead, *_ordered(talk, first, is_end=not is_split)), trouble.key)
    if is_split:
        talk.say("customer", talk.voiced("step_done"))
        talk.rest_on(talk.say("agent", talk.words("steps_on"), *_ordered(talk, steps[half:])), trouble.key)
    if acts and contact.does["consent"]:
        if talk.chance(0.6):
            talk.say("agent", talk.words("if_not"))
        ask_leave(talk, acts[0])
    elif is_fault and talk.chance(0.5):
        talk.say("agent", talk.words("steps_check"))
    _report_back(talk, is_fault, is_solved=contact.is_resolved and not acts)
    if talk.is_agreed:
        agree(talk)


def _report_back(talk: Talk, is_fault: bool, is_solved: bool) -> None:
    """Whether it helped: a fault is gone or not, in other matters customers know what to do."""
    talk.has_reacted = is_solved
    if not is_solved:
        is_bad = talk.contact.is_upset and talk.chance(0.6)
        bank = "still_bad" if is_bad else "no_luck" if is_fault else "did_already"
        talk.say("customer", talk.voiced(bank), polarity="negative" if is_bad else "neutral")
    elif not talk.contact.ends_badly and talk.chance(0.35 if talk.contact.channel == "email" else 0.65):
        talk.say("customer", talk.voiced("fixed" if is_fault else "helped"), polarity="positive")
    else:
        talk.say("customer", talk.voiced("will_try" if is_fault else "will_do"))


def _steps(talk: Talk, trouble: Trouble) -> list[str]:
    """The steps, but for those that send customers to the one they are talking to."""
    steps = [step for step in trouble.steps if not _TO_US.search(step.text)] or trouble.steps
    slots = {**talk.slots, **trouble.slots}
    return [step.render(talk.dice, slots) for step in steps]


def _ordered(talk: Talk, steps: list[str], is_end: bool = True) -> list[str]:
    """The steps with words between them, so that they are told and not listed."""
    told = []
    for i, step in enumerate(steps):
        place = 1 if i == 0 else 3 if is_end and i == len(steps) - 1 and i > 1 else 2
        is_led = len(steps) > 1 and talk.chance(0.7) and not step.startswith(_LED)
        lead = talk.dice.pick(_ORDINALS[place]) if is_led else ""
        stays = not lead or step[1:2].isupper() or step.startswith(("I ", "I'"))
        told.append(f"{lead}{step if stays else step[:1].lower() + step[1:]}")
    return told


def state_fact(talk: Talk) -> None:
    """The fact in one of its wordings, or wrongly; for the launched product a guess or an honest word."""
    contact = talk.contact
    fact = contact.fact
    if fact is None or talk.is_answered:
        return
    talk.is_answered = True
    is_right = contact.does["accuracy"]
    is_covered = fact.key in talk.setting.knowledge.stated
    if contact.intent.is_launch and not is_covered and is_right and not contact.is_resolved:
        talk.say("agent", talk.words("launch_unknown"))
        return
    if contact.intent.is_launch and not is_covered:
        bank = "launch_found" if is_right else "launch_guess"
    else:
        is_added = talk.is_explained or bool(talk.dialogue.groundings)
        bank = "answering" if talk.is_asked else "rule" if is_added else "rule_alone"
    turn = talk.say("agent", talk.state(bank, fact=_stated(talk, fact, is_right)))
    talk.judge("accuracy", is_right, turn)
    talk.rest_on(turn, fact.key, is_misled=contact.is_misled)


def _stated(talk: Talk, fact: Fact, is_right: bool) -> str:
    """The fact as a sentence; a misled agent reads out what the wrong article says."""
    if talk.contact.is_misled:
        wrong = talk.setting.knowledge.misstated.get(fact.key)
        for pair in talk.setting.knowledge.pairs:
            if pair.fact == fact.key and wrong in (pair.left, pair.right):
                quote = pair.left_quote if pair.left == wrong else pair.right_quote
                if quote.endswith(".") and not set("|<*#\n") & set(quote):
                    return _in_full(quote, talk.setting.pack.acronyms)
    said = put(talk.draw(fact.says), talk.dice, {**fact.slots, "v": fact.value if is_right else fact.wrong})
    return sentence(said if said[-1] in ".!?" else f"{said}.")


def _in_full(quote: str, acronyms: Mapping[str, str]) -> str:
    """A sentence of an article without the acronyms that only authors use."""
    for words, short in acronyms.items():
        quote = quote.replace(f"{words} ({short})", words)
        quote = re.sub(rf"\b{re.escape(short)}\b", words, quote) if short in quote else quote
    return quote


def answer(talk: Talk, worked: bool) -> None:
    """What comes of it: cause, fact, what cannot be done, and now and then too big a promise."""
    contact = talk.contact
    if talk.has_reacted:
        state_fact(talk)
    elif contact.is_resolved:
        _explain(talk)
        if talk.speaks != "agent":
            talk.say("agent", talk.words("settled", v=contact.conversation_id))
    else:
        _leave_open(talk, worked)
    keeps = contact.does["promise"]
    if keeps:
        talk.judge("promise", True)
    else:
        bank = "promise" if contact.is_resolved else "promise_open"
        talk.judge("promise", False, talk.say("agent", talk.words(bank)))


def _explain(talk: Talk) -> None:
    contact = talk.contact
    causes = talk.setting.pack.incident.causes if contact.is_incident else talk.intent.causes
    if causes and not talk.is_explained and (contact.is_incident or talk.chance(0.5)):
        cause = talk.fill(talk.draw(causes))
        talk.say(
            "agent", cause if talk.speaks == "agent" or talk.chance(0.4) else talk.state("cause", cause=cause)
        )
    state_fact(talk)


def _leave_open(talk: Talk, worked: bool) -> None:
    """An answer that doesn't settle it: a failed tool, a rule that doesn't help, nothing more to try."""
    contact = talk.contact
    if contact.is_incident and talk.chance(0.7):
        talk.say("agent", talk.fill(talk.draw(talk.setting.pack.incident.causes)))
    if not worked:
        talk.say("agent", talk.words("cannot" if talk.calls[-1].action else "cannot_look"))
        state_fact(talk)
    elif contact.fact and not talk.is_answered:
        state_fact(talk)
        if contact.is_misled and talk.chance(0.6):
            is_bad = contact.is_upset or talk.chance(0.3)
            talk.say(
                "customer",
                talk.words("doubt_bad" if is_bad else "doubt"),
                polarity="negative" if is_bad else "neutral",
            )
            talk.say("agent", talk.words("insist"))
            return
        if talk.chance(0.5):
            is_bad = contact.is_upset and talk.chance(0.5)
            talk.say(
                "customer",
                talk.words("no_help_bad" if is_bad else "no_help"),
                polarity="negative" if is_bad else "neutral",
            )
        talk.say("agent", talk.words("blocked"))
    else:
        talk.say("agent", talk.words("blocked"))
    if talk.chance(0.55):
        talk.say("agent", talk.words("next_step", v=contact.conversation_id))


def tell_fact_by_bot(talk: Talk) -> None:
    """The fact, wrong only where the bot has found the wrong article."""
    fact, is_misled = talk.contact.fact, talk.contact.is_misled
    if fact and (fact.key in talk.setting.knowledge.stated or talk.contact.is_resolved):
        turn = talk.say("bot", talk.state("bot_fact", fact=_stated(talk, fact, is_right=not is_misled)))
        talk.rest_on(turn, fact.key, is_misled)


def tell_steps_by_bot(talk: Talk) -> None:
    """The steps of the trouble's article, all at once."""
    trouble = talk.contact.trouble
    if trouble and not talk.contact.is_incident and trouble.key in talk.setting.knowledge.stated:
        steps = _steps(talk, trouble)
        talk.rest_on(talk.say("bot", talk.words("bot_steps"), *_ordered(talk, steps)), trouble.key)


def answer_stray(talk: Talk) -> None:
    """A matter that is none of the brand's service: where to turn instead."""
    talk.say("agent", talk.fill(talk.draw(talk.intent.answers)))
    answer_keeps = talk.contact.does["promise"]
    talk.judge(
        "promise", answer_keeps, *([] if answer_keeps else [talk.say("agent", talk.words("promise_open"))])
    )
