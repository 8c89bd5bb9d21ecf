"""Channels distort what is said; what was said, who said it and where personal data stands stay known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.lives.contact import PERSONAS, Contact, Person
from synth.packs import Plan
from synth.setting import Setting
from synth.streams import Dice, Kind
from synth.talks.dialogue import Dialogue, Turn
from synth.talks.marks import KINDS, mark, unmark
from synth.talks.surfaces import CHANNELS, distort_dialogue
from synth.talks.surfaces.mishearings import HOMOPHONES, MISHEARINGS, read_table
from synth.talks.surfaces.shorthand import MISSPELT, SHORT
from synth.talks.surfaces.typed import Hand, slip, write

PERSON = Person(
    customer_id="U1",
    first_name="Marta",
    last_name="Okoye",
    email="marta.okoye@mail.example",
    phone="+44 7700 900123",
    street="14 Mill Lane",
    postcode="AB1 2CD",
    city="Harwick",
    card="4000123456789017",
    iban="GB00TEST",
    account="AC-1",
    plan=Plan(plan="Plus", share=1, monthly_fee=4.99, hazard_ratio=1),
)
NAME, ORDER = mark("name", "Marta Okoye"), mark("order", "LF483920")
TURNS = (
    Turn("bot", "Welcome to Larkfield. Please say in a few words what we can do for you."),
    Turn(
        "customer",
        f"Hello, this is {NAME}. I ordered a lawn mower nine days ago and it still hasn't arrived. Could you please "
        "check where the parcel is? I've been waiting at home because the courier said he would come.",
        "negative",
    ),
    Turn("agent", f"Thank you, {mark('name', 'Marta')}. I'm sorry about the wait. What is the order number, please?"),
    Turn("customer", f"It's {ORDER}, and the postcode is {mark('postcode', 'AB1 2CD')}. By the way, thank you.", "neutral"),
    Turn("system", f"get_order({mark('order', 'LF483920')}) → in transit, expected in 3 days"),
    Turn("agent", "The parcel left our warehouse yesterday. Delivery fees of 4.99 euros come back after 10 working days."),
    Turn("customer", "Thanks so much, that is really good news. Have a nice day.", "positive"),
)  # fmt: skip


def make_setting(noise: float) -> Setting:
    brand = SimpleNamespace(name="Larkfield", domain="larkfield.example")
    return cast(
        Setting,
        SimpleNamespace(knobs=SimpleNamespace(noise=noise, seed=7), pack=SimpleNamespace(brand=brand)),
    )


def make_contact(channel: str, persona: str = "chatty", number: int = 1) -> Contact:
    agent = cast(Any, SimpleNamespace(name="Amira", number=1))
    nothing = cast(Any, None)
    return Contact(
        conversation_id=f"C{number:06d}",
        stream=(1, number),
        person=PERSON,
        agent=agent,
        colleague=agent,
        started_at=datetime(2026, 5, 5, 14, 3, tzinfo=UTC),
        ended_at=datetime(2026, 5, 5, 14, 30, tzinfo=UTC),
        channel=channel,
        persona=persona,
        intent=nothing,
        product=nothing,
        fact=None,
        trouble=None,
        order="LF483920",
        amount="249.00",
        ordered_on=date(2026, 4, 26),
        days=9,
        does={},
        is_upset=True,
        is_abandoned=False,
        is_bot_only=False,
        is_transferred=False,
        is_resolved=True,
        is_misled=False,
        ends_badly=False,
        is_repeat=False,
        is_incident=False,
    )


def distort(channel: str, noise: float = 1.0, persona: str = "chatty", number: int = 1) -> Dialogue:
    dialogue = Dialogue([Turn(t.speaker, t.text, t.polarity) for t in TURNS])
    return distort_dialogue(make_setting(noise), make_contact(channel, persona, number), dialogue)


def texts(channel: str, speaker: str, n: int, **more: Any) -> str:
    held = [distort(channel, number=number, **more) for number in range(n)]
    return "\n".join(t.text for dialogue in held for t in dialogue.turns if t.speaker == speaker)


def share_as_said(channel: str, speaker: str, n: int = 60, noise: float = 1.0) -> float:
    """Share of words that came through as they were said."""
    said = (
        " ".join(unmark(t.text) for t in TURNS if t.speaker == speaker)
        .lower()
        .replace(",", "")
        .replace(".", "")
    )
    found = texts(channel, speaker, n, noise=noise).lower().replace(",", "").replace(".", "").split()
    return sum(word in said.split() for word in found) / len(found)


@given(
    st.sampled_from(sorted(CHANNELS)), st.sampled_from(sorted(PERSONAS)), st.integers(0, 500), st.floats(0, 3)
)
def test_personal_data_stands_where_it_is_listed(
    channel: str, persona: str, number: int, noise: float
) -> None:
    dialogue = distort(channel, noise, persona, number)
    assert [(t.speaker, t.polarity) for t in dialogue.turns] == [(t.speaker, t.polarity) for t in TURNS]
    assert all(t.text == unmark(t.text) and t.text.strip() for t in dialogue.turns)
    for place in dialogue.personal_data:
        assert dialogue.turns[place.turn_index].text[place.start : place.end] == place.text
        assert place.kind in KINDS
    assert {(p.turn_index, p.kind) for p in dialogue.personal_data} >= {
        (1, "name"),
        (3, "order"),
        (4, "order"),
    }


@pytest.mark.parametrize("channel", CHANNELS)
def test_without_noise_texts_are_as_they_were_said(channel: str) -> None:
    assert [t.text for t in distort(channel, noise=0).turns] == [unmark(t.text) for t in TURNS]


@pytest.mark.parametrize("channel", CHANNELS)
def test_bots_and_systems_make_no_mistakes(channel: str) -> None:
    turns = distort(channel, noise=3).turns
    assert turns[0].text == TURNS[0].text
    assert turns[4].text == unmark(TURNS[4].text)


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_same_contact_sounds_the_same_and_others_differ(channel: str) -> None:
    assert distort(channel) == distort(channel)
    assert len({tuple(t.text for t in distort(channel, number=n).turns) for n in range(20)}) > 10


@pytest.mark.parametrize("channel", ["voice", "chat", "messaging", "social"])
def test_customers_are_harder_to_read_than_agents_and_still_readable(channel: str) -> None:
    assert 0.8 < share_as_said(channel, "customer") < share_as_said(channel, "agent")
    assert share_as_said(channel, "agent") > 0.96


@pytest.mark.parametrize("channel", ["voice", "chat"])
def test_more_noise_changes_more(channel: str) -> None:
    assert share_as_said(channel, "customer", noise=3) < share_as_said(channel, "customer", noise=0.5)


def test_numbers_are_never_changed_by_slips() -> None:
    for channel in CHANNELS:
        agents = texts(channel, "agent", 30, noise=3)
        assert len(re.findall(r"\b4\.99\b", agents)) == len(re.findall(r"\b10\b", agents)) == 30


def test_some_calls_have_neither_capitals_nor_stops() -> None:
    calls = [distort("voice", number=number).turns[1].text for number in range(100)]
    bare = [call for call in calls if call == call.lower() and "." not in call]
    assert 20 < len(bare) < 55


def test_callers_hesitate_repeat_themselves_and_are_misheard() -> None:
    said = texts("voice", "customer", 200).lower()
    assert " um" in said
    assert "i i " in said or "the the " in said
    assert "partial" in said or "chick" in said


def test_terse_people_type_in_lower_case_and_polite_people_seldom() -> None:
    def lower_share(persona: str) -> float:
        first = [distort("chat", persona=persona, number=n).turns[1].text for n in range(150)]
        return sum(text[0].islower() for text in first) / len(first)

    assert lower_share("terse") > 0.5 > 0.2 > lower_share("polite")


def test_chat_has_shorthand_and_emoji() -> None:
    chat = texts("chat", "customer", 150)
    assert "thx" in chat or "ty" in chat
    assert "btw" in chat.lower()
    assert any(sign > "\U0001f000" for sign in chat)


def test_only_posts_that_open_a_conversation_name_the_brand() -> None:
    def post(*turns: Turn) -> str:
        held = [
            distort_dialogue(make_setting(1.0), make_contact("social", number=n), Dialogue(list(turns)))
            for n in range(60)
        ]
        return "\n".join(turn.text for dialogue in held for turn in dialogue.turns)

    assert "@Larkfield" in post(TURNS[1])
    assert "#" in post(TURNS[1])
    assert "@" not in post(TURNS[0], TURNS[1])


def test_mails_are_signed_and_quote_the_mail_before() -> None:
    held = [distort("email", number=number) for number in range(60)]
    quoting = [dialogue.turns[3].text for dialogue in held if "wrote:\n> " in dialogue.turns[3].text]
    assert 15 < len(quoting) < 55
    kinds = {p.kind for dialogue in held for p in dialogue.personal_data if p.turn_index == 1}
    assert {"name", "phone", "address", "postcode", "email"} <= kinds
    assert not any("wrote:" in dialogue.turns[1].text for dialogue in held)
    quotes = [text.partition("wrote:\n")[2] for text in quoting]
    assert all(quote.count("\n") <= 4 and not quote.startswith("> Hello") for quote in quotes)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12), st.integers(0, 10_000))
def test_a_slip_keeps_the_first_letter_and_the_length_within_one(word: str, number: int) -> None:
    slipped = slip(word, Dice(7, Kind.SURFACE, number))
    assert slipped[0] == word[0]
    assert abs(len(slipped) - len(word)) <= 1


@pytest.mark.parametrize("word", ["count", "shift", "Good", "clock", "scrap", "pass"])
def test_a_slip_never_makes_a_rude_word(word: str) -> None:
    slipped = {slip(word, Dice(7, Kind.SURFACE, number)).lower() for number in range(400)}
    assert len(slipped) > 3
    assert not slipped & {"cunt", "shit", "god", "cock", "crap", "piss", "ass"}


def test_no_other_word_is_left_where_an_apostrophe_is_skipped() -> None:
    hasty = Hand(skips_apostrophes=True)
    said = "I don't think he'll come, she'll call. We're out, that's it."
    assert write(said, hasty, Dice(7, Kind.SURFACE, 1)) == (
        "I dont think he'll come, she'll call. We're out, thats it."
    )


def test_a_careful_hand_changes_nothing() -> None:
    assert write(TURNS[1].text, Hand(), Dice(7, Kind.SURFACE, 1)) == TURNS[1].text


def test_tables_are_large_and_turn_nothing_into_its_opposite() -> None:
    assert len(HOMOPHONES.keys() | MISHEARINGS.keys()) >= 150
    opposites = {"no", "not", "never", "free", "without", "can't", "won't"}
    for table in (HOMOPHONES, MISHEARINGS):
        assert not opposites & table.keys()
        assert not opposites & {word for instead in table.values() for word in instead}
    for table in (HOMOPHONES, MISHEARINGS, MISSPELT, SHORT):
        assert all(word not in instead and all(instead) for word, instead in table.items())


def test_a_table_with_a_word_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'sea' stands there twice"):
        read_table("sea: see; sea: c")
