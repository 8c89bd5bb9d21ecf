"""The course of a contact: its stages from the first word to the last.

Only the order of the stages is here; each stage stands in the module named after it. Words are in
`stock/*.toml` and in packs, what happens is decided in `lives`, and how the channel distorts what is
said in `surfaces`.
"""

from __future__ import annotations

from synth.lives.contact import Contact
from synth.setting import Setting
from synth.streams import Dice, Kind
from synth.talks.actions import agree, ask_leave, call, plan_calls
from synth.talks.alone import ask_bot, give_up
from synth.talks.answers import answer, answer_stray, state_fact, walk_through
from synth.talks.closings import close
from synth.talks.details import ask_details, give_details
from synth.talks.dialogue import Dialogue
from synth.talks.openings import begin
from synth.talks.talk import Talk


def hold(setting: Setting, contact: Contact, dice: Dice | None = None) -> Dialogue:
    """The dialogue of a contact, with marks around personal data.

    Draws come from `dice`, by default those of the contact's own stream, so that the words of one
    contact never depend on another.
    """
    talk = Talk(setting, contact, dice or Dice(setting.knobs.seed, Kind.DIALOGUE, *contact.stream))
    if contact.is_abandoned:
        give_up(talk)
    elif contact.is_bot_only:
        ask_bot(talk)
    else:
        if not contact.intent.is_stray:
            plan_calls(talk)
        begin(talk)
        if contact.intent.is_stray:
            answer_stray(talk)
        else:
            _handle(talk)
        close(talk)
    return talk.finish()


def _handle(talk: Talk) -> None:
    """Details, tools and the answer."""
    contact = talk.contact
    reads = [tool for tool in talk.calls if not tool.action]
    acts = [tool for tool in talk.calls if tool.action]
    ask_details(talk)
    if talk.asked:
        if acts and not reads and not contact.trouble and talk.chance(0.85):
            ask_leave(talk, acts[0])
        give_details(talk)
        if talk.is_agreed:
            agree(talk)
    worked = all(call(talk, tool) for tool in reads)
    if worked and contact.trouble and not contact.is_incident:
        walk_through(talk, acts)
    if worked and acts and contact.does["consent"] and not talk.is_agreed and talk.chance(0.4):
        state_fact(talk)
    worked = worked and all(call(talk, tool) for tool in acts)
    answer(talk, worked)
