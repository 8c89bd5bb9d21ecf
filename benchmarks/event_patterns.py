"""Experiment: patterns of events that mark who leaves, mined apart among leavers and stayers.

Dichotomic pattern mining (Wang & Kadioglu 2022, doi:10.3389/frai.2022.868085, the method of `seq2pat`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.event_sequences import Floats, Moment, Predict, Sequences, tokens

MIN_SHARE, LONGEST, LAST = 0.05, 3, 30
_STRENGTH = 0.01
_MOST = 300

Pattern = tuple[int, ...]


class Occurrences:
    """Where each token comes next: `after[token, row, i]` is the place behind the first one from `i` on."""

    def __init__(self, sequences: Sequences) -> None:
        codes, self.names = tokens(sequences)
        codes = codes[:, -LAST:]
        n, length = codes.shape
        self.absent = length + 1
        self.after = np.full((len(self.names) + 1, n, length + 2), self.absent, dtype=np.int8)
        rows = np.arange(n)
        for i in range(length - 1, -1, -1):
            self.after[:, :, i] = self.after[:, :, i + 1]
            self.after[codes[:, i], rows, i] = i + 1
        self.after[0] = self.absent

    def extend(self, place: NDArray[np.int8], token: int) -> NDArray[np.int8]:
        """Places behind the pattern that ends at `place` once `token` follows, others between allowed."""
        return self.after[token, np.arange(len(place)), place]

    def of(self, pattern: Pattern) -> NDArray[np.bool_]:
        """Which rows hold the pattern."""
        place = np.zeros(self.after.shape[1], dtype=np.int8)
        for token in pattern:
            place = self.extend(place, token)
        return place < self.absent


def frequent_patterns(found: Occurrences, rows: NDArray[np.bool_]) -> set[Pattern]:
    """Patterns of up to three tokens that at least `MIN_SHARE` of these rows hold."""
    least = MIN_SHARE * rows.sum()
    start = np.zeros(found.after.shape[1], dtype=np.int8)
    level: list[tuple[Pattern, NDArray[np.int8]]] = [((), start)]
    kept: set[Pattern] = set()
    singles = [
        t
        for t in range(1, len(found.names) + 1)
        if (found.extend(start, t) < found.absent)[rows].sum() >= least
    ]
    for _ in range(LONGEST):
        grown = []
        for pattern, place in level:
            for token in singles:
                further = found.extend(place, token)
                if (further < found.absent)[rows].sum() >= least:
                    grown.append(((*pattern, token), further))
        kept |= {pattern for pattern, _ in grown}
        level = grown
    return kept


def discriminating(found: Occurrences, has_left: Floats) -> list[Pattern]:
    """Patterns frequent among leavers or among stayers and not among both; the most telling ones first."""
    groups = [has_left == value for value in (1.0, 0.0)]
    only = set.symmetric_difference(*(frequent_patterns(found, rows) for rows in groups))

    def gap(pattern: Pattern) -> float:
        held = found.of(pattern)
        return float(abs(held[groups[0]].mean() - held[groups[1]].mean()))

    return sorted(only, key=lambda pattern: (-gap(pattern), pattern))[:_MOST]


def learn(before: Moment, seed: int) -> Predict:
    """Patterns of `before` and a ridge regression on them; gives the logit of leaving of any moment."""
    from sklearn.linear_model import LogisticRegression

    patterns = discriminating(Occurrences(before.sequences), before.has_left)
    if not patterns:
        return lambda moment: np.zeros(len(moment))
    names = Occurrences(before.sequences.take(slice(0, 1))).names

    def matrix(moment: Moment) -> Floats:
        found = Occurrences(moment.sequences)
        known = {name: i + 1 for i, name in enumerate(found.names)}
        columns = [
            found.of(tuple(known[names[t - 1]] for t in pattern))
            if all(names[t - 1] in known for t in pattern)
            else np.zeros(len(moment), dtype=bool)
            for pattern in patterns
        ]
        return np.column_stack(columns).astype(float)

    model = LogisticRegression(C=_STRENGTH, max_iter=500).fit(matrix(before), before.has_left)
    return lambda moment: model.decision_function(matrix(moment))
