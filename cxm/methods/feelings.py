"""How a text feels without any label: feeling words and sentences that are typical of a polarity.

The sentences stand in `data/feeling_prototypes.csv`; add one there. Learning from labelled texts
belongs in `cxm.methods.text_classifier`, the words in `cxm.methods.lexicon`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cxm.methods.lexicon import FEELING_CUES, feeling_cues

Vectors = NDArray[np.float32]

FEELINGS = ("negative", "neutral", "positive")
# Found on train rows of public labelled messages and reviews, then rounded.
_PROTOTYPES = 0.7
_CUES = {
    "negative": {"negative": 1.0, "balance": -0.5, "last": -0.4},
    "neutral": {"questions": 0.8, "exclamations": -1.0, "is_wordless": 3.0},
    "positive": {"positive": 1.0, "balance": 0.5, "last": 0.4},
}
_START = {"negative": 0.0, "neutral": 0.35, "positive": -0.3}
_STRENGTH = 30.0


def prototype_weights(encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """Weights `(3, n_dimensions + 1)` that tell the prototype sentences apart; the last is constant."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    text = files("cxm.methods").joinpath("data/feeling_prototypes.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    vectors = encode([row["sentence"] for row in rows])
    codes = [FEELINGS.index(row["polarity"]) for row in rows]
    with threadpool_limits(1):
        model = LogisticRegression(C=_STRENGTH, max_iter=300).fit(vectors, codes)
    return np.hstack([model.coef_, model.intercept_[:, None]]).astype(np.float32)


def unlabelled_feelings(texts: Sequence[str], vectors: Vectors, prototypes: Vectors) -> NDArray[np.float64]:
    """Log-probabilities `(n_texts, 3)` of `FEELINGS`; a text without words is neutral."""
    from scipy.special import log_softmax

    return np.asarray(log_softmax(_scores(feeling_cues(texts), vectors, prototypes), axis=1))


def feeling_features(texts: Sequence[str], vectors: Vectors, prototypes: Vectors) -> Vectors:
    """Vectors, feeling cues and nearness to the prototypes side by side, `(n_texts, d + cues + 3)`."""
    near = _near_prototypes(vectors, prototypes) / 5  # about as wide as the other columns
    return np.hstack([vectors, feeling_cues(texts), near]).astype(np.float32)


def _near_prototypes(vectors: Vectors, prototypes: Vectors) -> NDArray[np.float64]:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(vectors @ prototypes[:, :-1].T + prototypes[:, -1].astype(float), axis=1))


def _scores(cues: Vectors, vectors: Vectors, prototypes: Vectors) -> NDArray[np.float64]:
    scores = _PROTOTYPES * _near_prototypes(vectors, prototypes)
    for column, feeling in enumerate(FEELINGS):
        scores[:, column] += _START[feeling]
        for cue, weight in _CUES[feeling].items():
            scores[:, column] += weight * cues[:, FEELING_CUES.index(cue)]
    return scores
