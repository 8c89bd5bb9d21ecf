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
from cxm.methods.retrieval import Fusion

QUESTIONS: dict[str, Any] = {"text": pl.String, "article_ids": pl.List(pl.String)}
# Meaning first: words of a question are seldom those of its article, and words shared by chance are
# no answer. The ranking may weigh otherwise.
ANSWER_FUSION = Fusion(dense=0.8)
_KEPT_SHARE = 0.6
_LEAST_WORDS = 4


def best_scores(hits: pl.DataFrame, n_queries: int) -> NDArray[np.float64]:
    """The best score of each query `(n_queries,)`; 0 for a query without hits.

    `hits` has columns query and score, searched with `ANSWER_FUSION`.
    """
    scores = np.zeros(n_queries)
    best = hits.group_by("query").agg(pl.col("score").max()).sort("query")
    scores[best["query"].to_numpy()] = best["score"].to_numpy()
    return scores


def compare_without(
    hits: pl.DataFrame, article_ids: pl.Series
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best scores of each query with all articles, and without its own (`article_ids`, a list a query).

    `hits` must reach further down than the longest of these lists.
    """
    own = pl.DataFrame({"query": np.arange(len(article_ids)), "article_id": article_ids})
    without = hits.join(own.explode("article_id"), on=["query", "article_id"], how="anti")
    return best_scores(hits, len(article_ids)), best_scores(without, len(article_ids))


def n_needed(article_ids: pl.Series) -> int:
    """How many hits a query needs so that one is left without its own articles."""
    lengths = article_ids.list.len()
    return 1 + (int(str(lengths.max())) if len(lengths) else 0)


def fit_answerability(present: NDArray[np.float64], absent: NDArray[np.float64]) -> dict[str, float]:
    """A logistic curve between best scores of questions with and without an answer, as JSON.

    Even odds are assumed. It never falls: where the examples say that a better match is answered
    less often, or there are none, the curve says 0.5 for everything.
    """
    if not len(present) or not len(absent):
        return {"weight": 0.0, "intercept": 0.0}
    from sklearn.linear_model import LogisticRegression

    scores = np.concatenate([present, absent])[:, None]
    outcome = np.repeat([1, 0], [len(present), len(absent)])
    fitted = LogisticRegression(C=100.0, max_iter=1000, class_weight="balanced").fit(scores, outcome)
    weight, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if weight <= 0:
        return {"weight": 0.0, "intercept": 0.0}
    return {"weight": round(weight, 6), "intercept": round(intercept, 6)}


def answer_probability(scores: NDArray[np.float64], curve: dict[str, float]) -> NDArray[np.float64]:
    """Probability `(n,)` that an article answers, from best scores."""
    return np.asarray(1 / (1 + np.exp(-(curve["weight"] * scores + curve["intercept"]))))


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
