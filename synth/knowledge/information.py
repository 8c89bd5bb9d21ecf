"""Information articles: one a topic, one a product and aspect, and what a second author makes of one.

Their words are in the pack and in `stock/articles.toml`; articles that solve a problem are in
`issues`.
"""

from __future__ import annotations

from itertools import zip_longest

from synth.catalog import Catalog, Fact, Product, covered_topics, put
from synth.knobs import Knobs
from synth.knowledge.drafts import Author, Desk, Draft, Line, Subject, make_authors, word_banks
from synth.packs import Aspect, Pack, Phrases
from synth.phrases import Template, sentence

_ASIDE, _PRODUCT_LINE, _NOTE_AGAIN = 0.4, 0.45, 0.82
"""Chances of a general remark, of a word on price or name, and that a second author keeps a note."""


def write_topics(desk: Desk, pack: Pack, catalog: Catalog, knobs: Knobs) -> None:
    """Put an article on each covered topic on the desk."""
    banks, topics = word_banks(pack), covered_topics(pack, knobs)
    for topic, author in zip(topics, make_authors(knobs.seed, [t.topic for t in topics]), strict=True):
        subject = Subject(
            key=topic.topic,
            section=topic.section,
            group=parent_of(topic.section),
            facts=[catalog.facts[f"{topic.topic}.{fact.key}"] for fact in topic.facts],
            titles=topic.titles,
            intros=topic.intros,
            notes=topic.notes,
            slots={},
        )
        write_information(desk, subject, author, banks)


def write_products(desk: Desk, pack: Pack, catalog: Catalog, knobs: Knobs) -> None:
    """Fill up with an article on each product and aspect, product by product."""
    banks = word_banks(pack)
    n_pages = knobs.information_articles - knobs.near_duplicates - len(desk.drafts)
    keys: dict[str, dict[str, list[str]]] = {}
    for family in pack.families:
        by_aspect = keys.setdefault(family.kind, {aspect.aspect: [] for aspect in pack.aspects})
        for found in pack.properties_of(family):
            by_aspect[found.aspect].append(found.key)
    pages = [
        (product, place, aspect, keys[product.thing][aspect.aspect])
        for product in catalog.products
        if product is not catalog.launched
        for place, aspect in enumerate(pack.aspects)
        if keys[product.thing][aspect.aspect]
    ][:n_pages]
    names = [f"{product.name} {aspect.aspect}" for product, _, aspect, _ in pages]
    dealt: dict[int, list[Template]] = {}
    authors = make_authors(knobs.seed, names)
    for (product, place, aspect, properties), name, author in zip(pages, names, authors, strict=True):
        # Dealt out, so that no two pages of a product share a note that nobody planted.
        notes = dealt.setdefault(product.number, author.shuffled(product.family.notes))
        slots = {**product.slots, "amount": f"{product.price:.2f}".removesuffix(".00")}
        subject = Subject(
            key=name,
            section=_page_section(product, aspect),
            group=product.name,
            facts=[product.facts[key] for key in properties],
            titles=aspect.titles,
            intros=aspect.intros,
            notes=notes[place :: len(pack.aspects)],
            slots=slots,
        )
        write_information(desk, subject, author, banks)


def _page_section(product: Product, aspect: Aspect) -> str:
    first, *rest = aspect.section.split(" > ")
    return " > ".join([first, product.family.group, product.name, *rest])


def parent_of(section: str) -> str:
    """The section around a section; of a top section, itself."""
    return section.rpartition(" > ")[0] or section


def write_information(
    desk: Desk, subject: Subject, author: Author, banks: dict[str, Phrases], first: Draft | None = None
) -> Draft:
    """An article on a subject; a second author, who knows the first one's, words everything anew."""
    avoid = {line.fact: line.wording for line in first.lines} if first else {}
    facts = [_fact_line(author, fact, avoid.get(fact.key)) for fact in author.shuffled(subject.facts)]
    said = {line.text for line in first.lines} if first else set()
    titles = [t for t in subject.titles if not first or t.fill(**subject.slots) != first.title]
    notes = [Line(put(note, author, subject.slots)) for note in author.shuffled(subject.notes)]
    if first:
        notes = [note for note in notes if note.text not in said or author.chance(_NOTE_AGAIN)]
    draft = Draft(
        key=subject.key,
        author=author,
        title=author.pick(titles or subject.titles).fill(**subject.slots),
        section=subject.section,
        kind="information",
        group=subject.group,
        lines=_arrange(author, _opening(author, subject, said), facts, notes),
        subject=subject,
    )
    if subject.slots and not first and author.chance(_PRODUCT_LINE):
        text = author.pick(banks["article_product_lines"]).render(author, subject.slots)
        draft.lines.insert(author.integer(1, len(draft.lines) + 1), Line(text))
    if not first and author.chance(_ASIDE):
        draft.lines.append(Line(author.pick(banks["article_asides"]).render(author, {})))
    desk.add(draft)
    return draft


def _opening(author: Author, subject: Subject, said: set[str]) -> list[Line]:
    """An intro that has not been said, if there is one."""
    for template in author.shuffled(subject.intros):
        if (text := put(template, author, subject.slots)) not in said:
            return [Line(text, is_intro=True)]
    return []


def _fact_line(author: Author, fact: Fact, avoid: int | None) -> Line:
    wordings = [wording for wording in range(len(fact.says)) if wording != avoid]
    return state(fact, author, author.pick(wordings))


def state(fact: Fact, author: Author, wording: int, is_true: bool = True) -> Line:
    """A fact put into words, rightly or wrongly."""
    value = fact.value if is_true else fact.wrong
    text = sentence(put(fact.says[wording], author, {**fact.slots, "v": value}))
    label = fact.key.rpartition(".")[2].replace("_", " ") if fact.slots else ""
    return Line(text, fact.key if is_true else "", sentence(label), wording)


def _arrange(author: Author, opening: list[Line], facts: list[Line], notes: list[Line]) -> list[Line]:
    """Intro, facts and notes in one of the orders people write in."""
    shape = author.integer(0, 4)
    if shape == 0:
        return [*opening, *facts, *notes]
    if shape == 1:
        return [*opening, *notes[:1], *facts, *notes[1:]]
    woven = [line for pair in zip_longest(facts, notes) for line in pair if line]
    if shape == 2:
        return [*opening, *woven]
    # Some come to the point first.
    return [facts[0], *opening, *facts[1:], *notes]
