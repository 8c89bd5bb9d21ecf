"""A scorecard as something to compare turns with: questions, their guidelines, steps and words.

How a criterion is read belongs here; comparing it with turns in `cxm.methods.criterion_matches`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.behaviours import find_behaviours

Vectors = NDArray[np.float32]

_LAST = re.compile(
    r"\b(last|final|latest|most recent)\s+(reply|response|message|turn|answer|utterance)\b", re.I
)
# "Did the agent ask ...", "Has the representative been ...": what is asked of everyone is no part of the act.
_FRAME = re.compile(
    r"^\W*(did|does|do|has|have|had|was|were|is|are|could|can|will|would)\s+(the|our|an?|this)?\s*"
    r"(customer\s+|support\s+|service\s+|call\s+|call-cent\w+\s+)*"
    r"(agents?|representatives?|reps?|advisors?|advisers?|associates?|operators?|employees?|staff|assistants?)\b"
    r"('s)?\s*(properly|correctly|clearly|always|actually|ever)?\s*",
    re.I,
)
_AVOID = re.compile(r"^\W*(\w+\W+){0,2}(avoid|refrain|abstain|not|never|without)\b", re.I)
_SENTENCE = re.compile(r"(?<=[.?!;])\s+")
_FEWEST_WORDS = 3
_ENDINGS = ("ing", "ed", "es", "ly", "s")
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about all an and any are as at be been before but by can could did do does for from had has
        have he her his how i if in into is it its me my no not of on or our please she should so some than
        that the their them then there they this to up us was we were what when where which while who will
        with would you your agent customer""",
    )
)


@dataclass(frozen=True)
class Criteria:
    """The criteria of a scorecard, sorted by name.

    `questions`, `guidelines` `(n_criteria, d)` and `steps` `(n_steps, d)` are unit vectors; the steps
    of criterion `k` start at `step_starts[k]`. `words` are the words that carry each question.
    `is_to_avoid`: what it describes should not be done. `behaviours`: what each asks for, if it is one of
    `cxm.methods.behaviours`.
    """

    names: list[str]
    is_about_last_reply: NDArray[np.bool_]
    is_to_avoid: NDArray[np.bool_]
    questions: Vectors
    guidelines: Vectors
    steps: Vectors
    step_starts: NDArray[np.intp]
    words: list[frozenset[str]]
    behaviours: list[str | None]


def read_criteria(scorecard: pl.DataFrame, encode: Callable[[Sequence[str]], Vectors]) -> Criteria:
    """The criteria of a `scorecard` frame (criterion, question)."""
    rows = scorecard.sort("criterion")
    questions = rows["question"].to_list()
    guidelines = [guideline_of(question) for question in questions]
    steps = [steps_of(guideline) for guideline in guidelines]
    sizes = [len(found) for found in steps]
    is_about_last_reply = np.array([bool(_LAST.search(q)) for q in questions], dtype=bool)
    return Criteria(
        names=rows["criterion"].to_list(),
        is_about_last_reply=is_about_last_reply,
        is_to_avoid=np.array([bool(_AVOID.search(guideline)) for guideline in guidelines], dtype=bool),
        questions=encode(questions),
        guidelines=encode(guidelines),
        steps=encode([step for found in steps for step in found]),
        step_starts=np.cumsum([0, *sizes])[:-1].astype(np.intp),
        words=[frozenset(content_words(question)) for question in questions],
        behaviours=find_behaviours(questions, is_about_last_reply),
    )


def guideline_of(question: str) -> str:
    """What should be done: the guideline behind the question, else the question without its frame.

    "Did the agent offer a refund?" gives "offer a refund?"; "Did the agent follow this guideline?
    Ask for the order number." gives the second sentence.
    """
    _, _, rest = question.partition("?")
    if len(rest.split()) >= _FEWEST_WORDS:
        return rest.strip()
    act = _FRAME.sub("", question).strip()
    return act if act else question.strip()


def steps_of(guideline: str) -> list[str]:
    """Its lines and sentences of at least three words; the whole if there are none."""
    found = [part.strip() for line in guideline.splitlines() for part in _SENTENCE.split(line)]
    return [part for part in found if len(part.split()) >= _FEWEST_WORDS] or [guideline]


def content_words(text: str) -> list[str]:
    """The words that carry meaning, lower case, common endings cut off, repeated ones included."""
    return [
        _stem(word) for word in re.findall(r"\w+", text.lower()) if len(word) > 2 and word not in _EMPTY_WORDS
    ]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
