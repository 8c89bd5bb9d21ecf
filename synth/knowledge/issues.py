"""Issue articles: what customers report, why it happens, what to do and which tools agents use.

Their words are in the pack and in `stock/articles.toml`; articles that state facts are in
`information`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from synth.catalog import Catalog, Product, Trouble, covered_problems, fitting, put
from synth.knobs import Knobs
from synth.knowledge.drafts import Author, Desk, Draft, Line, make_authors, word_banks
from synth.knowledge.information import parent_of
from synth.packs import Pack, Phrases, Tool
from synth.phrases import sentence

_DIRECT, _FURTHER_SYMPTOM, _FURTHER_CAUSE, _CLOSING = 0.35, 0.55, 0.6, 0.5

# Words that would not be true, or would be wrong grammar, once a reader is spoken to.
_OURS = re.compile(
    r"\b(?:I'\w+|I (?:am|was|have)|we|we'\w+|our|us|was|were|now|ago|yesterday|today|last|since|this)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(r"(?:\w+s|only|hardly|no longer|\w+n't)\b")
_MINE = re.compile(r"\b(?:I|me|my|mine|myself)\b")
_YOURS = {"I": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself"}
_SPOKEN_END = re.compile(r"[.!?]$")


def write_issues(desk: Desk, pack: Pack, catalog: Catalog, knobs: Knobs) -> None:
    """Put an article on each covered problem on the desk, then on faults product by product."""
    banks = word_banks(pack)
    problems = [catalog.troubles[problem.key] for problem in covered_problems(pack, knobs)]
    faults = [
        (trouble, product)
        for product in catalog.products
        if product is not catalog.launched
        for trouble in product.troubles.values()
    ]
    matters: list[tuple[Trouble, Product | None]] = [(trouble, None) for trouble in problems]
    matters += faults[: knobs.issue_articles - len(problems)]
    names = [f"{product.name if product else ''} {t.key.rpartition('.')[2]} issue" for t, product in matters]
    tools = {tool.tool_name: tool for tool in pack.tools}
    for (trouble, product), name, author in zip(matters, names, make_authors(knobs.seed, names), strict=True):
        draft = Draft(
            key=name,
            author=author,
            title=put(trouble.titles[0], author, trouble.slots),
            section=trouble.section,
            kind="issue",
            group=product.name if product else parent_of(trouble.section),
            lines=[Line(text) for text in _describe(author, trouble, banks)],
            steps=[Line(sentence(put(step, author, trouble.slots))) for step in trouble.steps],
            closing=[Line(text) for text in _close(author, trouble, tools, banks)],
        )
        desk.drafts.append(draft)
        desk.stated[trouble.key] = [draft]


def _describe(author: Author, trouble: Trouble, banks: dict[str, Phrases]) -> Iterator[str]:
    """What customers say, why it happens, and a word before the steps."""
    symptoms = fitting(trouble.symptoms, trouble.slots)[:3]
    said = [put(symptom, author, trouble.slots) for symptom in symptoms]
    direct = (
        next((text for text in said if _PRESENT.match(text) and not _OURS.search(text)), None)
        if trouble.slots
        else None
    )
    if direct and author.chance(_DIRECT):
        reader = _MINE.sub(lambda word: _YOURS[word.group()], direct)
        yield author.pick(banks["article_direct_openings"]).render(
            author, {**trouble.slots, "symptom": reader}
        )
        said = [text for text in said if text != direct]
    else:
        bank = banks["article_fault_openings" if trouble.slots else "article_problem_openings"]
        yield author.pick(bank).render(author, {**trouble.slots, "symptom": _quoted(said.pop(0), trouble)})
    if said and author.chance(_FURTHER_SYMPTOM):
        bank = banks["article_further_symptoms"]
        yield author.pick(bank).render(author, {"symptom": _quoted(said[0], trouble)})
    causes = [put(cause, author, trouble.slots) for cause in trouble.causes[:2]]
    yield author.pick(banks["article_causes"]).render(author, {"cause": sentence(causes[0])})
    if len(causes) > 1 and author.chance(_FURTHER_CAUSE):
        yield author.pick(banks["article_further_causes"]).render(author, {"cause": sentence(causes[1])})
    yield author.pick(banks["article_before_steps"]).render(author, {})


def _quoted(symptom: str, trouble: Trouble) -> str:
    """A symptom as a sentence of the customer."""
    spoken = sentence(f"my {trouble.slots['thing']} {symptom}" if trouble.slots else symptom)
    return spoken if _SPOKEN_END.search(spoken) else f"{spoken}."


def _close(
    author: Author, trouble: Trouble, tools: dict[str, Tool], banks: dict[str, Phrases]
) -> Iterator[str]:
    """The tools agents go on with, and a last word."""
    for place, tool_name in enumerate(trouble.tools):
        bank = banks["article_further_tools" if place else "article_tools"]
        purpose = tools[tool_name].description.strip().rstrip(".")
        if not purpose[1:2].isupper():
            purpose = purpose[:1].lower() + purpose[1:]
        yield author.pick(bank).render(author, {"name": tool_name, "doing": purpose})
    if author.chance(_CLOSING):
        yield author.pick(banks["article_issue_closings"]).render(author, {})
