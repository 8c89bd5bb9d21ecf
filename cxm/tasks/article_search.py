"""Which articles answer a query, and what no article answers.

The search over passages and its metrics; the index stands in `cxm.index`, the ways to rank, judge
and group in `cxm.methods`. A dialogue's search is in `cxm.tasks.multi_turn_rag`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.index import Filter, Index, open_index
from cxm.methods import gaps
from cxm.methods.adequacy import EVIDENCE, about_others, adequacy, evidence, fit_adequacy
from cxm.methods.dialogues import customer_needs
from cxm.methods.documents import sentences
from cxm.methods.grounding import grounded_shares
from cxm.methods.made_queries import make_queries
from cxm.methods.matching import FEATURES, Floats, Pool, match_features
from cxm.methods.ranker import Candidates
from cxm.methods.retrieval import Fusion, draw_folds, fuse
from cxm.methods.search_ranker import SearchRanker, Trial, learn_ranker
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import hit_at, ndcg_at, recall_at, reciprocal_rank_at
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

log = logging.getLogger(__name__)

_N_FOLDS = 5
_LEAST_TRAIN_QUERIES = 20
_MAX_EXAMPLES = 5
_PLAIN = Fusion()
_ANY = Filter()
_LABELLED: dict[str, Any] = {"query_id": pl.String, "text": pl.String, "article_ids": pl.List(pl.String)}
_NEEDS = {"kind": pl.String, "id": pl.String, "text": pl.String}
_FOUND: dict[str, Any] = {
    "query": pl.Int64,
    "rank": pl.Int32,
    "article_id": pl.String,
    "passage": pl.String,
    "score": pl.Float64,
    **dict.fromkeys(FEATURES, pl.Float64),
}


@dataclass(frozen=True)
class ArticleSearchParams(Params):
    """Parameters of `article_search`."""

    n_hits: int = param(20, "Articles listed for a query.", low=20)
    gap_probability: float = param(
        0.45, "A topic whose needs have a lower answer probability, on average, is a gap.", low=0, high=1
    )
    min_gap_size: int = param(3, "Needs that make a topic.", low=1)
    max_needs: int = param(20_000, "Needs looked at for gaps; of more, a random sample.", low=1)
    n_made_queries: int = param(
        400, "Queries made from the base to learn from where none are labelled.", low=1
    )


# ------------------------------------------------------------------ learn


def fit(tables: Tables, train: pl.DataFrame | None, params: ArticleSearchParams, services: Services) -> Model:
    """The ranker, the curve of the answer probability, and what else was tried."""
    articles = tables["articles"].collect()
    index = open_index(services.index_directory, articles, services.encoder)
    queries = _labelled_queries(tables, train, index)
    is_labelled = queries.height >= _LEAST_TRAIN_QUERIES
    if not is_labelled:
        queries = make_queries(articles, params.n_made_queries, params.seed)
    candidates, pools = _candidates(index, queries)
    folds = draw_folds(queries["query_id"].to_numpy(), _N_FOLDS, params.seed)
    ranker, trials = learn_ranker(candidates, folds, params.seed, is_labelled)
    source = "labelled" if is_labelled else "made"
    log.info("article_search: ranked by %s, decided on %d %s queries", ranker.name, queries.height, source)
    curve = fit_adequacy(*_with_and_without(candidates, pools, ranker))
    facts = {
        "ranker": {
            "name": ranker.name,
            "weights": list(ranker.weights),
            "is_half_plain": ranker.is_half_plain,
        },
        "answer_curve": curve,
        "trials": [row for trial in trials for row in _trial_rows(trial, ranker.name, source)],
    }
    return Model(facts, boosters={"ranker": ranker.forest} if ranker.forest else {})


def _labelled_queries(tables: Tables, train: pl.DataFrame | None, index: Index) -> pl.DataFrame:
    """query_id, text, article_ids of the queries with a relevant article that the base has."""
    if train is None or "queries" not in tables:
        return pl.DataFrame(schema=_LABELLED)
    known = pl.col("article_id").is_in(index.article_ids)
    relevant = train.filter(known & (pl.col("relevance") > 0)).sort("query_id", "article_id")
    right = relevant.group_by("query_id").agg(pl.col("article_id").alias("article_ids"))
    queries = tables["queries"].collect().join(right, on="query_id", how="inner", validate="1:1")
    return queries.select(list(_LABELLED)).sort("query_id")


def _pools(
    index: Index,
    texts: Sequence[str],
    vectors: NDArray[np.float32] | None = None,
    where: Filter = _ANY,
    size: int = 100,
) -> Iterator[tuple[Pool, Floats, Floats]]:
    """Pool, features and plain score of each text, in the base's own words."""
    reworded = [index.wording.reword(text) for text in texts]
    for pool in index.pools(reworded, vectors, where, size):
        plain = fuse(pool.cosine, pool.lexical, None, _PLAIN).astype(np.float64)
        yield pool, match_features(pool), plain


def _candidates(index: Index, queries: pl.DataFrame) -> tuple[Candidates, list[Pool]]:
    features, relevance, plain, pools = [np.zeros((0, len(FEATURES)))], [np.zeros(0)], [np.zeros(0)], []
    right = queries["article_ids"].to_list()
    for (pool, found, score), own in zip(_pools(index, queries["text"].to_list()), right, strict=True):
        pools.append(pool)
        features.append(found)
        plain.append(score)
        relevance.append(np.array([float(index.article_ids[a] in own) for a in pool.articles]))
    starts = np.cumsum([0, *(len(rows) for rows in relevance[1:])]).astype(np.intp)
    return Candidates(
        np.concatenate(features), np.concatenate(relevance), starts, np.concatenate(plain)
    ), pools


def _with_and_without(
    candidates: Candidates, pools: Sequence[Pool], ranker: SearchRanker
) -> tuple[Floats, Floats]:
    """Evidence of each query with all articles, and without its own and those about the same."""
    scores = ranker.scores(candidates.features, candidates.plain, candidates.starts)
    present, absent = [], []
    for pool, start, stop in zip(pools, candidates.starts[:-1], candidates.starts[1:], strict=True):
        features, score = candidates.features[start:stop], scores[start:stop]
        own = candidates.relevance[start:stop] > 0
        if own.any():
            present.append(evidence(features, score))
            absent.append(evidence(features, score, about_others(pool, own)))
    shape = (len(present), len(EVIDENCE))
    return np.array(present).reshape(shape), np.array(absent).reshape(shape)


def _trial_rows(trial: Trial, chosen: str, source: str) -> list[dict[str, Any]]:
    """Rows of `model_comparison` for a way to rank; the one that is used says so."""
    name = f"{trial.name} ({'used, ' if trial.name == chosen else ''}{source} queries)"
    units = np.arange(len(trial.hits))
    values = {"hit_at_1": trial.hits, "mrr_at_10": trial.reciprocal_ranks}
    found = [e for metric, each in values.items() for e in estimate(metric, mean_of(each), units)]
    return [
        {"task": TASK.name, "model": name, "metric": e.metric, "value": e.value, "low": e.low, "high": e.high}
        for e in found
    ]


# ------------------------------------------------------------------ answer


def predict(tables: Tables, model: Model, params: ArticleSearchParams, services: Services) -> Results:
    """`article_hits` for every query, `knowledge_gaps` over queries and conversations."""
    articles = tables["articles"].collect()
    index = open_index(services.index_directory, articles, services.encoder)
    queries = _queries(tables)
    found, _ = search(index, model, queries["text"].to_list(), params.n_hits)
    trials = pl.DataFrame(model.facts["trials"], schema=TABLES["model_comparison"].empty().schema)
    return {
        "article_hits": _article_hits(found, queries),
        "knowledge_gaps": find_gaps(tables, _needs(tables, queries, params), index, model, params),
        "model_comparison": trials,
    }


def search(
    index: Index,
    model: Model,
    texts: Sequence[str],
    k: int,
    vectors: NDArray[np.float32] | None = None,
    where: Filter = _ANY,
) -> tuple[pl.DataFrame, Floats]:
    """The k best articles of each text, and the probability that one answers it `(n_texts,)`.

    The frame has query (the position), rank, article_id, passage, score and the features. An empty
    base gives no rows and probabilities of 0.
    """
    facts = model.facts["ranker"]
    forest = model.boosters.get("ranker", "")
    ranker = SearchRanker(facts["name"], tuple(facts["weights"]), forest, facts["is_half_plain"])
    frames, proofs = [pl.DataFrame(schema=_FOUND)], [np.zeros((0, len(EVIDENCE)))]
    for query, (pool, features, plain) in enumerate(_pools(index, texts, vectors, where, max(k, 100))):
        scores = ranker.scores(features, plain, np.array([0, len(plain)]))
        best = np.argsort(-np.round(scores, 6), kind="stable")[:k]
        proofs.append(evidence(features, scores)[None])
        columns = {
            "query": np.full(len(best), query),
            "rank": np.arange(1, len(best) + 1),
            "article_id": [index.article_ids[a] for a in pool.articles[best]],
            "passage": index.passages["text"].gather(pool.passages[best]),
            "score": np.round(scores[best], 6),
            **dict(zip(FEATURES, features[best].T, strict=True)),
        }
        frames.append(pl.DataFrame(columns, schema=_FOUND))
    probability = adequacy(np.concatenate(proofs), model.facts["answer_curve"])
    return pl.concat(frames), probability if index.article_ids else np.zeros(len(texts))


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


def _grounded(tables: Tables, needs: pl.DataFrame, index: Index) -> Floats:
    """How much of an agent's best sentence in each conversation stands in the base; 0 for queries."""
    if "turns" not in tables or not index.article_ids:
        return np.zeros(needs.height)
    wanted = needs.filter(pl.col("kind") == "conversation")["id"].implode()
    is_answer = pl.col("speaker").is_in(["agent", "bot"]) & pl.col("conversation_id").is_in(wanted)
    turns = tables["turns"].filter(is_answer).sort("conversation_id", "turn_index").collect()
    keys = zip(needs["kind"], needs["id"], strict=True)
    rows = {id_: row for row, (kind, id_) in enumerate(keys) if kind == "conversation"}
    said = [
        (rows[id_], sentence)
        for id_, text in turns.select("conversation_id", "text").iter_rows()
        for sentence in sentences(text)
    ]
    owners = np.array([row for row, _ in said], dtype=np.int64)
    stems = index.stems([sentence for _, sentence in said])
    return grounded_shares(stems, owners, needs.height, index.fields["part"])


def find_gaps(
    tables: Tables, needs: pl.DataFrame, index: Index, model: Model, params: ArticleSearchParams
) -> pl.DataFrame:
    """Topics that no article seems to answer, the one with most needs first.

    A need is answered by an article that fits, or was, by what an agent said and the base says. Needs are
    judged together with those like them: one badly put question is no gap.
    """
    texts = needs["text"].to_list()
    vectors = index.encode(texts)
    _, probability = search(index, model, texts, 1, vectors)
    # Either is enough, and neither knows of the other.
    probability = 1 - (1 - probability) * (1 - _grounded(tables, needs, index))
    topics = needs.with_columns(
        probability=np.round(probability, 6), topic=gaps.group_needs(vectors, params.seed)
    )
    background = gaps.count_words(texts)
    open_topics = [
        topic
        for _, topic in topics.group_by("topic", maintain_order=True)
        if topic.height >= params.min_gap_size
        and float(np.mean(topic["probability"].to_numpy())) < params.gap_probability
    ]
    telling = [gaps.telling_words(topic["text"].to_list(), background, len(texts)) for topic in open_topics]
    joined: dict[int, list[pl.DataFrame]] = {}
    for topic, words, first in zip(open_topics, telling, gaps.join_groups(telling), strict=True):
        # Needs without a word in common are alike in nothing that an article could be about.
        if words:
            joined.setdefault(first, []).append(topic)
    rows = []
    for first, parts in joined.items():
        topic = pl.concat(parts)
        name = gaps.name_topic(topic["text"].to_list(), background, len(texts))
        clearest = topic.sort("probability", "kind", "id")
        rows.append(
            {
                "name": name or ", ".join(telling[first]),
                "n_conversations": int((topic["kind"] == "conversation").sum()),
                "n_queries": int((topic["kind"] == "query").sum()),
                "answer_probability": float(np.mean(topic["probability"].to_numpy())),
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
    writes=("article_hits", "knowledge_gaps", "model_comparison"),
    metrics=("hit_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10", "coverage"),
    method=Method(fit, predict),
    naive=Method(fit_words, predict_words),
    naive_name="BM25",
    score=score,
    params=ArticleSearchParams,
)
