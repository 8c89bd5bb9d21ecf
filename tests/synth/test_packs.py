"""The packs that come along are complete and well written; a pack that does not fit together is refused."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from cxm.errors import CxmError
from synth.packs import BEHAVIOURS, BRANDS, Family, Pack, names, read_pack
from synth.phrases import SLOTS, Template
from synth.streams import Dice, Kind

SLOT_VALUES = {
    "product": "Brookline lawn mower",
    "thing": "lawn mower",
    "a_thing": "a lawn mower",
    "order": "LF123456",
    "amount": "49.90",
    "date": "3 May",
    "days": "9",
    "n": "3",
    "month": "June",
    "plan": "Plus",
    "fee": "4.99",
    "symptom": "Nothing works",
    "question": "How long does it take?",
    "cause": "The seal is worn",
    "team": "service team",
    "email": "anna@example.org",
    "postcode": "40213",
    "address": "Mill Street 4",
    "phone": "0170 5550199",
    "card": "4000 1234 5678 9017",
    "iban": "DE02 1203 4567 8901 2020 51",
    "account": "100200300",
}
"""Slots much as `talks` fills them."""


@pytest.fixture(params=names())
def pack(request: pytest.FixtureRequest) -> Pack:
    return read_pack(request.param)


def sold(pack: Pack) -> list[Family]:
    """Families without the launched one."""
    return [family for family in pack.families if not family.is_launch]


# ---------------------------------------------------------------- sizes


def test_two_packs_of_different_industries_come_along() -> None:
    assert len({read_pack(name).brand.industry for name in names()}) >= 2


def test_products_fill_an_arena(pack: Pack) -> None:
    families = sold(pack)
    assert len(families) >= 16
    assert min(len(set(family.names)) for family in families) >= 20
    assert sum(family.is_launch for family in pack.families) == 1
    assert len(pack.aspects) >= 5
    assert len(pack.properties) >= 10
    assert len(families) * 20 * len(pack.aspects) >= 1600
    assert sum(len(family.faults) for family in families) * 20 >= 1425


def test_every_product_has_a_property_in_every_aspect(pack: Pack) -> None:
    aspects = {aspect.aspect for aspect in pack.aspects}
    for family in pack.families:
        there = Counter(p.aspect for p in pack.properties_of(family))
        assert set(there) == aspects, family.kind
        assert there.total() >= 8, family.kind


def test_every_family_has_notes_and_faults(pack: Pack) -> None:
    for family in pack.families:
        assert len(family.notes) >= 6, family.kind
        assert len(family.faults) >= (6 if family.is_launch else 5), family.kind
        assert len({fault.key for fault in family.faults}) == len(family.faults), family.kind
        assert 0 <= family.prices[0] <= family.prices[1], family.kind


def test_matters_fill_an_arena(pack: Pack) -> None:
    called = [tool for tool in pack.tools if tool.doing]
    assert len(pack.topics) >= 60
    assert min(len(topic.facts) for topic in pack.topics) >= 2
    assert len(pack.problems) >= 45
    assert len(called) >= 50
    assert len(pack.tools) >= 150


def test_intents_are_many_and_have_parents(pack: Pack) -> None:
    taxonomy = [intent for intent in pack.intents if not (intent.is_stray or intent.is_launch)]
    assert len(taxonomy) >= 92
    assert len({intent.parent for intent in taxonomy}) >= 12
    assert 6 <= sum(intent.is_stray for intent in pack.intents) <= 8
    assert 2 <= sum(intent.is_launch for intent in pack.intents) <= 3
    assert len({intent.description for intent in pack.intents}) == len(pack.intents)


def test_the_incident_has_an_eighth_of_the_contacts_at_least(pack: Pack) -> None:
    weights = {
        intent.intent: intent.weight for intent in pack.intents if not (intent.is_stray or intent.is_launch)
    }
    assert weights[pack.incident.intent] / sum(weights.values()) >= 0.12


def test_people_are_many_enough_to_be_strangers_to_each_other(pack: Pack) -> None:
    people = pack.people
    for listed, least in (
        (people.agents, 24),
        (people.first_names, 60),
        (people.last_names, 120),
        (people.streets, 40),
        (people.cities, 20),
    ):
        assert len(set(listed)) == len(listed) >= least
    assert len(pack.acronyms) >= 15


def test_each_behaviour_is_asked_for_once(pack: Pack) -> None:
    assert sorted(criterion.behaviour for criterion in pack.scorecard) == sorted(BEHAVIOURS)


def test_addresses_lie_in_the_domain_for_examples(pack: Pack) -> None:
    assert pack.brand.domain.endswith(".example")


# ---------------------------------------------------------------- facts


def facts(pack: Pack) -> Iterator[tuple[str, tuple[str, ...], tuple[Template, ...], tuple[Template, ...]]]:
    for topic in pack.topics:
        for fact in topic.facts:
            yield f"{topic.topic}.{fact.key}", fact.values, fact.says, fact.asked
    for family in pack.families:
        for p in pack.properties_of(family):
            yield f"{family.kind}.{p.key}", p.values, p.says, p.asked


def test_wordings_of_a_fact_hold_its_value_and_questions_do_not(pack: Pack) -> None:
    for key, _, says, asked in facts(pack):
        assert all("v" in template.slots for template in says), key
        assert all("v" not in template.slots for template in asked), key


def test_wordings_of_a_property_name_the_product(pack: Pack) -> None:
    for family in pack.families:
        for p in pack.properties_of(family):
            assert all("product" in template.slots for template in p.says), (family.kind, p.key)
            assert all(template.slots & {"product", "thing"} for template in p.asked), (family.kind, p.key)


def test_values_of_a_fact_differ_and_none_stands_in_a_question(pack: Pack) -> None:
    for key, values, _, asked in facts(pack):
        assert len(set(values)) == len(values), key
        questions = " ".join(template.text.lower() for template in asked)
        telling = [value.lower() for value in values if re.search(r"\d|\w \w", value)]
        told = [value for value in telling if re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", questions)]
        assert not told, f"{key}: {told}"


def test_facts_are_sentences_with_every_value(pack: Pack) -> None:
    for key, values, says, _ in facts(pack):
        for template, value in product(says, values):
            said = template.fill(v=value, **SLOT_VALUES)
            assert re.search(r"[.!]$", said), f"{key}: {said}"
            assert not flaw(said), f"{key}: {flaw(said)!r} in {said}"


# ---------------------------------------------------------------- words

_FLAWS = re.compile(
    r"\.\.|  | [.,;:!?]|[{}\[\]|]|\b1 (?:days|weeks|months|hours|minutes|years|people|working days)\b|^\W*$"
    r"|\b(?!(?:that|had|her|is|it|you|do|on|in|to) )([A-Za-z]+) \1\b|[.!?] [a-z](?!\.)"
    r"|\b[Aa] (?!(?:one|once|unit|uniform|used?|user|useful|usual|European|eu\w+|union|unique|utility)\b)[aeio]\w+"
    r"|\b[Aa]n (?!hour|honest|heir|honou?r|[FHLMNRSX](?:\b|[A-Z]))[b-df-hj-np-tv-z]\w*",
)


def flaw(text: str) -> str:
    """What no one would write: doubled marks and words, gaps, a wrong article; empty if there is nothing."""
    found = _FLAWS.search(text)
    return found[0] if found else ""


def templates(part: object, path: str) -> Iterator[tuple[str, Template]]:
    """All templates in a part of a pack, with where they stand."""
    if isinstance(part, Template):
        yield path, part
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from templates(value, f"{path}.{key}")
    elif isinstance(part, (tuple, list)):
        for i, value in enumerate(part):
            yield from templates(value, f"{path}.{i}")
    elif hasattr(type(part), "model_fields"):
        for key in type(part).model_fields:
            yield from templates(getattr(part, key), f"{path}.{key}")


def test_phrases_are_well_formed_whatever_is_drawn(pack: Pack) -> None:
    slots = {slot: SLOT_VALUES.get(slot, slot) for slot in SLOTS}
    wrong = []
    for number, (path, template) in enumerate(templates(pack, pack.brand.name)):
        for draw in range(4):
            said = template.render(Dice(draw, Kind.DIALOGUE, number), {**slots, "v": "9 to 5"})
            if found := flaw(said):
                wrong.append(f"{path}: {found!r} in {said}")
                break
    assert not wrong, "\n".join(wrong[:20])


def test_symptoms_and_actions_continue_a_sentence(pack: Pack) -> None:
    for family in pack.families:
        for fault in family.faults:
            for symptom in fault.symptoms:
                said = symptom.fill(**SLOT_VALUES)
                assert not said.endswith("."), symptom
                assert said[:1].islower(), symptom
    for tool in pack.tools:
        for phrase in (*tool.doing, *([tool.action] if tool.action else [])):
            assert phrase.fill(**{slot: slot for slot in phrase.slots})[:1].islower(), phrase


def test_needs_that_leave_the_matter_to_no_slot_are_not_said_twice(pack: Pack) -> None:
    needs = [template for intent in pack.intents for template in intent.needs]
    said = Counter(need.text for need in needs if not need.slots & {"question", "symptom"})
    assert [text for text, times in said.items() if times > 1] == []


def test_tools_that_change_something_ask_leave_and_lookalikes_are_never_called(pack: Pack) -> None:
    called = {tool for intent in pack.intents for tool in intent.tools}
    for tool in pack.tools:
        if tool.doing:
            assert tool.result, tool.tool_name
            assert tool.done, tool.tool_name
            assert all(argument.fill for argument in tool.arguments.values() if argument.is_required), (
                tool.tool_name
            )
        else:
            assert tool.tool_name not in called
            assert tool.action is None, tool.tool_name
        for name, argument in tool.arguments.items():
            assert re.fullmatch("[a-z][a-z0-9_]*", name), tool.tool_name
            if argument.enum and argument.fill and not argument.fill.slots:
                assert argument.fill.text in argument.enum, tool.tool_name


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BRANDS / "larkfield", tmp_path / "mine"))


def refusal(folder: Path) -> str:
    """The one line a broken pack is refused with."""
    with pytest.raises(CxmError) as caught:
        read_pack(str(folder))
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_a_folder_of_yours_is_read_like_one_that_comes_along(folder: Path) -> None:
    assert read_pack(str(folder)).brand == read_pack("larkfield").brand


def test_a_fault_in_an_entry_is_told_with_the_name_of_the_entry(folder: Path) -> None:
    path = next(path for path in sorted(folder.glob("intents*.toml")) if "upset = " in path.read_text())
    text = path.read_text(encoding="utf-8")
    name = re.findall(r'^intent = "(\w+)"', text[: text.index("upset = ")], re.MULTILINE)[-1]
    path.write_text(re.sub(r"upset = \S+", "upset = 7", text, count=1), encoding="utf-8")
    assert f"mine: intents '{name}'.upset: Input should be" in refusal(folder)


def test_an_unknown_name_is_answered_with_the_closest_one() -> None:
    with pytest.raises(CxmError, match="no brand pack 'larkfeld'; did you mean 'larkfield'"):
        read_pack("larkfeld")


ADDED = {
    "no toml": ("[[tools", "zz.toml"),
    "unknown field": ("[brand]\nslogan = 'x'", "brand.slogan"),
    "open bracket": ("[phrases]\nhello = ['[Hi|Hello']", "'[' without ']'"),
    "unknown slot": ("[phrases]\nhello = ['Hi {nmae}']", "unknown slot {nmae}"),
    "negative weight": (
        "[[scorecard]]\ncriterion = 'x'\nbehaviour = 'closing'\nquestion = '?'\nweight = -1\nis_critical = false\nskill = 0.5",
        "weight",
    ),
    "behaviour nobody knows": (
        "[[scorecard]]\ncriterion = 'x'\nbehaviour = 'singing'\nquestion = '?'\nweight = 1\nis_critical = false\nskill = 0.5",
        "behaviour",
    ),
    "behaviour asked for twice": (
        "[[scorecard]]\ncriterion = 'x'\nbehaviour = 'closing'\nquestion = '?'\nweight = 1\nis_critical = false\nskill = 0.5",
        "behaviour 'closing' stands there twice",
    ),
    "tool twice": (
        "[[tools]]\ntool_name = 'same'\ndescription = 'x'\narguments = {}\n" * 2,
        "tool 'same' stands there twice",
    ),
}


@pytest.mark.parametrize(("text", "said"), ADDED.values(), ids=ADDED.keys())
def test_a_malformed_file_is_refused_with_where_and_what(folder: Path, text: str, said: str) -> None:
    (folder / "zz.toml").write_text(text, encoding="utf-8")
    assert said in refusal(folder)


INTENT = {
    "intent": "'zz_mine'",
    "parent": "'Mine'",
    "description": "'Something of mine.'",
    "weight": "1",
    "upset": "0",
    "vague": "['a', 'b']",
    "needs": "['a', 'b', 'c', 'd', 'e']",
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"facts": "['no_topic.at_all']"}, "intent zz_mine: no fact 'no_topic.at_all'"),
        ({"tools": "['cancel_oder']"}, "no called tool 'cancel_oder'; did you mean 'cancel_order'?"),
        (
            {"families": "['lawn mover']", "faults": "['*']"},
            "no family 'lawn mover'; did you mean 'lawn mower'?",
        ),
        ({"families": "['lawn mower']", "faults": "['wont_strat']"}, "did you mean 'wont_start'?"),
        ({"properties": "['warrenty']"}, "no property 'warrenty'; did you mean 'warranty'?"),
        ({"problems": "['nothing_wrong']"}, "no problem 'nothing_wrong'"),
        (
            {"faults": "['*']", "properties": "['warranty']"},
            "only one of facts, properties, faults, problems",
        ),
        ({"is_stray": "true"}, "a stray intent needs answers"),
        ({"intent": "'Mine'"}, "intent"),
        ({"needs": "['a']"}, "needs"),
    ],
)
def test_an_intent_that_does_not_fit_is_refused(folder: Path, more: dict[str, str], said: str) -> None:
    lines = [f"{key} = {value}" for key, value in {**INTENT, **more}.items()]
    (folder / "zz.toml").write_text("[[intents]]\n" + "\n".join(lines), encoding="utf-8")
    assert said in refusal(folder)


def test_a_family_that_does_not_fit_is_refused(folder: Path) -> None:
    text = (folder / "products_launch.toml").read_text(encoding="utf-8")
    (folder / "zz.toml").write_text(text.replace("weeding robot", "mowing robot"), encoding="utf-8")
    assert "more than one family is_launch" in refusal(folder)


def test_two_families_of_one_kind_are_refused(folder: Path) -> None:
    text = (folder / "products_launch.toml").read_text(encoding="utf-8")
    (folder / "zz.toml").write_text(text.replace("is_launch = true\n", ""), encoding="utf-8")
    assert "family 'weeding robot' stands there twice" in refusal(folder)


def test_a_value_for_a_property_nobody_words_is_refused(folder: Path) -> None:
    path = folder / "products_launch.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("\nwarranty =", "\nwarrenty ="), encoding="utf-8"
    )
    assert "no shared property 'warrenty'; did you mean 'warranty'?" in refusal(folder)


def test_a_pack_without_its_brand_is_refused(folder: Path) -> None:
    (folder / "brand.toml").unlink()
    assert "brand: Field required" in refusal(folder)


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "zz.toml").write_bytes(b"\xff\xfe\x00")
    assert "zz.toml" in refusal(folder)
