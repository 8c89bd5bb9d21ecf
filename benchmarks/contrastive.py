"""Experiment: an embedding of customers in which two stretches of one customer's events lie close.

CoLES (Babaev et al. 2022, doi:10.1145/3514221.3526129): random sub-sequences, a recurrent encoder, a
contrastive loss with the hardest strangers of a batch. No outcome is used for it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.event_sequences import LENGTH, Floats, Learn, Moment, Predict, Sequences

_SIZE, _BATCH, _EPOCHS, _SLICES, _SHORTEST, _MARGIN = 24, 64, 8, 3, 4, 0.5
_STRENGTH = 0.03


def train_encoder(sequences: Sequences, seed: int) -> Callable[[Sequences], Floats]:
    """The embedding as a function of sequences, `(n, 24)`, learned from those with enough events."""
    import torch

    from benchmarks.recurrent import Encoder

    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    encoder = Encoder(len(sequences.kinds), _SIZE)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=4e-3)
    n_events = (sequences.kind > 0).sum(axis=1)
    long = np.flatnonzero(n_events >= 2 * _SHORTEST)
    for _ in range(_EPOCHS):
        for batch in np.array_split(generator.permutation(long), max(1, len(long) // _BATCH)):
            rows = np.repeat(batch, _SLICES)
            part = _slices(sequences, rows, n_events[rows], generator)
            found = torch.nn.functional.normalize(encoder(part), dim=1)
            who = torch.arange(len(batch)).repeat_interleave(_SLICES)
            distance = torch.cdist(found, found)
            same = (who[:, None] == who[None]) & ~torch.eye(len(rows), dtype=torch.bool)
            strangers = distance.masked_fill(who[:, None] == who[None], 10.0).topk(5, largest=False).values
            loss = distance[same].square().mean() + (_MARGIN - strangers).clamp(min=0).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def embed(others: Sequences) -> Floats:
        with torch.no_grad():
            return torch.nn.functional.normalize(encoder(others), dim=1).numpy().astype(float)

    return embed


def _slices(
    sequences: Sequences, rows: np.ndarray, n_events: np.ndarray, generator: np.random.Generator
) -> Sequences:
    """A random stretch of each row's events, moved to the end."""
    length = generator.integers(_SHORTEST, np.maximum(n_events, _SHORTEST + 1))
    stop = LENGTH - generator.integers(0, np.maximum(n_events - length, 0) + 1)
    column = np.arange(LENGTH) - (LENGTH - stop[:, None])
    inside = column >= (stop - length)[:, None]
    column = np.clip(column, 0, LENGTH - 1)
    picked = [
        np.take_along_axis(a[rows], column, 1) * inside
        for a in (sequences.kind, sequences.gap, sequences.amount)
    ]
    return Sequences(*picked, sequences.kinds)


def prepare(before: Moment, seed: int) -> Learn:
    """The learner of this experiment: a ridge regression on embeddings learned once without outcomes."""
    from sklearn.linear_model import LogisticRegression

    embed = train_encoder(before.sequences, seed)

    def learn(part: Moment, seed: int) -> Predict:
        model = LogisticRegression(C=_STRENGTH, max_iter=500).fit(_scaled(part), part.has_left)
        return lambda moment: model.decision_function(_scaled(moment))

    def _scaled(moment: Moment) -> Floats:
        return np.sqrt(_SIZE) * embed(moment.sequences)

    return learn
