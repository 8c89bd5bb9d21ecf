"""A conversation under way: whose turn it is, what has been told, what each turn shows.

The mechanism of talking lives here: collecting sentences into turns, finding words in the banks,
filling slots with marked personal data. What is said when is in `course` and the stages next to it.
"""

from __future__ import annotations

import re
from calendar import day_name, month_name
from collections.abc import Mapping, Sequence

from synth.lives.contact import Contact
from synth.packs import Intent, Phrases, Tool
from synth.phrases import Template, sentence
from synth.setting import Setting
from synth.streams import Dice
from synth.talks.dialogue import Dialogue, Grounding, Turn
from synth.talks.marks import mark
from synth.talks.stock import banks

KINDS = {"voice": "voice", "email": "email", "chat": "typed", "messaging": "typed", "social": "typed"}
"""Kind of channel, by which banks differ besides the channel itself."""

_END = ".!?:…"
_MORNING = re.compile(r"(?<=ood )morning")
_GREETED = re.compile(r"(?:Dear|Hello|Hi) [^,.!?]{1,40},")
_HESITATION = re.compile(r"(?:^|(?<=[.!?] ))(?:Er|Um|Erm|Hm|Mhm|Wait|Hang on|One (?:moment|second))[,.] (\w)")
"""What is said while thinking; nobody writes it into a mail."""
_STATED = "\ue102"
_MID = re.compile(rf"([:,] ?){_STATED}([A-Z])(?=[a-z]* )")
_ECHOED = ("name", "order", "account", "amount", "date", "thing")
_ECHOES = 0.5
"""How often agents take up what they have been told, where there are words for it."""


class Talk:
    """Turns so far, and the turn being put together; stages add to it with `say`."""

    def __init__(self, setting: Setting, contact: Contact, dice: Dice) -> None:
        self.setting, self.contact, self.dice = setting, contact, dice
        self.intent: Intent = contact.intent
        self.agent = contact.agent
        self.dialogue = Dialogue()
        self.banks: Mapping[str, Phrases] = banks(setting.pack)
        self.plain = _fillings(setting, contact, dice)
        self.slots = _marked(self.plain)
        self.told: set[str] = set()
        """Slots the customer has told."""
        self.calls: list[Tool] = []
        """Tools still to be called, in order."""
        self.fails = False
        """The last of the calls fails."""
        self.wanted: list[str] = []
        """Slots the calls need."""
        self.asked: list[str] = []
        """Slots the agent has just asked for."""
        self.is_vague = self.is_hinted = self.is_asked = self.is_agreed = False
        self.is_answered = self.is_explained = self.is_settled = False
        self.verdicts: dict[str, tuple[str, list[int]]] = {}
        self._articles = _articles(self.slots)
        self._used: set[int] = set()
        self._echoed: list[str] = []
        self._speaker, self._polarity = "", "neutral"
        self._parts: list[str] = []
        self.salutations: dict[str, str] = {}
        """How each speaker begins their mails, once they have begun one."""
        self.has_reacted = False
        """The customer has already said what came of it."""

    # ---------------------------------------------------------------- turns

    def say(self, speaker: str, *texts: str, polarity: str = "neutral") -> int:
        """Add sentences to the speaker's turn, a new one where another spoke last; returns its index."""
        if speaker != self._speaker:
            self.flush()
            self._speaker = speaker
        for text in texts:
            if text:
                text = text[:-1] if text.endswith("..") and not text.endswith("...") else text
                self._parts.append(sentence(text if text[-1] in _END else f"{text}."))
        if polarity != "neutral":
            self._polarity = polarity
        return len(self.dialogue.turns)

    def flush(self) -> None:
        """End the turn being put together."""
        if self._parts:
            speaker = self._speaker
            text = " ".join(self._parts)
            if self.contact.channel == "email" and speaker in ("customer", "agent"):
                if speaker == "customer":
                    text = _HESITATION.sub(lambda found: found[1].upper(), text)
                text = f"{self._salutation(speaker, text)} {text}".strip()
            if speaker == "customer":
                self.told.update(slot for slot in TELLABLE if self.slots[slot] in text)
                self.dialogue.turns.append(Turn(speaker, text, self._polarity))
            else:
                self.dialogue.turns.append(Turn(speaker, text))
        self._speaker, self._polarity, self._parts = "", "neutral", []

    def _salutation(self, speaker: str, text: str) -> str:
        """How a mail begins: an agent's first as it was greeted, or wasn't; later ones like it."""
        is_first = all(turn.speaker != speaker for turn in self.dialogue.turns)
        if speaker == "customer" and is_first:
            return self.voiced("salutation")
        if speaker == "agent" and is_first:
            if greeted := _GREETED.match(text):
                self.salutations[speaker] = greeted[0]
            return ""
        if speaker not in self.salutations:
            is_agent = speaker == "agent"
            self.salutations[speaker] = (
                self.words("salutation_back") if is_agent else self.voiced("salutation_again")
            )
        return self.salutations[speaker]

    def note(self, text: str) -> None:
        """A turn of the system, as it is."""
        self.flush()
        self.dialogue.turns.append(Turn("system", text))

    def listen(self) -> None:
        """End the customer's turn, so that what they have told is known."""
        if self._speaker == "customer":
            self.flush()

    def mentions(self, slot: str) -> bool:
        """Whether the turn being put together tells it."""
        return any(self.slots[slot] in part for part in self._parts)

    @property
    def last_polarity(self) -> str | None:
        """How the customer's last turn was."""
        if self._speaker == "customer":
            return self._polarity
        return next((t.polarity for t in reversed(self.dialogue.turns) if t.speaker == "customer"), None)

    @property
    def speaks(self) -> str:
        """Who spoke last."""
        return self._speaker or (self.dialogue.turns[-1].speaker if self.dialogue.turns else "")

    # ---------------------------------------------------------------- words

    def fill(self, template: Template, **slots: str) -> str:
        """A phrase of a pack or bank in words."""
        text = template.render(self.dice, {**self.slots, **slots} if slots else self.slots)
        for wrong, right in self._articles:
            text = text.replace(wrong, right)
        return text

    def draw(self, options: Sequence[Template]) -> Template:
        """One of the phrases, rather one that hasn't been used in this conversation."""
        for _ in range(3):
            drawn = self.dice.pick(options)
            if id(drawn) not in self._used:
                break
        self._used.add(id(drawn))
        return drawn

    def words(self, bank: str, **slots: str) -> str:
        """A phrase of a bank, of this channel where there are such."""
        return self.fill(self.draw(self._options(bank)), **slots)

    def voiced(self, bank: str, **slots: str) -> str:
        """The same for a customer: mostly in the words of the persona."""
        options = self.banks.get(f"{bank}.{self.contact.persona}")
        if options is None or not self.dice.chance(0.7):
            options = self._options(bank)
        return self.fill(self.draw(options), **slots)

    def habit(self, bank: str, **slots: str) -> str:
        """One of the few phrases of a bank that this agent has got used to."""
        options = self._options(bank)
        start = self.agent.number * 5 + self.dice.integer(0, 5) * 7
        return self.fill(options[start % len(options)], **slots)

    def echo(self, bank: str, **slots: str) -> str:
        """A phrase of a bank, often one that takes up what the customer has told."""
        if self.contact.channel not in ("email", "social"):
            for slot in _ECHOED:
                options = self.banks.get(f"{bank}.{slot}")
                is_new = self._echoed.count(slot) < (2 if slot == "thing" else 1)
                if options and is_new and slot in self.told and self.chance(_ECHOES):
                    self._echoed.append(slot)
                    return self.fill(self.draw(options), **slots)
        return self.words(bank, **slots)

    def state(self, bank: str, **statement: str) -> str:
        """A phrase around a statement (`fact` or `cause`), which begins small after a colon or comma."""
        stated = {slot: f"{_STATED}{text}" for slot, text in statement.items()}
        text = self.echo(bank, **stated)
        if self._begins_with_name(next(iter(statement.values()))):
            return text.replace(f", {_STATED}", ": ").replace(_STATED, "")
        return _MID.sub(lambda found: f"{found[1]}{found[2].lower()}", text).replace(_STATED, "")

    def _begins_with_name(self, text: str) -> bool:
        word = re.split(r"\W", text, maxsplit=1)[0]
        names = (
            self.setting.pack.brand.name,
            self.slots["product"],
            *(p.plan for p in self.setting.pack.plans),
        )
        return word in _NAMES or any(word in name.split() for name in names)

    def _options(self, bank: str) -> Phrases:
        found = self.banks
        channel = self.contact.channel
        return found.get(f"{bank}.{channel}") or found.get(f"{bank}.{KINDS[channel]}") or found[bank]

    def in_daytime(self, text: str) -> str:
        """`Good morning` as it is said at this time of day."""
        hour = self.contact.started_at.hour
        return text if hour < 12 else _MORNING.sub("afternoon" if hour < 18 else "evening", text)

    @property
    def rest_of_time(self) -> str:
        """What one wishes somebody a good one of, at this hour of this day."""
        began = self.contact.started_at
        is_mail = self.contact.channel == "email"
        if not is_mail and began.hour >= 16:
            return "evening"
        rest = "week" if began.weekday() < 3 else "weekend" if began.weekday() > 3 else "rest of the week"
        options = ["day", rest, day_name[began.weekday()], "rest of the day"]
        if not is_mail:
            options.append("afternoon" if began.hour >= 11 else "morning")
        return self.dice.pick(options)

    def tool(self, name: str) -> Tool:
        """The pack's tool of this name."""
        return next(tool for tool in self.setting.pack.tools if tool.tool_name == name)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.dice.chance(probability)

    # ---------------------------------------------------------------- truth

    def judge(self, behaviour: str, is_kept: bool, *evidence: int) -> None:
        """Whether the agent did it right, and the turns that show it; further evidence is added."""
        answer, turns = self.verdicts.get(behaviour, ("yes", []))
        kept = is_kept and answer == "yes"
        self.verdicts[behaviour] = ("yes" if kept else "no", sorted({*turns, *evidence}))

    def rest_on(self, turn: int, key: str, is_misled: bool = False) -> None:
        """Record the articles a turn rests on, where there are any."""
        knowledge = self.setting.knowledge
        articles = tuple(knowledge.stated.get(key, ()))
        if articles and not any(g.turn_index == turn and g.article_ids for g in self.dialogue.groundings):
            read = knowledge.misstated.get(key, articles[0]) if is_misled else articles[0]
            self.dialogue.groundings.append(Grounding(turn, article_ids=articles, read_article_id=read))

    def ground(self, grounding: Grounding) -> None:
        """Record a tool call."""
        self.dialogue.groundings.append(grounding)

    def finish(self) -> Dialogue:
        """The dialogue with its answers by criterion; those that don't apply included."""
        self.flush()
        if any(turn.speaker == "agent" for turn in self.dialogue.turns):
            for criterion in self.setting.pack.scorecard:
                verdict = self.verdicts.get(criterion.behaviour, ("not_applicable", []))
                self.dialogue.answers[criterion.criterion] = verdict
        return self.dialogue


# ---------------------------------------------------------------- slots

PERSONAL = {
    "name": "name",
    "first": "name",
    "email": "email",
    "phone": "phone",
    "postcode": "postcode",
    "address": "address",
    "card": "card",
    "iban": "iban",
    "account": "account",
    "order": "order",
}
"""Slots that hold personal data, and the kind that marks it."""

TELLABLE = (*PERSONAL, "product", "thing", "date", "amount", "plan")
_NAMES = {"I", *month_name, *day_name}


def team_of(parent: str) -> str:
    """The team for a parent of the taxonomy, as in `our returns team`."""
    is_acronym = len(parent) > 1 and parent[1].isupper()
    return f"{parent if is_acronym else parent[:1].lower() + parent[1:]} team"


def _fillings(setting: Setting, contact: Contact, dice: Dice) -> dict[str, str]:
    person, pack = contact.person, setting.pack
    month = contact.started_at.month - (1 if contact.started_at.day < 20 else 0)
    return {
        "brand": pack.brand.name,
        "agent": contact.agent.name,
        "name": person.name,
        "first": person.first_name,
        "email": person.email,
        "phone": person.phone,
        "postcode": person.postcode,
        "address": f"{person.street}, {person.city}",
        "card": person.card,
        "iban": person.iban,
        "account": person.account,
        "order": contact.order,
        "amount": contact.amount,
        "date": f"{contact.ordered_on.day} {month_name[contact.ordered_on.month]}",
        "days": str(max(contact.days, 2)),
        "n": str(dice.integer(2, 6)),
        "month": month_name[month or 12],
        "plan": person.plan.plan,
        "fee": f"{person.plan.monthly_fee:.2f}",
        "team": team_of(contact.intent.parent),
        **contact.product.slots,
    }


def _articles(slots: Mapping[str, str]) -> list[tuple[str, str]]:
    """What phrases with `a {thing}` or `a {product}` have to become where `an` is right."""
    words = [slots["thing"]] if slots["a_thing"].startswith("an ") else []
    words += [slots["product"]] if slots["product"][0] in "AEIOaeio" else []
    return [(f"{a} {word}", f"{a}n {word}") for word in words for a in (" a", " A")]


def _marked(plain: Mapping[str, str]) -> dict[str, str]:
    return {slot: mark(PERSONAL[slot], text) if slot in PERSONAL else text for slot, text in plain.items()}
