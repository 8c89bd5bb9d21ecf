"""Articles as their authors think of them, and the base they make up.

How an article comes about is in `information`, `issues`, `defects` and `guidance`, how it looks in
`layouts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from synth.catalog import Catalog, draws
from synth.knobs import END, Knobs
from synth.knowledge.acronyms import Acronyms
from synth.knowledge.defects import Defect, Planter
from synth.knowledge.drafts import Desk, Draft
from synth.knowledge.guidance import add_guidance
from synth.knowledge.information import write_products, write_topics
from synth.knowledge.issues import write_issues
from synth.knowledge.near_misses import find_near_misses
from synth.packs import Pack
from synth.streams import Kind, choose

_SPELT_OUT = 0.4
"""Share of articles with acronyms that spell each out once."""

_LAYOUTS = {"plain": 0.25, "markdown": 0.28, "html": 0.27, "markdown_table": 0.1, "html_table": 0.1}
_FORMATS = {"plain": "text", "markdown": "markdown", "markdown_table": "markdown"}
_OLDEST_DAYS, _YOUNGEST_DAYS = 900, 3
_OFFICE_HOURS = (7, 18)


@dataclass
class Article:
    """An article before it is laid out: `layouts` gives its body.

    `closing` follows the steps; `facts` are the sentences that state something, with a word for
    what it is about (empty where it has no name).
    """

    title: str
    section: str
    kind: str
    sentences: list[str]
    steps: list[str] = field(default_factory=list)
    article_id: str = ""
    body_format: str = "text"
    layout: str = "plain"
    updated_at: datetime | None = None
    closing: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """Two articles (left id first), how they are related, and the sentence of each that shows it."""

    left: str
    right: str
    relation: str
    left_quote: str
    right_quote: str
    fact: str = ""
    split: str = ""


@dataclass(frozen=True)
class Knowledge:
    """The base, where each fact stands, and what was planted.

    `stated`: key of a fact or trouble → articles that say it rightly, its own first; `misstated`:
    fact key → the article that says it wrongly. The launched product's keys stand in neither, nor
    do those of topics, products and problems for which a small base has no article.
    """

    articles: list[Article]
    stated: dict[str, list[str]]
    misstated: dict[str, str]
    pairs: list[Pair]
    near_misses: list[Pair]


def write_knowledge(pack: Pack, catalog: Catalog, knobs: Knobs) -> Knowledge:
    """The knowledge base of a world with its planted defects, articles sorted by id.

    As many articles of each kind as the knobs say. Raises `CxmError` where more defects are wanted
    than fit.
    """
    desk = Desk()
    write_topics(desk, pack, catalog, knobs)
    write_products(desk, pack, catalog, knobs)
    write_issues(desk, pack, catalog, knobs)
    planter = Planter(desk, catalog, knobs)
    planter.contradict(pack, knobs.contradictions)
    planter.duplicate(pack, knobs.near_duplicates)
    planter.copy(knobs.copied_passages)
    planter.mention()
    add_guidance(desk, pack, knobs)
    return _finish(planter, pack, catalog, knobs)


def _finish(planter: Planter, pack: Pack, catalog: Catalog, knobs: Knobs) -> Knowledge:
    """Drafts shortened where acronyms are used, numbered and dated."""
    desk = planter.desk
    near_misses = find_near_misses(planter, catalog)
    acronyms = Acronyms(pack.acronyms)
    numbers = _number(desk, knobs.seed)
    chances = draws(knobs.seed, Kind.KNOWLEDGE, desk.keys("finish"), 5)
    layouts = choose(chances[:, 0], tuple(_LAYOUTS.values())).tolist()
    days = (_YOUNGEST_DAYS + chances[:, 1] * (_OLDEST_DAYS - _YOUNGEST_DAYS)).astype(int).tolist()
    minutes = (
        (60 * (_OFFICE_HOURS[0] + chances[:, 2] * (_OFFICE_HOURS[1] - _OFFICE_HOURS[0]))).astype(int).tolist()
    )
    is_shortened = (chances[:, 3] < knobs.acronyms).tolist()
    is_spelt_out = (chances[:, 4] < _SPELT_OUT).tolist()
    articles = []
    for place, draft in enumerate(desk.drafts):
        if is_shortened[place]:
            _shorten(draft, acronyms, is_spelt_out[place])
        layout = tuple(_LAYOUTS)[layouts[place]]
        articles.append(
            Article(
                title=draft.title,
                section=draft.section,
                kind=draft.kind,
                sentences=[line.text for line in draft.lines],
                steps=[step.text for step in draft.steps],
                article_id=numbers[id(draft)],
                body_format=_FORMATS.get(layout, "html"),
                layout=layout,
                updated_at=END - timedelta(days=days[place] + 1) + timedelta(minutes=minutes[place]),
                closing=[line.text for line in draft.closing],
                facts={line.text: line.label for line in draft.lines if line.fact or not line.is_own},
            )
        )
    return Knowledge(
        articles=sorted(articles, key=lambda article: article.article_id),
        stated={key: [numbers[id(draft)] for draft in drafts] for key, drafts in desk.stated.items()},
        misstated={key: numbers[id(draft)] for key, draft in planter.misstated.items()},
        pairs=_split(planter.defects, numbers, knobs.seed),
        near_misses=sorted((_pair(defect, numbers) for defect in near_misses), key=_ids),
    )


def _number(desk: Desk, seed: int) -> dict[int, str]:
    """Ids in an order that gives nothing away."""
    order = draws(seed, Kind.KNOWLEDGE, desk.keys("id"), 1)[:, 0].argsort(kind="stable").tolist()
    width = max(4, len(str(len(order))))
    return {id(desk.drafts[place]): f"KB-{number:0{width}d}" for number, place in enumerate(order, 1)}


def _shorten(draft: Draft, acronyms: Acronyms, spells_out: bool) -> None:
    spelt_out: set[str] | None = set() if spells_out else None
    if not spells_out:
        draft.title = acronyms.shorten(draft.title)
    for line in (*draft.lines, *draft.steps, *draft.closing):
        line.text = acronyms.shorten(line.text, spelt_out)


def _pair(defect: Defect, numbers: dict[int, str], split: str = "") -> Pair:
    """The pair of a defect, with quotes as they stand in the articles."""
    sides = [
        (numbers[id(defect.one)], defect.quote.text),
        (numbers[id(defect.other)], defect.other_quote.text),
    ]
    (left, left_quote), (right, right_quote) = sorted(sides, key=itemgetter(0))
    return Pair(left, right, defect.relation, left_quote, right_quote, defect.fact, split)


def _ids(pair: Pair) -> tuple[str, str]:
    return pair.left, pair.right


def _split(defects: list[Defect], numbers: dict[int, str], seed: int) -> list[Pair]:
    """Pairs sorted by ids; of each relation every other one is for training."""
    keys = [f"{defect.one.key} {defect.other.key} split" for defect in defects]
    order = draws(seed, Kind.KNOWLEDGE, keys, 1)[:, 0].argsort(kind="stable").tolist() if defects else []
    seen: dict[str, int] = {}
    pairs = []
    for place in order:
        relation = defects[place].relation
        seen[relation] = seen.get(relation, 0) + 1
        pairs.append(_pair(defects[place], numbers, "train" if seen[relation] % 2 else "test"))
    return sorted(pairs, key=_ids)
