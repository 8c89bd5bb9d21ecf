"""How each conversation's turns match each criterion, as numbers a model can learn from.

What a match is belongs here; what it means for the answer is learnt in `cxm.methods.adherence`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.criteria import Criteria, content_words

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]

# Compared with what is typical of the criterion over all conversations.
_RELATIVE = ("guideline", "overlap_share")
_MOST_DEVIATIONS = 3.0
MATCH_FEATURES = (
    "guideline",
    "question",
    "best_step",
    "mean_step",
    "overlap",
    "overlap_share",
    "length",
    "elsewhere",
    "customer_best",
    "customer_last",
    "n_agent_turns",
    "position",
    "has_agent",
    *(f"relative_{name}" for name in _RELATIVE),
)


@dataclass(frozen=True)
class Turns:
    """The turns of some conversations, sorted, with their vectors.

    `frame`: turn_index, speaker, text; `owner` `(n_turns,)` numbers the conversation of each.
    """

    frame: pl.DataFrame
    vectors: Vectors
    owner: Rows
    n_conversations: int

    @cached_property
    def speakers(self) -> NDArray[Any]:
        """Who speaks, `(n_turns,)`."""
        return self.frame["speaker"].to_numpy()

    def rows_of(self, *speakers: str) -> Rows:
        """Numbers of the turns of these speakers that hold words."""
        has_words = (self.frame["text"].str.strip_chars() != "").to_numpy()
        return np.flatnonzero(np.isin(self.speakers, speakers) & has_words)


@dataclass(frozen=True)
class Matches:
    """`values` `(n_conversations, n_criteria, len(MATCH_FEATURES))`, all 0 where no agent spoke.

    `focus` `(n_conversations, n_criteria)`: the row of the agent's turn that was looked at, the last
    reply or the one nearest to what should be done; -1 for none. `similarity` `(n_agent_rows, n_criteria)`
    belongs to `agent_rows`.
    """

    values: NDArray[np.float32]
    focus: Rows
    agent_rows: Rows
    similarity: Vectors


def segment_max(values: NDArray[Any], owner: Rows, n_segments: int, empty: float = 0.0) -> NDArray[Any]:
    """Column maxima of each segment `(n_segments, k)`; `owner` must be sorted. No row gives `empty`."""
    found = np.full((n_segments, values.shape[1]), empty, dtype=values.dtype)
    if len(owner):
        segments, starts = np.unique(owner, return_index=True)
        found[segments] = np.maximum.reduceat(values, starts, axis=0)
    return found


def match_criteria(turns: Turns, criteria: Criteria, rarity: dict[str, float]) -> Matches:
    """Compare every conversation with every criterion; `rarity` weighs shared words (default 1)."""
    n_criteria, n_conversations = len(criteria.names), turns.n_conversations
    rows = turns.rows_of("agent")
    vectors, owner = turns.vectors[rows], turns.owner[rows]
    similarity = vectors @ criteria.guidelines.T
    focus = _focus(similarity, owner, n_conversations, criteria)
    values = np.zeros((n_conversations, n_criteria, len(MATCH_FEATURES)), dtype=np.float32)
    has_agent = focus[:, 0] >= 0 if n_criteria else np.zeros(n_conversations, dtype=bool)
    matches = Matches(values, np.where(focus >= 0, rows[focus], -1) if len(rows) else focus, rows, similarity)
    if not has_agent.any():
        return matches
    seen = focus[has_agent]
    column = np.arange(n_criteria)
    steps = vectors @ criteria.steps.T
    n_steps = np.diff([*criteria.step_starts, len(criteria.steps)])
    texts = turns.frame["text"].gather(rows).to_list()
    overlap, n_words = _overlap(texts, criteria, rarity)
    first, count = _spans(owner, n_conversations)
    customers = turns.rows_of("customer")
    asked = turns.vectors[customers] @ criteria.guidelines.T
    elsewhere = similarity.copy()
    elsewhere[seen, column] = -np.inf
    others = segment_max(elsewhere, owner, n_conversations)
    last_asked = np.zeros((n_conversations, n_criteria), dtype=np.float32)
    last_asked[turns.owner[customers]] = asked  # the last turn of each wins
    best_step = np.maximum.reduceat(steps, criteria.step_starts, axis=1)
    mean_step = np.add.reduceat(steps, criteria.step_starts, axis=1) / n_steps
    columns = {
        "guideline": similarity[seen, column],
        "question": (vectors @ criteria.questions.T)[seen, column],
        "best_step": best_step[seen, column],
        "mean_step": mean_step[seen, column],
        "overlap": overlap[seen, column],
        "overlap_share": overlap[seen, column] / (n_words[seen] + 2),
        "length": np.log1p(n_words[seen]),
        "elsewhere": np.where(np.isfinite(others), others, 0.0)[has_agent],
        "customer_best": segment_max(asked, turns.owner[customers], n_conversations)[has_agent],
        "customer_last": last_asked[has_agent],
        "n_agent_turns": np.log1p(count[has_agent])[:, None],
        "position": (seen - first[has_agent][:, None]) / np.maximum(count[has_agent] - 1, 1)[:, None],
        "has_agent": 1.0,
    }
    for name, column_values in columns.items():
        values[has_agent, :, MATCH_FEATURES.index(name)] = column_values
    return matches


def _spans(owner: Rows, n_segments: int) -> tuple[Rows, Rows]:
    """(first row, number of rows) of each segment."""
    segments, starts, counts = np.unique(owner, return_index=True, return_counts=True)
    first, count = np.zeros(n_segments, dtype=np.intp), np.zeros(n_segments, dtype=np.intp)
    first[segments], count[segments] = starts, counts
    return first, count


def _focus(similarity: Vectors, owner: Rows, n_conversations: int, criteria: Criteria) -> Rows:
    """Number among the agent's rows of the turn to look at; -1 where the agent said nothing."""
    best = segment_max(similarity, owner, n_conversations, empty=-np.inf)
    number = np.arange(len(owner))[:, None]
    # The first turn that reaches the maximum: the largest negated number among those that do.
    reaches = np.where(similarity == best[owner], -number, -len(owner))
    focus = -segment_max(reaches, owner, n_conversations, empty=1)
    first, count = _spans(owner, n_conversations)
    last = np.where(count > 0, first + count - 1, -1)
    focus[:, criteria.is_about_last_reply] = last[:, None]
    return focus.astype(np.intp)


def _overlap(texts: list[str], criteria: Criteria, rarity: dict[str, float]) -> tuple[Vectors, Vectors]:
    """(weight of the words shared with each criterion `(n_texts, n_criteria)`, words of each text)."""
    from scipy.sparse import csr_matrix

    vocabulary = sorted(frozenset().union(*criteria.words))
    column = {word: i for i, word in enumerate(vocabulary)}
    weights = np.zeros((len(vocabulary), len(criteria.names)), dtype=np.float32)
    for k, words in enumerate(criteria.words):
        for word in words:
            weights[column[word], k] = rarity.get(word, 1.0)
    found = [set(content_words(text)) for text in texts]
    shared = [[column[word] for word in sorted(words & column.keys())] for words in found]
    ends = np.cumsum([0, *map(len, shared)])
    flat = [c for columns in shared for c in columns]
    matrix = csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(texts), len(vocabulary)))
    return np.asarray(matrix @ weights), np.array([len(words) for words in found], dtype=np.float32)


def typical_matches(matches: Matches) -> Vectors:
    """Mean and spread of the features taken relatively, `(n_criteria, 2, 2)`, where an agent spoke."""
    columns = [MATCH_FEATURES.index(name) for name in _RELATIVE]
    values = matches.values[matches.focus.min(axis=1, initial=0) >= 0][:, :, columns]
    if not len(values):
        return np.stack([np.zeros(values.shape[1:]), np.ones(values.shape[1:])], axis=1).astype(np.float32)
    return np.stack([values.mean(axis=0), np.maximum(values.std(axis=0), 1e-3)], axis=1).astype(np.float32)


def set_relative(matches: Matches, typical: Vectors) -> Matches:
    """The matches with their `relative_` features filled in: deviations from the typical, at most 3."""
    values = matches.values.copy()
    spoke = matches.focus >= 0
    for number, name in enumerate(_RELATIVE):
        value = values[:, :, MATCH_FEATURES.index(name)]
        deviation = (value - typical[:, 0, number]) / typical[:, 1, number]
        values[:, :, MATCH_FEATURES.index(f"relative_{name}")] = np.where(
            spoke, np.clip(deviation, -_MOST_DEVIATIONS, _MOST_DEVIATIONS), 0.0
        )
    return replace(matches, values=values)


def word_rarity(texts: list[str], criteria: Criteria) -> dict[str, float]:
    """Smoothed inverse share of texts that hold each word of the criteria."""
    vocabulary = frozenset().union(*criteria.words)
    counts = dict.fromkeys(sorted(vocabulary), 0)
    for text in texts:
        for word in vocabulary & set(content_words(text)):
            counts[word] += 1
    return {word: float(np.log((1 + len(texts)) / (1 + n)) + 1) for word, n in counts.items()}
