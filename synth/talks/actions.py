"""Tools in a conversation: which are called, asking leave, announcing, and what comes back.

What a tool is and what it says is in the pack; asking customers for its arguments is in `details`.
"""

from __future__ import annotations

from synth.packs import Tool
from synth.talks.details import opens_account, slots_of
from synth.talks.dialogue import Grounding
from synth.talks.talk import Talk

_FAILS = 0.75
"""How often an unresolved contact with tools is one because the last tool fails."""

_SKIPS_LOOK = 0.7
"""How often an agent makes do with one of two tools."""

_SKIPS_ALL = 0.4
"""How often there is an answer without looking up the customer's own case."""


def plan_calls(talk: Talk) -> None:
    """Decide which tools will be called and whether the last one fails."""
    contact = talk.contact
    names = talk.intent.tools or (contact.trouble.tools if contact.trouble else ())
    tools = [talk.tool(name) for name in names[:2]]
    if len(tools) == 2 and tools[1].action and not tools[0].action and talk.chance(_SKIPS_LOOK):
        tools = tools[1:]
    if len(tools) == 2 and not tools[1].action and talk.chance(_SKIPS_LOOK):
        tools = tools[:1]
    has_answer = contact.fact or contact.trouble
    if has_answer and not any(tool.action for tool in tools) and talk.chance(_SKIPS_ALL):
        tools = []
    if not contact.is_resolved and tools:
        talk.fails = not contact.is_misled and talk.chance(_FAILS)
        acts = [tool for tool in tools if tool.action]
        tools = [tool for tool in tools if not tool.action][: 2 if talk.fails else 1]
        if talk.fails:
            tools += acts[:1]
    talk.calls = tools
    talk.wanted = slots_of(tools)


def ask_leave(talk: Talk, tool: Tool) -> None:
    """The agent asks before changing anything."""
    if tool.action and talk.contact.does["consent"] and not talk.is_agreed:
        talk.judge("consent", True, talk.say("agent", talk.echo("consent", action=talk.fill(tool.action))))
        talk.is_agreed = True


def is_cross(talk: Talk) -> bool:
    """Whether the customer is just speaking in anger."""
    return talk.speaks == "customer" and talk.last_polarity == "negative"


def agree(talk: Talk) -> None:
    """The customer's yes."""
    talk.say("customer", talk.voiced("yes_cross" if is_cross(talk) else "yes"))


def call(talk: Talk, tool: Tool, speaker: str = "agent") -> bool:
    """Announce the tool, call it, and say what came of it; returns whether it worked.

    Where a tool answers with {days}, these lie ahead and are not those since the order.
    """
    is_last = tool is talk.calls[-1]
    fails = talk.fails and is_last
    by_agent = speaker == "agent"
    if by_agent and tool.action and talk.contact.does["consent"] and not talk.is_agreed:
        ask_leave(talk, tool)
        agree(talk)
    if by_agent and opens_account(tool) and "identity" not in talk.verdicts:
        talk.judge("identity", False)
    doing = talk.fill(talk.draw(tool.doing))
    turn = talk.say(speaker, talk.echo("doing" if by_agent else "bot_doing", doing=doing))
    if by_agent and tool.action and not talk.contact.does["consent"]:
        talk.judge("consent", False, turn)
    talk.is_agreed = talk.is_agreed and not tool.action
    filled = {name: a.fill.render(talk.dice, talk.plain) for name, a in tool.arguments.items() if a.fill}
    talk.ground(Grounding(turn, tool_name=tool.tool_name, arguments=filled))
    ahead = {"days": str(talk.dice.integer(4, 15))}
    result = talk.words("tool_error") if fails else talk.fill(talk.draw(tool.result), **ahead)
    talk.note(f"{tool.tool_name} → {result}")
    if fails:
        return False
    if by_agent and talk.chance(0.25):
        talk.say(speaker, talk.words("waited"))
    if (
        by_agent
        and any(a.fill and "order" in a.fill.slots for a in tool.arguments.values())
        and talk.chance(0.45)
    ):
        bank = "seen_day" if "thing" in talk.told else "seen"
        talk.say(speaker, talk.words(bank, v=talk.setting.pack.brand.order_word))
    talk.say(speaker, talk.fill(talk.draw(tool.done), **ahead))
    return True
