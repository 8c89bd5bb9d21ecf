"""What the agent should say or do next: articles, quoted reply, tool call, like situations.

How the parts are put together for each point of a dialogue, and scored. Searching is in
`cxm.index`; weighing turns, remembering answers, naming, quoting and choosing tools in `cxm.methods`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.index import HITS, open_index
from cxm.methods import replies, tool_choice
from cxm.methods.answerability import (
    ANSWER_FUSION,
    answer_probability,
    compare_without,
    fit_answerability,
    make_questions,
    n_needed,
)
from cxm.methods.citations import check_citations
from cxm.methods.dialogue_search import Known, Learned, are_readable, learn_search, rank_articles
from cxm.methods.dialogues import Context, contexts, points_after_last_turn
from cxm.methods.past_answers import PastAnswers
from cxm.methods.ranker import Fit
from cxm.methods.retrieval import Fusion
from cxm.methods.tool_arguments import ToolCall, fill_call, is_contradicted, parse_schemas
from cxm.methods.tool_features import Dialogues, Tools
from cxm.methods.weighing import ASKED_AND_FOUND, Weighing, context_vectors
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import recall_at
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

log = logging.getLogger(__name__)
# What a reply has to answer.
_NEED = Weighing(0.25, ASKED_AND_FOUND)
_LEAST_TRAIN_POINTS, _RECALLS = 20, (5, 1, 10, 20)
_BANK_FACTS = {"conversation_id": pl.String, "turn_index": pl.Int32, "reply": pl.String}


@dataclass(frozen=True)
class MultiTurnRagParams(Params):
    """Parameters of `multi_turn_rag`."""

    n_articles: int = param(20, "Articles listed for a point.", low=20)
    answer_probability: float = param(
        0.3, "Below this answer probability no article is quoted.", low=0, high=1
    )
    n_suggestions: int = param(
        3, "Past replies suggested for a point, of conversations that ended well.", low=0
    )
    max_past_replies: int = param(20_000, "Past replies looked through; of more, a random sample.", low=0)
    n_made_questions: int = param(
        300, "Questions made from the base to calibrate the answer probability.", low=1
    )


# ------------------------------------------------------------------ dialogues


def _points(tables: Tables, turns: pl.DataFrame) -> pl.DataFrame:
    if "reply_points" in tables:
        return tables["reply_points"].collect().sort("conversation_id", "turn_index")
    candidates = pl.lit(None, dtype=pl.List(pl.String)).alias("tool_candidates")
    return points_after_last_turn(turns).with_columns(candidates)


def _tool_names(tables: Tables) -> list[str]:
    return sorted(tables["tools"].collect()["tool_name"]) if "tools" in tables else []


# ------------------------------------------------------------------ learn


def fit(tables: Tables, train: pl.DataFrame | None, params: MultiTurnRagParams, services: Services) -> Model:
    """How to search and how sure to be, how to choose a tool, and what agents said before."""
    turns = tables["turns"].collect()
    labels = pl.DataFrame(schema=TABLES["reply_labels"].empty().schema) if train is None else train
    labels = labels.sort("conversation_id", "turn_index")
    labelled = contexts(turns, labels)
    bank = replies.build_reply_bank(_of_good(tables, turns), params.max_past_replies, params.seed)
    facts: dict[str, Any] = {"bank": bank.drop("request").to_dict(as_series=False)}
    arrays: dict[str, NDArray[Any]] = {
        "bank": services.encoder.encode(bank["request"].to_list()).astype(np.float16)
    }
    boosters: dict[str, str] = {}
    comparison: list[tuple[str, str, float]] = []
    if "articles" in tables:
        articles = tables["articles"].collect()
        search = _fit_search(_known(services, articles), articles, labelled, labels, params)
        comparison = search.facts.pop("comparison")
        facts |= search.facts
        arrays |= search.arrays
        boosters |= search.boosters
    if _tool_names(tables):
        encode = services.encoder.encode
        tools = Tools.from_frame(tables["tools"].collect(), encode)
        read = Dialogues.read(labelled, encode)
        model, fit = tool_choice.fit_tools(read, labels["tool_name"].to_list(), tools, encode, params.seed)
        facts["tools"] = model.facts()
        arrays |= model.arrays()
        boosters |= {"tools": model.booster} if model.booster else {}
        _tell("tool accuracy", fit)
        comparison += _compare("tool_accuracy", "likeness of tools", "learned ranker of tools", fit)
    facts["comparison"] = comparison
    return Model(facts, arrays, boosters)


def _of_good(tables: Tables, turns: pl.DataFrame) -> pl.DataFrame:
    """The turns of conversations that ended well, by what `conversations` says of them."""
    if "conversations" not in tables:
        return turns
    names = tables["conversations"].collect_schema().names()
    columns = [name for name in ("conversation_id", "is_resolved", "csat") if name in names]
    conversations = tables["conversations"].select(columns).collect()
    good = replies.ended_well(conversations)
    log.info("replies are suggested from %d of %d conversations", good.height, conversations.height)
    return turns.join(good.select("conversation_id"), on="conversation_id", how="semi")


def _tell(metric: str, fit: Fit) -> None:
    if fit.n_queries:
        chosen = "the learned ranker is used" if fit.booster else "the learned ranker does not pay"
        held_out = f"{fit.learned:.3f} learned, {fit.plain:.3f} without learning"
        log.info("%s on held-out conversations: %s; %s", metric, held_out, chosen)


def _compare(metric: str, plain: str, learned: str, fit: Fit) -> list[tuple[str, str, float]]:
    """Rows (model, metric, value) for `model_comparison`."""
    return [(plain, metric, fit.plain), (learned, metric, fit.learned)] if fit.n_queries else []


def _fit_search(
    known: Known,
    articles: pl.DataFrame,
    labelled: list[Context],
    labels: pl.DataFrame,
    params: MultiTurnRagParams,
) -> Model:
    """What was learned about searching: facts, vectors of the points that are remembered, the ranker."""
    ids = set(known.index.article_ids)
    right = [sorted({a for a in wanted or [] if a in ids}) for wanted in labels["article_ids"].to_list()]
    kept = [i for i, wanted in enumerate(right) if wanted]
    right = [right[i] for i in kept]
    learned, paid = learn_search(known, [labelled[i] for i in kept], right, params.seed)
    fit, past = paid.ranker, learned.past
    _tell("nDCG at 10", fit)
    present, absent = paid.present, paid.absent
    if len(kept) < _LEAST_TRAIN_POINTS:
        made = make_questions(articles, params.n_made_questions, params.seed)
        own = made["article_ids"]
        hits = known.index.search(made["text"].to_list(), n_needed(own), ANSWER_FUSION)
        present, absent = compare_without(hits, own)
    facts = {
        "weighing": dataclasses.asdict(learned.weighing),
        "fusion": dataclasses.asdict(learned.fusion),
        "past": {"conversations": list(past.conversations), "articles": right} if past else {},
        "answer_curve": fit_answerability(present, absent),
        "comparison": _compare("ndcg_at_10", "fusion", "learned ranker", fit),
    }
    vectors = past.vectors if past else np.zeros((0, 0), dtype=np.float32)
    boosters = {"ranker": fit.booster} if fit.booster else {}
    return Model(facts, {"past": vectors.astype(np.float16)}, boosters)


# ------------------------------------------------------------------ answer


def _learned(model: Model) -> Learned:
    facts = model.facts
    weighing = Weighing(facts["weighing"]["decay"], tuple(facts["weighing"]["speakers"]))
    past = PastAnswers(model.arrays["past"].astype(np.float32), **facts["past"])
    return Learned(weighing, Fusion(**facts["fusion"]), past, model.boosters.get("ranker"))


def _known(services: Services, articles: pl.DataFrame) -> Known:
    index = open_index(services.index_directory, articles, services.encoder)
    rows = articles.sort("article_id").select("article_id", "title", "section", "kind")
    vectors = index.vectors[index.rows]
    # Read thousands of times: in full precision where that still is little memory.
    vectors = vectors if index.is_large else vectors.astype(np.float32)
    return Known.of(index, rows, index.passages["text"], index.starts, vectors)


def predict(tables: Tables, model: Model, params: MultiTurnRagParams, services: Services) -> Results:
    """`prepared_replies` and `suggested_replies` for every point."""
    turns = tables["turns"].collect()
    points = _points(tables, turns)
    found = contexts(turns, points)
    hits = pl.DataFrame(schema=HITS)
    quotes = pl.DataFrame(schema=replies.QUOTES)
    dialogues = Dialogues.read(found, services.encoder.encode)
    if "articles" in tables and "fusion" in model.facts:
        known = _known(services, tables["articles"].collect())
        hits, matches = rank_articles(known, _learned(model), found, params.n_articles)
        probability = answer_probability(matches, model.facts["answer_curve"])
        quotable = np.flatnonzero((probability >= params.answer_probability) & are_readable(known, found))
        asking = [int(i) for i in quotable if found[i].is_asking]
        answered = hits.filter(pl.col("query").is_in(asking))
        needs = context_vectors(found, services.encoder.encode, _NEED)
        quotes = replies.quote_sentences(answered, needs, services.encoder.encode, _tool_names(tables))
    calls = _tool_calls(tables, model, dialogues, points, services.encoder)
    return {
        "prepared_replies": _prepared(found, hits, quotes, calls),
        "suggested_replies": _suggested(found, dialogues.views["request"], model, params),
        "model_comparison": _comparison(model.facts["comparison"]),
    }


def _comparison(found: list[tuple[str, str, float]]) -> pl.DataFrame:
    rows = [("multi_turn_rag", *row, None, None, None) for row in found]
    return pl.DataFrame(rows, schema=TABLES["model_comparison"].empty().schema, orient="row")


def _tool_calls(
    tables: Tables, model: Model, dialogues: Dialogues, points: pl.DataFrame, encoder: Encoder
) -> list[ToolCall]:
    if "tools" not in tables or "tools" not in model.facts:
        return [ToolCall()] * len(dialogues.contexts)
    frame = tables["tools"].collect()
    tools = Tools.from_frame(frame, encoder.encode)
    known = tool_choice.ToolModel.load(model.facts["tools"], model.arrays, model.boosters.get("tools"))
    schemas = parse_schemas(dict(frame.select("tool_name", "parameters").iter_rows()))
    names = tool_choice.choose_tools(
        dialogues,
        tools,
        known,
        points["tool_candidates"].to_list(),
        encoder.encode,
        lambda name, context: is_contradicted(schemas[name], context),
    )
    return [fill_call(name, schemas, said) for name, said in zip(names, dialogues.contexts, strict=True)]


def _prepared(
    found: Sequence[Context], hits: pl.DataFrame, quotes: pl.DataFrame, calls: Sequence[ToolCall]
) -> pl.DataFrame:
    articles: dict[int, list[str]] = {}
    for query, article_id in hits.sort("query", "rank").select("query", "article_id").iter_rows():
        articles.setdefault(query, []).append(article_id)
    cited: dict[int, list[dict[str, str]]] = {}
    for query, article_id, quote in quotes.iter_rows():
        cited.setdefault(query, []).append({"article_id": article_id, "quote": quote})
    rows = []
    for i, (context, call) in enumerate(zip(found, calls, strict=True)):
        citations = cited.get(i, [])
        arguments = call.arguments
        rows.append(
            {
                "conversation_id": context.conversation_id,
                "turn_index": context.turn_index,
                "article_ids": articles.get(i, []),
                # One quote a line: a line end closes a sentence, so quotes never run together.
                "reply": "\n".join(citation["quote"] for citation in citations) or None,
                "citations": json.dumps(citations, ensure_ascii=False),
                "tool_name": call.name,
                "tool_arguments": None if arguments is None else json.dumps(arguments, ensure_ascii=False),
                "missing_arguments": list(call.missing),
                "status": _status(context, call, bool(citations)),
            }
        )
    return pl.DataFrame(rows, schema=TABLES["prepared_replies"].empty().schema)


def _status(context: Context, call: ToolCall, is_quoted: bool) -> str:
    if call.name:
        return "tool" if call.is_complete else "needs_information"
    if not context.is_asking:
        return "nothing_needed"
    return "answered" if is_quoted else "no_article"


def _suggested(
    found: Sequence[Context], requests: NDArray[np.float32], model: Model, params: MultiTurnRagParams
) -> pl.DataFrame:
    schema: Any = TABLES["suggested_replies"].empty().schema
    bank = pl.DataFrame(model.facts["bank"], schema=_BANK_FACTS)
    vectors = model.arrays["bank"].astype(np.float32)
    owners = [context.conversation_id for context in found]
    asking = [i for i in range(len(found)) if requests[i].any()]
    near = replies.nearest_replies(
        requests[asking], [owners[i] for i in asking], bank, vectors, params.n_suggestions
    )
    rows = [
        (*found[asking[query]].key, rank, bank["reply"][row], *bank.row(row)[:2], score)
        for query, rank, row, score in near.iter_rows()
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


# ------------------------------------------------------------------ naive


def fit_naive(
    tables: Tables, train: pl.DataFrame | None, params: MultiTurnRagParams, services: Services
) -> Model:
    """Which tools were called most often."""
    if train is None:
        return Model({"tools": []})
    counts = train.drop_nulls("tool_name").group_by("tool_name").len()
    return Model({"tools": counts.sort("len", "tool_name", descending=[True, False])["tool_name"].to_list()})


def predict_naive(tables: Tables, model: Model, params: MultiTurnRagParams, services: Services) -> Results:
    """BM25 of the last turn, its first sentence as the reply, and the tool called most often."""
    turns = tables["turns"].collect()
    points = _points(tables, turns)
    found = contexts(turns, points)
    hits, quotes = pl.DataFrame(schema=HITS), pl.DataFrame(schema=replies.QUOTES)
    if "articles" in tables:
        index = open_index(services.index_directory, tables["articles"].collect(), services.encoder)
        last = [context.turns[-1].text if context.turns else "" for context in found]
        hits = index.search_words(last, params.n_articles)
        quotes = replies.first_sentences(hits)
    known = _tool_names(tables)
    ranked = [*model.facts["tools"], *(name for name in known if name not in model.facts["tools"])]
    calls = [
        ToolCall(
            next((name for name in ranked if name in known and (allowed is None or name in allowed)), None)
        )
        for allowed in points["tool_candidates"].to_list()
    ]
    return {"prepared_replies": _prepared(found, hits, quotes, calls)}


# ------------------------------------------------------------------ score


def score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: MultiTurnRagParams
) -> list[Estimate]:
    """Recall and tools over the test points, and how much of the replies stands in what they cite."""
    prepared = results["prepared_replies"]
    supported = _supported_share(prepared, tables)
    if gold is None:
        return supported
    key = ["conversation_id", "turn_index"]
    answers = prepared.select(*key, "article_ids", "tool_name", is_prepared=pl.col("status") != "failed")
    test = gold.filter(pl.col("split") == "test").select(*key, right="article_ids", right_tool="tool_name")
    rows = test.join(answers, on=key, how="left", validate="1:1").sort(key)
    units = rows["conversation_id"].to_numpy()
    right = [set(ids or []) for ids in rows["right"].to_list()]
    ranked = [ids or [] for ids in rows["article_ids"].to_list()]
    has_articles = np.array([bool(ids) for ids in right], dtype=bool)
    has_tool = rows["right_tool"].is_not_null().to_numpy()
    estimates = []
    for k in _RECALLS:
        pairs = [(ranked[i], right[i]) for i in np.flatnonzero(has_articles)]
        values = np.array([recall_at(found, wanted, k) for found, wanted in pairs])
        estimates += estimate(f"recall_at_{k}", mean_of(values), units[has_articles])
    is_right = (rows["tool_name"] == rows["right_tool"]).fill_null(False).to_numpy()
    estimates += estimate("tool_accuracy", mean_of(is_right[has_tool]), units[has_tool])
    coverage = rows["is_prepared"].fill_null(False).to_numpy()
    return [*estimates, *supported, *estimate("coverage", mean_of(coverage), units)]


def _supported_share(prepared: pl.DataFrame, tables: Tables) -> list[Estimate]:
    """Share of the replies' sentences that stand verbatim in an article cited for that reply."""
    articles = tables["articles"] if "articles" in tables else TABLES["articles"].empty().lazy()
    checked = check_citations(prepared, articles)
    return estimate(
        "supported_share", mean_of(checked["is_supported"].to_numpy()), checked["conversation_id"].to_numpy()
    )


TASK = Task(
    name="multi_turn_rag",
    title="Prepared replies",
    question="What should the agent say or do next?",
    needs=(("turns", "articles"), ("turns", "tools")),
    uses=("conversations", "reply_points", "tools", "articles"),
    gold="reply_labels",
    writes=("prepared_replies", "suggested_replies", "model_comparison"),
    metrics=(
        "recall_at_5",
        "recall_at_1",
        "recall_at_10",
        "recall_at_20",
        "tool_accuracy",
        "supported_share",
        "coverage",
    ),
    method=Method(fit, predict),
    naive=Method(fit_naive, predict_naive),
    naive_name="BM25 of the last turn, majority tool",
    score=score,
    params=MultiTurnRagParams,
)
