"""How likely it is that the best article found for a need answers it at all.

Learned from questions whose articles are known: each once as it is, once with these articles, and
those about the same, taken out of what is found. Grouping what is unanswered is in `cxm.methods.gaps`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.matching import FEATURES, Floats, Pool

# Of the features of the best article, those that say how well it fits and not only that it fits best.
EVIDENCE = (
    "cosine",
    "lexical",
    "title_cosine",
    "sentence_cosine",
    "sentences_cosine",
    "article_share",
    "pair_share",
)
_COLUMNS = [FEATURES.index(name) for name in EVIDENCE]
_SAME_SUBJECT = 0.6
_STRENGTH = 0.1


def evidence(features: Floats, scores: Floats, keep: NDArray[np.bool_] | None = None) -> Floats:
    """`EVIDENCE` of the article with the best score among those kept; zeros where there is none."""
    scores = scores if keep is None else np.where(keep, scores, -np.inf)
    if not len(scores) or not np.isfinite(scores).any():
        return np.zeros(len(EVIDENCE))
    best: Floats = features[int(np.argmax(np.round(scores, 6)))][_COLUMNS]
    return best


def about_others(pool: Pool, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Articles of a pool that are neither `own` nor have a title about the same as one of them."""
    titles = pool.part_vectors[pool.part_offsets[:-1]]
    others: NDArray[np.bool_] = ~own & ~(titles @ titles[own].T >= _SAME_SUBJECT).any(axis=1)
    return others


def fit_adequacy(present: Floats, absent: Floats) -> dict[str, Any]:
    """A logistic curve over `EVIDENCE` `(n, n_evidence)` of answered and unanswered questions, as JSON.

    Even odds are assumed. No weight is negative: a better fit is never a sign that nothing answers.
    Without examples, or with examples that teach nothing, every probability is one half.
    """
    if not len(present) or not len(absent):
        return {"weights": [0.0] * len(EVIDENCE), "intercept": 0.0}
    from scipy.optimize import minimize

    rows = np.concatenate([present, absent])
    scale = rows.std(axis=0) + 1e-6
    rows = rows / scale
    side = np.repeat([1.0, -1.0], [len(present), len(absent)])
    share = np.where(side > 0, 0.5 / len(present), 0.5 / len(absent))

    def loss(values: Floats) -> tuple[float, Floats]:
        margin = side * (rows @ values[:-1] + values[-1])
        missed = float(share @ np.logaddexp(0, -margin)) + _STRENGTH * float(values[:-1] @ values[:-1]) / len(
            rows
        )
        slope = -share * side / (1 + np.exp(margin))
        gradient = np.append(rows.T @ slope + 2 * _STRENGTH * values[:-1] / len(rows), slope.sum())
        return missed, gradient

    bounds = [(0.0, None)] * len(EVIDENCE) + [(None, None)]
    found = minimize(loss, np.zeros(len(EVIDENCE) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    if not found[:-1].any():
        return {"weights": [0.0] * len(EVIDENCE), "intercept": 0.0}
    weights = np.round(found[:-1] / scale, 6).tolist()
    return {"weights": weights, "intercept": round(float(found[-1]), 6)}


def adequacy(rows: Floats, curve: dict[str, Any]) -> Floats:
    """Probability `(n,)` that an article answers, from `EVIDENCE` `(n, n_evidence)`."""
    logit = rows @ np.array(curve["weights"]) + curve["intercept"]
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))
