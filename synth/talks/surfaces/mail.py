"""E-mail: paragraphs, names and signatures below, and what was written before, quoted.

How mails are laid out, signed and quoted belongs here. Slips are made as in `typed`, only fewer; what
a mail says, its salutation included, comes from `course`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from synth.lives.contact import Contact
from synth.setting import Setting
from synth.streams import Dice
from synth.talks.dialogue import Turn
from synth.talks.marks import ANY_OPEN, CLOSE, OUTSIDE, mark
from synth.talks.surfaces.typed import AGENT, draw_hand, write

_SALUTATION = re.compile(
    r"\A((?:Hi|Hello|Dear|To (?:whom|whoever|the)|Good (?:morning|afternoon|evening|day))\b"
    rf"[^.!?,\n]{{0,60}},) ([{ANY_OPEN}]?\w)"
)
_SENTENCE = re.compile(rf"(?<=[.!?]) (?=[A-Za-z{ANY_OPEN}]){OUTSIDE}")
_WORDS = re.compile(rf"(?:[{ANY_OPEN}][^{CLOSE}]*{CLOSE}|[^\s{ANY_OPEN}])+")

_SIGN_OFFS = {
    "polite": ("Kind regards", "Best regards", "Many thanks and kind regards", "Yours sincerely"),
    "terse": ("Regards", "Thanks", ""),
    "confused": ("Thanks", "Kind regards", "Thank you in advance", "Many thanks"),
    "chatty": ("All the best", "Best wishes", "Cheers", "Thanks so much"),
    "angry": ("Regards", "", "Yours"),
}
_LATER_SIGN_OFFS = {
    "polite": ("Kind regards", "Best regards", "Best wishes"),
    "terse": ("", ""),
    "confused": ("Regards", "Best", "Best regards"),
    "chatty": ("All the best", "Best", "Take care"),
    "angry": ("Regards", ""),
}
_CURT_SIGN_OFFS = ("Regards", "", "Yours")
_DEVICES = ("Sent from my phone", "Sent from my tablet", "Sent from my phone, please excuse any typos")
_AGENT_SIGN_OFFS = ("Kind regards", "Best regards", "Best wishes", "Warm regards")
_DEPARTMENTS = ("Customer Service", "Customer Care", "Service Team")
_FOOTERS = (
    "This message is meant for the person named above. If it reached you by mistake, please delete it.",
    "You receive this message because you wrote to us.",
    "How we handle your data is explained at {domain}/privacy.",
    "Answers to many questions are on {domain}/help.",
)
_QUOTES = 0.55
"""How often those who quote do it in a mail."""
_QUOTED_LINES = 3
_QUOTED_WIDTH = 72


def exchange(setting: Setting, contact: Contact, turns: list[Turn], dice: Dice) -> list[str]:
    """The marked texts of an exchange of mails: laid out, signed, and quoting the mail before."""
    noise = setting.knobs.noise
    hands = {
        "customer": draw_hand(contact.persona, "email", noise, dice),
        "agent": replace(AGENT, slip=AGENT.slip * noise, misspell=AGENT.misspell * noise),
    }
    details = {
        "customer": _customer_details(contact, dice),
        "agent": _agent_details(setting, contact, dice),
    }
    agents_words = dice.pick(_AGENT_SIGN_OFFS)
    agent = contact.agent
    senders = {
        "customer": f"{mark('name', contact.person.name)} <{mark('email', contact.person.email)}>",
        "agent": f"{setting.pack.brand.name} <service@{setting.pack.brand.domain}>",
    }
    quotes = {"customer": dice.chance(0.45 * noise), "agent": dice.chance(0.4 * noise)}
    width = dice.pick((0, 72, 78), (0.6, 0.2, 0.2))  # Some programs break lines.
    texts = []
    mails: list[tuple[str, str]] = []
    for turn in turns:
        speaker, text = turn.speaker, turn.text
        if speaker == "system" and contact.is_transferred and mails:
            agent = contact.colleague
        if speaker in hands and text:
            is_first = all(other != speaker for other, _ in mails)
            body = write(_paragraphs(text, agent.name, dice), hands[speaker], dice)
            if speaker == "customer":
                text = _break_lines(body, width) if width else body
                sign_off = _sign_off(contact, turn.polarity == "negative", is_first, dice)
            else:
                text = body
                sign_off = f"{agents_words},\n{agent.name}"
            text = f"{text}\n\n{sign_off}{details[speaker] if is_first else ''}"
            if mails and mails[-1][0] != speaker and quotes[speaker] and dice.chance(_QUOTES):
                # The first mail's day is known; how long the others took to write is not decided yet.
                day = contact.started_at if len(mails) == 1 else None
                text = f"{text}\n\n{_quote(mails[-1][1], senders[mails[-1][0]], day)}"
            mails.append((speaker, body))
        texts.append(text)
    return texts


def _sign_off(contact: Contact, is_negative: bool, is_first: bool, dice: Dice) -> str:
    """How a customer ends a mail: nobody thanks in anger, and later mails end more briefly."""
    person = contact.person
    options = (_SIGN_OFFS if is_first else _LATER_SIGN_OFFS)[contact.persona]
    words = dice.pick(_CURT_SIGN_OFFS if is_negative else options)
    name = mark("name", person.name if dice.chance(0.7 if is_first else 0.25) else person.first_name)
    return f"{words},\n{name}" if words else name


def _customer_details(contact: Contact, dice: Dice) -> str:
    """What stands below the customer's name in the first mail, often nothing."""
    person = contact.person
    drawn = dice.random()
    if drawn < 0.2:
        return f"\n\n{dice.pick(_DEVICES)}"
    details = ""
    if drawn < 0.45:
        details += f"\n{mark('address', person.street)}\n{mark('postcode', person.postcode)} {person.city}"
    if 0.35 < drawn < 0.6:
        details += f"\n{dice.pick(('Tel.', 'Phone', 'Mobile'))}: {mark('phone', person.phone)}"
    if 0.55 < drawn < 0.65:
        details += f"\n{mark('email', person.email)}"
    return details


def _agent_details(setting: Setting, contact: Contact, dice: Dice) -> str:
    """What stands below the agent's name in the first mail: department, reference, small print."""
    brand = setting.pack.brand
    details = f"\n{brand.name} {dice.pick(_DEPARTMENTS)}"
    if dice.chance(0.6):
        details += f"\nReference: {contact.conversation_id}"
    if dice.chance(0.5):
        details += f"\n\n{dice.pick(_FOOTERS).format(domain=brand.domain)}"
    return details


def _paragraphs(text: str, agent: str, dice: Dice) -> str:
    """The text with its salutation on a line of its own, and long ones in paragraphs."""
    if text.startswith(f"{agent}, "):
        text = f"{agent},\n\n{text[len(agent) + 2 :]}"
    text = _SALUTATION.sub(lambda f: f"{f[1]}\n\n{f[2].upper()}", text)
    if "\n" not in text.split("\n\n", 1)[-1]:
        ends = [found.start() for found in _SENTENCE.finditer(text)]
        if len(ends) >= 3 and dice.chance(0.8):
            cut = ends[dice.integer(1, len(ends) - 1)]
            text = f"{text[:cut]}\n\n{text[cut + 1 :]}"
    return text


def _break_lines(text: str, width: int) -> str:
    return "\n".join(part for line in text.split("\n") for part in _wrap(line, width))


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters; a marked place stays on one line."""
    lines: list[str] = []
    line = ""
    for word in _WORDS.findall(text):
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _quote(text: str, sender: str, day: datetime | None) -> str:
    """The first lines of a mail, salutation left out, as the answer to it shows them."""
    salutation, _, rest = text.partition("\n\n")
    lines = _break_lines(rest if rest and salutation.endswith(",") else text, _QUOTED_WIDTH).split("\n")
    if len(lines) > _QUOTED_LINES:
        lines = [*lines[:_QUOTED_LINES], "[...]"]
    quoted = "\n".join(f"> {line}".rstrip() for line in lines)
    when = f"On {day:%a}, {day.day} {day:%b %Y}, " if day else ""
    return f"{when}{sender} wrote:\n{quoted}"
