"""Reading arguments out of a dialogue."""

import json
import logging

import pytest

from cxm.methods.dialogues import Context, Turn
from cxm.methods.tool_arguments import (
    ToolSchema,
    fill_call,
    find_arguments,
    is_contradicted,
    missing_arguments,
    parse_schemas,
)


def schema(required: tuple[str, ...] = (), **properties: dict[str, object]) -> ToolSchema:
    text = json.dumps({"type": "object", "properties": properties, "required": list(required)})
    parsed = ToolSchema.parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("name", "rules", "text", "value"),
    [
        ("order_id", {"type": "string"}, "My order ORD-1234 is late", "ORD-1234"),
        ("orderNumber", {"type": "string"}, "it is order #88213", "88213"),
        ("order_id", {"type": "string", "pattern": "^ORD-\\d+$"}, "see ORD-1234.", "ORD-1234"),
        ("email", {"type": "string"}, "write to jo.do+x@mail.example.com please", "jo.do+x@mail.example.com"),
        ("start_date", {"type": "string", "format": "date"}, "from 2026-03-01 on", "2026-03-01"),
        ("quantity", {"type": "integer"}, "I need 3 of them", 3),
        ("quantity", {"type": "integer", "minimum": 1}, "size 42, quantity 2", 2),
        ("amount", {"type": "number"}, "the amount was 12.50", 12.5),
        ("size", {"enum": ["small", "extra_large"]}, "Extra large please", "extra_large"),
        ("is_express", {"type": "boolean"}, "with express delivery", True),
        ("is_express", {"type": "boolean"}, "I do not want express", False),
        ("customer_name", {"type": "string"}, "Hi, my name is Ann Lee.", "Ann Lee"),
        ("city", {"type": "string"}, "The city is Cambridge.", "Cambridge"),
    ],
)
def test_a_value_is_found_and_typed(name: str, rules: dict[str, object], text: str, value: object) -> None:
    assert find_arguments(schema(**{name: rules}), [text]) == {name: value}


@pytest.mark.parametrize(
    ("name", "rules", "text"),
    [
        ("quantity", {"type": "integer", "maximum": 5}, "I need 30"),
        ("quantity", {"type": "integer"}, "between 3 and 4 or 5"),
        ("size", {"enum": ["small"]}, "smaller"),
        ("order_id", {"type": "string", "pattern": "^ORD-\\d+$"}, "number 77"),
        ("email", {"type": "string"}, "no mail here"),
        ("x", {"type": "array"}, "x"),
        ("x", {"type": "object"}, "x 1"),
    ],
)
def test_what_the_schema_forbids_or_the_text_lacks_is_left_out(
    name: str, rules: dict[str, object], text: str
) -> None:
    assert find_arguments(schema(**{name: rules}), [text]) == {}


def test_the_latest_mention_wins() -> None:
    sizes = schema(size={"enum": ["S", "M"]})
    assert find_arguments(sizes, ["size S", "no, M", "thanks"]) == {"size": "M"}


def test_required_parameters_without_a_value_are_missing() -> None:
    both = schema(("a_id", "b_id"), a_id={"type": "string"}, b_id={"type": "string"})
    assert missing_arguments(both, {"a_id": "1"}) == ["b_id"]


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", '{"properties": []}', '{"properties": {"a": 1}}', "[" * 10000]
)
def test_what_is_no_schema_is_none(text: str) -> None:
    assert ToolSchema.parse(text) is None


def test_empty_text_is_a_tool_without_parameters() -> None:
    assert ToolSchema.parse("") == ToolSchema({}, ())


def test_a_tool_with_a_broken_schema_stays_callable_and_is_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        schemas = parse_schemas({"broken": "{", "fine": ""})
    (record,) = caplog.records
    assert record.getMessage().startswith("tool 'broken'")
    context = Context("c", 1, (Turn("customer", "hello"),))
    assert fill_call("broken", schemas, context).arguments is None
    assert fill_call("fine", schemas, context).arguments == {}
    assert fill_call(None, schemas, context).name is None


@pytest.mark.parametrize(
    "text",
    [
        '{"properties": {"x": {"type": "strong"}}}',
        '{"properties": {"x": {"pattern": "("}}}',
        '{"required": 3}',
    ],
)
def test_what_is_no_json_schema_is_none(text: str) -> None:
    assert ToolSchema.parse(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("not express, standard please", "standard"),
        ("standard instead of express", "standard"),
        ("I don't want standard but express", "express"),
        ("no, express", "express"),
    ],
)
def test_an_option_that_is_denied_is_not_taken(text: str, value: str) -> None:
    speed = schema(speed={"enum": ["express", "standard"]})
    assert find_arguments(speed, [text]) == {"speed": value}


ORDER = {"type": "string", "pattern": "^LF-\\d{6}$"}


@pytest.mark.parametrize(
    ("rules", "said", "is_refused"),
    [
        ({"order_id": ORDER}, ["my order is LF-123456"], False),
        ({"order_id": ORDER}, ["my order number is 99-12"], True),
        ({"order_id": ORDER}, ["my order number is 99-12", "sorry, order LF-123456"], False),
        ({"order_id": ORDER}, ["where is my order, it cost 99-12 or so"], False),
        ({"order_id": ORDER}, ["a claim CL-5521, not an order"], False),
        ({"order_id": {"type": "string"}}, ["my order is 99-12"], False),
        ({"speed": {"enum": ["express"]}}, ["please not express"], True),
        ({"speed": {"enum": ["express", "standard"]}}, ["not express"], False),
        ({"speed": {"const": "express"}}, ["not express", "well, express then"], False),
        ({"quantity": {"type": "integer", "maximum": 5}}, ["a quantity of 30"], True),
        ({"quantity": {"type": "integer", "maximum": 5}}, ["I paid 30"], False),
    ],
)
def test_a_tool_is_contradicted_by_what_was_said_last(
    rules: dict[str, dict[str, object]], said: list[str], is_refused: bool
) -> None:
    found = Context("c", len(said), tuple(Turn("customer", text) for text in said))
    assert is_contradicted(schema(tuple(rules), **rules), found) == is_refused
