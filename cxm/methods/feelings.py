"""How a text feels without any label: feeling words and sentences that are typical of a polarity.

The sentences stand in `data/feeling_prototypes.csv` (written by hand; add one there) and in
`data/feeling_turns.csv` (simulated), how much each cue counts in `data/feeling_weights.csv`; the latter
two are made by `python -m benchmarks.feelings`. Learning from labelled texts belongs in
`cxm.methods.text_classifier`, the words in `cxm.methods.lexicon`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cxm.methods.lexicon import FEELING_CUES, feeling_cues

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

FEELINGS = ("negative", "neutral", "positive")
WEIGHED = (*(f"near_{feeling}" for feeling in FEELINGS), *FEELING_CUES, "always")
"""What the weights count: log-probabilities by nearness, feeling cues, and a constant."""
_STRENGTH = 30.0
# What all simulated sentences weigh together, of those written by hand: these are fewer, and varied.
_SIMULATED = 0.3


def prototype_weights(encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """Weights `(3, n_dimensions + 1)` that tell the prototype sentences apart; the last is constant."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    written, simulated = _read("feeling_prototypes"), _read("feeling_turns")
    rows = [*written, *simulated]
    weights = np.ones(len(rows))
    weights[len(written) :] = _SIMULATED * len(written) / len(simulated)
    codes = [FEELINGS.index(row["polarity"]) for row in rows]
    vectors = encode([row["sentence"] for row in rows])
    with threadpool_limits(1):
        model = LogisticRegression(C=_STRENGTH, max_iter=300).fit(vectors, codes, weights)
    return np.hstack([model.coef_, model.intercept_[:, None]]).astype(np.float32)


@cache
def _feeling_weights() -> Floats:
    """How much each of `WEIGHED` speaks for each of `FEELINGS`, `(len(WEIGHED), 3)`."""
    rows = {row["cue"]: [float(row[feeling]) for feeling in FEELINGS] for row in _read("feeling_weights")}
    return np.array([rows[cue] for cue in WEIGHED])


def _read(name: str) -> list[dict[str, str]]:
    text = files("cxm.methods").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def unlabelled_feelings(texts: Sequence[str], vectors: Vectors, prototypes: Vectors) -> Floats:
    """Log-probabilities `(n_texts, 3)` of `FEELINGS`; a text without words is neutral."""
    from scipy.special import log_softmax

    scores = weighed_columns(texts, vectors, prototypes) @ _feeling_weights()
    return np.asarray(log_softmax(scores, axis=1))


def weighed_columns(texts: Sequence[str], vectors: Vectors, prototypes: Vectors) -> Floats:
    """The columns `WEIGHED` of texts, `(n_texts, len(WEIGHED))`.

    The vector of a text without words, such as a lone emoji, says nothing: near to none.
    """
    near = _near_prototypes(vectors, prototypes)
    near[[not re.search(r"\w", text) for text in texts]] = 0.0
    return np.hstack([near, feeling_cues(texts), np.ones((len(texts), 1))])


def feeling_features(texts: Sequence[str], vectors: Vectors, prototypes: Vectors) -> Vectors:
    """Vectors, feeling cues and nearness to the prototypes side by side, `(n_texts, d + cues + 3)`."""
    near = _near_prototypes(vectors, prototypes) / 5  # about as wide as the other columns
    return np.hstack([vectors, feeling_cues(texts), near]).astype(np.float32)


def _near_prototypes(vectors: Vectors, prototypes: Vectors) -> Floats:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(vectors @ prototypes[:, :-1].T + prototypes[:, -1].astype(float), axis=1))
