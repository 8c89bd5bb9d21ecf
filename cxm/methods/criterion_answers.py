"""Answers in words: which turns are the evidence, and a sentence that says why.

How an answer is found belongs in `cxm.methods.adherence`; a new kind of explanation belongs here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.adherence import ANSWERED, Answers
from cxm.methods.criteria import Criteria
from cxm.methods.criterion_matches import MATCH_FEATURES, Matches, Turns
from cxm.methods.criterion_models import shown_by
from cxm.methods.languages import are_foreign

# Whoever says nothing does nothing that was asked; but what should be avoided is avoided too.
_SILENT = 0.9
_UNJUDGED = 0.5
_FOREIGN = "The agent does not speak English here, and no answers in another language were learned from."
_QUOTE = 120
_HEARD = 2_000  # characters that tell a language


def speak_foreign(turns: Turns) -> NDArray[np.bool_]:
    """Whether the agent of each conversation surely speaks another language than English."""
    heard = [""] * turns.n_conversations
    rows = turns.rows_of("agent")
    for owner, text in zip(turns.owner[rows], turns.frame["text"].gather(rows).to_list(), strict=True):
        if len(heard[owner]) < _HEARD:
            heard[owner] += f" {text[:_HEARD]}"
    return are_foreign(heard)


def word_answers(
    ids: list[str],
    criteria: Criteria,
    turns: Turns,
    matches: Matches,
    answers: Answers,
    silent_answer: str,
    is_foreign: NDArray[np.bool_],
    least_similarity: float,
) -> list[dict[str, Any]]:
    """Rows of `quality_answers`, one for each conversation of `ids` and criterion.

    `silent_answer`: where no agent spoke. `is_foreign` `(n_conversations,)`: those not to be judged. For
    criteria without a model of their own or a known behaviour, the turn looked at is evidence where its
    likeness to what should be done reaches `least_similarity`.
    """
    codes = answers.probabilities.argmax(axis=2)
    given = answers.probabilities.max(axis=2)
    texts, turn_index = turns.frame["text"].to_list(), turns.frame["turn_index"].to_list()
    owner = turns.owner[matches.agent_rows]
    starts = np.searchsorted(owner, np.arange(turns.n_conversations), side="left")
    ends = np.searchsorted(owner, np.arange(turns.n_conversations), side="right")
    rows = []
    for number, conversation_id in enumerate(ids):
        start, end = int(starts[number]), int(ends[number])
        for column, criterion in enumerate(criteria.names):
            answer, probability = ANSWERED[codes[number, column]], float(given[number, column])
            shown: list[int] = []
            if start == end:
                answer, probability = silent_answer, _SILENT
            elif is_foreign[number]:
                answer, probability = "not_applicable", _UNJUDGED
            elif column in answers.shows:
                shows = answers.shows[column][start:end]
                found = shown_by(answer, shows, answers.has_evidence[column])
                shown = [int(matches.agent_rows[start + row]) for row in found]
            elif answer != "not_applicable":
                shown = _nearest(matches, number, column, answer, criteria, least_similarity)
            quote = _shorten(texts[shown[0]]) if shown else ""
            where = turn_index[shown[0]] if shown else None
            rows.append(
                {
                    "conversation_id": conversation_id,
                    "criterion": criterion,
                    "answer": answer,
                    "probability": min(1.0, probability),
                    "evidence_turns": sorted(turn_index[row] for row in shown),
                    "explanation": _FOREIGN
                    if is_foreign[number] and start < end
                    else _explain(answer, start == end, where, quote),
                }
            )
    return rows


def _nearest(
    matches: Matches, number: int, column: int, answer: str, criteria: Criteria, least_similarity: float
) -> list[int]:
    """The turn looked at, if it is near enough to the question or the answer rests on it anyway."""
    focus = int(matches.focus[number, column])
    near = float(matches.values[number, column, MATCH_FEATURES.index("guideline")]) >= least_similarity
    return [focus] if near or answer == "yes" or criteria.is_about_last_reply[column] else []


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _QUOTE else words[:_QUOTE].rsplit(" ", 1)[0] + " …"


def _explain(answer: str, is_silent: bool, where: int | None, quote: str) -> str:
    """Why, in one sentence, by the turn that decided."""
    if is_silent:
        return "No agent spoke in this conversation."
    if answer == "not_applicable":
        return "What the question is about does not come up in this conversation."
    if where is None:
        return "Nothing speaks against it." if answer == "yes" else "No turn of the agent shows it."
    return f"{'Shown by' if answer == 'yes' else 'Not kept; see'} turn {where}: “{quote}”"
