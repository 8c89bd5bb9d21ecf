"""Voice: a call as speech recognition writes it down.

Speakers hesitate, repeat themselves and break off; the recogniser mishears, drops short words, and on
many lines gives no punctuation and no capitals. How often belongs here, which words sound alike in
`mishearings`. What is written by hand is in `typed` and `mail`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from synth.lives.contact import Contact
from synth.setting import Setting
from synth.streams import Dice
from synth.talks.dialogue import Turn
from synth.talks.marks import CLOSE, MARKED, OPENS, OUTSIDE
from synth.talks.surfaces.mishearings import HOMOPHONES, MISHEARINGS

_HESITATIONS = ("um", "uh", "um", "er", "uh")
_FILLERS = {
    "polite": ("um", "uh", "well", "er"),
    "terse": ("uh", "um"),
    "confused": ("um", "I mean", "hang on", "er", "let me think"),
    "chatty": ("you know", "I mean", "well", "um", "like"),
    "angry": ("I mean", "look", "you know", "honestly"),
}
"""What is said where a clause begins; elsewhere people only hesitate."""
_CLAUSE_WORDS = {"and", "but", "because", "so", "i", "i'm", "i've", "when", "if"}
_HALTING = {"polite": 1.0, "terse": 0.6, "confused": 1.8, "chatty": 1.5, "angry": 0.8}
_AGENTS_SHARE = 0.3
"""Agents speak close to the microphone: this share of what is misheard of customers."""

_LAYOUTS = ("written", "flat", "bare")
_LAYOUT_WEIGHTS = (0.4, 0.25, 0.35)
"""As punctuated text; full stops only and few of them; neither stops nor capitals."""

_OFTEN_DROPPED = {"a", "an", "the", "is", "are", "to", "of", "and", "that", "it", "was", "have", "in"}
_WORD = re.compile(f"{MARKED.pattern}|[A-Za-z]+(?:'[a-z]+)*")
_START = re.compile(r"(?:^|(?<=[.!?] ))([A-Za-z']+) ([a-z']{1,6}) (?=[a-z])")
_STOPS = re.compile(r"[.,;:!?\u2026\"]+(?=\s|$)|(?<!\S)[\"\u2013\u2014-](?=\s)|\u2026|[()\"]")
_COMMAS = re.compile(r",(?=\s)|(?<=\s)[\u2013\u2014-]\s")
_SENTENCE = re.compile(rf"[.!?] ([A-Z][a-z']*){OUTSIDE}")
_SPACES = re.compile(r"\s{2,}")
_SPELT = re.compile(f"({OPENS['order']}|{OPENS['phone']}|{OPENS['email']})([^{CLOSE}]*){CLOSE}")
_DIGITS = dict(enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")))


@dataclass(frozen=True, slots=True)
class _Line:
    """How this call is heard: chances per word, and how it is laid out."""

    filler: float
    repeat: float
    drop: float
    mishear: float
    restart: float
    fillers: tuple[str, ...]


def transcribe(setting: Setting, contact: Contact, turns: list[Turn], dice: Dice) -> list[str]:
    """The marked texts of a call as recognised; what the bot plays is known and stays clean."""
    noise = setting.knobs.noise
    layout = dice.pick(_LAYOUTS, _LAYOUT_WEIGHTS) if dice.chance(noise) else "written"
    spells = layout != "written" and dice.chance(0.5)
    clarity = noise * (0.5 + dice.random())  # A good or a bad line.
    halting = noise * _HALTING[contact.persona] * (0.4 + 1.2 * dice.random())
    customer = _Line(
        filler=0.022 * halting,
        repeat=0.009 * halting,
        drop=0.06 * clarity,
        mishear=0.12 * clarity,
        restart=0.05 * halting,
        fillers=_FILLERS[contact.persona],
    )
    agent = _Line(
        filler=0.005 * noise,
        repeat=0.002 * noise,
        drop=_AGENTS_SHARE * customer.drop,
        mishear=_AGENTS_SHARE * customer.mishear,
        restart=0.02 * noise,
        fillers=_HESITATIONS,
    )
    lines = {"customer": customer, "agent": agent}
    texts = []
    for turn in turns:
        text = turn.text
        if turn.speaker in lines:
            text = _hear(text, lines[turn.speaker], dice)
            if spells and CLOSE in text:
                text = _SPELT.sub(_spell, text)
            text = _lay_out(text, layout, dice)
        texts.append(text)
    return texts


def _hear(text: str, line: _Line, dice: Dice) -> str:
    random = dice.random

    def restart(found: re.Match[str]) -> str:
        if random() >= line.restart:
            return found[0]
        first, second = found[1], found[2]
        return f"{first} {second} {_lower(first)} {second} "

    return _WORD.sub(_hearer(line, dice), _START.sub(restart, text))


def _hearer(line: _Line, dice: Dice) -> Callable[[re.Match[str]], str]:
    """What becomes of a word; one draw decides for most that they stay."""
    random = dice.random
    filled = line.filler
    repeated = filled + line.repeat
    dropped = repeated + line.drop
    seldom = line.mishear * 0.25
    most = dropped + line.mishear

    def hear(found: re.Match[str]) -> str:
        word: str = found[0]
        drawn = random()
        if drawn >= most or found[1]:
            return word
        low = word.lower()
        is_first = found.start() == 0 or (word[0].isupper() and found.string[found.start() - 2] in ".!?")
        if drawn < filled:
            filler = dice.pick(line.fillers if low in _CLAUSE_WORDS or is_first else _HESITATIONS)
            if not is_first:
                return f"{filler}, {word}"
            return f"{filler[:1].upper()}{filler[1:]}, {_lower(word)}"
        if drawn < repeated:
            if len(word) > 6:
                return f"{word[: 3 + int(random() * 3)]}- {low}"
            return f"{word} {_lower(word)}" if len(word) <= 4 else word
        if drawn < dropped:
            is_before_word = found.string[found.end() : found.end() + 1] == " "
            return "" if low in _OFTEN_DROPPED and is_before_word and not is_first else word
        if low in MISHEARINGS:
            instead = dice.pick(MISHEARINGS[low])
        elif low in HOMOPHONES and drawn < dropped + seldom:
            instead = dice.pick(HOMOPHONES[low])
        else:
            return word
        return instead[:1].upper() + instead[1:] if word[0].isupper() and word[0] != "I" else instead

    return hear


def _lower(word: str) -> str:
    return word if word == "I" or word.startswith("I'") else word.lower()


def _spell(found: re.Match[str]) -> str:
    """An order or phone number digit by digit, an e-mail address as it is said."""
    opening, data = found[1], found[2]
    if opening == OPENS["email"]:
        said = data.replace("@", " at ").replace(".", " dot ")
    else:
        said = " ".join(_DIGITS[int(sign)] if sign.isdecimal() else sign for sign in data if sign.isalnum())
    return f"{opening}{said}{CLOSE}"


def _lay_out(text: str, layout: str, dice: Dice) -> str:
    if layout == "bare":
        text = _STOPS.sub(" ", text).lower()
    elif layout == "flat":
        text = _SENTENCE.sub(
            lambda f: f[0] if dice.chance(0.5) else f" {_lower(f[1])}", _COMMAS.sub("", text)
        )
    return _SPACES.sub(" ", text).strip()
