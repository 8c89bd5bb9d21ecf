"""Other words for what a sentence says, learned from the knowledge base itself.

Where two articles about one subject give the same figure in different words, the two forms say the
same; then a sentence of the one form can be put in the words of the other, for any subject. Defects
made of them are planted in `cxm.methods.defects`.
"""

from __future__ import annotations

import re

import polars as pl

from cxm.methods.scopes import NUMBERS, Scopes
from cxm.methods.statements import Statements

_MIN_COSINE, _MAX_CLOSENESS = 0.6, 0.9
_MOST_WORDINGS = 4
_NUMBER = re.compile(NUMBERS)


def find_restatements(statements: Statements, scopes: Scopes, rows: pl.DataFrame) -> dict[str, list[str]]:
    """Sentence to what it would be in other words of the base, its numbers and subject kept.

    `rows` as `cxm.methods.conflicts.describe_conflicts` gives them. Sentences without a number are
    left out: that two of them mean the same cannot be told.
    """
    found = (
        rows.filter(
            (pl.col("n_agreed") > 0)
            & (pl.col("n_facts") == 0)
            & (pl.col("cosine") >= _MIN_COSINE)
            & (pl.col("closeness") < _MAX_CLOSENESS)
            & (pl.col("subject") >= 0)
            & (pl.col("rank_least") == 0)
            & (pl.col("differ_elsewhere") == 0)
            & (pl.col("is_same_form") == 0)
        )
        .select("left", "right")
        .unique()
        .sort("left", "right")
    )
    wordings: dict[int, list[int]] = {}
    for left, right in found.iter_rows():
        for one, other in ((left, right), (right, left)):
            known = wordings.setdefault(int(scopes.sentence_form[one]), [])
            forms = {int(scopes.sentence_form[sentence]) for sentence in known}
            if int(scopes.sentence_form[other]) not in forms and len(known) < _MOST_WORDINGS:
                known.append(other)
    restated: dict[str, list[str]] = {}
    for sentence, form in enumerate(scopes.sentence_form.tolist()):
        told = (_tell_as(statements, scopes, sentence, other) for other in wordings.get(form, ()))
        texts = sorted({text for text in told if text})
        if texts:
            restated[statements.sentences[sentence]] = texts
    return restated


def _tell_as(statements: Statements, scopes: Scopes, sentence: int, other: int) -> str | None:
    """The sentence in the words of the other; None if subject or numbers do not carry over."""
    subjects = [int(scopes.sentence_subject[i]) for i in (sentence, other)]
    text, words = statements.read_as[sentence], statements.read_as[other]
    if (subjects[0] < 0) != (subjects[1] < 0):
        return None
    if subjects[0] >= 0:
        words = words.replace(scopes.subjects[subjects[1]], scopes.subjects[subjects[0]])
        text = text.replace(scopes.subjects[subjects[0]], "")
    numbers = _NUMBER.findall(text)
    if len(numbers) != len(_NUMBER.findall(words)) or words == statements.read_as[sentence]:
        return None
    following = iter(numbers)
    return _NUMBER.sub(lambda _: next(following), words)
