"""How likely it is that the articles answer a question, judged from how well they match it.

Learned from questions whose right articles are known, once with these in the base and once without;
where none are known, from sentences of the base itself. Ranking is in `cxm.methods.retrieval`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.documents import plain_text, sentences

QUESTIONS: dict[str, Any] = {"text": pl.String, "article_ids": pl.List(pl.String)}
N_RIVALS = 9
_KEPT_SHARE = 0.6
_LEAST_WORDS = 4


def match_features(hits: pl.DataFrame, n_queries: int) -> NDArray[np.float64]:
    """Best score of each query and its lead over the mean of the next nine: `(n_queries, 2)`.

    A lone good match stands out; a question off the subject is a little like many articles. `hits`
    has columns query, rank and score; a query without any gets zeros.
    """
    features = np.zeros((n_queries, 2))
    of_query = hits.sort("query", "rank").group_by("query", maintain_order=True)
    rivals = pl.col("score").slice(1, N_RIVALS).mean().fill_null(0.0)
    found = of_query.agg(best=pl.col("score").first(), lead=pl.col("score").first() - rivals)
    features[found["query"].to_numpy()] = found.select("best", "lead").to_numpy()
    return features


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


def make_questions(articles: pl.DataFrame, n_questions: int, seed: int) -> pl.DataFrame:
    """Questions as text and article_ids: sentences with words left out, as people remember things.

    At most one an article; articles without a sentence of a few words are passed over.
    """
    generator = np.random.default_rng(seed)
    rows = articles.sort("article_id").select("article_id", "title", "body", "body_format").rows()
    chosen = sorted(generator.permutation(len(rows))[:n_questions])
    made: list[tuple[str, list[str]]] = []
    for i in chosen:
        article_id, title, body, body_format = rows[i]
        options = [
            s for s in (title, *sentences(plain_text(body, body_format))) if len(s.split()) >= _LEAST_WORDS
        ]
        if not options:
            continue
        tokens = options[int(generator.integers(len(options)))].split()
        kept = generator.random(len(tokens)) < _KEPT_SHARE
        question = " ".join(token for token, is_kept in zip(tokens, kept, strict=True) if is_kept)
        made.append((question or tokens[0], [article_id]))
    return pl.DataFrame(made, schema=QUESTIONS, orient="row")
