"""How likely it is that the articles answer a question, judged from how well they match it.

Learned from questions whose right articles are known, once with these in the base and once without;
where none are known, from sentences of the base itself. Ranking is in `cxm.methods.retrieval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.documents import plain_text, sentences
from cxm.methods.retrieval import Scores

_RIVALS = 9
_KEPT_SHARE = 0.6
_LEAST_WORDS = 4


def match_features(scores: Scores, without: Sequence[Sequence[int]] = ()) -> NDArray[np.float64]:
    """Best fused score of each query, and its lead over the mean of the next nine: `(n_queries, 2)`.

    A lone good match stands out, a question off the subject is a little like many articles.
    `without`: columns that do not count, for each query. No article gives zeros.
    """
    if scores.shape[1] == 0:
        return np.zeros((len(scores), 2))
    if without:
        scores = scores.copy()
        for i, columns in enumerate(without):
            scores[i, list(columns)] = 0
    k = min(_RIVALS + 1, scores.shape[1])
    best = -np.sort(np.partition(-scores, k - 1, axis=1)[:, :k], axis=1)
    rivals = best[:, 1:].mean(axis=1) if k > 1 else 0.0
    return np.stack([best[:, 0], best[:, 0] - rivals], axis=1).astype(float)


def fit_answerability(present: NDArray[np.float64], absent: NDArray[np.float64]) -> dict[str, Any]:
    """A logistic curve between features of questions with and without an answer, as JSON.

    Both `(n, 2)`, even odds. With no example the curve says 0.5 for everything.
    """
    if not len(present) or not len(absent):
        return {"weights": [0.0, 0.0], "intercept": 0.0}
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([present, absent])
    outcome = np.repeat([1, 0], [len(present), len(absent)])
    fitted = LogisticRegression(C=100.0, max_iter=1000, class_weight="balanced").fit(features, outcome)
    return {
        "weights": [round(float(w), 6) for w in fitted.coef_[0]],
        "intercept": round(float(fitted.intercept_[0]), 6),
    }


def answer_probability(features: NDArray[np.float64], curve: dict[str, Any]) -> NDArray[np.float64]:
    """Probability `(n,)` that an article answers."""
    logit = features @ np.asarray(curve["weights"]) + curve["intercept"]
    return np.asarray(1 / (1 + np.exp(-logit)))


def make_questions(articles: pl.DataFrame, n_questions: int, seed: int) -> tuple[list[str], list[str]]:
    """(questions, the article of each): a sentence with words left out, as people remember things.

    At most one an article; articles without a sentence of a few words are passed over.
    """
    generator = np.random.default_rng(seed)
    rows = articles.sort("article_id").select("article_id", "title", "body", "body_format").rows()
    chosen = sorted(generator.permutation(len(rows))[:n_questions])
    questions, sources = [], []
    for i in chosen:
        article_id, title, body, body_format = rows[i]
        options = [
            s for s in (title, *sentences(plain_text(body, body_format))) if len(s.split()) >= _LEAST_WORDS
        ]
        if not options:
            continue
        tokens = options[int(generator.integers(len(options)))].split()
        kept = generator.random(len(tokens)) < _KEPT_SHARE
        questions.append(" ".join(t for t, is_kept in zip(tokens, kept, strict=True) if is_kept) or tokens[0])
        sources.append(article_id)
    return questions, sources
