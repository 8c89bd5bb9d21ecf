"""What a sentence states, term by term: a neutral form that does not depend on its facts, and the facts.

"You cannot return it within 30 days" and "You can return it within 14 days" have the same neutral
terms; they differ in the values `not` and `14`. A new kind of fact (a unit, a pair of opposites, a
closed set of names) belongs here. Which sentences are compared is decided in
`cxm.methods.alignment`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

WORD_PATTERN = r"[%$€£¥]|\w+(?:[.,:'’]\w+)*"

NUMBER, NEGATION, OPPOSITE, NAMED = 1, 2, 3, 4
"""Kinds of fact; 0 is an ordinary term. A negation stands on the term that it negates."""

_NEGATIONS = frozenset({"not", "never", "cannot", "without", "neither", "nor", "no"})
# "do not press" against "press": the auxiliary carries nothing once its negation is taken off.
_EMPTY_AUXILIARIES = frozenset({"do", "does", "did"})
# A negation passes over these: "without a key" negates the key.
_LIGHT = frozenset(
    {"a", "an", "the", "any", "to", "be", "been", "being", "yet", "also", "only", "just", "and", "or", "of"}
)
_CURRENCIES = frozenset("$€£¥%")
_SEVERAL = {"cannot": "can", "won't": "will", "can't": "can", "shan't": "shall"}

# One line a slot: two or more sides, each with its spellings. Two sides exclude each other.
_OPPOSITES = """
enable enables enabled enabling | disable disables disabled disabling
activate activates activated activating | deactivate deactivates deactivated deactivating
on | off
open opens opened opening | close closes closed closing
automatic automatically auto | manual manually
allow allows allowed permit permits permitted | forbid forbids forbidden prohibit prohibits prohibited
include includes included including | exclude excludes excluded excluding
accept accepts accepted | reject rejects rejected refuse refuses refused decline declines declined
increase increases increased increasing | decrease decreases decreased decreasing reduce reduces reduced
add adds added adding | remove removes removed removing
connect connects connected | disconnect disconnects disconnected
install installs installed | uninstall uninstalls uninstalled
lock locks locked | unlock unlocks unlocked
show shows shown display displays displayed | hide hides hidden
start starts started begin begins | stop stops stopped end ends
always | sometimes rarely seldom occasionally
before | after
above | below
first | last
maximum most | minimum least
more | fewer less
up | down
inside indoors | outside outdoors
online | offline
free complimentary | paid charged chargeable
required mandatory compulsory needed | optional voluntary
available | unavailable
possible | impossible
valid | invalid
eligible | ineligible
supported | unsupported
refundable | nonrefundable
public | private
permanent permanently | temporary temporarily
daily | weekly | monthly | yearly annually
domestic | international
wired | wireless
safe | unsafe dangerous
internal | external
upper | lower
left | right
front | rear
hot | cold
same | different
every | some
all | none
single | double
incoming | outgoing
upload uploads uploaded | download downloads downloaded
monday | tuesday | wednesday | thursday | friday | saturday | sunday
january | february | march | april | june | july | august | september | october | november | december
red | green | blue | yellow | black | white | orange | purple | grey gray
email e-mail mail | phone telephone | chat | post
"""
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve
thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
"""
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
# "one" is mostly a pronoun.
_NUMBERS = {word: str(i) for i, word in enumerate(_NUMBER_WORDS.split()) if i != 1} | {
    w: str(n) for w, n in _TENS.items()
}
NUMBER_WORDS = tuple(_NUMBERS)
_ONES = {"one": "1", **{word: n for word, n in _NUMBERS.items() if len(n) == 1}}
_COMPOUNDS = {
    f"{ten}{gap}{one}": str(n + int(ones))
    for ten, n in {"twenty": 20, **_TENS}.items()
    for one, ones in _ONES.items()
    for gap in "- "
    if ones != "0"
} | {f"{word} and a half": f"{n}.5" for word, n in {**_NUMBERS, **_ONES}.items()}
# "5 working days" counts days.
_OF_UNITS = frozenset({"working", "business", "calendar", "full", "whole", "more", "further"})
# How many of the smallest unit of its kind each one is: 48 hours are 2 days, 2 years are 24 months.
_SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 1, "year": 12}
_TIME_UNITS = {form: unit for unit in _SPANS for form in (unit, unit + "s")} | {
    "sec": "second",
    "secs": "second",
    "min": "minute",
    "mins": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
}
_MONEY = {
    "euro": "€",
    "eur": "€",
    "dollar": "$",
    "usd": "$",
    "gbp": "£",
    "yen": "¥",
    "percent": "%",
    "pct": "%",
}
_PLURALS = {
    "people": "person",
    "persons": "person",
    "children": "child",
    "feet": "foot",
    "men": "man",
    "women": "woman",
}
# Between two numbers of one unit: "at 80 and at 100 percent", "120 by 38 centimetres".
_JOINING, _BESIDE = frozenset({"and", "or", "to", "by", "x", "until"}), frozenset({"at", "up", "from"})
# What follows a number and is no unit.
_NO_UNIT_WORDS = """
a an the and or to by of in on at for from with is are was be been has have will can must before after
until if when as that which than then so per it you we they this these also only not no but
"""
_NO_UNITS = frozenset(_NO_UNIT_WORDS.split())
_NAMED_LINES = ("monday", "january", "red", "email")


def _slots() -> dict[str, tuple[str, str, int]]:
    """Word to (neutral term, value, kind) for every spelling of `_OPPOSITES`."""
    found = {}
    for line in _OPPOSITES.strip().splitlines():
        sides = [side.split() for side in line.split("|")]
        slot = f"±{sides[0][0]}"
        kind = NAMED if sides[0][0] in _NAMED_LINES else OPPOSITE
        found.update({word: (slot, side[0], kind) for side in sides for word in side})
    return found


_SLOTS = _slots()


def _first_forms() -> dict[str, tuple[str, ...]]:
    lines = [[side.split() for side in line.split("|")] for line in _OPPOSITES.strip().splitlines()]
    return {
        word: tuple(other[min(i, len(other) - 1)] for other in line if other is not side)
        for line in lines
        for side in line
        for i, word in enumerate(side)
        # "on" and "off", "left" or "all" have too many other uses to be turned blindly.
        if word not in _AMBIGUOUS
    }


_AMBIGUOUS = frozenset(
    {
        "on",
        "off",
        "up",
        "down",
        "left",
        "right",
        "last",
        "first",
        "all",
        "none",
        "some",
        "every",
        "more",
        "most",
        "end",
        "start",
        "may",
        "post",
    }
)
OPPOSITES = _first_forms()
"""Word to the words that exclude it, in the like form."""
_IS_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# Numbers in other ways of writing: "30min" and "12V" are a number and its unit.
_WRITTEN = (
    (r"\b(\d+(?:[.,]\d+)*)(\p{L}{1,4})\b", "$1 $2"),
    (r"(?i)\b(\d{1,2}(?:[.:]\d{2})?) ([ap]m)\b", "$1$2"),
    (r"(\d) and a half\b", "$1.5"),
    (r"(?i)\bhalf an? ", "0.5 "),
    (r"(?i)\bper cent\b", "%"),
)
# "IP54" and "A4" are values of a kind that the letters name.
_CLOCK = re.compile(r"\d{1,2}(?:[.:]\d{2})?[ap]m")
_CODE = re.compile(r"([a-z]{1,4})(\d{1,4})")


def _describe_word(word: str) -> tuple[str, str, int, bool]:
    """(neutral term, value, kind, whether it negates the next term) of one lower-case token."""
    word = word.replace("’", "'")
    if word.endswith("n't"):
        return _SEVERAL.get(word, word[:-3]), "", 0, True
    if word in _NEGATIONS:
        return _SEVERAL.get(word, "with" if word == "without" else ""), "", 0, True
    if word in _SLOTS:
        return *_SLOTS[word], False
    if word in _NUMBERS or _IS_NUMBER.fullmatch(word):
        value = _NUMBERS.get(word, word)
        # 1,000 and 1000 are one value; 1.5 is another.
        value = value.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+", value) else value
        # So are 49 and 49.00; 2.10 may be a version or a time of day.
        value = re.sub(r"^(\d+)\.0+$", r"\1", value)
        return "#", value, NUMBER, False
    if _CLOCK.fullmatch(word):
        return "#clock", word, NUMBER, False
    if code := _CODE.fullmatch(word):
        return f"#code {code[1]}", code[2], NUMBER, False
    if word in _TIME_UNITS:
        return "time", _TIME_UNITS[word], 0, False
    if word in _PLURALS:
        return _PLURALS[word], "", 0, False
    word = _MONEY.get(word.removesuffix("s"), word)
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return (word[:-1] if plural else word), "", 0, False


def describe_terms(texts: Sequence[str]) -> pl.DataFrame:
    """The terms of each text: `text` (its number), `place`, `neutral`, `value`, `kind`,
    `is_name` (written with a capital letter inside the text).

    Sorted by text and place. A number's neutral term names its unit (the currency sign before it or
    the word after it, of several joined numbers the last one's); times have one unit and are written in
    the largest that they are a whole number of, so that 2 days and 48 hours are equal. A negation is
    the value of the term after it. Texts without a word have no row.
    """
    tokens = (
        pl.DataFrame(
            {"text": pl.Series(range(len(texts)), dtype=pl.Int32), "token": pl.Series(texts, dtype=pl.String)}
        )
        .with_columns(_write_numbers(pl.col("token")).str.extract_all(WORD_PATTERN))
        .explode("token")
        .drop_nulls("token")
        .with_columns(
            is_name=(pl.int_range(pl.len()).over("text") > 0) & pl.col("token").str.contains(r"^\p{Lu}"),
            token=pl.col("token").str.to_lowercase(),
        )
    )
    words = tokens["token"].unique(maintain_order=True).to_list()
    columns = list(zip(*map(_describe_word, words), strict=True)) or [(), (), (), ()]
    lexicon = pl.DataFrame(
        dict(zip(("neutral", "value", "kind", "negates"), columns, strict=True)) | {"token": words},
        schema={
            "neutral": pl.String,
            "value": pl.String,
            "kind": pl.Int8,
            "negates": pl.Boolean,
            "token": pl.String,
        },
    )
    terms = tokens.join(lexicon, on="token", how="left", validate="m:1", maintain_order="left")
    terms = _take_units(_take_negations(terms))
    return terms.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int32).over("text")).select(
        "text", "place", "neutral", "value", "kind", "is_name"
    )


def _write_numbers(text: pl.Expr) -> pl.Expr:
    text = text.str.replace_many(_COMPOUNDS, ascii_case_insensitive=True, leftmost=True)
    for written, meant in _WRITTEN:
        text = text.str.replace_all(written, meant)
    return text


def _take_negations(terms: pl.DataFrame) -> pl.DataFrame:
    """Move each negation onto the next term that carries meaning, and take empty terms away."""
    light = pl.col("neutral").is_in(sorted(_LIGHT))
    do = pl.col("neutral").is_in(sorted(_EMPTY_AUXILIARIES))
    is_beside = do & (pl.col("negates") | pl.col("negates").shift(-1).over("text").fill_null(False))
    marked = terms.with_columns(
        n_negations=pl.col("negates").cum_sum().over("text"),
        carries=~pl.col("negates") & ~light & ~do,
    ).with_row_index("row")
    targets = (
        marked.filter("carries")
        .with_columns(seen=pl.col("n_negations").shift(1).over("text").fill_null(0))
        .select("row", is_negated=pl.col("n_negations") > pl.col("seen"))
    )
    kept = marked.with_columns(is_beside=is_beside).join(
        targets, on="row", how="left", validate="1:1", maintain_order="left"
    )
    kept = kept.filter((pl.col("neutral") != "") & ~pl.col("is_beside"))
    is_negated = pl.col("is_negated").fill_null(False)
    return kept.with_columns(
        value=pl.when(is_negated).then("not " + pl.col("value")).otherwise("value"),
        kind=pl.when(is_negated & (pl.col("kind") == 0)).then(pl.lit(NEGATION, pl.Int8)).otherwise("kind"),
    )


def _take_units(terms: pl.DataFrame) -> pl.DataFrame:
    """Name each number's unit in its neutral term; a time's unit stands in its value instead."""
    is_working = pl.col("neutral").is_in(sorted(_OF_UNITS)) & (_ahead("neutral", 1) == "time")
    terms = _share_units(_find_units(_read_ones(terms.filter(~is_working))))
    times = terms.filter(pl.col("time") != "").select("value", "time").unique(maintain_order=True)
    spans = pl.Series("span", [_write_span(*row) for row in times.iter_rows()], dtype=pl.String)
    return terms.join(
        times.with_columns(spans), on=["value", "time"], how="left", validate="m:1", maintain_order="left"
    ).with_columns(
        neutral=pl.when("is_number").then("#" + pl.col("unit")).otherwise("neutral"),
        value=pl.when(pl.col("neutral") == "time").then(pl.lit("")).otherwise(pl.coalesce("span", "value")),
    )


def _ahead(name: str, n: int) -> pl.Expr:
    return pl.col(name).shift(-n).over("text").fill_null("")


def _read_ones(terms: pl.DataFrame) -> pl.DataFrame:
    """The terms with `is_number`; "one" is a number only before what is counted elsewhere."""
    is_number = (pl.col("kind") == NUMBER) & (pl.col("neutral") == "#")
    counted = terms.filter(is_number.shift(1).over("text").fill_null(False))["neutral"].unique()
    is_one = (pl.col("neutral") == "one") & _ahead("neutral", 1).is_in(sorted({"time", *counted} - _NO_UNITS))
    return terms.with_columns(is_number=is_number | is_one).with_columns(
        value=pl.when(is_one).then(pl.lit("1")).otherwise("value"),
        kind=pl.when(is_one).then(pl.lit(NUMBER, pl.Int8)).otherwise("kind"),
        neutral=pl.when(is_one).then(pl.lit("#")).otherwise("neutral"),
    )


def _find_units(terms: pl.DataFrame) -> pl.DataFrame:
    """`unit` of each number, "" without, and `time`, the time unit itself."""
    before, after = pl.col("neutral").shift(1).over("text").fill_null(""), _ahead("neutral", 1)
    is_currency = before.is_in(sorted(_CURRENCIES - {"%"}))
    is_none = after.is_in(sorted(_NO_UNITS)) | after.str.contains(r"^[#±]")
    unit = pl.when(is_currency).then(before).when(~is_none).then(after).otherwise(pl.lit(""))
    time = pl.when(unit == "time").then(_ahead("value", 1))
    return terms.with_columns(
        unit=pl.when("is_number").then(unit).otherwise(pl.lit("")),
        time=pl.when("is_number").then(time).fill_null(""),
    )


def _share_units(terms: pl.DataFrame) -> pl.DataFrame:
    """A number that is joined to another has its unit: "at 80 and at 100 percent"."""
    is_joined = pl.col("is_number") & _ahead("neutral", 1).is_in(sorted(_JOINING))
    is_apart = _ahead("neutral", 2).is_in(sorted(_BESIDE)) & (_ahead("neutral", 3) == "#")
    return terms.with_columns(
        pl.when(is_joined & (_ahead("neutral", 2) == "#"))
        .then(_ahead(name, 2))
        .when(is_joined & is_apart)
        .then(_ahead(name, 3))
        .otherwise(name)
        .alias(name)
        for name in ("unit", "time")
    )


def _write_span(value: str, unit: str) -> str:
    """A time in the largest unit that it is a whole number of: "48", "hour" is "2 day"."""
    sign = "not " if value.startswith("not ") else ""
    number = value.removeprefix("not ").replace(",", ".")
    try:
        smallest = round(float(number) * _SPANS[unit], 6)
    except ValueError:  # a time of day, or a version
        return f"{value} {unit}"
    units = ("year", "month") if unit in ("year", "month") else ("week", "day", "hour", "minute", "second")
    fit = next((u for u in units if smallest >= _SPANS[u] and smallest % _SPANS[u] == 0), unit)
    return f"{sign}{smallest / _SPANS[fit]:.10g} {fit}"


def facts_of(text: str) -> list[tuple[str, str, int]]:
    """(neutral term, value, kind) of the facts in one sentence, in order."""
    facts = describe_terms([text]).filter(pl.col("kind") > 0)
    return [
        (neutral, value, kind)
        for neutral, value, kind in facts.select("neutral", "value", "kind").iter_rows()
    ]
