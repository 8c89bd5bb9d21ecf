"""Templates say what they were written to say, and malformed ones are refused at once."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from synth.phrases import SLOTS, Template, sentence
from synth.streams import Dice, Kind

EVERY_SLOT = {slot: f"<{slot}>" for slot in SLOTS}


def dice(number: int) -> Dice:
    return Dice(0, Kind.DIALOGUE, number)


def test_a_choice_is_drawn_and_a_slot_filled() -> None:
    template = Template("[Could|Can] you send the {thing} back?")
    said = {template.render(dice(i), {"thing": "parasol"}) for i in range(40)}
    assert said == {"Could you send the parasol back?", "Can you send the parasol back?"}


def test_choices_hold_choices_and_slots() -> None:
    template = Template("[It's [been {days} days|late]|Nothing came]")
    said = {template.render(dice(i), {"days": "9"}) for i in range(60)}
    assert said == {"It's been 9 days", "It's late", "Nothing came"}


def test_an_empty_choice_says_nothing_and_leaves_no_gap() -> None:
    template = Template("It is [really|] late[, I think|].")
    said = {template.render(dice(i), {}) for i in range(80)}
    assert said == {
        "It is late.",
        "It is really late.",
        "It is late, I think.",
        "It is really late, I think.",
    }


def test_no_space_stands_before_a_mark_or_at_the_ends() -> None:
    assert Template(" Is it here [|today] ? [|Yes.]").fill() == "Is it here?"


def test_fill_takes_the_first_choice() -> None:
    assert Template("[One|Two] {n} [a|b]").fill(n="3") == "One 3 a"


def test_the_same_dice_give_the_same_words() -> None:
    template = Template("[a|b|c] [d|e|f] [g|h|i]")
    assert template.render(dice(7), {}) == template.render(dice(7), {})


def test_a_template_knows_the_slots_it_leaves_open() -> None:
    assert Template("[The {product}|My {thing}] is {days} days old").slots == {"product", "thing", "days"}


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="order"):
        Template("Order {order}").fill()


def test_what_fills_a_slot_is_not_read_as_a_template() -> None:
    assert Template("{name}").fill(name="[a|b] {thing}") == "[a|b] {thing}"


def test_a_bar_outside_of_brackets_is_a_bar() -> None:
    assert Template("name | weight").fill() == "name | weight"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[a|b", "'[' without ']'"),
        ("[a|[b|c]", "'[' without ']'"),
        ("a]", "']' without '['"),
        ("[a]]b", "']' without '['"),
        ("{thnig}", "unknown slot {thnig}"),
        ("[a|{thnig}]", "unknown slot {thnig}"),
        ("{thing", "a brace that is not a slot"),
        ("thing}", "a brace that is not a slot"),
        ("{Thing}", "unknown slot {Thing}"),
        ("{}", "a brace that is not a slot"),
    ],
)
def test_a_malformed_template_is_refused_with_its_text(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=re.escape(what)) as caught:
        Template(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_hold_templates_as_strings() -> None:
    class Part(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        says: tuple[Template, ...]

    assert Part.model_validate({"says": ["The [a|b]"]}).says[0].fill() == "The a"
    for wrong in (["[a"], [""], [3]):
        with pytest.raises(ValidationError):
            Part.model_validate({"says": wrong})


def test_a_sentence_begins_with_a_capital() -> None:
    assert [sentence(text) for text in ("the lid", "", "It", "eSIM")] == ["The lid", "", "It", "ESIM"]


# ---------------------------------------------------------------- properties

words = st.text("abc ", min_size=1, max_size=4)
slots = st.sampled_from(sorted(SLOTS)).map(lambda slot: ("slot", slot))
parts = st.recursive(
    words | slots,
    lambda inner: st.lists(st.lists(inner, max_size=2), min_size=1, max_size=3).map(lambda o: ("choice", o)),
    max_leaves=6,
)


def written(part: Any) -> str:
    """The part as the text of a template."""
    if isinstance(part, str):
        return part
    kind, inside = part
    if kind == "slot":
        return f"{{{inside}}}"
    return "[" + "|".join("".join(map(written, option)) for option in inside) + "]"


def spoken(part: Any) -> set[str]:
    """All that the part can say."""
    if isinstance(part, str):
        return {part}
    kind, inside = part
    if kind == "slot":
        return {EVERY_SLOT[inside]}
    return {"".join(said) for option in inside for said in product(*map(spoken, option))}


@given(st.lists(parts, min_size=1, max_size=3), st.integers(0, 10_000))
def test_what_is_said_is_one_of_the_ways_it_can_be_said(sequence: list[Any], number: int) -> None:
    template = Template("".join(map(written, sequence)))
    said = template.render(dice(number), EVERY_SLOT)
    assert said in {" ".join("".join(way).split()) for way in product(*map(spoken, sequence))}


@given(st.text("ab [|]{}.,_" + "thing", max_size=30))
def test_any_text_is_refused_or_rendered_without_a_trace_of_its_brackets(text: str) -> None:
    try:
        template = Template(text)
    except ValueError:
        return
    said = template.render(dice(1), EVERY_SLOT)
    assert not set("[]{}") & set(said)
    assert "  " not in said
    assert said == said.strip()
