"""Guidance: what pages add around their facts, such as what to have ready and what to read next.

None of it states a fact, so nothing here can be right or wrong. Its words are in
`stock/articles.toml`; facts and notes are put into articles by `information`.
"""

from __future__ import annotations

from synth.knobs import Knobs
from synth.knowledge.drafts import Author, Desk, Draft, Line, make_authors, word_banks
from synth.packs import Pack, Phrases

_READY, _SECOND_HINT, _RELATED, _SECOND_RELATED, _CONTACT = 0.4, 0.2, 0.7, 0.3, 0.35
"""Chances of each; one hint there always is."""


def add_guidance(desk: Desk, pack: Pack, knobs: Knobs) -> None:
    """Put guidance at the end of each information article, each author in an order of their own."""
    banks = word_banks(pack)
    groups: dict[str, list[Draft]] = {}
    tops: dict[str, list[Draft]] = {}
    for draft in desk.drafts:
        groups.setdefault(draft.group, []).append(draft)
        tops.setdefault(_top(draft), []).append(draft)
    authors = make_authors(knobs.seed, desk.keys("guidance"))
    # What belongs to the page rather than to its author stays in a second version of it.
    keepers = make_authors(knobs.seed, [f"{draft.key} page" for draft in desk.drafts])
    for draft, author, keeper in zip(desk.drafts, authors, keepers, strict=True):
        if draft.subject:
            titles = _other_titles(draft, groups[draft.group]) or _other_titles(draft, tops[_top(draft)])
            texts = [*_hint(author, draft, banks), *_refer(keeper, draft, titles, banks)]
            draft.lines += [Line(text) for text in author.shuffled(texts)]


def _hint(author: Author, draft: Draft, banks: dict[str, Phrases]) -> list[str]:
    """One or two hints on how to answer."""
    bank = author.shuffled(banks[f"article_{_about(draft)}_hints"])
    return [hint.render(author, _slots(draft)) for hint in bank[: 1 + author.chance(_SECOND_HINT)]]


def _refer(keeper: Author, draft: Draft, titles: list[str], banks: dict[str, Phrases]) -> list[str]:
    """What to have ready, who knows more and where to read on; of each a sentence or none."""
    said = []
    if keeper.chance(_READY):
        said.append(keeper.pick(banks[f"article_{_about(draft)}_ready"]).render(keeper, _slots(draft)))
    if keeper.chance(_CONTACT):
        said.append(keeper.pick(banks["article_contacts"]).render(keeper, _slots(draft)))
    if titles and keeper.chance(_RELATED):
        found = keeper.shuffled(titles)[: 1 + keeper.chance(_SECOND_RELATED)]
        name = " and ".join(f'"{title}"' for title in found)
        said.append(keeper.pick(banks["article_related"]).render(keeper, {"name": name}))
    return said


def _other_titles(draft: Draft, near: list[Draft]) -> list[str]:
    """Titles of these drafts, without those on the draft's own subject."""
    return list(dict.fromkeys(other.title for other in near if other.key != draft.key))


def _top(draft: Draft) -> str:
    return draft.section.partition(" > ")[0]


def _slots(draft: Draft) -> dict[str, str]:
    slots = draft.subject.slots if draft.subject else {}
    return {**slots, "team": _team(draft)}


def _about(draft: Draft) -> str:
    return "product" if draft.subject and draft.subject.slots else "topic"


def _team(draft: Draft) -> str:
    """What the people in charge look after, as it is said within a sentence."""
    name = draft.section.split(" > ")[1] if _about(draft) == "product" else _top(draft)
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]
