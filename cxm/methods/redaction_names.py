"""Names of people in conversations: known from the tables, and told by how they are used.

A greeting, a signature, "my name is" or an e-mail address gives a name away. What gives it away in
many conversations makes the word a known name everywhere. What is done with a name is in
`redaction`, what shows by its form in `redaction_patterns`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import polars as pl

from cxm.methods.redaction_patterns import Span, towns_in

_WORD = r"[A-Za-zÀ-ÖØ-öø-ÿĀ-ž][A-Za-zÀ-ÖØ-öø-ÿĀ-ž'’-]*"
_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-Ž][A-Za-zÀ-ÖØ-öø-ÿĀ-ž'’-]+"
_SOME = rf"(?P<name>{_WORD}(?:[ ]{_WORD})?)"
_PROPER = rf"(?P<name>{_CAPITAL}(?:[ ]{_CAPITAL}){{0,2}})"
_FULL = rf"(?P<name>{_CAPITAL}(?:[ ]{_CAPITAL}){{1,2}})"
_OPENS = r"hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day)|morning|welcome|mr|mrs|ms|miss|dr"
_CLOSES = (
    r"(?:(?:kind|best|warm|with|many|yours?|all the|my|regards|thanks|thank you|wishes|sincerely|faithfully|"
    r"cheers|greetings|truly|best)[ ,]*)+"
)

# What comes before a name whatever its letters (voice has no capitals), and before a capital one.
_CUES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"(?i:\bname(?:'s|’s|s| is| was)[ ]){_SOME}",
        rf"(?i:(?:^|[.!?,>][ ]*)(?:{_OPENS})\.?[ ]){_SOME}(?=[ ]*(?:[,!.:;)\n-]|$))",
        rf"(?i:\b(?:this is|i am|i'm|i’m|it's|it’s|speaking with|called|calling)[ ]){_FULL}",
        rf"(?i:\b(?:this is|speaking with)[ ]){_PROPER}(?=[ ]*(?:[,.!]|$| (?i:from|here|speaking)\b))",
        rf"(?i:\b(?:thanks|thank you|sorry|apologies|bye|goodbye|please|course|sure|certainly|welcome|"
        rf"well|okay|yes|no|understood|right|perfect|great|all)\b[^.!?\n,]{{0,30}},[ ]){_PROPER}"
        rf"(?=[,.!?\n]|$)",
        rf"(?i:^[ >]*{_CLOSES}[,.!]?[ ]*\n[ >]*){_PROPER}[ ]*$",
        rf"{_FULL}(?=[ ]<[^<>\s]+@)",
        rf"(?:^|[,.:] ){_FULL}(?=,? (?:and )?\d{{4,}})",
        rf"^[ >]*{_PROPER}[ ]*\Z",
    )
)
_LOCAL_PART = re.compile(r"\b([A-Za-zÀ-ž]{3,})[._]([A-Za-zÀ-ž]{3,})\d*@")
_SPOKEN_LOCAL_PART = re.compile(r"\b([a-z]{3,}) dot ([a-z]{3,})\d* (?:\w+ )?at [a-z]+ dot", re.IGNORECASE)
_TOKEN = re.compile(_WORD)
_FIRM = re.compile(
    rf"({_CAPITAL})(?= (?i:customer|service|support|care|team|ltd|limited|inc|llc|gmbh|plc)\b)"
)
_DOMAIN = re.compile(r"@([\w.-]+)\.\w")
_AFTER_ADDRESS = re.compile(rf",?[ ]({_WORD})(?:[ ]({_WORD}))?")
_AFTER_HOUSE = re.compile(rf"\b\d{{1,4}}[a-z]?,?[ ](?P<words>(?:{_WORD},?(?:[ ]|\b)){{2,5}})")
_LONGEST_STREET = 3

_MOST_TURNS = 40_000
_LONGEST_FIRM, _FEWEST_FIRMS = 10, 10
_LEAST_SURNAME_SHARE = 0.5
_FEWEST_CUES, _LEAST_CUE_SHARE, _MOST_LOWER_SHARE, _FEWEST_USES = 2, 0.12, 0.3, 3
_NO_NAMES = (
    "a an the and or but not no yes i we you they he she it me my your our this that there here all "
    "any every everyone everybody team sir madam mum dad mr mrs ms miss dr support service customer "
    "agent sales help desk hi hello hey dear good morning afternoon evening day thanks thank "
    "regards best wishes sorry please okay ok is was are were be been do does did done have has had "
    "can could will would may might must shall should again back now then so just very much more "
    "also too for from to of in on at by with as if when where what who why how which order number "
    "account postcode phone mobile tel email address reference parcel on monday tuesday wednesday "
    "thursday friday saturday sunday january february march april june july august september "
    "october november december great perfect right sure certainly"
)
_NOT_NAMES = frozenset(_NO_NAMES.split())


@dataclass(frozen=True)
class KnownNames:
    """What a table of turns teaches.

    `names` are names wherever they stand, `ambiguous` (also common words) where they are capital;
    `towns` end an address; `common` are words that are none of these; `firms` are never names.
    """

    names: frozenset[str] = frozenset()
    ambiguous: frozenset[str] = frozenset()
    towns: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    firms: frozenset[str] = frozenset()


def learn_names(turns: pl.LazyFrame, customers: pl.LazyFrame | None = None) -> KnownNames:
    """The names and towns in a table of turns, and the names in name columns of customers.

    A word counts as a name where at least two turns and an eighth of its uses give it away, and it
    does not mostly stand for an organisation; or where it mostly follows such a name, as a rare surname
    does. Reads at most 40,000 turns, evenly spread.
    """
    n_turns = int(turns.select(pl.len()).collect().item())
    step = max(1, -(-n_turns // _MOST_TURNS))
    texts = turns.select("text").gather_every(step).collect()["text"].to_list()
    cued, used, lower, firms, towns, mails = (Counter[str]() for _ in range(6))
    for text in texts:
        cued.update({word for name in cued_names(text) for word in name})
        firms.update({bare(word) for word in _FIRM.findall(text)})
        mails.update({label for domain in _DOMAIN.findall(text.casefold()) for label in domain.split(".")})
        towns.update(set(towns_in(text)))
        words = _TOKEN.findall(text)
        used.update(map(bare, words))
        if not is_lower(text):
            lower.update(bare(word) for word in words if word[0].islower())
    # Whose domain many of the addresses have is an organisation; a person's own domain is rare.
    firms += Counter({word: n for word, n in mails.items() if n >= _LEAST_CUE_SHARE * mails.total()})
    names = {
        word
        for word, n in cued.items()
        if n >= max(_FEWEST_CUES, _LEAST_CUE_SHARE * used[word]) and firms[word] < _LEAST_CUE_SHARE * n
    }
    names |= _surnames(texts, names, used, lower)
    ambiguous = {word for word in names if lower[word] > _MOST_LOWER_SHARE * used[word]}
    common = {word for word, n in used.items() if n >= _FEWEST_USES} - names
    return KnownNames(
        frozenset(names - ambiguous) | _names_of(customers),
        frozenset(ambiguous),
        _frequent_towns(towns, used),
        frozenset(common | _NOT_NAMES),
        frozenset(
            word for word in common if firms[word] >= max(_FEWEST_FIRMS, _LEAST_CUE_SHARE * used[word])
        ),
    )


def _surnames(texts: Sequence[str], names: set[str], used: Counter[str], lower: Counter[str]) -> set[str]:
    """Words that follow one of the names in most of their uses, and are not written small."""
    follows: Counter[str] = Counter()
    for text in texts:
        words = list(_TOKEN.finditer(text))
        for first, second in pairwise(words):
            is_next = second.start() == first.end() + 1 and text[first.end()] == " "
            if is_next and bare(first[0]) in names:
                follows[bare(second[0])] += 1
    return {
        word
        for word, n in follows.items()
        if n >= max(_FEWEST_CUES, _LEAST_SURNAME_SHARE * used[word])
        and lower[word] <= _MOST_LOWER_SHARE * used[word]
        and word not in _NOT_NAMES
    }


def _frequent_towns(towns: Counter[str], used: Counter[str]) -> frozenset[str]:
    """Candidates that stand after a street often enough; of two words if the first is mostly followed so."""

    def is_town(words: str, n: int) -> bool:
        first, _, last = words.partition(" ")
        rarest = min(used[bare(word)] for word in (first, last or first))
        follows = not last or 2 * n >= towns[first]
        return follows and n >= max(_FEWEST_CUES, _LEAST_CUE_SHARE * rarest)

    return frozenset(words for words, n in towns.items() if is_town(words, n))


def _names_of(customers: pl.LazyFrame | None) -> frozenset[str]:
    if customers is None:
        return frozenset()
    columns = [
        name
        for name, dtype in customers.collect_schema().items()
        if dtype == pl.String and "name" in name.casefold() and "user" not in name.casefold()
    ]
    values = customers.select(columns).collect()
    texts = [text for column in values for text in column.drop_nulls().unique()]
    return frozenset(_words_of_names(texts))


def _words_of_names(texts: Iterable[str]) -> set[str]:
    keys = {bare(word) for text in texts for word in _TOKEN.findall(text)}
    return {key for key in keys if len(key) > 2 and key not in _NOT_NAMES}


def cued_names(text: str) -> list[tuple[str, ...]]:
    """The words of each name that its place in the text gives away."""
    found = [tuple(bare(word) for _, word in _leading(place)) for place in _cued(text)]
    for pattern in (_LOCAL_PART, _SPOKEN_LOCAL_PART):
        found += [(bare(first), bare(last)) for first, last in pattern.findall(text)]
    return [name for name in found if name]


def cued_places(text: str) -> set[int]:
    """Where the words of such names begin."""
    return {start for place in _cued(text) for start, _ in _leading(place)}


def _cued(text: str) -> Iterable[re.Match[str]]:
    return (place for cue in _CUES for place in cue.finditer(text))


def _leading(place: re.Match[str]) -> list[tuple[int, str]]:
    """Start and word of a name, up to the first word that is none; nothing of an organisation's."""
    words: list[tuple[int, str]] = []
    if _FIRM.search(place.string, place.start("name"), place.end() + _LONGEST_FIRM):
        return words
    for word in _TOKEN.finditer(place["name"]):
        if bare(word[0]) in _NOT_NAMES or len(bare(word[0])) < 2:
            break
        words.append((place.start("name") + word.start(), word[0]))
    return words


def find_names(text: str, known: KnownNames, here: frozenset[str] = frozenset()) -> list[Span]:
    """Places of known names, of names `here` (given away elsewhere in the conversation) and of cued ones.

    Neighbouring words of a name are one place; so is a word that follows it and is not a common one,
    as a rare surname does.
    """
    everywhere = is_lower(text)
    cued = cued_places(text)
    spans: list[Span] = []
    for word in _TOKEN.finditer(text):
        key, start = bare(word[0]), word.start()
        is_capital = word[0][0].isupper()
        is_name = (
            key in known.names
            or (start in cued and key not in known.firms)
            or (key in here and (is_capital or everywhere or key not in known.common))
            or (key in known.ambiguous and is_capital and not _starts_sentence(text, start))
        )
        follows = bool(spans) and text[spans[-1].end : start] == " "
        if not is_name and follows and (is_capital or everywhere):
            is_name = len(key) > 2 and key not in known.common
        if not is_name:
            continue
        end = start + len(_possessive(word[0]))
        if follows:
            spans[-1] = Span(spans[-1].start, end, "name")
        else:
            spans.append(Span(start, end, "name"))
    return spans


def find_towns(text: str, known: KnownNames, addresses: Sequence[Span]) -> list[Span]:
    """Towns after an address, and what stands between a house number and a known town."""
    spans = []
    for address in addresses:
        after = _AFTER_ADDRESS.match(text, address.end)
        if after:
            two = " ".join(filter(None, (after[1], after[2]))).casefold()
            one = after[1].casefold()
            if two in known.towns:
                spans.append(Span(address.start, after.end(), "address"))
            elif one in known.towns or (
                (after[1][0].isupper() or is_lower(text)) and one not in known.common
            ):
                spans.append(Span(address.start, after.end(1), "address"))
    for house in _AFTER_HOUSE.finditer(text):
        words = list(_TOKEN.finditer(text, house.start("words"), house.end("words")))
        for i in range(1, min(len(words), _LONGEST_STREET + 1)):
            pair = " ".join(word[0] for word in words[i : i + 2]).casefold()
            last = words[min(i + 1, len(words) - 1)] if pair in known.towns else words[i]
            if pair in known.towns or bare(words[i][0]) in known.towns:
                spans.append(Span(house.start(), last.end(), "address"))
                break
    return spans


def may_be_name(word: str, text: str) -> bool:
    """Whether the word is capital, or the text has no capitals."""
    return word[0].isupper() or is_lower(text)


def names_here(texts: Sequence[str], known: KnownNames) -> frozenset[str]:
    """Words given away as names somewhere in a conversation."""
    return frozenset(word for text in texts for name in cued_names(text) for word in name) - (
        known.ambiguous | known.firms
    )


def is_lower(text: str) -> bool:
    """Whether a text has no capitals to go by (a transcript of speech, a hasty message)."""
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) <= 0.01 * len(letters)


@lru_cache(maxsize=100_000)
def bare(word: str) -> str:
    """A word as names are compared: without case and possessive."""
    return _possessive(word).casefold()


def _possessive(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)


def _starts_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip()
    return not before or before[-1] in ".!?\n:" or "\n" in text[len(before) : start]
