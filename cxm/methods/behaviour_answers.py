"""Answers without labels to criteria that ask for a common behaviour: said or not, and called for or not.

A behaviour counts where it belongs: a greeting in the agent's first turn, a farewell in the last. What is
not said is a fault only where it was called for: a check of identity where an account was used, a
go-ahead where something was changed, sympathy where the customer is upset. The words of each behaviour
stand in `cxm.methods.behaviours`.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from cxm.methods.behaviours import TO_AVOID, said_by
from cxm.methods.criterion_matches import Turns, segment_max
from cxm.methods.criterion_models import NEITHER, SHOWS_NO, SHOWS_YES
from cxm.methods.feelings import unlabelled_feelings
from cxm.methods.phrases import drop_quoted

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

NO, NOT_APPLICABLE, YES = 0, 1, 2
# Probability that the answer given is right. Found on train rows of a simulated brand, then rounded.
_SURE = {
    "greeting": (0.9, 0.6, 0.95),
    "further_help": (0.9, 0.6, 0.95),
    "farewell": (0.9, 0.6, 0.95),
    "promise": (0.9, 0.6, 0.95),
    "identity": (0.7, 0.95, 0.9),
    "permission": (0.5, 0.95, 0.75),
    "empathy": (0.45, 0.85, 0.7),
    "clarifying": (0.5, 0.7, 0.55),
}
# What system turns report when something was changed rather than looked up.
_CHANGED = re.compile(
    r"book|creat|cancel|chang|updat|issu|sen[dt]|activat|regist|schedul|replac|reset|unlock|lift|extend|switch"
    r"|\bmov|\badd|remov|\bpa(id|y)|credit|clos|stop|arrang|return|exchang|swap|\bordered\b",
    re.I,
)
# The same, in the agent's words, for records without system turns.
_SEES_ACCOUNT = re.compile(
    r"\b(i|we)('ve| have)?( just| now)? (found|opened|pulled up|looked (up|into|at)|see|can see)\b"
    r"( \w+){0,2} (your|order|account|booking|contract|line|invoice)\b"
    r"|\b(in|on) your (account|order|contract|line|booking)\b",
    re.I,
)
_HAS_CHANGED = re.compile(
    r"\b(i|we)('ve| have)( just| now)? (booked|ordered|cancell?ed|changed|updated|refunded|issued|activated"
    r"|registered|scheduled|replaced|reset|arranged|extended|switched|moved|added|removed|credited|closed"
    r"|stopped)\b",
    re.I,
)
_MOST_UPSET = 0.8
# A rule counts as much as so many answers of a reviewer.
_RULE_ROWS = 10.0
# The question that opens every conversation finds out nothing.
_OPENING = re.compile(
    r"\b(how|what|which question) (can|may|could) i\b|\bwhat can we\b"
    r"|\bwho(?:'s| is|se| am i)?\b[^.?!]{0,80}(call|speak|talk)"
    r"|\bwhat('s| is)? (happened|it|up|you need)\b[.?!]?$",
    re.I,
)
_GREETING_WORDS = 12
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")


class Talk:
    """What the rules look at, read once for all criteria of `turns`; `prototypes` tell feelings apart."""

    def __init__(self, turns: Turns, prototypes: NDArray[np.float32]) -> None:
        self.n = turns.n_conversations
        self.rows = turns.rows_of("agent")
        self.owner = turns.owner[self.rows]
        self.texts = [drop_quoted(text) for text in turns.frame["text"].gather(self.rows).to_list()]
        first = np.append(True, self.owner[1:] != self.owner[:-1]) if len(self.owner) else np.zeros(0, bool)
        self.is_first = np.asarray(first, dtype=bool)
        self.is_last = np.append(self.is_first[1:], True) if len(self.owner) else self.is_first
        self.upset = _upset(turns, prototypes)
        system = turns.rows_of("system")
        reports = turns.frame["text"].gather(system).to_list()
        changed = np.array([bool(_CHANGED.search(text)) for text in reports], dtype=bool)
        sees, has_changed = (
            np.array([bool(words.search(text)) for text in self.texts], dtype=bool)
            for words in (_SEES_ACCOUNT, _HAS_CHANGED)
        )
        self.changes = self._any(turns.owner[system], changed) | self._any(self.owner, has_changed)
        self.uses_account = self.changes | self._any(self.owner, sees)
        self.uses_account |= self._any(turns.owner[system], np.ones(len(system), dtype=bool))
        last_change = np.full(self.n, -1, dtype=np.intp)
        last_change[turns.owner[system[changed]]] = system[changed]  # the last of each wins
        self._before_change = (self.rows < last_change[self.owner]) | (last_change[self.owner] < 0)

    def _any(self, owner: Rows, is_so: Flags) -> Flags:
        return np.bincount(owner[is_so], minlength=self.n)[: self.n] > 0

    def says(self, behaviour: str) -> Flags:
        """Which of the agent's turns show the behaviour where it belongs, `(n_agent_rows,)`."""
        if behaviour == "clarifying":
            asks = said_by(behaviour, self.texts) & ~self._greets()
            rows = np.flatnonzero(asks)
            asks[rows] = said_by(behaviour, [_without_routine(self.texts[row]) for row in rows])
            return np.asarray(asks)
        belongs = {"greeting": self.is_first, "permission": self._before_change, "farewell": self.is_last}
        said = said_by(behaviour, self.texts)
        return np.asarray(said & belongs[behaviour]) if behaviour in belongs else said

    def _greets(self) -> Flags:
        """First turns that are nothing but a greeting."""
        is_short = np.array([len(text.split()) < _GREETING_WORDS for text in self.texts], dtype=bool)
        return np.asarray(self.is_first & is_short)

    def answer(self, behaviour: str, said: Flags) -> tuple[Floats, Flags]:
        """Probabilities of (no, not applicable, yes) `(n_conversations, 3)`, and the turns that show it."""
        shown = self._any(self.owner, said)
        if behaviour in TO_AVOID:
            answer = np.where(shown, NO, YES)
        else:
            missed = np.where(self._is_called_for(behaviour), NO, NOT_APPLICABLE)
            answer = np.where(shown, YES, missed)
        sure = np.array(_SURE[behaviour])[answer]
        probabilities = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
        probabilities[np.arange(self.n), answer] = sure
        return probabilities, said if behaviour in TO_AVOID else self._one_each(said, behaviour)

    def _is_called_for(self, behaviour: str) -> Flags:
        if behaviour == "identity":
            return self.uses_account
        if behaviour == "permission":
            return self.changes
        if behaviour == "empathy":
            return self.upset >= _MOST_UPSET
        return np.full(self.n, behaviour != "clarifying")

    def _one_each(self, said: Flags, behaviour: str) -> Flags:
        """The first turn of each conversation that says it; the last of what belongs to the end."""
        rows = np.flatnonzero(said)
        if behaviour in ("further_help", "farewell", "permission"):
            rows = rows[::-1]
        _, at = np.unique(self.owner[rows], return_index=True)
        one = np.zeros(len(said), dtype=bool)
        one[rows[at]] = True
        return one


def count_truths(rule: Floats, truth: Rows) -> Floats:
    """Reviewers' answers `(3, 3)` by the answer of the rule (rows) that each stands beside.

    `rule` `(n, 3)` probabilities, `truth` `(n,)` codes of (no, not applicable, yes).
    """
    counts = np.zeros((3, 3))
    np.add.at(counts, (rule.argmax(axis=1), truth), 1)
    return counts


def heed_reviewers(rule: Floats, counts: Floats) -> Floats:
    """The rule's probabilities, corrected by what reviewers said where the rule gave the same answer."""
    beside = counts[rule.argmax(axis=1)]
    return np.asarray((_RULE_ROWS * rule + beside) / (_RULE_ROWS + beside.sum(axis=1, keepdims=True)))


def show_behaviour(behaviour: str, shown: Flags) -> Floats:
    """What each turn shows `(n_agent_rows, 3)`, in the classes of `cxm.methods.criterion_models`."""
    shows = np.zeros((len(shown), 3))
    shows[
        np.arange(len(shown)), np.where(shown, SHOWS_NO if behaviour in TO_AVOID else SHOWS_YES, NEITHER)
    ] = 1
    return shows


def _without_routine(text: str) -> str:
    """The sentences of a turn that belong to no other behaviour."""
    routine = ("further_help", "permission", "identity", "farewell")
    kept = [s for s in _SENTENCE.split(text) if not _OPENING.search(s)]
    flags = np.any([said_by(name, kept) for name in routine], axis=0)
    return "\n".join(s for s, is_routine in zip(kept, flags.tolist(), strict=True) if not is_routine)


def _upset(turns: Turns, prototypes: NDArray[np.float32]) -> Floats:
    """How bad the customer felt at worst, `(n_conversations,)`, 0 where nothing was said."""
    rows = turns.rows_of("customer")
    texts = turns.frame["text"].gather(rows).to_list()
    felt = np.exp(unlabelled_feelings(texts, turns.vectors[rows], prototypes))[:, :1]
    return np.asarray(segment_max(felt, turns.owner[rows], turns.n_conversations)[:, 0])
