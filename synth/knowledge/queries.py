"""What people type into the search of the knowledge base, and which articles answer it.

Each query comes from one fact or trouble, in the words of people who do not know those of the
articles; the wordings are in the pack, what is put around them in `stock/articles.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synth.catalog import Catalog, Fact, Trouble, draws, fitting, name_slots, put
from synth.knobs import Knobs
from synth.knowledge.acronyms import Acronyms
from synth.knowledge.articles import Knowledge
from synth.knowledge.drafts import Author, word_banks
from synth.packs import Pack
from synth.phrases import sentence
from synth.streams import Kind

QUERIES_AN_ARTICLE, MOST_QUERIES = 0.6, 600
OWN, FURTHER, WRONG = 2, 1, 0
"""Relevance of a fact's own article, of others that state it rightly, and of one that states it wrongly."""

_KEYWORDS, _OPENING, _TYPOS, _LOWER, _ACRONYM = 0.2, 0.25, 0.15, 0.2, 0.3
_FACT_STYLES = (0.44, 0.3, 0.26)
"""Shares of questions in the customer's words, of hearsay to be checked, and of terms of the base."""
_TROUBLE_STYLES = (0.36, 0.34, 0.3)
"""Shares of questions, of complaints as customers put them, and of titles."""
_TOPIC_WEIGHT = 2.0
"""How much more often than about one product's people ask about matters of all customers."""

_WORD = re.compile(r"[\w'’.,-]*\w")
_LONG_WORD = re.compile(r"[A-Za-z]{5,}")
_FILLER_WORDS = (
    "a an and any are as at be been but by can could did do does don't for from get had has have having "
    "hello hi how i i'd i'll i'm i've if in is isn't it it's its just like me my of on or our please quick "
    "she should so some than that that's the their them then there they this those to too up us want was "
    "we what what's when where which who will with would you you're your yours"
)
_FILLERS = frozenset(_FILLER_WORDS.split())


def write_queries(
    pack: Pack, catalog: Catalog, knowledge: Knowledge, knobs: Knobs
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `queries` and of `qrels`, half of them for training; no text stands there twice.

    About 0.6 queries an article, 600 at most, fewer where the base covers fewer matters.
    """
    wanted = min(round(QUERIES_AN_ARTICLE * len(knowledge.articles)), MOST_QUERIES)
    writer = _Writer(pack)
    texts: dict[str, str] = {}
    for key, author in _draw_matters(catalog, knowledge, knobs):
        if len(texts) == wanted:
            break
        texts.setdefault(writer.write(_matter(catalog, key), author), key)
    ids = [f"Q-{number:04d}" for number in range(1, len(texts) + 1)]
    order = draws(knobs.seed, Kind.QUERY, (f"{key} split" for key in texts.values()), 1)[:, 0].argsort()
    splits = {ids[place]: "test" if rank % 2 else "train" for rank, place in enumerate(order.tolist())}
    queries = [{"query_id": query_id, "text": text} for query_id, text in zip(ids, texts, strict=True)]
    qrels = [
        {"query_id": query_id, "article_id": article_id, "relevance": relevance, "split": splits[query_id]}
        for query_id, key in zip(ids, texts.values(), strict=True)
        for article_id, relevance in _judge(knowledge, key).items()
    ]
    return queries, qrels


def _draw_matters(catalog: Catalog, knowledge: Knowledge, knobs: Knobs) -> list[tuple[str, Author]]:
    """Keys of covered facts and troubles in a random order, each with the draws of its query."""
    keys = sorted(knowledge.stated)
    numbers = draws(knobs.seed, Kind.QUERY, keys, 2).tolist()
    ordered = sorted(
        (first if _matter(catalog, key).slots else first / _TOPIC_WEIGHT, key, second)
        for key, (first, second) in zip(keys, numbers, strict=True)
    )
    return [(key, Author(second)) for _, key, second in ordered]


def _matter(catalog: Catalog, key: str) -> Fact | Trouble:
    return catalog.facts.get(key) or catalog.troubles[key]


def _judge(knowledge: Knowledge, key: str) -> dict[str, int]:
    own, *others = knowledge.stated[key]
    judged = dict.fromkeys(others, FURTHER) | {own: OWN}
    return judged | {knowledge.misstated[key]: WRONG} if key in knowledge.misstated else judged


class _Writer:
    def __init__(self, pack: Pack) -> None:
        self._banks = word_banks(pack)
        self._acronyms = Acronyms(pack.acronyms)

    def write(self, matter: Fact | Trouble, author: Author) -> str:
        """How someone searches for a matter."""
        if isinstance(matter, Fact):
            text = author.pick((self._ask, self._check, self._name_terms), _FACT_STYLES)(matter, author)
        else:
            text = author.pick((self._ask, self._complain, self._name), _TROUBLE_STYLES)(matter, author)
        if author.chance(_ACRONYM):
            text = self._acronyms.shorten(text)
        if author.chance(_TYPOS):
            text = _misspell(text, author)
        if author.chance(_LOWER):
            text = text.lower().rstrip("?.! ")
        return text

    def _ask(self, matter: Fact | Trouble, author: Author) -> str:
        slots = matter.slots
        asked = fitting(matter.asked, slots)
        named = [template for template in asked if not slots or template.slots]
        text = put(author.pick(named or asked), author, _full_names(slots))
        text = text if named else f"{slots['product']}: {text}"
        if author.chance(_KEYWORDS):
            return _keywords(text)
        if text.endswith(("?", ".")) and author.chance(_OPENING):
            return f"{author.pick(self._banks['query_openings']).render(author, {})} {sentence(text)}"
        return text

    def _check(self, fact: Fact, author: Author) -> str:
        """Someone has heard or read it, rightly or wrongly, and wants to be sure."""
        value = fact.value if author.chance(0.5) else fact.wrong
        text = sentence(put(author.pick(fact.says), author, {**fact.slots, "v": value})).rstrip(".")
        return author.pick(self._banks["query_checks"]).render(author, {"fact": text})

    def _name_terms(self, fact: Fact, author: Author) -> str:
        """Someone who knows the base names the terms it uses, without the value."""
        words = put(author.pick(fact.says), author, {**fact.slots, "v": ""})
        return _keywords(words)

    def _name(self, trouble: Trouble, author: Author) -> str:
        """Someone who knows the base names the problem as a title would."""
        return put(author.pick(trouble.titles), author, trouble.slots)

    def _complain(self, trouble: Trouble, author: Author) -> str:
        symptom = put(
            author.pick(fitting(trouble.symptoms, trouble.slots)), author, _full_names(trouble.slots)
        )
        said = sentence(f"my {trouble.slots['product']} {symptom}" if trouble.slots else symptom)
        ending = author.pick(self._banks["query_trouble_endings"]).render(author, {})
        return f"{said.rstrip('.') + '.' if ending[:1].isupper() else said} {ending}".strip()


def _full_names(slots: Mapping[str, str]) -> dict[str, str]:
    """Slots with the product's full name throughout: a search for the kind alone has many answers."""
    return name_slots(slots["product"], slots["product"]) if slots else {}


def _keywords(text: str) -> str:
    """The words that carry meaning, without punctuation."""
    words = _WORD.findall(text)
    return " ".join(word for word in words if word.lower() not in _FILLERS) or text


def _misspell(text: str, author: Author) -> str:
    """The text with a typo in one or two of its longer words."""
    for _ in range(author.integer(1, 3)):
        words = list(_LONG_WORD.finditer(text))
        if not words:
            return text
        word = author.pick(words)
        place = word.start() + author.integer(1, len(word.group()) - 1)
        kind = author.integer(0, 3)
        if kind == 0:
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        elif kind == 1:
            text = text[:place] + text[place + 1 :]
        else:
            text = text[:place] + text[place] + text[place:]
    return text
