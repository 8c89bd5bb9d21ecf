"""Experiment: a small recurrent network over events whose output is the hazard of each part of the horizon.

A discrete-time survival network (Gensheimer & Narasimhan 2019, doi:10.7717/peerj.6257) on top of a GRU.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.event_sequences import Floats, Moment, Predict, Sequences

_SIZE, _N_PARTS, _BATCH, _MOST_EPOCHS, _PATIENCE = 24, 4, 64, 30, 4
_HELD = 0.15


class Encoder(nn.Module):
    """Sequences to the last state of a GRU, `(n, size)`."""

    def __init__(self, n_kinds: int, size: int) -> None:
        super().__init__()
        self.kind = nn.Embedding(n_kinds + 1, 8, padding_idx=0)
        self.gru = nn.GRU(10, size, batch_first=True)

    def forward(self, sequences: Sequences) -> torch.Tensor:
        """The state at the moment itself."""
        kind = torch.from_numpy(np.minimum(sequences.kind, self.kind.num_embeddings - 1))
        numbers = torch.from_numpy(np.stack([sequences.gap / 4, sequences.amount], axis=2)).float()
        return self.gru(torch.cat([self.kind(kind), numbers], dim=2))[0][:, -1]


def learn(before: Moment, seed: int) -> Predict:
    """Trained on `before`, stopped by a held-out part of it; gives log cumulative hazards of leaving."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    encoder = Encoder(len(before.sequences.kinds), _SIZE)
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(_SIZE, _N_PARTS))
    edges = np.linspace(0, before.horizon, _N_PARTS + 1)
    part = np.clip(np.searchsorted(edges, before.duration, side="left") - 1, 0, _N_PARTS - 1)
    hits = (np.arange(_N_PARTS) == part[:, None]) & before.is_event[:, None]
    seen = (edges[1:] <= before.duration[:, None]) | hits
    with torch.no_grad():
        rate = (hits.sum(axis=0) + 1) / (seen.sum(axis=0) + 2)
        head[1].bias.copy_(torch.from_numpy(np.log(rate / (1 - rate))).float())
    target, weight = torch.from_numpy(hits).float(), torch.from_numpy(seen).float()
    weights = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=3e-3, weight_decay=1e-4)

    def loss_of(rows: np.ndarray) -> torch.Tensor:
        logits = head(encoder(before.sequences.take(rows)))
        each = nn.functional.binary_cross_entropy_with_logits(logits, target[rows], reduction="none")
        return (each * weight[rows]).sum(dim=1).mean()

    order = generator.permutation(len(before))
    held, rest = np.split(order, [int(_HELD * len(order))])
    best, best_state, bad = np.inf, None, 0
    for _ in range(_MOST_EPOCHS):
        encoder.train()
        head.train()
        for batch in np.array_split(generator.permutation(rest), max(1, len(rest) // _BATCH)):
            optimizer.zero_grad()
            loss_of(batch).backward()
            optimizer.step()
        encoder.eval()
        head.eval()
        with torch.no_grad():
            value = float(loss_of(held))
        if value < best:
            best, bad = value, 0
            best_state = [p.detach().clone() for p in weights]
        elif (bad := bad + 1) == _PATIENCE:
            break
    with torch.no_grad():
        for parameter, value in zip(weights, best_state or [], strict=True):
            parameter.copy_(value)
    # Without contract the event is a purchase: more of it is less risk.
    sign = 1.0 if np.array_equal(before.has_left > 0, before.is_event) else -1.0

    def predict(moment: Moment) -> Floats:
        with torch.no_grad():
            total = nn.functional.softplus(head(encoder(moment.sequences))).sum(dim=1)
        return sign * torch.log(torch.expm1(total.double())).numpy()

    return predict
