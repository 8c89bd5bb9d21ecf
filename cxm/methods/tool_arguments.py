"""Arguments of a tool call, found in what was said before and checked against a JSON Schema.

A kind of value that can be read out of a text belongs here. Which tool to call is decided in
`cxm.methods.tool_choice`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxm.methods.dialogues import Context

_LOG = logging.getLogger(__name__)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)?(?![\w])")
# Order numbers and the like: four characters or more, at least one a digit.
_CODE = re.compile(r"(?<![\w.,])#?(?=[\w-]*\d)[A-Za-z0-9][\w-]{3,}(?![\w@])")
_FORMATS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
    "phone": re.compile(r"\+?\d[\d ()-]{6,}\d"),
}
_IS_CODE = frozenset({"id", "ids", "number", "no", "code", "reference", "ref", "sku", "tracking"})
_NO = re.compile(r"\b(?:no|not|don'?t|without|never)\b[^.?!]*$", re.IGNORECASE)
# A denial right before what is denied: "not the red one", "instead of express".
_NOT_THIS = re.compile(
    r"\b(?:not|no|never|without|instead of|rather than|(?:do|did|does|is|was|wo)n['’]?t)"
    r"(?: want| need| like| mean)?"
    r"(?:\s+(?:the|a|an|any|by|with|in|for|to|it|want|need|be))*\s+$",
    re.IGNORECASE,
)
_BEFORE_CODE = r"(?:\s+(?:id|number|no\.?|code|reference|ref|is|was|it|it's|:|#))*[\s:#=]*"
_MAX_VALUE = 100


@dataclass(frozen=True)
class ToolSchema:
    """A tool's parameters: the schema of each by name, which must be given, and the schema as it stands."""

    properties: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    whole: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def parse(text: str) -> ToolSchema | None:
        """The schema, None if the text is no JSON Schema of an object. Empty text: no parameters."""
        try:
            schema = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError):
            return None
        properties = schema.get("properties", {}) if isinstance(schema, dict) else None
        if not isinstance(properties, dict) or not all(isinstance(p, dict) for p in properties.values()):
            return None
        if not _is_schema(schema):
            return None
        return ToolSchema(properties, tuple(schema.get("required", [])), schema)


@dataclass(frozen=True)
class ToolCall:
    """A chosen tool, None for none; `arguments` None where its schema cannot be read."""

    name: str | None = None
    arguments: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    is_valid: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether it can be made as it stands."""
        return self.is_valid and not self.missing


def parse_schemas(parameters: Mapping[str, str]) -> dict[str, ToolSchema | None]:
    """The schema of each tool by name; one that cannot be read is logged and None."""
    schemas = {name: ToolSchema.parse(text) for name, text in parameters.items()}
    for name in sorted(name for name, schema in schemas.items() if schema is None):
        _LOG.warning("tool '%s': parameters are no JSON Schema of an object; its arguments stay empty", name)
    return schemas


def fill_call(name: str | None, schemas: Mapping[str, ToolSchema | None], context: Context) -> ToolCall:
    """The call of a chosen tool with what the customer said; what nobody said, tools may have returned."""
    schema = schemas[name] if name else None
    if schema is None:
        return ToolCall(name)
    said = [turn.text for turn in context.turns if turn.speaker == "customer"]
    arguments = find_arguments(schema, said)
    if missing := missing_arguments(schema, arguments):
        returned = [turn.text for turn in context.turns if turn.speaker == "system"]
        found = find_arguments(schema, returned)
        arguments |= {parameter: found[parameter] for parameter in missing if parameter in found}
    missing = missing_arguments(schema, arguments)
    return ToolCall(name, arguments, tuple(missing), bool(missing) or _conforms(arguments, schema.whole))


def ask_for(schema: ToolSchema | None, missing: Sequence[str]) -> list[str]:
    """A question for each missing parameter, in the words of its description."""
    questions = []
    for name in missing:
        meaning = (schema.properties.get(name, {}) if schema else {}).get("description")
        subject = meaning if isinstance(meaning, str) and meaning.strip() else " ".join(name_words(name))
        questions.append(f"May I have this, please: {subject.strip().rstrip('.?!')}?")
    return questions


def find_arguments(schema: ToolSchema, texts: Sequence[str]) -> dict[str, Any]:
    """Values for the parameters, from the texts (in order of time; the latest mention wins).

    Only values that the schema allows; a parameter that is not spoken of is left out.
    """
    found = {}
    for name, rules in sorted(schema.properties.items()):
        for text in reversed(texts):
            value = next((v for v in _candidates(name, rules, text) if _is_valid(v, rules)), None)
            if value is not None:
                found[name] = value
                break
    return found


def is_contradicted(schema: ToolSchema | None, context: Context) -> bool:
    """Whether the customer gave a required value, last of all, that the schema does not allow.

    Only what is told apart from other talk counts: numbers and codes that are spoken of by the
    parameter's name, and options all of which are denied.
    """
    if schema is None:
        return False
    said = [turn.text for turn in context.turns if turn.speaker == "customer"]
    return any(_is_refused(name, schema.properties.get(name, {}), said) for name in schema.required)


def _is_refused(name: str, rules: dict[str, Any], texts: Sequence[str]) -> bool:
    if (options := _options(rules)) is not None:
        return bool(options) and _denied(options, texts) == len(options)
    for text in reversed(texts):
        if values := _given(name, rules, text):
            return not any(_is_valid(value, rules) for value in values)
    return False


def _given(name: str, rules: dict[str, Any], text: str) -> list[Any]:
    """What a text gives by the parameter's name that is sure to be meant for it."""
    kind = _type(rules)
    if kind in ("integer", "number"):
        is_named = any(word in text.lower() for word in name_words(name))
        return _candidates(name, rules, text) if is_named else []
    subject = [part for part in name_words(name) if part not in _IS_CODE]
    if kind == "string" and isinstance(rules.get("pattern"), str) and subject:
        label = r"[\s_-]+".join(re.escape(part) for part in subject)
        named = re.compile(rf"\b{label}{_BEFORE_CODE}({_CODE.pattern})", re.IGNORECASE)
        return [match.group(1).lstrip("#").rstrip("-") for match in named.finditer(text)]
    return []


def _denied(options: Sequence[Any], texts: Sequence[str]) -> int:
    """How many options are denied where they are last spoken of."""
    last: dict[int, bool] = {}
    for text in texts:
        for option, is_denied in _spoken_options(options, text):
            last[option] = is_denied
    return sum(last.values())


def missing_arguments(schema: ToolSchema, found: dict[str, Any]) -> list[str]:
    """Required parameters without a value."""
    return [name for name in schema.required if name not in found]


def name_words(name: str) -> list[str]:
    """`orderId`, `order_id` or `order-id` as ["order", "id"]."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def _type(rules: dict[str, Any]) -> str:
    kind = rules.get("type", "string")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "string")
    return str(kind)


def _candidates(name: str, rules: dict[str, Any], text: str) -> list[Any]:
    if (options := _options(rules)) is not None:
        return [options[i] for i, is_denied in _spoken_options(options, text)[::-1] if not is_denied]
    kind = _type(rules)
    if kind in ("integer", "number"):
        return _numbers(name, kind, text)
    if kind == "boolean":
        return _booleans(name, text)
    return list(_strings(name, rules, text)) if kind == "string" else []


def _options(rules: dict[str, Any]) -> list[Any] | None:
    """The only values there are for a parameter, None where there is no such list."""
    if "const" in rules:
        return [rules["const"]]
    return rules["enum"] if isinstance(rules.get("enum"), list) else None


def _spoken_options(options: Sequence[Any], text: str) -> list[tuple[int, bool]]:
    """(which, whether it is denied) of options spoken of, in order; the longer last where two begin alike."""
    spoken = []
    for i, option in enumerate(options):
        spelt = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[\s_-]+", str(option)) if word)
        for match in re.finditer(rf"(?<!\w){spelt}(?!\w)", text, re.IGNORECASE) if spelt else ():
            is_denied = bool(_NOT_THIS.search(text[: match.start()]))
            spoken.append((match.start(), len(match.group()), i, is_denied))
    return [(i, is_denied) for *_, i, is_denied in sorted(spoken)]


def _numbers(name: str, kind: str, text: str) -> list[Any]:
    """Numbers in the text, those nearest after or before a word of the parameter's name first."""
    places = [m.span() for word in name_words(name) for m in re.finditer(re.escape(word), text.lower())]
    matches = list(_NUMBER.finditer(text))
    if places:
        matches.sort(
            key=lambda match: (min(_distance(match.span(), place) for place in places), match.start())
        )
    elif len(matches) != 1:
        return []
    values = [float(match.group().replace(",", ".")) for match in matches]
    return [int(v) if kind == "integer" else v for v in values if kind == "number" or v.is_integer()]


def _distance(number: tuple[int, int], word: tuple[int, int]) -> int:
    """Characters between a number and a word; twice as many where the number stands before it."""
    return number[0] - word[1] if number[0] >= word[1] else 2 * (word[0] - number[1])


def _booleans(name: str, text: str) -> list[bool]:
    spoken = [
        word for word in name_words(name) if word not in ("is", "has", "with", "include", "wants", "needs")
    ]
    places = [re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE) for word in spoken]
    if not places or not all(places):
        return []
    start = min(match.start() for match in places if match)
    return [not _NO.search(text[:start])]


def _strings(name: str, rules: dict[str, Any], text: str) -> list[str]:
    parts = name_words(name)
    for format_name, pattern in _FORMATS.items():
        if rules.get("format") == format_name or format_name in parts:
            return [match.group() for match in pattern.finditer(text)]
    if isinstance(rules.get("pattern"), str):
        return [word.strip(".,;:!?()\"'") for word in text.split()]
    label = r"[\s_-]+".join(re.escape(part) for part in parts)
    named = rf"\b{label}\b(?:\s+(?:is|are|was|number|no\.?))*\s*[:=#]?\s*[\"']?([^\s\"',;?!][^\n\"',;?!]*)"
    if _IS_CODE & set(parts):
        subject = [part for part in parts if part not in _IS_CODE]
        codes = [match.group().lstrip("#").rstrip("-") for match in _CODE.finditer(text)]
        codes = [code for code in codes if not _FORMATS["date"].fullmatch(code)]
        is_named = not subject or any(part in text.lower() for part in subject)
        return codes if is_named or len(codes) == 1 else []
    if parts[-1:] == ["name"]:
        named = r"(?i:\bmy name is|\bi am|\bi'm|\bthis is)\s+((?:[A-Z][\w'-]+\s?){1,3})"
        return [match.group(1).strip() for match in re.finditer(named, text)]
    return [match.group(1).rstrip(". ") for match in re.finditer(named, text, re.IGNORECASE)]


def _is_valid(value: Any, rules: dict[str, Any]) -> bool:
    """Whether a value obeys its schema; texts also may be neither empty nor very long."""
    if isinstance(value, str) and not 1 <= len(value) <= _MAX_VALUE:
        return False
    return _conforms(value, rules)


def _is_schema(schema: dict[str, Any]) -> bool:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError):
        return False
    return True


def _conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what a JSON Schema allows; one that cannot be applied allows nothing."""
    from jsonschema import Draft202012Validator
    from referencing.exceptions import Unresolvable

    try:
        return bool(Draft202012Validator(schema).is_valid(value))
    except (re.error, RecursionError, Unresolvable):
        return False
