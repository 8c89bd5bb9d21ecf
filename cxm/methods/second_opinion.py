"""A second opinion on findings: a language model or classifier that reads both sentences.

It is handed in as a function, so that this module knows no service; without one nothing changes.
The wording of the question is in `cxm/prompts/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

ANSWERS = ("unrelated", "similar", "contradictory")

Ask = Callable[[Sequence[tuple[str, str]]], Sequence[str | None]]
"""Pairs of quotes to one answer each; None where there is none."""


def judge_candidates(findings: pl.DataFrame, ask: Ask) -> pl.DataFrame:
    """The findings with the relation that `ask` gives each, those called unrelated left out.

    An answer is one of `ANSWERS`, alone or as the first of them in a text. Without a readable answer a
    finding stays as it was. No findings: `ask` is not called.
    """
    if findings.is_empty():
        return findings
    answers = ask(list(findings.select("left_quote", "right_quote").iter_rows()))
    read = [_read(answer) for answer in answers]
    relation = [answer or before for answer, before in zip(read, findings["relation"].to_list(), strict=True)]
    return findings.with_columns(relation=pl.Series(relation, dtype=pl.String)).filter(
        pl.col("relation") != ANSWERS[0]
    )


def _read(answer: str | None) -> str | None:
    text = (answer or "").casefold()
    found = {name: text.find(name) for name in ANSWERS if name in text}
    return min(found, key=lambda name: found[name]) if found else None
