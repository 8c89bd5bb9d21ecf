"""How a channel shows what was said: misheard on the phone, mistyped in chat, signed and quoted in mail.

A channel's way of distorting is a module here and a line in `CHANNELS`; tables of words stand in
`mishearings` and `shorthand`. What is said at all is decided in `course`: no turn is added, dropped
or moved here, and nothing is said that changes what a turn means.
"""

from __future__ import annotations

from collections.abc import Callable

from synth.lives.contact import Contact
from synth.setting import Setting
from synth.streams import Dice, Kind
from synth.talks.dialogue import Dialogue, PersonalData, Turn
from synth.talks.marks import spans
from synth.talks.surfaces.mail import exchange
from synth.talks.surfaces.typed import type_out
from synth.talks.surfaces.voice import transcribe

CHANNELS: dict[str, Callable[[Setting, Contact, list[Turn], Dice], list[str]]] = {
    "voice": transcribe,
    "chat": type_out,
    "messaging": type_out,
    "social": type_out,
    "email": exchange,
}


def distort_dialogue(
    setting: Setting, contact: Contact, dialogue: Dialogue, dice: Dice | None = None
) -> Dialogue:
    """The dialogue as its channel shows it: texts distorted and without marks, personal data listed.

    The amount is the knob `noise`; at 0 the texts stay as they are but for the marks. Turns keep
    their number, order, speakers and polarity. Draws come from the contact's own stream.
    """
    texts = [turn.text for turn in dialogue.turns]
    if setting.knobs.noise > 0:
        dice = dice or Dice(setting.knobs.seed, Kind.SURFACE, *contact.stream)
        texts = CHANNELS[contact.channel](setting, contact, dialogue.turns, dice)
    turns = []
    places = []
    for i, (turn, marked) in enumerate(zip(dialogue.turns, texts, strict=True)):
        text, found = spans(marked)
        turns.append(Turn(turn.speaker, text, turn.polarity))
        places += [PersonalData(i, *place) for place in found]
    return Dialogue(turns, dialogue.groundings, dialogue.answers, places)
