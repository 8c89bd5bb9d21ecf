"""Which articles answer a query, and what no article answers.

The search over passages and its metrics; the index stands in `cxm.index`, the ways to rank, judge
and group in `cxm.methods`. A dialogue's search is in `cxm.tasks.multi_turn_rag`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cxm.index import Index, open_index
from cxm.methods import gaps
from cxm.methods.answerability import (
    ANSWER_FUSION,
    answer_probability,
    best_scores,
    compare_without,
    fit_answerability,
    make_questions,
    n_needed,
)
from cxm.methods.dialogues import customer_needs
from cxm.methods.retrieval import Fusion, choose, draw_folds, fuse, top
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import hit_at, ndcg_at, recall_at, reciprocal_rank_at
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

_DENSE_WEIGHTS = (0.45, 0.25, 0.35, 0.55, 0.65, 0.8)
_N_FOLDS = 5
_LEAST_TRAIN_QUERIES = 20
_MAX_EXAMPLES = 5
_LABELLED: dict[str, Any] = {"query_id": pl.String, "text": pl.String, "article_ids": pl.List(pl.String)}
_NEEDS = {"kind": pl.String, "id": pl.String, "text": pl.String}


@dataclass(frozen=True)
class ArticleSearchParams(Params):
    """Parameters of `article_search`."""

    n_hits: int = param(20, "Articles listed for a query.", low=20)
    gap_probability: float = param(
        0.4, "Below this answer probability a need counts as unanswered.", low=0, high=1
    )
    min_gap_size: int = param(2, "Unanswered needs that make a gap.", low=1)
    max_needs: int = param(20_000, "Needs looked at for gaps; of more, a random sample.", low=1)
    n_made_questions: int = param(
        300, "Questions made from the base to calibrate the answer probability.", low=1
    )


# ------------------------------------------------------------------ learn


def fit(tables: Tables, train: pl.DataFrame | None, params: ArticleSearchParams, services: Services) -> Model:
    """The weights of the fusion and the curve of the answer probability."""
    articles = tables["articles"].collect()
    index = open_index(services.index_directory, articles, services.encoder)
    queries = _labelled_queries(tables, train)
    fusion = tune_fusion(index, queries, params.seed) if queries.height else Fusion()
    if queries.height < _LEAST_TRAIN_QUERIES:
        queries = make_questions(articles, params.n_made_questions, params.seed)
    hits = index.search(queries["text"].to_list(), n_needed(queries["article_ids"]), ANSWER_FUSION)
    curve = fit_answerability(*compare_without(hits, queries["article_ids"]))
    return Model({"fusion": dataclasses.asdict(fusion), "answer_curve": curve})


def _labelled_queries(tables: Tables, train: pl.DataFrame | None) -> pl.DataFrame:
    """query_id, text, article_ids of the queries with a relevant article in `train`."""
    if train is None or "queries" not in tables:
        return pl.DataFrame(schema=_LABELLED)
    relevant = train.filter(pl.col("relevance") > 0).sort("query_id", "article_id")
    right = relevant.group_by("query_id").agg(pl.col("article_id").alias("article_ids"))
    queries = tables["queries"].collect().join(right, on="query_id", how="inner", validate="1:1")
    return queries.select(list(_LABELLED)).sort("query_id")


def tune_fusion(index: Index, queries: pl.DataFrame, seed: int) -> Fusion:
    """The fusion with the best reciprocal rank; the default unless another helps on held-out queries."""
    candidates = [Fusion(dense=weight) for weight in _DENSE_WEIGHTS]
    right = [set(article_ids) for article_ids in queries["article_ids"]]
    quality = np.zeros((len(candidates), queries.height))
    for signals in index.signals(queries["text"].to_list()):
        for c, candidate in enumerate(candidates):
            ranked = top(fuse(signals.cosine, signals.lexical, None, candidate), 10)
            for row, best in enumerate(ranked, start=signals.rows.start):
                found = [index.article_ids[a] for a in best]
                quality[c, row] = reciprocal_rank_at(found, right[row], 10)
    return candidates[choose(quality, draw_folds(queries["query_id"].to_numpy(), _N_FOLDS, seed))]


# ------------------------------------------------------------------ answer


def predict(tables: Tables, model: Model, params: ArticleSearchParams, services: Services) -> Results:
    """`article_hits` for every query, `knowledge_gaps` over queries and conversations."""
    articles = tables["articles"].collect()
    index = open_index(services.index_directory, articles, services.encoder)
    queries = _queries(tables)
    hits = index.search(queries["text"].to_list(), params.n_hits, Fusion(**model.facts["fusion"]))
    return {
        "article_hits": _article_hits(hits, queries),
        "knowledge_gaps": find_gaps(_needs(tables, queries, params), index, model, params),
    }


def _queries(tables: Tables) -> pl.DataFrame:
    if "queries" not in tables:
        return TABLES["queries"].empty()
    return tables["queries"].collect().sort("query_id")


def _article_hits(hits: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    ids = queries.select("query_id").with_row_index("query").with_columns(pl.col("query").cast(pl.Int64))
    joined = hits.join(ids, on="query", how="left", validate="m:1")
    return joined.select("query_id", "rank", "article_id", "passage", "score")


def _needs(tables: Tables, queries: pl.DataFrame, params: ArticleSearchParams) -> pl.DataFrame:
    """Queries and what conversations are about: kind, id, text; a sample of `max_needs` of them."""
    asked = queries.filter(pl.col("text").str.strip_chars() != "")
    parts = [asked.select(pl.lit("query").alias("kind"), pl.col("query_id").alias("id"), "text")]
    if "turns" in tables:
        needs = customer_needs(tables["turns"].collect())
        parts.append(
            needs.select(pl.lit("conversation").alias("kind"), pl.col("conversation_id").alias("id"), "text")
        )
    needs = pl.concat([pl.DataFrame(schema=_NEEDS), *parts])
    if needs.height > params.max_needs:
        drawn = np.random.default_rng(params.seed).permutation(needs.height)[: params.max_needs]
        needs = needs[np.sort(drawn).tolist()]
    return needs


def find_gaps(needs: pl.DataFrame, index: Index, model: Model, params: ArticleSearchParams) -> pl.DataFrame:
    """Groups of needs that no article seems to answer, the largest first."""
    texts = needs["text"].to_list()
    vectors = index.encode(texts)
    hits = index.search(texts, 1, ANSWER_FUSION, vectors)
    probability = answer_probability(best_scores(hits, len(texts)), model.facts["answer_curve"])
    if not index.article_ids:
        probability[:] = 0.0
    is_open = probability < params.gap_probability
    unanswered = needs.with_columns(probability=np.round(probability, 6)).filter(is_open)
    background = gaps.count_words(texts)
    unanswered = unanswered.with_columns(group=gaps.group_needs(vectors[is_open], params.seed))
    rows = []
    for (_,), group in unanswered.group_by("group", maintain_order=True):
        if group.height < params.min_gap_size:
            continue
        clearest = group.sort("probability", "kind", "id")
        rows.append(
            {
                "name": gaps.name_group(group["text"].to_list(), background, len(texts)),
                "n_conversations": int((group["kind"] == "conversation").sum()),
                "n_queries": int((group["kind"] == "query").sum()),
                "answer_probability": float(np.mean(group["probability"].to_numpy())),
                "example_ids": clearest["id"].head(_MAX_EXAMPLES).to_list(),
            }
        )
    size = pl.col("n_conversations") + pl.col("n_queries")
    schema = {
        name: dtype for name, dtype in TABLES["knowledge_gaps"].empty().schema.items() if name != "gap_id"
    }
    found = pl.DataFrame(rows, schema=schema).sort(size, "name", descending=[True, False])
    return found.select(
        pl.format("gap_{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(3)).alias("gap_id"),
        pl.all(),
    )


def fit_words(
    tables: Tables, train: pl.DataFrame | None, params: ArticleSearchParams, services: Services
) -> Model:
    """Nothing to learn."""
    return Model()


def predict_words(tables: Tables, model: Model, params: ArticleSearchParams, services: Services) -> Results:
    """`article_hits` by BM25 over title, section and body."""
    index = open_index(services.index_directory, tables["articles"].collect(), services.encoder)
    queries = _queries(tables)
    hits = index.search_words(queries["text"].to_list(), params.n_hits)
    return {"article_hits": _article_hits(hits, queries)}


# ------------------------------------------------------------------ score


def score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: ArticleSearchParams
) -> list[Estimate]:
    """Metrics over the test queries that have a relevant article; one without hits counts as wrong."""
    if gold is None:
        return []
    relevant = gold.filter((pl.col("split") == "test") & (pl.col("relevance") > 0))
    grades: dict[str, dict[str, int]] = {}
    for query_id, article_id, relevance in relevant.select("query_id", "article_id", "relevance").iter_rows():
        grades.setdefault(query_id, {})[article_id] = relevance
    ranked: dict[str, list[str]] = {}
    for query_id, article_id in (
        results["article_hits"].sort("query_id", "rank").select("query_id", "article_id").iter_rows()
    ):
        ranked.setdefault(query_id, []).append(article_id)
    ids = sorted(grades)
    pairs = [(ranked.get(query_id, []), grades[query_id]) for query_id in ids]
    values = {
        "hit_at_1": [hit_at(found, right, 1) for found, right in pairs],
        "recall_at_5": [recall_at(found, right, 5) for found, right in pairs],
        "recall_at_10": [recall_at(found, right, 10) for found, right in pairs],
        "mrr_at_10": [reciprocal_rank_at(found, right, 10) for found, right in pairs],
        "ndcg_at_10": [ndcg_at(found, right, 10) for found, right in pairs],
        "coverage": [float(bool(found)) for found, _ in pairs],
    }
    units = np.array(ids)
    return [e for name, numbers in values.items() for e in estimate(name, mean_of(np.array(numbers)), units)]


TASK = Task(
    name="article_search",
    title="Article search",
    question="Which articles answer a query, and what does no article answer?",
    needs=(("articles", "queries"), ("articles", "turns")),
    uses=("conversations",),
    gold="qrels",
    writes=("article_hits", "knowledge_gaps"),
    metrics=("hit_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10", "coverage"),
    method=Method(fit, predict),
    naive=Method(fit_words, predict_words),
    naive_name="BM25",
    score=score,
    params=ArticleSearchParams,
)
