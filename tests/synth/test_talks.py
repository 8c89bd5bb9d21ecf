import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import synth.talks
from cxm.errors import CxmError
from synth.catalog import draw_catalog
from synth.knobs import PRESETS, Knobs
from synth.knowledge.articles import write_knowledge
from synth.lives.agents import hire_agents
from synth.lives.contact import PERSONAS, Contact, Person
from synth.packs import BEHAVIOURS, read_pack
from synth.phrases import Template
from synth.setting import Setting
from synth.streams import Dice, Kind
from synth.talks import stock
from synth.talks.course import hold
from synth.talks.details import opens_account
from synth.talks.dialogue import Dialogue, Turn
from synth.talks.marks import MARKED, unmark
from synth.talks.stock import banks, read_stock
from synth.talks.talk import Talk

N_CONTACTS = 1200
Talks = list[tuple[Contact, Dialogue]]
SOURCES = "\n".join(path.read_text() for path in Path(synth.talks.__path__[0]).glob("*.py"))
ASKED = set(re.findall(r"\b(?:words|voiced|habit|gives|echo|state)\(\s*\"([a-z_]+)\"", SOURCES))
"""Banks that are named where something is said."""


@pytest.fixture(scope="module", params=["larkfield", "fennwick"])
def setting(request: pytest.FixtureRequest) -> Setting:
    knobs = Knobs(**{**PRESETS["small"], "brand": request.param})
    pack = read_pack(knobs.brand)
    catalog = draw_catalog(pack, knobs)
    return Setting(knobs, pack, catalog, write_knowledge(pack, catalog, knobs), hire_agents(pack, knobs))


@pytest.fixture(scope="module")
def talks(setting: Setting) -> Talks:
    contacts = [draw_contact(setting, number) for number in range(N_CONTACTS)]
    return [(contact, hold(setting, contact)) for contact in contacts]


def draw_contact(setting: Setting, number: int) -> Contact:
    """A contact whose every trait is drawn evenly, so that rare combinations come up as well."""
    dice = Dice(5, Kind.CONTACT, number)
    pack, catalog = setting.pack, setting.catalog
    intent = dice.pick(pack.intents)
    products = [
        product
        for product in catalog.products
        if product.family.is_launch == intent.is_launch
        and (not intent.families or product.family.kind in intent.families)
    ]
    product = dice.pick(products or catalog.products)
    facts = [catalog.facts.get(key) for key in intent.facts] + [
        product.facts.get(key) for key in intent.properties
    ]
    faults = list(product.troubles) if intent.faults == ("*",) else intent.faults
    troubles = [catalog.troubles.get(key) for key in intent.problems] + [
        product.troubles.get(key) for key in faults
    ]
    fact = dice.pick(facts) if facts else None
    is_misled = bool(fact and fact.key in setting.knowledge.misstated and dice.chance(0.5))
    is_resolved = dice.chance(0.6)
    kind = dice.pick(("full", "abandoned", "bot"), (0.85, 0.07, 0.08))
    does = {behaviour: dice.chance(0.6) for behaviour in BEHAVIOURS}
    does["accuracy"] = does["accuracy"] and not is_misled
    people, started_at = pack.people, setting.knobs.contacts_begin + timedelta(hours=7 * number % 900)
    return Contact(
        conversation_id=f"C{number}",
        stream=(number, 0),
        person=Person(
            customer_id=f"K{number}",
            first_name=dice.pick(people.first_names),
            last_name=dice.pick(people.last_names),
            email=f"someone{number}@mail.example",
            phone=f"01632 960{number % 1000:03d}",
            street=f"{number + 1} {dice.pick(people.streets)}",
            postcode=str(10000 + 7 * number),
            city=dice.pick(people.cities),
            card="4000001234567899",
            iban="GB29NWBK60161331926819",
            account=str(5_000_000_000 + number),
            plan=dice.pick(pack.plans),
        ),
        agent=dice.pick(setting.agents),
        colleague=dice.pick(setting.agents),
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=9),
        channel=dice.pick(tuple(pack.channels)),
        persona=dice.pick(tuple(PERSONAS)),
        intent=intent,
        product=product,
        fact=fact,
        trouble=dice.pick(troubles) if troubles else None,
        order=f"{pack.brand.order_prefix}{40_000_000 + number}",
        amount=f"{dice.integer(5, 400)}.{dice.integer(10, 99)}",
        ordered_on=date(2026, 5, 3),
        days=dice.integer(4, 30),
        does=does,
        is_upset=dice.chance(0.4),
        is_abandoned=kind == "abandoned",
        is_bot_only=kind == "bot",
        is_transferred=kind == "full" and dice.chance(0.2),
        is_resolved=is_resolved and kind != "abandoned",
        is_misled=is_misled and kind != "abandoned",
        ends_badly=dice.chance(0.1 if is_resolved else 0.6) and not (is_misled and is_resolved),
        is_repeat=dice.chance(0.1),
        is_incident=intent.intent == pack.incident.intent and dice.chance(0.5),
    )


def customer_turns(dialogue: Dialogue) -> list[Turn]:
    return [turn for turn in dialogue.turns if turn.speaker == "customer"]


def answers_of(
    setting: Setting, talks: Talks, behaviour: str
) -> Iterator[tuple[Contact, Dialogue, str, list[int]]]:
    names = [c.criterion for c in setting.pack.scorecard if c.behaviour == behaviour]
    for contact, dialogue in talks:
        for name in names:
            if name in dialogue.answers:
                yield contact, dialogue, *dialogue.answers[name]


# ---------------------------------------------------------------- the course


def test_the_last_customer_turn_is_negative_exactly_where_the_contact_ends_badly(talks: Talks) -> None:
    for contact, dialogue in talks:
        assert (customer_turns(dialogue)[-1].polarity == "negative") == contact.ends_badly, dialogue.turns


def test_only_customer_turns_have_a_polarity(talks: Talks) -> None:
    for _, dialogue in talks:
        assert all((turn.polarity is not None) == (turn.speaker == "customer") for turn in dialogue.turns)


def test_speakers_alternate(talks: Talks) -> None:
    for _, dialogue in talks:
        speakers = [turn.speaker for turn in dialogue.turns]
        assert all(a != b for a, b in pairwise(speakers)), speakers


def test_upset_customers_sound_it_and_calm_ones_do_not_at_first(talks: Talks) -> None:
    for contact, dialogue in talks:
        if not contact.is_abandoned and not contact.is_bot_only:
            said = [t.polarity for t in customer_turns(dialogue)]
            if contact.is_upset:
                assert "negative" in said
            else:
                assert said[0] != "negative"


def test_lengths_are_those_of_such_contacts(talks: Talks) -> None:
    full = [len(d.turns) for c, d in talks if not c.is_abandoned and not c.is_bot_only]
    assert 7 <= sum(full) / len(full) <= 11
    assert min(full) >= 3
    assert max(full) <= 22
    assert {len(d.turns) for c, d in talks if c.is_abandoned} <= {3, 4}
    assert all(3 <= len(d.turns) <= 9 for c, d in talks if c.is_bot_only)


def test_agents_take_part_unless_the_customer_gave_up_or_a_bot_did_it(setting: Setting, talks: Talks) -> None:
    criteria = {c.criterion for c in setting.pack.scorecard}
    for contact, dialogue in talks:
        has_agent = any(turn.speaker == "agent" for turn in dialogue.turns)
        assert has_agent != (contact.is_abandoned or contact.is_bot_only)
        assert set(dialogue.answers) == (criteria if has_agent else set())


def test_a_dialogue_depends_on_its_contact_alone(setting: Setting, talks: Talks) -> None:
    for contact, dialogue in talks[::40]:
        assert hold(setting, contact) == dialogue
        assert hold(setting, contact, Dice(1, Kind.DIALOGUE, 2)).turns != dialogue.turns


# ---------------------------------------------------------------- quality answers


def test_evidence_is_in_turns_of_agents(talks: Talks) -> None:
    for _, dialogue in talks:
        for answer, turns in dialogue.answers.values():
            assert answer in ("yes", "no", "not_applicable")
            assert turns == sorted(set(turns))
            assert all(dialogue.turns[turn].speaker == "agent" for turn in turns)
            assert turns == [] or answer != "not_applicable"


def test_greetings_name_brand_and_agent(setting: Setting, talks: Talks) -> None:
    brand = setting.pack.brand.name
    for contact, dialogue, answer, turns in answers_of(setting, talks, "greeting"):
        assert (answer == "yes") == contact.does["greeting"]
        for turn in turns:
            text = dialogue.turns[turn].text
            assert (brand in text and contact.agent.name in text) == (answer == "yes"), text


def test_identity_matters_only_before_account_tools(setting: Setting, talks: Talks) -> None:
    tools = {tool.tool_name: tool for tool in setting.pack.tools}
    for contact, dialogue, answer, turns in answers_of(setting, talks, "identity"):
        called = [tools[g.tool_name] for g in dialogue.groundings if g.tool_name]
        if answer == "not_applicable":
            assert not any(opens_account(tool) for tool in called)
        else:
            assert (answer == "yes") == contact.does["identity"]
        if answer == "yes":
            calls = [
                g.turn_index for g in dialogue.groundings if g.tool_name and opens_account(tools[g.tool_name])
            ]
            assert turns[0] < min(calls)


def test_empathy_matters_only_for_upset_customers(setting: Setting, talks: Talks) -> None:
    for contact, _, answer, turns in answers_of(setting, talks, "empathy"):
        expected = ("yes" if contact.does["empathy"] else "no") if contact.is_upset else "not_applicable"
        assert answer == expected
        assert bool(turns) == (answer == "yes")


def test_consent_matters_only_where_something_is_changed(setting: Setting, talks: Talks) -> None:
    tools = {tool.tool_name: tool for tool in setting.pack.tools}
    for contact, dialogue, answer, turns in answers_of(setting, talks, "consent"):
        acts = [g.turn_index for g in dialogue.groundings if g.tool_name and tools[g.tool_name].action]
        if acts:
            assert answer == ("yes" if contact.does["consent"] else "no")
            assert turns[0] < acts[0] if answer == "yes" else turns == acts


def test_accuracy_is_about_the_value_that_was_stated(setting: Setting, talks: Talks) -> None:
    seen: Counter[str] = Counter()
    for contact, dialogue, answer, turns in answers_of(setting, talks, "accuracy"):
        seen[answer] += 1
        if answer != "not_applicable":
            assert contact.fact
            assert (answer == "yes") == contact.does["accuracy"]
            value = contact.fact.value if answer == "yes" else contact.fact.wrong
            assert value.lower() in unmark(dialogue.turns[turns[0]].text).lower()
    assert min(seen[answer] for answer in ("yes", "no", "not_applicable")) > 20


def test_promises_are_faults_that_show(setting: Setting, talks: Talks) -> None:
    for contact, _, answer, turns in answers_of(setting, talks, "promise"):
        assert (answer == "yes") == contact.does["promise"]
        assert bool(turns) == (answer == "no")


# ---------------------------------------------------------------- grounding


def test_tool_calls_are_announced_and_answered_with_arguments_filled(setting: Setting, talks: Talks) -> None:
    tools = {tool.tool_name: tool for tool in setting.pack.tools}
    n_calls = 0
    for _, dialogue in talks:
        for grounding in dialogue.groundings:
            if grounding.tool_name:
                n_calls += 1
                assert dialogue.turns[grounding.turn_index].speaker in ("agent", "bot")
                after = dialogue.turns[grounding.turn_index + 1]
                assert after.speaker == "system"
                assert after.text.startswith(f"{grounding.tool_name} → ")
                tool = tools[grounding.tool_name]
                assert set(grounding.arguments) == {name for name, a in tool.arguments.items() if a.fill}
                assert all(value and value == unmark(value) for value in grounding.arguments.values())
    assert n_calls > 300


def test_what_changes_something_fails_where_the_matter_stays_open(setting: Setting, talks: Talks) -> None:
    tools = {tool.tool_name: tool for tool in setting.pack.tools}
    failure = re.compile(r"→ .*(error|fail|reject|no result)", re.IGNORECASE)
    for contact, dialogue in talks:
        if not contact.is_resolved:
            for grounding in dialogue.groundings:
                if grounding.tool_name and tools[grounding.tool_name].action:
                    assert failure.search(dialogue.turns[grounding.turn_index + 1].text)


def test_articles_are_those_of_the_knowledge_base(setting: Setting, talks: Talks) -> None:
    knowledge, n_misled = setting.knowledge, 0
    for contact, dialogue in talks:
        about = contact.fact or contact.trouble
        for grounding in dialogue.groundings:
            if grounding.article_ids:
                assert about
                assert list(grounding.article_ids) == knowledge.stated[about.key]
                is_wrong = grounding.read_article_id != grounding.article_ids[0]
                assert is_wrong == contact.is_misled
                n_misled += is_wrong
            assert bool(grounding.article_ids) != bool(grounding.tool_name)
    if any(contact.is_misled for contact, _ in talks):
        assert n_misled > 0


# ---------------------------------------------------------------- the words


def test_no_two_conversations_are_equal_and_trigrams_vary(talks: Talks) -> None:
    texts = ["\n".join(turn.text for turn in dialogue.turns) for _, dialogue in talks]
    assert len(set(texts)) == len(texts)
    words = [unmark(turn.text).lower().split() for _, dialogue in talks for turn in dialogue.turns]
    trigrams = [trigram for turn in words for trigram in zip(turn, turn[1:], turn[2:], strict=False)]
    assert len(set(trigrams)) / len(trigrams) >= 0.25


def test_personal_data_is_marked_wherever_it_is_said(talks: Talks) -> None:
    kinds: set[str] = set()
    for contact, dialogue in talks:
        person = contact.person
        for turn in dialogue.turns:
            rest, found = MARKED.sub("", turn.text), MARKED.findall(turn.text)
            kinds.update(opening for opening, _ in found)
            assert rest == unmark(rest)
            for data in (person.name, person.email, person.phone, person.account, person.iban, contact.order):
                assert data not in rest
    assert len(kinds) >= 6


@pytest.mark.parametrize(
    "fault",
    [
        r"  ",
        r"(?<!\.)\.\.(?!\.)",
        r"[,;:]\s*[.?!]",
        r"[?!]\.|(?<!\.)\.[?!]",
        r" [.,;!?](?!\w)",
        r"[{}\[\]|]",
        r"\bi\b",
        r"\b(the|you|and|your|a) \1\b",
    ],
)
def test_sentences_are_put_together_properly(talks: Talks, fault: str) -> None:
    pattern = re.compile(fault)
    for _, dialogue in talks:
        for turn in dialogue.turns:
            if turn.speaker != "system":
                assert not pattern.search(unmark(turn.text)), turn.text


def test_customers_never_repeat_the_same_sentence_in_a_turn(talks: Talks) -> None:
    n_doubled = 0
    for _, dialogue in talks:
        for turn in customer_turns(dialogue):
            sentences = re.split(r"(?<=[.!?]) ", turn.text)
            n_doubled += len(set(sentences)) < len(sentences)
    assert n_doubled <= len(talks) / 200


def test_every_bank_that_is_asked_for_is_in_the_stock() -> None:
    assert len(ASKED) > 60
    names = {name.partition(".")[0] for name in read_stock()}
    assert names >= ASKED, ASKED - names


FILLED_WHERE_SAID = {
    "v": (
        *(
            "verify",
            "ask",
            "bot_ask",
            "menu",
            "menu_choice",
            "label_order",
            "seen",
            "seen_day",
            "next_step",
            "settled",
        ),
        *("closing", "closing_sorry", "closing_late"),
    ),
    "doing": ("doing", "bot_doing", "guess"),
    "action": ("consent",),
    "cause": ("cause",),
    "fact": ("rule", "rule_alone", "answering", "launch_found", "launch_guess", "bot_fact"),
    "question": ("asking", "asking_more"),
    "symptom": ("symptom_said",),
}


def test_phrases_leave_open_only_what_is_filled_where_they_are_said(setting: Setting, talks: Talks) -> None:
    always = set(Talk(setting, talks[0][0], Dice(1, Kind.DIALOGUE, 1)).slots)
    for name, phrases in banks(setting.pack).items():
        bank = name.partition(".")[0]
        if bank in ASKED:
            here = {slot for slot, places in FILLED_WHERE_SAID.items() if bank in places}
            for phrase in phrases:
                assert phrase.slots <= always | here, (name, phrase)
                assert here - {"v"} <= phrase.slots, (name, phrase)


def test_frequent_banks_are_large() -> None:
    found = read_stock()
    for bank in (
        "greeting.voice",
        "probe",
        "empathy",
        "verify",
        "consent",
        "doing",
        "rule",
        "annoyed",
        "relieved",
        "vague",
    ):
        assert len(found[bank]) >= 10, bank
    assert sum(map(len, found.values())) > 1000


def test_a_pack_replaces_banks_of_the_same_name(setting: Setting) -> None:
    phrases = {**setting.pack.phrases, "closing.voice": (Template("So long from {brand}."),)}
    pack = setting.pack.model_copy(update={"phrases": phrases})
    assert banks(pack)["closing.voice"][0].text == "So long from {brand}."
    contact = replace(
        draw_contact(setting, 1),
        channel="voice",
        is_abandoned=False,
        is_bot_only=False,
        is_resolved=True,
        ends_badly=False,
        does=dict.fromkeys(BEHAVIOURS, True),
    )
    assert any("So long from" in turn.text for turn in hold(replace(setting, pack=pack), contact).turns)


def test_a_malformed_phrase_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.toml").write_text('[hello]\nany = ["[Hi|Hello"]\n')
    monkeypatch.setattr(stock, "STOCK", tmp_path)
    with pytest.raises(CxmError, match=r"broken\.toml.*\[Hi\|Hello"):
        stock.read_stock.__wrapped__()
