"""How conversations begin: menus and bots, the greeting, the probing of a vague statement.

Everything up to the moment the need is on the table belongs here, and the hand-over to a colleague.
How customers put their need is in `needs`.
"""

from __future__ import annotations

from synth.talks.details import ask_details, give_details
from synth.talks.needs import say_first, tell_need
from synth.talks.talk import KINDS, Talk, team_of

_VAGUE = {"voice": 0.42, "chat": 0.42, "messaging": 0.4, "social": 0.35, "email": 0.18}
_MENU, _ANNOUNCED = 0.13, 0.26
_BOT_FIRST = 0.3
_DIGITS = ("one", "two", "three", "four", "five")


def begin(talk: Talk) -> None:
    """From the first word until the need is known and understood."""
    channel = talk.contact.channel
    talk.is_vague = talk.chance(_VAGUE[channel])
    is_bot_first = KINDS[channel] == "typed" and talk.chance(_BOT_FIRST)
    if channel == "voice":
        drawn = talk.dice.random()
        if drawn < _MENU:
            choose_from_menu(talk)
        elif drawn < _MENU + _ANNOUNCED:
            talk.say("bot", talk.words("announcement"))
    elif is_bot_first:
        talk.say("bot", talk.words("bot_greeting"))
    is_agent_first = channel == "voice" or (channel == "chat" and not is_bot_first)
    if is_agent_first:
        greet(talk)
    say_first(talk)
    if not is_agent_first:
        greet(talk)
    if talk.is_vague:
        _clear_up(talk)
    _understand(talk)
    if talk.contact.is_transferred:
        _hand_over(talk)


def greet(talk: Talk) -> None:
    """A greeting with names, or none worth the name."""
    is_reply = talk.speaks == "customer" and KINDS[talk.contact.channel] == "typed"
    bank = "greeting_reply" if is_reply else "greeting"
    if talk.contact.does["greeting"]:
        talk.judge("greeting", True, talk.say("agent", talk.in_daytime(talk.habit(bank))))
    elif talk.speaks != "customer":
        talk.judge("greeting", False, talk.say("agent", talk.words("curt")))
    elif talk.chance(0.4):
        talk.judge("greeting", False, talk.say("agent", talk.words("curt_reply")))
    else:
        talk.judge("greeting", False)


def choose_from_menu(talk: Talk) -> None:
    """A recorded menu made of the pack's matters, and the customer's choice."""
    parents = list(
        dict.fromkeys(i.parent for i in talk.setting.pack.intents if not i.is_stray and not i.is_launch)
    )
    others = [parent for parent in talk.dice.shuffled(parents) if parent != talk.intent.parent]
    is_listed = talk.intent.parent in parents
    listed = others[: talk.dice.integer(1, 3)]
    if is_listed:
        listed.insert(talk.dice.integer(0, len(listed) + 1), talk.intent.parent)
    names = [team_of(parent).removesuffix(" team") for parent in listed]
    items = [f"for {name}, press {digit}" for name, digit in zip(names, _DIGITS, strict=False)]
    menu = talk.words("menu", v=", ".join(items))
    talk.say("bot", menu.replace(". for ", ". For ").replace("? for ", "? For "))
    if is_listed:
        place = listed.index(talk.intent.parent)
        talk.say("customer", talk.words("menu_choice", v=talk.dice.pick((_DIGITS[place], names[place]))))
    else:
        talk.say("customer", talk.words("menu_other"))


def _clear_up(talk: Talk) -> None:
    """The agent asks what it is about, or guesses and has to come back."""
    if talk.contact.does["probing"]:
        talk.judge("probing", True, talk.say("agent", talk.words("probe")))
        if talk.is_hinted and talk.chance(0.75):
            ask_details(talk)
    else:
        talk.judge("probing", False, talk.say("agent", _guess(talk)))
        talk.say("customer", talk.voiced("correction"))
    tell_need(talk)
    give_details(talk)


def _guess(talk: Talk) -> str:
    """What an agent sets out to do who hasn't asked: often what a similar matter needs."""
    intent = talk.intent
    siblings = [
        i for i in talk.setting.pack.intents if i.parent == intent.parent and i.tools and i is not intent
    ]
    if siblings and talk.chance(0.5):
        name = talk.dice.pick(siblings).tools[0]
        tool = talk.tool(name)
        if name not in intent.tools and tool.doing:
            return talk.words("guess", doing=talk.fill(talk.dice.pick(tool.doing)))
    return talk.words("guess_blind")


def _understand(talk: Talk) -> None:
    """Sympathy where the customer is upset; else a word that it has been understood."""
    if talk.contact.is_upset:
        shows = talk.contact.does["empathy"]
        if shows:
            talk.judge("empathy", True, talk.say("agent", talk.echo("empathy")))
        else:
            talk.judge("empathy", False)
            if talk.chance(0.4):
                talk.say("agent", talk.words("acknowledge_cold"))
    elif talk.chance(0.5):
        talk.say("agent", talk.echo("acknowledge"))


def _hand_over(talk: Talk) -> None:
    talk.say("agent", talk.words("hand_over"))
    talk.agent = talk.contact.colleague
    talk.plain["agent"] = talk.slots["agent"] = talk.agent.name
    talk.note(talk.words("handed_over"))
    talk.salutations.clear()
    talk.say("agent", talk.words("take_over"))
