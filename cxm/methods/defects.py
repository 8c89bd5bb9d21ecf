"""Planting known defects into a knowledge base, to learn from where nobody has labelled any.

A new kind of defect belongs here: a copied article, a copied or reworded passage, a fact restated
wrongly, and look-alikes that are no defect. What a fact is stands in `cxm.methods.facts`; finding
defects is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from cxm.methods.documents import plain_text
from cxm.methods.facts import OPPOSITES
from cxm.methods.statements import cut_statements

_MIN_WORDS = 5
_MAX_PASSAGE = 3
_RETOLD = 0.5
_COPIED_ARTICLES, _REWORDED, _WITH_HEADING = 0.25, 0.35, 0.4
_LEADS = (
    "Please note:",
    "In general,",
    "As a rule,",
    "Remember that",
    "Normally,",
    "For your information:",
    "Note that",
    "In most cases,",
)
_LIGHT_WORDS = frozenset(
    {
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "for",
        "and",
        "or",
        "is",
        "are",
        "be",
        "your",
        "you",
        "it",
        "this",
        "that",
        "with",
        "by",
        "from",
        "at",
        "as",
    }
)
_NEGATING = frozenset({"cannot", "never", "without", "don't", "can't"})
_NUMBER = re.compile(r"(?<![\w.,:/-])\d{1,15}(?:[.,]\d+)?(?![\w/-]|[.,:]\d)")
_MODAL = re.compile(r"\b(can|will|must|should|may|is|are|was|has|does)\b(?! not\b|n't)", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:(can)not|(can|will|must|should|may|is|are|was|has|does|do) not)\b", re.IGNORECASE
)
_WORD = re.compile(r"[\w'’-]+")


def alter_fact(sentence: str, rng: np.random.Generator) -> str | None:
    """The sentence with one fact changed (a number, a negation, an opposite); None if it states none."""
    ways = [_alter_number, _alter_opposite, _alter_negation]
    for way in rng.permutation(len(ways)):
        altered = ways[int(way)](sentence, rng)
        if altered is not None and altered != sentence:
            return altered
    return None


def _alter_number(sentence: str, rng: np.random.Generator) -> str | None:
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return None
    number = found[int(rng.integers(len(found)))]
    text = number.group()
    fraction = re.search(r"[.,]\d+$", text)
    whole = int(text[: fraction.start()] if fraction else text)
    other = max(0, round(whole * float(rng.choice([0.5, 0.7, 1.5, 2, 3]))))
    other = whole + 2 if other == whole else other
    return (
        sentence[: number.start()]
        + str(other)
        + (fraction.group() if fraction else "")
        + sentence[number.end() :]
    )


def _alter_opposite(sentence: str, rng: np.random.Generator) -> str | None:
    found = [word for word in _WORD.finditer(sentence) if word.group().lower() in OPPOSITES]
    if not found:
        return None
    word = found[int(rng.integers(len(found)))]
    others = OPPOSITES[word.group().lower()]
    other = others[int(rng.integers(len(others)))]
    other = other.capitalize() if word.group()[0].isupper() else other
    return sentence[: word.start()] + other + sentence[word.end() :]


def _alter_negation(sentence: str, rng: np.random.Generator) -> str | None:
    negated = _NEGATED.search(sentence)
    if negated:
        return sentence[: negated.start()] + (negated[1] or negated[2]) + sentence[negated.end() :]
    modal = _MODAL.search(sentence)
    if not modal:
        return None
    denied = "cannot" if modal[0].lower() == "can" else f"{modal[0]} not"
    return sentence[: modal.start()] + denied + sentence[modal.end() :]


def reword(sentence: str, words_about: list[str], rng: np.random.Generator) -> str:
    """The sentence in somewhat other words, its facts kept.

    Light words are dropped, others dropped or replaced by some of `words_about` (what the source
    speaks of), a lead is put before, halves are turned.
    """
    words = sentence.split()
    kept = [w for w in words if w.lower() not in _LIGHT_WORDS or rng.random() > 0.5]
    # What carries a fact is kept: negations, opposites and the unit after a number.
    heavy = [
        i
        for i, word in enumerate(kept)
        if word.islower()
        and len(word) > 3
        and word not in OPPOSITES
        and word not in _NEGATING
        and not (i and any(letter.isdigit() for letter in kept[i - 1]))
    ]
    for i in rng.permutation(heavy)[: int(len(heavy) * rng.uniform(0, 0.5))]:
        is_replaced = words_about and rng.random() < 0.5
        kept[int(i)] = words_about[int(rng.integers(len(words_about)))] if is_replaced else ""
    kept = [word for word in kept if word]
    text = " ".join(kept).rstrip(".")
    if ", " in text and rng.random() < 0.5:
        head, tail = text.split(", ", 1)
        text = f"{tail}, {head}"
    if rng.random() < 0.6:
        text = f"{_LEADS[int(rng.integers(len(_LEADS)))]} {text[:1].lower()}{text[1:]}"
    return text + "."


def _pick(among: list[str], rng: np.random.Generator) -> str:
    return among[int(rng.integers(len(among)))]


def _retell(
    sentence: str,
    words: list[str],
    is_retold: bool,
    restated: Mapping[str, list[str]],
    rng: np.random.Generator,
) -> str:
    if is_retold and sentence in restated:
        return _pick(restated[sentence], rng)
    return reword(sentence, words, rng) if rng.random() < 0.15 else sentence


def _words_about(sentences: list[str]) -> list[str]:
    words = (word.strip(".,:;!?()") for sentence in sentences for word in sentence.split())
    return [
        word
        for word in words
        if word.isalpha() and word.islower() and len(word) > 3 and word not in OPPOSITES
    ]


def plant_defects(
    articles: pl.DataFrame,
    n_similar: int,
    n_contradictory: int,
    rng: np.random.Generator,
    restated: Mapping[str, list[str]] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The articles with defects planted, and the pairs they make (two ids, relation).

    Bodies become text. A host is of the same section where there is one (two times in three). Fewer
    defects come back where the base is too small; one article or none gives none. Sentences that are
    in `restated` are also told in those words: wrongly (a contradiction), as a second version of an
    article (similar), and rightly in one other article (neither).
    """
    restated = restated or {}
    articles = articles.sort("article_id").with_columns(pl.col("title", "section").fill_null(""))
    ids = articles["article_id"].to_list()
    titles = [plain_text(title).replace("\n", " ") for title in articles["title"]]
    bodies = [cut_statements(plain_text(b, f)) for b, f in articles.select("body", "body_format").iter_rows()]
    sources = [list(body) for body in bodies]
    siblings = _group_sections(articles["section"].to_list())
    pairs: dict[tuple[str, str], str] = {}
    copies: list[dict[str, str | None]] = []
    wanted = ["similar"] * n_similar + ["contradictory"] * n_contradictory
    order = rng.permutation(len(ids))
    for number, turn in enumerate(rng.permutation(len(wanted)) if len(ids) > 1 else []):
        source, relation = int(order[number % len(ids)]), wanted[int(turn)]
        if relation == "similar" and rng.random() < _COPIED_ARTICLES:
            words = _words_about(sources[source])
            is_retold = rng.random() < _RETOLD
            body = [_retell(s, words, is_retold, restated, rng) for s in sources[source]]
            copy = f"{ids[source]}\x00{number}"
            copies.append(
                {
                    "article_id": copy,
                    "title": titles[source],
                    "section": articles["section"][source],
                    "kind": articles["kind"][source],
                    "body": "\n".join(body),
                }
            )
            pairs[ids[source], copy] = relation
            continue
        passage = _take_passage(sources[source], titles[source], relation, rng)
        known = [s for s in sources[source] if s in restated]
        if known and relation == "contradictory" and rng.random() < _RETOLD:
            passage = _alter_number(_pick(restated[_pick(known, rng)], rng), rng)
        host = _choose_host(source, siblings, len(ids), rng)
        pair = (min(ids[source], ids[host]), max(ids[source], ids[host]))
        if passage is None or pair in pairs:
            continue
        bodies[host].insert(int(rng.integers(len(bodies[host]) + 1)), passage)
        pairs[pair] = relation
        if known and rng.random() < _RETOLD:
            # Said once more and rightly: what looks like a defect and is none.
            neighbour = _choose_host(source, siblings, len(ids), rng)
            bodies[neighbour].append(_pick(restated[_pick(known, rng)], rng))
    planted = articles.with_columns(
        title=pl.Series(titles, dtype=pl.String),
        body=pl.Series(["\n".join(body) for body in bodies], dtype=pl.String),
        body_format=pl.lit("text"),
    ).select("article_id", "title", "section", "kind", "body", "body_format")
    if copies:
        extra = pl.DataFrame(copies).with_columns(body_format=pl.lit("text"))
        planted = pl.concat([planted, extra.select(planted.columns)])
    return planted, pl.DataFrame(
        [(left, right, relation) for (left, right), relation in sorted(pairs.items())],
        schema=dict.fromkeys(("left_article_id", "right_article_id", "relation"), pl.String),
        orient="row",
    )


def _group_sections(sections: list[str]) -> list[list[int]]:
    """For each article the articles of the same topmost section."""
    tops: dict[str, list[int]] = {}
    for article, section in enumerate(sections):
        tops.setdefault(section.split(">")[0].strip(), []).append(article)
    return [tops[section.split(">")[0].strip()] for section in sections]


def _choose_host(source: int, siblings: list[list[int]], n: int, rng: np.random.Generator) -> int:
    near = siblings[source] if rng.random() < 2 / 3 else []
    host = near[int(rng.integers(len(near)))] if len(near) > 1 else int(rng.integers(n))
    return host if host != source else (source + 1 + int(rng.integers(n - 1))) % n


def _take_passage(sentences: list[str], title: str, relation: str, rng: np.random.Generator) -> str | None:
    """Some sentences in a row, one of them altered for a contradiction; None if there are none fit."""
    fit = [i for i, s in enumerate(sentences) if len(s.split()) >= _MIN_WORDS]
    if not fit:
        return None
    start = fit[int(rng.integers(len(fit)))]
    passage = sentences[start : start + 1 + int(rng.integers(_MAX_PASSAGE))]
    if relation == "contradictory":
        altered = [alter_fact(s, rng) if len(s.split()) >= _MIN_WORDS else None for s in passage]
        places = [i for i, a in enumerate(altered) if a is not None]
        if not places:
            return None
        place = places[int(rng.integers(len(places)))]
        passage = [str(altered[place]) if i == place else s for i, s in enumerate(passage)]
    if rng.random() < _REWORDED:
        words = _words_about(sentences)
        passage = [reword(s, words, rng) for s in passage]
    if start == 0 and title and rng.random() < _WITH_HEADING:
        passage = [title, *passage]
    return " ".join(passage)
