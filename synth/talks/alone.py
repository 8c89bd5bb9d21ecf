"""Conversations without an agent: customers who give up waiting, and those whom a bot answers.

Bots in front of an agent are in `openings`.
"""

from __future__ import annotations

from synth.talks.actions import call, plan_calls
from synth.talks.answers import tell_fact_by_bot, tell_steps_by_bot
from synth.talks.details import give_details
from synth.talks.needs import say_first, tell_need
from synth.talks.openings import choose_from_menu
from synth.talks.talk import Talk


def give_up(talk: Talk) -> None:
    """A queue, and a customer who doesn't wait."""
    channel = talk.contact.channel
    talk.is_vague = channel != "email"
    if channel == "voice":
        choose_from_menu(talk)
    else:
        if channel == "chat" or (channel == "messaging" and talk.chance(0.5)):
            talk.say("bot", talk.words("bot_greeting"))
        say_first(talk)
    talk.say("bot", talk.words("queue"))
    is_bad = talk.contact.ends_badly
    talk.say(
        "customer",
        talk.voiced("giving_up_bad" if is_bad else "giving_up"),
        polarity="negative" if is_bad else "neutral",
    )


def ask_bot(talk: Talk) -> None:
    """The bot looks up and answers by itself, or doesn't get further."""
    contact = talk.contact
    plan_calls(talk)
    talk.calls = talk.calls[-1:]
    if contact.channel not in ("email", "social"):
        talk.say("bot", talk.words("bot_greeting"))
    tell_need(talk)
    if talk.intent.is_stray:
        talk.say("bot", talk.fill(talk.draw(talk.intent.answers)))
        _react(talk)
        return
    talk.flush()
    worked = True
    if talk.calls:
        missing = [slot for slot in talk.wanted if slot not in talk.told][:2]
        if missing:
            labels = [talk.words(f"label_{slot}", v=talk.setting.pack.brand.order_word) for slot in missing]
            talk.say("bot", talk.words("bot_ask", v=" and ".join(labels)))
            talk.asked = missing
            give_details(talk)
        worked = call(talk, talk.calls[0], speaker="bot")
    if contact.trouble and worked:
        tell_steps_by_bot(talk)
    if contact.fact:
        tell_fact_by_bot(talk)
    if not contact.is_resolved or talk.speaks != "bot":
        talk.say("bot", talk.words("bot_sorry" if not contact.is_resolved else "bot_settled"))
    else:
        talk.say("bot", talk.words("bot_done"))
    _react(talk)


def _react(talk: Talk) -> None:
    contact = talk.contact
    if contact.ends_badly:
        bank = "bot_bad" if not contact.is_resolved else "grudging"
        talk.say("customer", talk.voiced(bank), polarity="negative")
    elif contact.is_resolved and talk.chance(0.4):
        talk.say("customer", talk.words("bot_good"), polarity="positive")
    else:
        talk.say("customer", talk.words("bot_fine" if contact.is_resolved else "bot_resigned"))
