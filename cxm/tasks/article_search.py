"""Which articles answer a query, and what no article answers.

The search over passages and its metrics; the index stands in `cxm.index`, the ways to rank, judge
and group in `cxm.methods`. A dialogue's search is in `cxm.tasks.multi_turn_rag`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.index import Index, open_index
from cxm.methods import gaps
from cxm.methods.answerability import answer_probability, fit_answerability, make_questions, match_features
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
_NEEDS = {"kind": pl.String, "id": pl.String, "text": pl.String}


@dataclass(frozen=True)
class ArticleSearchParams(Params):
    """Parameters of `article_search`."""

    n_hits: int = param(20, "Articles listed for a query.")
    gap_probability: float = param(0.3, "Below this answer probability a need counts as unanswered.")
    min_gap_size: int = param(2, "Unanswered needs that make a gap.")
    max_needs: int = param(20_000, "Needs looked at for gaps; of more, a random sample.")
    n_made_questions: int = param(300, "Questions made from the base to calibrate the answer probability.")


# ------------------------------------------------------------------ learn


def fit(tables: Tables, train: pl.DataFrame | None, params: ArticleSearchParams, services: Services) -> Model:
    """The weights of the fusion and the curve of the answer probability."""
    articles = tables["articles"].collect()
    index = open_index(services.index_directory, articles, services.encoder)
    position = {article_id: i for i, article_id in enumerate(index.article_ids)}
    texts: list[str] = []
    right: list[list[int]] = []
    fusion = Fusion()
    if train is not None and "queries" in tables:
        relevant = train.filter(pl.col("relevance") > 0).group_by("query_id").agg("article_id")
        rows = tables["queries"].collect().join(relevant, on="query_id", how="inner", validate="1:1")
        rows = rows.sort("query_id")
        texts = rows["text"].to_list()
        right = [sorted(position[a] for a in ids) for ids in rows["article_id"]]
        fusion = tune_fusion(index, texts, right, rows["query_id"].to_numpy(), params.seed)
    if len(texts) < _LEAST_TRAIN_QUERIES:
        texts, sources = make_questions(articles, params.n_made_questions, params.seed)
        right = [[position[source]] for source in sources]
    present, absent = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for signals in index.signals(texts):
        scores = fuse(signals.cosine, signals.lexical, None, fusion)
        present.append(match_features(scores))
        absent.append(match_features(scores, right[signals.rows]))
    curve = fit_answerability(np.concatenate(present), np.concatenate(absent))
    return Model({"fusion": dataclasses.asdict(fusion), "answer_curve": curve})


def tune_fusion(
    index: Index, texts: Sequence[str], right: Sequence[Sequence[int]], units: NDArray[np.str_], seed: int
) -> Fusion:
    """The fusion with the best reciprocal rank, the default unless another helps on held-out queries."""
    candidates = [Fusion(dense=weight) for weight in _DENSE_WEIGHTS]
    quality = np.zeros((len(candidates), len(texts)))
    for signals in index.signals(texts):
        for c, candidate in enumerate(candidates):
            ranked = top(fuse(signals.cosine, signals.lexical, None, candidate), 10)
            for row, best in enumerate(ranked, start=signals.rows.start):
                quality[c, row] = reciprocal_rank_at([str(a) for a in best], {str(a) for a in right[row]}, 10)
    return candidates[choose(quality, draw_folds(units, _N_FOLDS, seed))]


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
    fusion = Fusion(**model.facts["fusion"])
    features = [np.zeros((0, 2))]
    features += [
        match_features(fuse(s.cosine, s.lexical, None, fusion)) for s in index.signals(texts, vectors)
    ]
    probability = answer_probability(np.concatenate(features), model.facts["answer_curve"])
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
    rows.sort(key=lambda row: (-(row["n_conversations"] + row["n_queries"]), row["name"], row["example_ids"]))
    numbered = [{"gap_id": f"gap_{i:03d}", **row} for i, row in enumerate(rows, start=1)]
    return pl.DataFrame(numbered, schema=TABLES["knowledge_gaps"].empty().schema)


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
