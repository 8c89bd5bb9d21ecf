"""What is said in a contact, turn by turn, and the truth about each turn.

The course of a conversation belongs here: who speaks when, what the agent looks up, how the
customer feels. What happens is decided in `contacts`; the phrases stand in `brand/dialogue.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synth.brands import Fact, Tool, phrase
from synth.contacts import Contact, Setting
from synth.streams import Kind, chance, pick, stream

AGENT_FIRST = ("voice", "chat")
TYPED = ("chat", "messaging", "social")


@dataclass(frozen=True)
class Turn:
    """One turn; `polarity` is known for customers' turns."""

    speaker: str
    text: str
    polarity: str | None = None


@dataclass(frozen=True)
class Point:
    """An agent's turn that rests on articles, or calls a tool."""

    turn_index: int
    article_ids: tuple[str, ...] = ()
    tool_name: str | None = None


@dataclass
class Dialogue:
    """A conversation as it was held; `answers`: criterion → (answer, evidence turns)."""

    turns: list[Turn] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    answers: dict[str, tuple[str, list[int]]] = field(default_factory=dict)
    is_wrong: bool = False
    """A rule was stated wrongly."""


def hold(setting: Setting, contact: Contact) -> Dialogue:
    """The dialogue of a contact."""
    talk = _Talk(setting, contact)
    if contact.is_abandoned:
        talk.give_up()
    elif contact.is_bot_only:
        talk.ask_bot()
    else:
        talk.open()
        talk.state_need()
        talk.handle()
        talk.close()
    return talk.dialogue


class _Talk:
    """A conversation under way. `lead` is what the agent will say before anything else."""

    def __init__(self, setting: Setting, contact: Contact) -> None:
        self.setting, self.contact, self.dialogue = setting, contact, Dialogue()
        self.rng: np.random.Generator = stream(setting.knobs.seed, Kind.DIALOGUE, *contact.seeds)
        self.phrases = setting.brand.phrases
        self.agent = contact.agent
        self.lead = ""
        product, issue = contact.product, contact.product.issue
        self.slots: dict[str, Any] = {
            "brand": setting.brand.name,
            "agent": self.agent.name,
            "name": contact.name,
            "first": contact.name.split()[0],
            "postcode": contact.postcode,
            "order": contact.order,
            "amount": contact.amount,
            "product": product.name,
            "thing": product.thing,
            "symptom": pick(self.rng, issue.symptoms),
            "days": int(self.rng.integers(6, 16)),
            "n": int(self.rng.integers(2, 6)),
            "team": contact.intent.parent or "",
            "cause": issue.cause,
            "steps": " ".join(issue.steps),
        }
        self.fact: Fact | None = setting.brand.facts[contact.fact] if contact.fact else None
        if contact.intent.intent == "product_question" and self.fact:
            self.slots["question"] = self.fact.asked[0]

    # ---------------------------------------------------------------- saying things

    def words(self, bank: str, **slots: object) -> str:
        """A phrase of a bank, filled in."""
        return phrase(self.rng, pick(self.rng, self.phrases[bank]), **{**self.slots, **slots})

    def say(self, speaker: str, text: str, polarity: str | None = None) -> int:
        """Add a turn; returns its index. A customer who goes on speaking stays in the same turn."""
        turns = self.dialogue.turns
        text = text if speaker == "system" else text[:1].upper() + text[1:]
        if speaker == "customer" and turns and turns[-1].speaker == "customer":
            before = turns.pop()
            text = f"{before.text if before.text[-1] in '.!?' else before.text + '.'} {text}"
            polarity = polarity if polarity != "neutral" else before.polarity
        if speaker == "customer" and self.contact.persona == "terse" and self.contact.channel in TYPED:
            text = text.lower().rstrip(".")
        turns.append(Turn(speaker, text, polarity))
        return len(turns) - 1

    def reply(self, *parts: str) -> int:
        """An agent's turn, after what has been left to say."""
        lead, self.lead = self.lead, ""
        return self.say("agent", " ".join(part for part in (lead, *parts) if part))

    def note(self, criterion: str, is_kept: bool, *evidence: int) -> None:
        """Record the answer to a criterion and the turns that show it."""
        self.dialogue.answers[criterion] = ("yes" if is_kept else "no", list(evidence))

    # ---------------------------------------------------------------- the course

    def open(self) -> None:
        """Greeting and a vague first statement."""
        greets, vague = self.contact.does["greeting"], self._vague()
        if self.contact.channel in AGENT_FIRST:
            turn = self.reply(self.words("greeting" if greets else "no_greeting"))
            self.say("customer", *vague)
            self.reply(self.words("probe"))
        else:
            self.say("customer", *vague)
            turn = self.reply(self.words("greeting_reply") if greets else "", self.words("probe"))
        self.note("greeting", greets, turn)

    def _vague(self) -> tuple[str, str]:
        """What a customer says first, seldom what it is about, and how it feels."""
        banks = self.phrases["vague"]
        bank = banks["any"] if chance(self.rng, 0.4) else banks[self.contact.intent.parent or "Other"]
        hello = "" if self.contact.persona == "terse" else pick(self.rng, self.phrases["hello"])
        text = hello + phrase(self.rng, pick(self.rng, bank), **self.slots)
        if self.contact.is_upset and chance(self.rng, 0.4):
            return f"{text[:1].upper()}{text[1:]} {self.words('annoyed')}", "negative"
        return text, "neutral"

    def _need(self) -> str:
        parts = [phrase(self.rng, pick(self.rng, self.contact.intent.needs), **self.slots)]
        is_chatty = self.contact.persona == "chatty" or chance(self.rng, 0.25)
        if is_chatty and self.contact.intent.parent:
            parts.insert(int(self.rng.integers(2)), self.words("circumstance"))
        return " ".join(parts)

    def state_need(self) -> None:
        """What it is really about; then understanding, and the check of identity."""
        upset, does = self.contact.is_upset, self.contact.does
        text = f"{self._need()} {self.words('annoyed')}" if upset else self._need()
        self.say("customer", text, "negative" if upset else "neutral")
        self.lead = self.words("empathy" if upset and does["empathy"] else "neutral")
        first = len(self.dialogue.turns)
        if upset:
            self.note("empathy", does["empathy"], first)
        if self.contact.is_transferred:
            self._transfer()
        tools = self._tools()
        if any(tool.opens_account for tool in tools):
            self._identify(any("order_id" in tool.arguments for tool in tools))

    def _tools(self) -> list[Tool]:
        intent, is_bulky = self.contact.intent, self.contact.product.group == "Furniture"
        names = intent.tools_bulky if is_bulky and intent.tools_bulky else intent.tools
        return [self.setting.brand.tools[name] for name in names]

    def _identify(self, by_order: bool) -> None:
        checks = self.contact.does["identity"]
        if checks:
            turn = self.reply(self.words("verify_order" if by_order else "verify_account"))
            self.say("customer", self.words("order_details" if by_order else "account_details"), "neutral")
            self.note("identity", True, turn)
        elif by_order:
            turn = self.reply(self.words("ask_order"))
            self.say("customer", self.words("order_only"), "neutral")
            self.note("identity", False, turn)
        else:
            self.note("identity", False)

    def _transfer(self) -> None:
        self._call(self.setting.brand.tools["transfer_conversation"])
        others = [agent for agent in self.setting.agents if agent != self.agent]
        self.slots["agent"] = pick(self.rng, others).name
        self.lead = phrase(self.rng, "Hello, {agent} here, I've [read|seen] what it is about.", **self.slots)

    def _call(self, tool: Tool, fails: bool = False) -> None:
        """The agent announces a tool, and its result comes in as a `system` turn."""
        doing = phrase(self.rng, tool.doing, **self.slots)
        turn = self.reply(self.words("doing", doing=doing))
        self.dialogue.points.append(Point(turn, tool_name=tool.tool_name))
        result = '{"error": "not available"}' if fails else tool.result.format(**self.slots)
        self.say("system", f"{tool.tool_name} → {result}")

    def handle(self) -> None:
        """Look up, act, state the rule; the customer reacts."""
        if self.contact.intent.parent:
            if self.contact.intent.intent == "faulty_product":
                self._advise()
            self._answer(self._act())
        else:
            self.reply(phrase(self.rng, pick(self.rng, self.contact.intent.answers), **self.slots))
            self.note("promise", True)
            self.say("customer", self.words("content"), "neutral")

    def _advise(self) -> None:
        """The steps of the fault's article, before anything is booked."""
        turn = self.reply(self.words("fix"))
        issue = self.contact.product.issue.key
        self.dialogue.points.append(Point(turn, tuple(self.setting.knowledge.stated[issue])))
        self.say("customer", self.words("will_try"), "neutral")

    def _act(self) -> str:
        """Call the tools, asking first or not; returns what the agent can say was done."""
        done = ""
        asked: list[int] = []
        unasked: list[int] = []
        for tool in self._tools():
            if tool.action and self.contact.does["consent"]:
                asked.append(self.reply(done, self.words("consent", action=tool.action)))
                self.say("customer", self.words("yes"), "neutral")
                done = ""
            elif tool.action:
                unasked.append(len(self.dialogue.turns))
            if done:
                self.lead, done = done, ""
            self._call(tool, fails=not self.contact.is_resolved)
            if not self.contact.is_resolved:
                break
            done = phrase(self.rng, tool.done, **self.slots)
        if asked or unasked:
            self.note("consent", not unasked, *asked, *unasked)
        return done

    def _answer(self, done: str) -> None:
        contact = self.contact
        parts = [done if contact.is_resolved else self.words("unresolved")]
        if self.fact:
            parts.append(self._rule(self.fact, contact.does["policy"]))
        if not contact.does["promise"]:
            parts.append(self.words("promise"))
        turn = self.reply(*parts)
        self.note("promise", contact.does["promise"], *([] if contact.does["promise"] else [turn]))
        if self.fact:
            self.note("policy", contact.does["policy"], turn)
            self.dialogue.is_wrong = not contact.does["policy"]
            self._point_to(self.fact, turn)
        self._react()

    def _rule(self, fact: Fact, is_true: bool) -> str:
        sentence = fact.sentence(int(self.rng.integers(2)), is_true)
        return self.words("rule", fact=sentence)

    def _point_to(self, fact: Fact, turn: int) -> None:
        self.dialogue.points.append(Point(turn, tuple(self.setting.knowledge.stated[fact.key])))

    def _react(self) -> None:
        if self.contact.is_resolved and chance(self.rng, 0.7 if self.contact.is_upset else 0.45):
            self.say("customer", self.words("relieved"), "positive")
        elif not self.contact.is_resolved and chance(self.rng, 0.85):
            self.say("customer", self.words("disappointed"), "negative")
        else:
            self.say("customer", self.words("content"), "neutral")

    def close(self) -> None:
        """Further help, perhaps a second question, and goodbye."""
        does = self.contact.does
        is_open = self.contact.is_resolved and self.contact.intent.parent
        has_question = is_open and chance(self.rng, 0.45)
        if does["more_help"]:
            turn = self.reply(self.words("more_help"))
            self.note("more_help", True, turn)
            if not has_question:
                self.say("customer", self.words("nothing_else"), "neutral")
        else:
            self.note("more_help", False)
        if has_question:
            self._second_question("more_question" if does["more_help"] else "more_question_unasked")
        self._say_goodbye()
        turns = [self.reply(self.words("closing"))] if does["closing"] else []
        if not does["closing"] and chance(self.rng, 0.5):
            turns = [self.reply(self.words("no_closing"))]
        self.note("closing", does["closing"], *turns)
        for criterion in self.setting.brand.scorecard:
            self.dialogue.answers.setdefault(criterion.criterion, ("not_applicable", []))

    def _second_question(self, bank: str) -> None:
        """A question that would not be a contact of its own, answered from its article."""
        brand = self.setting.brand
        reasons = {key for intent in brand.intents for key in intent.facts}
        fact = pick(self.rng, [f for t in brand.topics for f in t.facts if f.key not in reasons])
        self.say("customer", self.words(bank, question=fact.asked[0]), "neutral")
        self._point_to(fact, self.reply(self._rule(fact, True)))

    def _say_goodbye(self) -> None:
        if not self.contact.is_resolved and chance(self.rng, 0.4):
            self.say("customer", self.words("goodbye_unhappy"), "negative")
        elif self.contact.is_resolved and chance(self.rng, 0.4):
            self.say("customer", self.words("goodbye_happy"), "positive")
        else:
            self.say("customer", self.words("goodbye_neutral"), "neutral")

    # ---------------------------------------------------------------- without an agent

    def give_up(self) -> None:
        """A queue, and a customer who doesn't wait."""
        self.say("bot", self.words("bot_greeting"))
        self.say("customer", *self._vague())
        self.say("bot", self.words("bot_queue"))
        self.say("customer", self.words("giving_up"), "negative")

    def ask_bot(self) -> None:
        """The assistant looks up and answers by itself."""
        self.say("bot", self.words("bot_greeting"))
        upset = self.contact.is_upset
        text = f"{self._need()} {self.words('annoyed')}" if upset else self._need()
        self.say("customer", text, "negative" if upset else "neutral")
        tool = self._tools()[0]
        turn = self.say("bot", phrase(self.rng, "Let me [look|check].", **self.slots))
        self.dialogue.points.append(Point(turn, tool_name=tool.tool_name))
        self.say("system", f"{tool.tool_name} → {tool.result.format(**self.slots)}")
        parts = [phrase(self.rng, tool.done, **self.slots)]
        if self.fact:
            parts.append(self.fact.sentence())
        turn = self.say("bot", " ".join([*parts, self.words("bot_done")]))
        if self.fact:
            self._point_to(self.fact, turn)
        self._react()
