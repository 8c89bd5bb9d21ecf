"""The knowledge base: articles, and the defects planted in it.

Twins, copied sentences, contradictions and look-alikes are planted here, each known. What people
search for in it is in `queries`; the sentences themselves stand in `brand/knowledge.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from itertools import combinations
from typing import Any

import numpy as np

from synth.brands import Brand, Fact, Issue, Product, Topic
from synth.knobs import END
from synth.streams import Kind, chance, pick, stream

N_COPIES, N_CONTRADICTIONS, N_PRODUCT_CONTRADICTIONS = 6, 6, 2


@dataclass
class Article:
    """An article as its author thinks of it; `render` gives its body."""

    title: str
    section: str
    kind: str
    sentences: list[str]
    steps: list[str] = field(default_factory=list)
    article_id: str = ""
    body_format: str = "text"
    updated_at: datetime = END

    def render(self) -> str:
        """The body in `body_format`."""
        if self.body_format == "text":
            steps = [f"{number}. {step}" for number, step in enumerate(self.steps, 1)]
            return "\n".join([" ".join(self.sentences), *steps])
        if self.body_format == "markdown":
            steps = [f"{number}. {step}" for number, step in enumerate(self.steps, 1)]
            head, points = self.sentences[0], [f"- {sentence}" for sentence in self.sentences[1:]]
            blocks = (head, "\n".join(points), "\n".join(steps))
            return "\n\n".join(block for block in blocks if block)
        paragraphs = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in self.sentences)
        steps = [f"<li>{escape(step)}</li>" for step in self.steps]
        return paragraphs + (f"<ol>{''.join(steps)}</ol>" if steps else "")


@dataclass(frozen=True)
class Pair:
    """A planted defect: two articles (left id first) and the sentence of each that shows it."""

    left: str
    right: str
    relation: str
    left_quote: str
    right_quote: str
    split: str = ""


@dataclass
class Knowledge:
    """The base, where each fact stands, and what was planted.

    `stated`: fact or issue → articles that say it rightly, its own first; `misstated`: fact →
    article that says it wrongly.
    """

    articles: list[Article]
    stated: dict[str, list[str]]
    misstated: dict[str, str]
    pairs: list[Pair]
    near_misses: list[Pair]


@dataclass
class _Draft:
    articles: list[Article] = field(default_factory=list)
    stated: dict[str, list[Article]] = field(default_factory=dict)
    misstated: dict[str, Article] = field(default_factory=dict)
    pairs: list[tuple[Article, Article, str, str, str]] = field(default_factory=list)
    near_misses: list[tuple[Article, Article, str, str, str]] = field(default_factory=list)

    def add(self, article: Article, *keys: str) -> Article:
        self.articles.append(article)
        for key in keys:
            self.stated.setdefault(key, []).append(article)
        return article

    def has_pair(self, one: Article, other: Article) -> bool:
        return any({id(one), id(other)} == {id(pair[0]), id(pair[1])} for pair in self.pairs)


def write_knowledge(brand: Brand, seed: int) -> Knowledge:
    """The knowledge base of a brand with its planted defects."""
    rng = stream(seed, Kind.KNOWLEDGE)
    draft = _Draft()
    pages = {topic.key: _write_topic(draft, topic) for topic in brand.topics}
    guides = {product.name: _write_product(draft, product, rng) for product in brand.products}
    for issue in [*brand.issues, *(product.issue for product in brand.products)]:
        _write_issue(draft, issue)
    _note_near_misses(draft, brand, guides)
    _plant_in_topics(draft, brand, pages, rng)
    _plant_in_products(draft, brand, guides, rng)
    return _finish(draft, rng)


def _write_topic(draft: _Draft, topic: Topic) -> Article:
    keys = [fact.key for fact in topic.facts]
    article = Article(
        topic.title,
        topic.section,
        "information",
        [topic.intro, *(f.sentence() for f in topic.facts), *topic.notes],
    )
    draft.add(article, *keys)
    if topic.twin:
        said = [*(fact.sentence(1) for fact in topic.facts), topic.notes[0]]
        twin = draft.add(Article(topic.twin, topic.section, "information", said), *keys)
        draft.pairs.append((article, twin, "similar", article.sentences[1], said[0]))
    return article


def _write_product(
    draft: _Draft, product: Product, rng: np.random.Generator
) -> dict[str, tuple[Article, int]]:
    """The two articles of a product; property → article and wording used."""
    wording = {key: int(rng.integers(len(fact.says))) for key, fact in product.facts.items()}
    said = {key: fact.sentence(wording[key]) for key, fact in product.facts.items()}
    section = product.issue.section
    start = f"Getting started with the {product.name}"
    guide = Article(start, section, "information", [product.note, said["assembly"], said["weight"]])
    care = Article(
        f"Looking after the {product.name}",
        section,
        "information",
        [product.tip, said["cleaning"], said["warranty"]],
    )
    places = {"assembly": guide, "weight": guide, "cleaning": care, "warranty": care}
    draft.add(guide, *(product.facts[key].key for key in ("assembly", "weight")))
    draft.add(care, *(product.facts[key].key for key in ("cleaning", "warranty")))
    return {key: (article, wording[key]) for key, article in places.items()}


def _write_issue(draft: _Draft, issue: Issue) -> None:
    draft.add(Article(issue.title, issue.section, "issue", [issue.cause], list(issue.steps)), issue.key)


def _note_near_misses(draft: _Draft, brand: Brand, guides: dict[str, dict[str, tuple[Article, int]]]) -> None:
    """Same sentence, other product, other number: looks like a contradiction and is none."""
    for one, other in combinations(brand.products, 2):
        for key in one.facts:
            (left, wording), (right, wording_there) = guides[one.name][key], guides[other.name][key]
            if wording == wording_there and one.facts[key].value != other.facts[key].value:
                quotes = (one.facts[key].sentence(wording), other.facts[key].sentence(wording))
                draft.near_misses.append((left, right, "unrelated", *quotes))


def _plant_in_topics(
    draft: _Draft, brand: Brand, pages: dict[str, Article], rng: np.random.Generator
) -> None:
    """Sentences copied to a sibling, then facts restated there with the wrong value.

    A topic is the source of one plant at most, and never one with a twin: else a wrong copy would
    contradict a third article too.
    """
    single = [topic for topic in brand.topics if not topic.twin]
    number = 0
    for index in rng.permutation(len(single)):
        topic = single[int(index)]
        page = pages[topic.key]
        siblings = [
            pages[other.key]
            for other in brand.topics
            if other.key != topic.key
            and other.section.split(" > ")[0] == topic.section.split(" > ")[0]
            and not draft.has_pair(page, pages[other.key])
        ]
        if not siblings or number == N_COPIES + N_CONTRADICTIONS:
            continue
        if number < N_COPIES:
            _copy(draft, topic, page, pick(rng, siblings), rng)
        else:
            _contradict(draft, pick(rng, topic.facts), 0, page, pick(rng, siblings), rng)
        number += 1


def _copy(draft: _Draft, topic: Topic, page: Article, target: Article, rng: np.random.Generator) -> None:
    passage = [*(fact.sentence() for fact in topic.facts[:2]), topic.notes[0]]
    place = int(rng.integers(1, len(target.sentences) + 1))
    target.sentences[place:place] = passage
    for fact in topic.facts[:2]:
        draft.stated[fact.key].append(target)
    quote = topic.facts[0].sentence()
    draft.pairs.append((page, target, "similar", quote, quote))


def _contradict(
    draft: _Draft, fact: Fact, wording: int, page: Article, target: Article, rng: np.random.Generator
) -> None:
    """The fact once more in `target`, in another wording and with the wrong value."""
    wrong = fact.sentence(wording + 1, is_true=False)
    target.sentences.insert(int(rng.integers(1, len(target.sentences) + 1)), wrong)
    draft.misstated[fact.key] = target
    draft.pairs.append((page, target, "contradictory", fact.sentence(wording), wrong))


def _plant_in_products(
    draft: _Draft,
    brand: Brand,
    guides: dict[str, dict[str, tuple[Article, int]]],
    rng: np.random.Generator,
) -> None:
    for index in rng.permutation(len(brand.products))[:N_PRODUCT_CONTRADICTIONS]:
        product = brand.products[int(index)]
        key, there = pick(rng, [("weight", "cleaning"), ("assembly", "warranty"), ("warranty", "weight")])
        page, wording = guides[product.name][key]
        _contradict(draft, product.facts[key], wording, page, guides[product.name][there][0], rng)


def _finish(draft: _Draft, rng: np.random.Generator) -> Knowledge:
    """Ids in an order that gives nothing away, formats, dates, and pairs with the left id first."""
    for number, index in enumerate(rng.permutation(len(draft.articles)), 1):
        article = draft.articles[int(index)]
        article.article_id = f"KB-{number:03d}"
        article.body_format = pick(rng, ("html", "markdown", "text"), (0.4, 0.35, 0.25))
        article.updated_at = END - timedelta(days=int(rng.integers(3, 700)), hours=int(rng.integers(8, 16)))

    def pair(one: Article, other: Article, relation: str, *quotes: str, split: str = "") -> Pair:
        (left, left_quote), (right, right_quote) = sorted(
            [(one.article_id, quotes[0]), (other.article_id, quotes[1])]
        )
        return Pair(left, right, relation, left_quote, right_quote, split)

    # Every other pair of a kind, so that both splits hold as many.
    is_first = chance(rng, 0.5)
    splits = ["train" if (number % 2 == 0) == is_first else "test" for number in range(len(draft.pairs))]
    return Knowledge(
        articles=sorted(draft.articles, key=lambda article: article.article_id),
        stated={key: [a.article_id for a in found] for key, found in draft.stated.items()},
        misstated={key: article.article_id for key, article in draft.misstated.items()},
        pairs=[pair(*found, split=split) for found, split in zip(draft.pairs, splits, strict=True)],
        near_misses=[pair(*found) for found in draft.near_misses],
    )


def article_rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows of `articles`."""
    return [
        {
            "article_id": article.article_id,
            "title": article.title,
            "body": article.render(),
            "body_format": article.body_format,
            "kind": article.kind,
            "section": article.section,
            "language": "en",
            "updated_at": article.updated_at,
        }
        for article in knowledge.articles
    ]


def pair_rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows of `article_pair_labels`."""
    return [
        {
            "left_article_id": pair.left,
            "right_article_id": pair.right,
            "relation": pair.relation,
            "split": pair.split,
        }
        for pair in knowledge.pairs
    ]
