"""Guidance: what pages add around their facts; what to have ready, how to answer, whom to ask, what to read next.

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
    # A second version of a page has hints of its own; the rest belongs to the subject.
    hinting = make_authors(knobs.seed, desk.keys("hints"))
    standing = make_authors(knobs.seed, [f"{draft.key} guidance" for draft in desk.drafts])
    for draft, author, other in zip(desk.drafts, hinting, standing, strict=True):
        if draft.subject:
            titles = _other_titles(draft, groups[draft.group]) or _other_titles(draft, tops[_top(draft)])
            texts = [*_hint(author, draft, banks), *_point(other, draft, titles, banks)]
            draft.lines += [Line(text) for text in author.shuffled(texts)]


def _hint(author: Author, draft: Draft, banks: dict[str, Phrases]) -> list[str]:
    """One or two hints on how to answer."""
    bank = author.shuffled(banks[f"article_{_about(draft)}_hints"])
    return [hint.render(author, _slots(draft)) for hint in bank[: 1 + author.chance(_SECOND_HINT)]]


def _point(author: Author, draft: Draft, titles: list[str], banks: dict[str, Phrases]) -> list[str]:
    """What to have ready, who knows more, and where to read on; of each a sentence or none."""
    said = []
    if author.chance(_READY):
        said.append(author.pick(banks[f"article_{_about(draft)}_ready"]).render(author, _slots(draft)))
    if author.chance(_CONTACT):
        said.append(author.pick(banks["article_contacts"]).render(author, {"team": _team(draft)}))
    if titles and author.chance(_RELATED):
        found = author.shuffled(titles)[: 1 + author.chance(_SECOND_RELATED)]
        name = " and ".join(f'"{title}"' for title in found)
        said.append(author.pick(banks["article_related"]).render(author, {"name": name}))
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
