"""What each sentence is about (its scope), and its form: what is left when the scope is taken out.

Articles about sibling products say the same things of each: "The Rivet weighs 2 kilograms", "The
Forge weighs 3 kilograms". They have one form and two subjects. How subjects are known, which
sentences share a scope and what a form leaves out belongs here; terms and their weights are in
`cxm.methods.statements`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.facts import NUMBER_WORDS
from cxm.methods.statements import Statements

# What stands in more of the articles does not tell them apart.
_COMMON_SHARE, _COMMON = 0.1, 20
_NAME_SHARE, _KIND = 0.9, 2
_QUOTED = r"[\"“][^\"“”]*[\"”]"
_LEAST_TITLE = 8
PAGE = "this page"
"""What stands in a form where a page is pointed to."""
_MOST_IN_SCOPE = 4096
_STEP = r"^(?:(?i:step) )?#[.:)]?\s+"
_QUOTES = (('"', '"'), ("“", "”"))
NUMBERS = rf"\d+(?:[.,:]\d+)*|(?i:\b(?:{'|'.join(NUMBER_WORDS)})\b)"


@dataclass(frozen=True)
class Scopes:
    """Subjects, scopes and forms of the statements of a knowledge base.

    `subjects`: their names; `article_subject` `(n_articles,)` and `sentence_subject` `(n_sentences,)`:
    number of the subject, -1 for none; `forms`: texts in lower case; `sentence_form` `(n_sentences,)`;
    `scopes`: article, place, scope (a number; -1 where the scope is too wide to compare within); `leaves`
    `(n_articles,)`: number of the last step of each section.
    """

    subjects: list[str]
    article_subject: NDArray[np.int32]
    sentence_subject: NDArray[np.int32]
    forms: list[str]
    sentence_form: NDArray[np.int32]
    scopes: pl.DataFrame
    leaves: NDArray[np.int32]


def read_scopes(statements: Statements) -> Scopes:
    """The scopes of `statements`; without sections and names there is one scope."""
    texts = pl.Series(statements.read_as, dtype=pl.String)
    articles = statements.articles.with_columns(
        steps=pl.col("section").str.split(">").list.eval(pl.element().str.strip_chars())
    )
    subjects = _find_subjects(statements, articles, texts)
    numbers = {name: i for i, name in enumerate(subjects)}
    sentence_subject = _first_mention(texts, subjects, numbers)
    in_title = _first_mention(articles["title"], subjects, numbers)
    in_section = np.array(
        [next((numbers[s] for s in reversed(steps) if s in numbers), -1) for steps in articles["steps"]],
        dtype=np.int32,
    )
    article_subject = np.where(in_section >= 0, in_section, in_title).astype(np.int32)
    forms = _read_forms(texts, subjects, articles["title"])
    distinct = forms.unique(maintain_order=True)
    number_of_form = pl.DataFrame({"form": distinct, "number": np.arange(len(distinct), dtype=np.int32)})
    sentence_form = (
        pl.DataFrame({"form": forms})
        .join(number_of_form, on="form", how="left", validate="m:1", maintain_order="left")["number"]
        .to_numpy()
    )
    leaves = articles.select(leaf=pl.col("steps").list.last().fill_null("").str.to_lowercase())
    return Scopes(
        subjects,
        article_subject,
        sentence_subject,
        distinct.to_list(),
        sentence_form,
        _group_places(statements, article_subject, sentence_subject, articles["steps"].to_list()),
        (leaves["leaf"].rank("dense") - 1).cast(pl.Int32).to_numpy(),
    )


def _find_subjects(statements: Statements, articles: pl.DataFrame, texts: pl.Series) -> list[str]:
    """Steps of sections that are names: sentences of several articles write them with the same capitals,
    and hardly any without."""
    steps = (
        articles.select("article", step="steps")
        .explode("step")
        .unique()
        .filter(pl.col("step").str.contains(r"^\p{Lu}.{2,}"))["step"]
        .unique()
        .sort()
        .to_list()
    )
    if not steps:
        return []
    longest_first = sorted(steps, key=lambda step: (-len(step), step))
    # A first word has its capital letter anyway, and so has a page that is pointed to.
    inside = texts.str.slice(1).str.replace_all(_QUOTED, "")
    mentions = (
        pl.DataFrame({"sentence": np.arange(len(texts), dtype=np.int32), "text": inside})
        .lazy()
        .select(
            "sentence",
            step=pl.col("text").str.extract_many(longest_first, ascii_case_insensitive=True, leftmost=True),
        )
        .filter(pl.col("step").list.len() > 0)
        .explode("step")
        .unique()
        .with_columns(is_name=pl.col("step").is_in(steps), step=pl.col("step").str.to_lowercase())
        .join(statements.places.lazy().select("article", "sentence"), on="sentence")
        .group_by("step")
        .agg(n=pl.col("article").filter("is_name").n_unique(), share=pl.col("is_name").mean())
        .collect()
    )
    most = max(_COMMON, _COMMON_SHARE * articles.height)
    names = set(mentions.filter(pl.col("n").is_between(2, most) & (pl.col("share") >= _NAME_SHARE))["step"])
    named = {step for step in steps if step.lower() in names}
    # What names stand under is a kind of thing, as "TV box" over "Reel TV box".
    under: dict[str, set[str]] = {}
    for path in articles["steps"].to_list():
        inside_path = [step for step in path if step in named]
        for i, step in enumerate(inside_path):
            under.setdefault(step, set()).update(inside_path[i + 1 :])
    kept = [step for step in named if len(under.get(step, ())) < _KIND]
    return sorted(kept, key=lambda step: (-len(step), step))


def _first_mention(texts: pl.Series, subjects: list[str], numbers: dict[str, int]) -> NDArray[np.int32]:
    if not subjects or not len(texts):
        return np.full(len(texts), -1, dtype=np.int32)
    found = texts.to_frame("text").select(
        pl.col("text").str.extract_many(subjects, leftmost=True).list.first().alias("subject")
    )["subject"]
    return found.replace_strict(numbers, default=-1, return_dtype=pl.Int32).fill_null(-1).to_numpy()


def _read_forms(texts: pl.Series, subjects: list[str], titles: pl.Series) -> pl.Series:
    """The texts without their subjects, numbers and the titles of pages they point to."""
    pages = titles.filter(titles.str.len_chars() >= _LEAST_TITLE).unique().sort()
    names = [f"{first}{page}{last}" for page in pages for first, last in _QUOTES] + subjects
    words = [PAGE] * (len(names) - len(subjects)) + ["product"] * len(subjects)
    forms = texts.rename("form").to_frame()
    if names:
        forms = forms.with_columns(pl.col("form").str.replace_many(names, words, leftmost=True))
    without = pl.col("form").str.replace_all(NUMBERS, "#").str.replace(_STEP, "")
    return forms.select(without.str.to_lowercase())["form"]


def _group_places(
    statements: Statements,
    article_subject: NDArray[np.int32],
    sentence_subject: NDArray[np.int32],
    steps: list[list[str]],
) -> pl.DataFrame:
    """Article, place and scope: the subject of the sentence or article, else the widest part of the
    base that is small enough to compare all its sentences."""
    places = statements.places.select("article", "place", "sentence")
    article, sentence = places["article"].to_numpy(), places["sentence"].to_numpy()
    subject = np.where(sentence_subject[sentence] >= 0, sentence_subject[sentence], article_subject[article])
    n_free = np.bincount(article[subject < 0], minlength=len(steps))
    sizes: dict[tuple[str, ...], int] = {}
    for path, n in zip(steps, n_free.tolist(), strict=True):
        for depth in range(len(path) + 1):
            sizes[tuple(path[:depth])] = sizes.get(tuple(path[:depth]), 0) + n
    numbers: dict[tuple[str, ...], int] = {}
    first = int(subject.max(initial=-1)) + 1
    part = np.full(len(steps), -1, dtype=np.int64)
    for i, path in enumerate(steps):
        prefixes = (tuple(path[:depth]) for depth in range(1, len(path) + 1))
        fit = next((p for p in prefixes if sizes[p] <= _MOST_IN_SCOPE), None)
        if fit is not None:
            part[i] = first + numbers.setdefault(fit, len(numbers))
    scope = np.where(subject >= 0, subject, part[article]).astype(np.int32)
    n_in_scope = np.bincount(scope[scope >= 0], minlength=1)
    scope[(scope >= 0) & (n_in_scope[np.maximum(scope, 0)] > _MOST_IN_SCOPE)] = -1
    return places.select("article", "place", scope=pl.Series(scope))
