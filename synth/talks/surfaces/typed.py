"""Typed: chat, messaging and social media as people write there in a hurry.

Slips on the keyboard, common misspellings, shorthand, missing capitals and stops, emoji, handles and
hashtags belong here; the words themselves are in `shorthand`. E-mail is in `mail`, which takes its
slips from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from synth.lives.contact import Contact
from synth.setting import Setting
from synth.streams import Dice
from synth.talks.dialogue import Turn
from synth.talks.marks import ANY_OPEN, CLOSE, MARKED, OPENS, OUTSIDE
from synth.talks.surfaces import shorthand

_WORD = re.compile(f"{MARKED.pattern}|[A-Za-z]+(?:'[a-z]+)*")
# Numbers, addresses of mail and the like are copied, or typed with care.
_CAREFUL = "".join(OPENS[kind] for kind in ("email", "phone", "postcode", "order", "card", "iban", "account"))
_UNCAREFUL = re.compile(f"([{_CAREFUL}][^{CLOSE}]*{CLOSE})|[^{_CAREFUL}]+")
_APOSTROPHE = re.compile(r"(?<=[a-zA-Z])(?<![hw]e)(?<!sh)'(?=(?:t|m|re|ve|ll|s|d)\b)", re.IGNORECASE)
"""Not that of `he'll` and `we're`, which would be other words without it."""
_COMMA = re.compile(r",(?= )")
_SENTENCE = re.compile(rf"(?:\.|(?<=[?!])) (?=[A-Za-z{ANY_OPEN}]){OUTSIDE}")
_RUDE = re.compile(
    r"^(?:god|hell|damn|ass|arse|tits?|bum|cum|dicks?|pricks?|cocks?|slut|pis|dying|dead|die|sex)$|shit|cunt|fuck|crap|piss|puss|rape",
    re.IGNORECASE,
)
"""What a slip must not turn a word into (`count`, `shift`, `clock`)."""
_LAST_STOP = re.compile(r"\.$")
_STRETCHED = {"so": "sooo", "really": "reallly", "very": "veeery", "please": "pleeease", "thanks": "thanksss"}
_SHOUTED = {"still", "never", "again", "nothing", "nobody", "weeks", "days", "twice", "ridiculous"}


@dataclass(frozen=True, slots=True)
class Hand:
    """How someone types: chances per word, per conversation (`is_lower` …) and per turn."""

    slip: float = 0.0
    misspell: float = 0.0
    shorten: float = 0.0
    emoji: float = 0.0
    stretch: float = 0.0
    shout: float = 0.0
    is_lower: bool = False
    skips_stops: bool = False
    skips_commas: bool = False
    skips_apostrophes: bool = False
    breaks_lines: bool = False


AGENT = Hand(slip=0.003, misspell=0.01)

# Persona: slips and misspellings, shorthand, emoji, and how likely all lower case and no stops are.
_PERSONAS = {
    "polite": (0.6, 0.25, 0.10, 0.08, 0.08),
    "terse": (0.9, 1.30, 0.04, 0.70, 0.80),
    "confused": (1.7, 0.50, 0.08, 0.25, 0.35),
    "chatty": (1.1, 1.00, 0.30, 0.25, 0.25),
    "angry": (1.2, 0.60, 0.12, 0.30, 0.40),
}
_CHANNELS = {"chat": 1.0, "messaging": 1.3, "social": 0.8, "email": 0.35}


def draw_hand(persona: str, channel: str, noise: float, dice: Dice) -> Hand:
    """How a customer of this persona types here: some spell well, some hardly look."""
    if noise == 0:
        return Hand()
    care, short, emoji, lower, bare = _PERSONAS[persona]
    haste = noise * _CHANNELS[channel]
    sloppiness = haste * care * (0.2 + 2.2 * dice.random() ** 2)
    is_mail = channel == "email"
    return Hand(
        slip=0.02 * sloppiness,
        misspell=0.16 * sloppiness,
        shorten=0.0 if is_mail else 0.45 * short * haste * (dice.random() if dice.chance(0.7) else 0.0),
        emoji=0.0 if is_mail else emoji * haste * 1.5,
        stretch=0.15 * haste if persona in ("chatty", "angry") and not is_mail else 0.0,
        shout=0.3 * haste if persona == "angry" else 0.0,
        is_lower=dice.chance(lower * min(haste, 1.2)),
        skips_stops=dice.chance(bare * haste) and not is_mail,
        skips_commas=dice.chance(0.6 * bare * haste),
        skips_apostrophes=dice.chance(0.3 * care * haste),
        breaks_lines=channel == "messaging" and dice.chance(0.4 * haste),
    )


def type_out(setting: Setting, contact: Contact, turns: list[Turn], dice: Dice) -> list[str]:
    """The marked texts of a chat, of messages or posts as they were typed; a bot makes no mistakes."""
    noise, channel = setting.knobs.noise, contact.channel
    hand = draw_hand(contact.persona, channel, noise, dice)
    agent = replace(AGENT, slip=AGENT.slip * noise, misspell=AGENT.misspell * noise)
    # Only who writes first does so in public; a bot or an agent waits in private messages.
    is_post = channel == "social" and turns[0].speaker == "customer" and dice.chance(0.8 * noise)
    handle = "@" + setting.pack.brand.name.replace(" ", "")
    texts = []
    for i, turn in enumerate(turns):
        text = turn.text
        if turn.speaker == "agent":
            text = write(text, agent, dice)
            if is_post and dice.chance(0.5):
                text = f"{text} ^{contact.agent.name[0]}"
        elif turn.speaker == "customer":
            text = decorate(write(text, hand, dice), turn.polarity or "neutral", hand, dice)
            if is_post and i == 0:
                text = _post(text, turn.polarity or "neutral", handle, dice)
        texts.append(text)
    return texts


def write(text: str, hand: Hand, dice: Dice) -> str:
    """The marked text in this hand, without emoji."""
    random = dice.random
    misspell = hand.slip + hand.misspell
    short = misspell + hand.shorten
    most = short + max(hand.stretch, hand.shout)

    def change(found: re.Match[str]) -> str:
        word: str = found[0]
        drawn = random()
        if drawn >= most or found[1]:
            return word
        low = word.lower()
        if drawn < hand.slip:
            return slip(word, dice) if len(word) > 3 else word
        if drawn < misspell:
            # Long words are the ones people cannot spell.
            if low not in shorthand.MISSPELT or random() > 0.12 * len(low) - 0.2:
                return word
            return _like(word, dice.pick(shorthand.MISSPELT[low]))
        if drawn < short:
            if low not in shorthand.SHORT or (low not in shorthand.USUAL and random() > 0.3):
                return word
            return _like(word, dice.pick(shorthand.SHORT[low]))
        if low in _SHOUTED and drawn < short + hand.shout:
            return word.upper()
        return _like(word, _STRETCHED[low]) if low in _STRETCHED and drawn < short + hand.stretch else word

    if hand.shorten:
        text = shorthand.PHRASE.sub(lambda found: _abbreviate(found, hand, dice), text)
    return _lay_out(_WORD.sub(change, text), hand)


def _abbreviate(found: re.Match[str], hand: Hand, dice: Dice) -> str:
    return (
        _like(found[0], shorthand.PHRASES[found[0].lower()]) if dice.chance(1.5 * hand.shorten) else found[0]
    )


def _like(word: str, instead: str) -> str:
    """The other word with the capital of the first."""
    return instead[:1].upper() + instead[1:] if word[0].isupper() and word != "I" else instead


def slip(word: str, dice: Dice) -> str:
    """The word as it is hit in haste; as it is where chance would make it a rude one."""
    slipped = _slip(word, dice)
    return word if _RUDE.search(slipped) else slipped


def _slip(word: str, dice: Dice) -> str:
    """A word (three letters at least) with two swapped, one missing, doubled or hit beside; not the first."""
    drawn = dice.random()
    i = dice.integer(1, len(word) - 1)
    if word[i] == "'":
        return word[:i] + word[i + 1 :]
    if drawn < 0.35:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if drawn < 0.65:
        return word[:i] + word[i + 1 :]
    if drawn < 0.8:
        return word[:i] + word[i] + word[i:]
    near = shorthand.KEYS.get(word[i])
    return word[:i] + dice.pick(near) + word[i + 1 :] if near else word[:i] + word[i + 1 :]


def _lay_out(text: str, hand: Hand) -> str:
    if hand.is_lower:
        text = _UNCAREFUL.sub(lambda found: found[0] if found[1] else _quiet(found[0]), text)
    if hand.skips_apostrophes:
        text = _APOSTROPHE.sub("", text)
    if hand.skips_commas:
        text = _COMMA.sub("", text)
    if hand.breaks_lines:
        text = _SENTENCE.sub("\n", text)
    if hand.skips_stops:
        text = _LAST_STOP.sub("", text)
    return text


def _quiet(text: str) -> str:
    """In lower case, but for what is shouted."""
    return " ".join(w if len(w) > 2 and w.isupper() and w.isalpha() else w.lower() for w in text.split(" "))


def decorate(text: str, polarity: str, hand: Hand, dice: Dice) -> str:
    """The text with what shows a mood: emoji, more than one mark at the end."""
    drawn = dice.random()
    if drawn < hand.emoji:
        emoji = dice.pick(shorthand.EMOJI["negative" if hand.shout and polarity == "neutral" else polarity])
        return f"{text} {emoji * (1 + dice.chance(0.15 if polarity == 'neutral' else 0.3))}"
    if drawn < hand.emoji + hand.shout and polarity == "negative" and text[-1:] in ".!?":
        return text[:-1] + ("???" if text[-1] == "?" else "!!!")
    return text


def _post(text: str, polarity: str, handle: str, dice: Dice) -> str:
    """The text as a public post: the brand by its handle, perhaps a hashtag."""
    text = f"{handle} {text}" if dice.chance(0.75) else f"{text} {handle}"
    if dice.chance(0.4):
        text = f"{text} {dice.pick(shorthand.HASHTAGS[polarity])}"
    return text
