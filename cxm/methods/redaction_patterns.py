"""Patterns of personal data that show by their form: cards, IBANs, e-mail, phones, numbers, addresses.

A kind of personal data belongs here if its form gives it away, written or spoken digit by digit.
Names are found in `redaction_names`, what is done with a place in `redaction`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

DIGIT_WORDS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_REPEATS = {"double": 2, "triple": 3}
_FILLERS = "uh|um|er|erm|uhm|hm"
_NUMBER_WORD = "|".join([*DIGIT_WORDS, *_REPEATS])
_GAP = rf"[\s,.-]+(?:(?:{_FILLERS})[\s,.-]+)*"
_STREET = (
    "street|st|road|rd|lane|ln|avenue|ave|drive|dr|close|court|crescent|row|walk|way|place|square|terrace|"
    "gardens?|grove|hill|view|parade|rise|green|park|mews|quay|boulevard|blvd|highway|parkway|circle|end|"
    "yard|wharf|bank|field|fields|meadow|meadows|vale|croft|drove|embankment|esplanade|promenade|alley"
)
_NUMERAL = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred"
)
_TLD = (
    "com|org|net|edu|gov|info|biz|app|dev|example|test|invalid|local|"
    "co|io|me|ai|tv|uk|de|fr|es|it|nl|be|eu|us|ca|au|ch|at|ie|pl|se|no|dk|fi|pt|in|jp|br"
)
_UNITS = (
    "euros?|eur|pounds?|gbp|dollars?|usd|chf|points?|miles?|km|kilomet\\w+|met\\w+|people|customers|hours?|"
    "minutes?|watts?|rpm|mah|lumens?|percent|%|€|£|\\$"
)


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a text are personal data of a kind."""

    start: int
    end: int
    kind: str


def is_luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (Luhn, ISO/IEC 7812-1)."""
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616, modulo 97)."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved.upper())) % 97 == 1


def plain_digits(text: str) -> str:
    """Letters and digits of a number as written or spoken: `l f nine double two` is `LF922`."""
    found, times = [], 1
    for word in re.findall(r"[a-z]+|\d", text.casefold()):
        if word in _REPEATS:
            times = _REPEATS[word]
            continue
        if re.fullmatch(_FILLERS, word):
            continue
        found.append(DIGIT_WORDS.get(word, word) * times)
        times = 1
    return "".join(found).upper()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_EMAIL = _pattern(r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_SPOKEN_PART = rf"[a-z0-9]{{1,40}}(?:[ ](?:{_NUMBER_WORD}|{_NUMERAL}))*"
_SPOKEN_EMAIL = _pattern(
    rf"\b{_SPOKEN_PART}(?:[ ](?:dot|underscore|dash|hyphen|minus)[ ]{_SPOKEN_PART}){{0,5}}[ ]at[ ]"
    rf"[a-z0-9]+(?:[ ](?:dot|dash|hyphen)[ ][a-z0-9]+){{0,4}}?(?:[ ]dot[ ](?:{_TLD})\b)+"
)
_IBAN = _pattern(r"\b[a-z]{2}\d{2}(?:[ ]?[a-z0-9]{4}){2,7}(?:[ ]?[a-z0-9]{1,3})?\b")
_DIGITS = _pattern(r"(?<![\w.,])\+?\(?\d(?:[ ()/.-]{0,2}\d){3,}(?!\w)")
_SPOKEN = _pattern(
    rf"\b(?:(?:[a-z]\b{_GAP}){{1,4}})?(?:(?:(?:{_NUMBER_WORD})\b|\d+){_GAP}){{3,}}(?:(?:{_NUMBER_WORD})\b|\d+)"
)
_CODE = _pattern(r"(?<![\w@./-])(?=[\w-]{0,30}\d)[a-z]{1,6}[- ]?\d[\da-z-]{3,30}(?!\w)")
_CUED_CODE = _pattern(
    r"\b(?:order|booking|confirmation|reference|ref|ticket|case|policy|contract|customer|costumer|account|"
    r"member(?:ship)?|invoice|parcel|tracking|record locator|pnr|meter|serial)\b"
    r"(?:[ ]?(?:number|no|nr|code|id)\b)?[.:#]*[ ]?(?:is|was|[:#-])?[ ]?#?"
    r"(?P<code>(?=[a-z0-9-]{0,30}\d)[a-z0-9][a-z0-9-]{3,30})\b"
)
_DATE = _pattern(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})")
_DECIMAL = re.compile(r"\d+\.\d{1,2}")
_UK_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b")
_NOT_STREETS = (
    "is|are|was|on|in|at|by|its|it|the|with|his|her|my|our|your|to|of|for|from|has|have|and|or|than|more"
)
_SPELT_HOUSE = rf"(?:(?:{_NUMERAL})[ -](?:and[ ])?){{0,4}}(?:{_NUMERAL})"
_HOUSE = rf"(?:\d{{1,5}}[a-z]?|{_SPELT_HOUSE})"
_TOWN = r"(?:,?[ ]+(?:[A-Z][\w'’-]+)(?:[ ](?:upon|on|in|the|under|[A-Z][\w'’-]+)){0,3})?"
_ADDRESS = re.compile(
    rf"\b(?i:{_HOUSE},?[ ]+(?:(?!(?:{_NOT_STREETS})\b)[\w'’-]+[ ]){{1,3}}?(?:{_STREET})\b)\.?"
    rf"(?P<town>{_TOWN})"
)
_ADDRESS_LINE = re.compile(
    r"^[ >]*(?P<line>\d{1,4}[a-z]?,?[ ][A-Z][\w'’-]+(?:[ ][A-Z][\w'’-]+){0,3})[ ]*\n(?=[ >]*\d{4,5}\b)",
    re.MULTILINE,
)
_GERMAN_ADDRESS = _pattern(
    r"(?<![\w-])[\wäöüß-]{1,40}(?:straße|strasse|str\.|weg|platz|allee|gasse)[ ]\d{1,4}[ ]?[a-z]?\b"
)
_PROPER = r"[A-Z][\w'’-]+(?:[ ][A-Z][\w'’-]+){0,2}"
_TOWN_AFTER_CODE = re.compile(
    rf"(?<![\w.,-])\d{{4,5}}[ ]+(?P<town>(?!(?i:{_UNITS})\b){_PROPER})[ ]*$", re.MULTILINE
)
# A street that does not end like one (Castlegate, Ropewalk) is told by what comes before it.
_CUED_ADDRESS = re.compile(
    rf"(?i:\b(?:(?:live|living|stay|staying|am|i'm) at|address(?:'s| is| was)?:?|"
    rf"(?:deliver\w*|ship\w*|send|sent|mov(?:e|ed|ing))[ ](?:it |them |this )?to|\d{{5}}),?[ ])"
    rf"(?P<line>\d{{1,4}}[a-z]?,?[ ](?:{_PROPER}(?:,[ ]{_PROPER})?|[a-z'’-]{{4,}}(?=[,.!?\n]|$)))",
    re.MULTILINE,
)
_AFTER_STREET = re.compile(r",?[ ]([^\W\d_]{3,})(?:[ ]([^\W\d_]{3,}))?")
_POSTCODE_CUE = _pattern(r"(?:post\s?-?codes?|zip|postal)\W+(?:\w+\W+){0,3}$")
_ACCOUNT_CUE = _pattern(r"(?:account|customer|costumer|member\w*)\W+(?:\w+\W+){0,3}$")
_UNIT_AFTER = _pattern(rf"[ -]?(?:{_UNITS})\b")
_CURRENCY_BEFORE = re.compile(r"[€£$][ ]?$")


def towns_in(text: str) -> Iterator[str]:
    """What may be a town: one or two words that follow a street or a postcode, whatever their letters."""
    for found in _ADDRESS.finditer(text):
        after = _AFTER_STREET.match(text, found.start("town"))
        if after:
            yield after[1].casefold()
            if after[2]:
                yield f"{after[1]} {after[2]}".casefold()
    for found in _TOWN_AFTER_CODE.finditer(text):
        yield found["town"].casefold()


def find_by_form(text: str) -> list[Span]:
    """Every place whose form gives it away, in the order of the rules; places may overlap."""
    return [span for rule in _RULES for span in rule(text)]


def _emails(text: str) -> Iterator[Span]:
    for pattern in (_EMAIL, _SPOKEN_EMAIL):
        if pattern is _SPOKEN_EMAIL and " dot " not in text.casefold():
            continue
        yield from (Span(*found.span(), "email") for found in pattern.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        if is_iban(found[0].replace(" ", "")):
            yield Span(*found.span(), "iban")


def _numbers(text: str) -> Iterator[Span]:
    for pattern in (_DIGITS, _SPOKEN, _CODE):
        for found in pattern.finditer(text):
            number = plain_digits(found[0])
            kind = _kind_of_number(number, found[0], text[: found.start()])
            if kind and not _is_quantity(text, found, number):
                yield Span(*found.span(), kind)
    for found in _CUED_CODE.finditer(text):
        is_account = re.match("(?:customer|costumer|account|member)", found[0], re.IGNORECASE)
        yield Span(*found.span("code"), "account" if is_account else "order")
    yield from (Span(*found.span(), "postcode") for found in _UK_POSTCODE.finditer(text))


def _kind_of_number(number: str, written: str, before: str) -> str | None:
    """What a run of digits (perhaps with letters) is; None if it is too short to name anyone."""
    digits = re.sub(r"\D", "", number)
    is_plain = digits == number
    if is_plain and 13 <= len(digits) <= 19 and is_luhn(digits):
        return "card"
    if len(digits) < 5:
        return None
    if not is_plain:
        return "order"
    tail = before[-60:]
    if _POSTCODE_CUE.search(tail):
        return "postcode"
    has_form = written.lstrip("(")[0] in "+0" or re.search(r"\d[ ()/.-]+\d", written)
    if 7 <= len(digits) <= 15 and has_form and not _DATE.fullmatch(written.strip()):
        return "phone"
    if _ACCOUNT_CUE.search(tail) or len(digits) >= 9:
        return "account"
    return "postcode" if len(digits) == 5 else "order"


def _is_quantity(text: str, found: re.Match[str], number: str) -> bool:
    """Money, measures and dates are no personal data."""
    if _DATE.fullmatch(found[0].strip()) or _DECIMAL.fullmatch(found[0].strip()):
        return True
    if len(number) > 7 or not number.isdigit():
        return False
    return bool(_UNIT_AFTER.match(text, found.end()) or _CURRENCY_BEFORE.search(text[: found.start()]))


def _addresses(text: str) -> Iterator[Span]:
    for pattern in (_ADDRESS, _GERMAN_ADDRESS):
        yield from (Span(*found.span(), "address") for found in pattern.finditer(text))
    lines = (_ADDRESS_LINE, "line"), (_CUED_ADDRESS, "line"), (_TOWN_AFTER_CODE, "town")
    for pattern, group in lines:
        yield from (Span(*found.span(group), "address") for found in pattern.finditer(text))


_RULES: tuple[Callable[[str], Iterator[Span]], ...] = (_emails, _ibans, _numbers, _addresses)
