"""How conversations end: the customer's reaction, the offer of further help, goodbye.

How customers take the outcome belongs here; the last of their turns is negative exactly where the
contact ends badly. What the outcome is has been decided in `lives`.
"""

from __future__ import annotations

from synth.talks.talk import Talk

_ENDS_EARLY = 0.5
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
            _offer(talk)
            if is_mail:
                _say_goodbye(talk)
            else:
                _last_words(talk)
    else:
        is_merged = is_mail or not offers or talk.chance(0.9)
        if is_merged:
            _offer(talk)
        ends_early = is_mail or (is_merged and talk.chance(_ENDS_EARLY))
        if ends_early:
            _say_goodbye(talk)
        _react(talk, is_last=is_merged)
        if not is_merged:
            _offer(talk)
            _last_words(talk)
    if not is_mail and not ends_early:
        _say_goodbye(talk)
        if talk.speaks == "agent" and not contact.ends_badly and talk.chance(0.08):
            _bye(talk)
    if (talk.last_polarity == "negative") != contact.ends_badly:
        _bye(talk)


def _offer(talk: Talk) -> None:
    if talk.contact.does["more_help"]:
        talk.judge("more_help", True, talk.say("agent", talk.habit("more_help")))


def _say_goodbye(talk: Talk) -> None:
    """Thanks and goodbye, or an end that is none."""
    if talk.contact.does["closing"]:
        talk.judge("closing", True, talk.say("agent", talk.habit("closing")))
    elif talk.contact.channel != "email" and talk.chance(0.35):
        talk.judge("closing", False, talk.say("agent", talk.words("curt_closing")))
    else:
        talk.judge("closing", False)


def _react(talk: Talk, is_last: bool) -> None:
    """What the customer makes of the answer, with goodbye where it is the last word."""
    contact = talk.contact
    if contact.is_resolved and contact.ends_badly and is_last:
        talk.say("customer", talk.voiced("grudging"), polarity="negative")
    elif contact.intent.is_stray and contact.is_resolved:
        is_glad = talk.chance(0.4)
        bank = "pointed" if is_glad else "pointed_on"
        talk.say("customer", talk.words(bank), polarity="positive" if is_glad else "neutral")
    elif contact.is_resolved and not contact.ends_badly and talk.chance(_GLAD[contact.persona]):
        bank = "relieved_late" if contact.is_upset and talk.chance(0.6) else "relieved"
        talk.say("customer", talk.voiced(bank), polarity="positive")
    elif contact.is_resolved:
        talk.say("customer", talk.voiced("content"))
    elif contact.ends_badly if is_last else talk.chance(0.5):
        talk.say("customer", talk.voiced("disappointed"), polarity="negative")
    else:
        talk.say("customer", talk.voiced("resigned"))
    if is_last and contact.does["more_help"] and not contact.ends_badly and talk.chance(0.6):
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
