"""Experiment: covariates and the rhythm of buying pressed into four numbers by an autoencoder.

The code, and how badly a customer is rebuilt from it, go into a ridge regression. No outcome is used for
the code.
"""

from __future__ import annotations

import numpy as np

from benchmarks.event_sequences import Floats, Learn, Moment, Predict
from cxm.methods.covariates import encode, plan_covariates

_CODE, _HIDDEN, _EPOCHS, _BATCH = 4, 16, 40, 128
_STRENGTH = 0.1


def prepare(before: Moment, seed: int) -> Learn:
    """The learner of this experiment: a ridge regression on codes learned once without outcomes."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from torch import nn

    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    plan = plan_covariates(before.features, ("customer_id",))
    rows = torch.from_numpy(encode(before.features, plan)).float()
    into = nn.Sequential(nn.Linear(len(plan), _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, _CODE))
    out = nn.Sequential(nn.Linear(_CODE, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, len(plan)))
    optimizer = torch.optim.Adam([*into.parameters(), *out.parameters()], lr=3e-3)
    for _ in range(_EPOCHS):
        for batch in np.array_split(generator.permutation(len(rows)), max(1, len(rows) // _BATCH)):
            optimizer.zero_grad()
            (out(into(rows[batch])) - rows[batch]).square().mean().backward()
            optimizer.step()

    def codes(moment: Moment) -> Floats:
        with torch.no_grad():
            given = torch.from_numpy(encode(moment.features, plan)).float()
            code = into(given)
            missed = (out(code) - given).square().mean(dim=1, keepdim=True).log()
            return torch.cat([code, missed], dim=1).numpy().astype(float)

    center, spread = codes(before).mean(axis=0), codes(before).std(axis=0) + 1e-9

    def learn(part: Moment, seed: int) -> Predict:
        model = LogisticRegression(C=_STRENGTH, max_iter=500)
        model.fit((codes(part) - center) / spread, part.has_left)
        return lambda moment: model.decision_function((codes(moment) - center) / spread)

    return learn
