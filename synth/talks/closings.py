"""How conversations end: the customer's reaction, the offer of further help, goodbye.

How customers take the outcome belongs here; the last of their turns is negative exactly where the
contact ends badly. What the outcome is has been decided in `lives`.
"""

from __future__ import annotations

from synth.talks.talk import Talk

_ENDS_EARLY = 0.6
"""How often an agent says goodbye in the same turn as the answer."""

_GLAD = {"polite": 0.7, "terse": 0.35, "confused": 0.6, "chatty": 0.7, "angry": 0.4}


def close(talk: Talk) -> None:
    """From the answer to the end."""
    contact, does = talk.contact, talk.contact.does
    is_mail = contact.channel == "email"
    offers, ends_early = does["more_help"], False
    if not offers:
        talk.judge("more_help", False)
    if talk.has_reacted:
        if offers or is_mail or contact.ends_badly:
            if contact.is_resolved and not contact.ends_badly and talk.chance(0.4):
                talk.say("agent", talk.words("glad"))
            is_short = is_mail or (not contact.ends_badly and talk.chance(_ENDS_EARLY))
            _offer(talk, is_last=is_short)
            if is_short:
                _say_goodbye(talk)
                ends_early = True
            else:
                _last_words(talk)
    else:
        is_merged = is_mail or not offers or talk.chance(0.9)
        ends_early = is_mail or (is_merged and talk.chance(_ENDS_EARLY))
        if is_merged:
            _offer(talk, is_last=ends_early)
        if ends_early:
            _say_goodbye(talk, is_alone=False)
        _react(talk, is_last=is_merged, is_asked=offers and is_merged and not ends_early)
        if not is_merged:
            _offer(talk)
            _last_words(talk)
    if not is_mail and not ends_early:
        _say_goodbye(talk)
        if talk.speaks == "agent" and does["closing"] and not contact.ends_badly and talk.chance(0.08):
            _bye(talk)
    if (talk.last_polarity == "negative") != contact.ends_badly:
        _bye(talk)


def _offer(talk: Talk, is_last: bool = False) -> None:
    """Further help: a question, or where nobody waits for an answer an open offer."""
    if talk.contact.does["more_help"]:
        offer = talk.echo("more_help_open" if is_last else "more_help")
        talk.judge("more_help", True, talk.say("agent", offer))


def _say_goodbye(talk: Talk, is_alone: bool = True) -> None:
    """Thanks and goodbye, with regret where it goes badly; or an end that is none."""
    contact = talk.contact
    if contact.does["closing"]:
        is_late = is_alone and talk.last_polarity == "negative"
        bank = "closing_sorry" if not contact.is_resolved else "closing_late" if is_late else "closing"
        said = talk.habit(bank, v=talk.rest_of_time)
        talk.judge("closing", True, talk.say("agent", said))
    elif is_alone and contact.channel != "email" and talk.chance(0.35):
        talk.judge("closing", False, talk.say("agent", talk.words("curt_closing")))
    else:
        talk.judge("closing", False)


def _react(talk: Talk, is_last: bool, is_asked: bool) -> None:
    """What the customer makes of the answer, with goodbye where it is the last word.

    `is_asked`: whether there is an offer of further help to answer.
    """
    contact = talk.contact
    if contact.is_resolved and contact.ends_badly and is_last:
        talk.say("customer", talk.voiced("grudging"), polarity="negative")
    elif contact.intent.is_stray and contact.is_resolved:
        is_glad = talk.chance(0.4)
        bank = "pointed" if is_glad else "pointed_on"
        talk.say("customer", talk.words(bank), polarity="positive" if is_glad else "neutral")
    elif contact.is_resolved and not contact.ends_badly and talk.chance(_GLAD[contact.persona]):
        if contact.is_upset and talk.chance(0.6):
            bank = "relieved_late"
        else:
            is_much = contact.is_upset or (bool(talk.calls) and talk.chance(0.35))
            bank = "relieved_much" if is_much else "relieved"
        talk.say("customer", talk.voiced(bank), polarity="positive")
    elif contact.is_resolved:
        bank = "content_done" if talk.calls and not talk.is_answered and talk.chance(0.6) else "content"
        talk.say("customer", talk.voiced(bank))
    elif contact.ends_badly if is_last else talk.chance(0.5):
        talk.say("customer", talk.voiced("disappointed"), polarity="negative")
    else:
        talk.say("customer", talk.voiced("pointed_on" if contact.intent.is_stray else "resigned"))
    if is_asked and not contact.ends_badly and talk.chance(0.7):
        talk.say("customer", talk.voiced("nothing_else"))
    if is_last and not contact.ends_badly and talk.chance(0.3) and contact.channel != "email":
        talk.say("customer", talk.voiced("bye"))


def _last_words(talk: Talk) -> None:
    """The answer to the offer of further help."""
    contact = talk.contact
    if contact.ends_badly:
        talk.say(
            "customer", talk.voiced("bye_bad" if not contact.is_resolved else "grudging"), polarity="negative"
        )
        return
    if contact.does["more_help"]:
        talk.say("customer", talk.voiced("nothing_else"))
    if contact.is_resolved and talk.last_polarity != "positive" and talk.chance(0.4):
        talk.say("customer", talk.voiced("bye_glad"), polarity="positive")
    elif not contact.does["more_help"] or talk.chance(0.4):
        talk.say("customer", talk.voiced("bye"))


def _bye(talk: Talk) -> None:
    """One last word of the customer, in the mood in which it ends."""
    if talk.contact.ends_badly:
        talk.say("customer", talk.voiced("bye_bad"), polarity="negative")
    elif talk.contact.is_resolved and talk.chance(0.3):
        talk.say("customer", talk.voiced("bye_glad"), polarity="positive")
    else:
        talk.say("customer", talk.voiced("bye"))
