"""What the agent should say or do next: articles, quoted reply, tool call, like situations.

How the parts are put together for each point of a dialogue, and scored. Searching is in
`cxm.index`; weighing turns, remembering answers, naming, quoting and choosing tools in `cxm.methods`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.index import HITS, Index, open_index
from cxm.methods import replies, tool_choice
from cxm.methods.answerability import (
    ANSWER_FUSION,
    answer_probability,
    best_scores,
    compare_without,
    fit_answerability,
    make_questions,
    n_needed,
)
from cxm.methods.citations import check_citations
from cxm.methods.dialogues import Context, contexts, is_courtesy, points_after_last_turn, words
from cxm.methods.names import NameFinder
from cxm.methods.past_answers import PastAnswers
from cxm.methods.retrieval import Fusion, choose, draw_folds, fuse, top
from cxm.methods.tool_arguments import ToolCall, fill_call, parse_schemas
from cxm.methods.weighing import ASKED_AND_FOUND, SPOKEN, Weighing, context_vectors, search_texts
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import recall_at
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

# How turns are weighed, how signals are; the first of each stands where no labels speak for another.
_WEIGHINGS = (*(Weighing(decay, ASKED_AND_FOUND) for decay in (0.1, 0.25, 0.75)), Weighing(0.25, SPOKEN))
_FUSIONS = tuple(
    Fusion(dense, named, past) for dense in (0.8, 0.5) for named in (0.3, 0.1, 1.0) for past in (0.0, 1.0)
)
# For tools, quotes and past replies: the last turn above all; and the last few turns.
_REQUEST, _LAST_TURNS = Weighing(0.01), Weighing(0.5)
_N_FOLDS = 5
_LEAST_TRAIN_POINTS = 20
_RECALLS = (5, 1, 10, 20)
_BANK_FACTS = {"conversation_id": pl.String, "turn_index": pl.Int32, "reply": pl.String}


@dataclass(frozen=True)
class MultiTurnRagParams(Params):
    """Parameters of `multi_turn_rag`."""

    n_articles: int = param(20, "Articles listed for a point.", low=20)
    answer_probability: float = param(
        0.3, "Below this answer probability no article is quoted.", low=0, high=1
    )
    n_suggestions: int = param(3, "Past replies suggested for a point.", low=0)
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


# ------------------------------------------------------------------ learn


def fit(tables: Tables, train: pl.DataFrame | None, params: MultiTurnRagParams, services: Services) -> Model:
    """How to search and how sure to be, how to choose a tool, and what agents said before."""
    turns = tables["turns"].collect()
    labels = pl.DataFrame(schema=TABLES["reply_labels"].empty().schema) if train is None else train
    labels = labels.sort("conversation_id", "turn_index")
    labelled = contexts(turns, labels)
    bank = replies.build_reply_bank(turns, params.max_past_replies, params.seed)
    facts: dict[str, Any] = {"bank": bank.drop("request").to_dict(as_series=False)}
    arrays: dict[str, NDArray[Any]] = {
        "bank": services.encoder.encode(bank["request"].to_list()).astype(np.float16)
    }
    if "articles" in tables:
        articles = tables["articles"].collect()
        index = open_index(services.index_directory, articles, services.encoder)
        found_facts, arrays["past"] = _fit_search(index, articles, labelled, labels, params)
        facts |= found_facts
    if "tools" in tables:
        tools = tool_choice.Tools.from_frame(tables["tools"].collect(), services.encoder.encode)
        dialogues = _dialogues(labelled, services.encoder)
        memory = tool_choice.fit_tools(dialogues, labels["tool_name"].to_list(), tools, params.seed)
        facts["tools"] = tool_choice.memory_facts(memory)
        arrays |= {"tool_contexts": memory.vectors, "tool_last_turns": memory.last_turns}
    return Model(facts, arrays)


def _dialogues(found: Sequence[Context], encoder: Encoder) -> tool_choice.Dialogues:
    last = [next((t.text for t in reversed(c.turns) if words(t.text)), "") for c in found]
    last_turns = encoder.encode(last)
    last_turns[[i for i, text in enumerate(last) if not text]] = 0
    requests = context_vectors(found, encoder.encode, _REQUEST)
    vectors = context_vectors(found, encoder.encode, _LAST_TURNS)
    return tool_choice.Dialogues(found, requests, vectors, last_turns)


def _fit_search(
    index: Index,
    articles: pl.DataFrame,
    labelled: list[Context],
    labels: pl.DataFrame,
    params: MultiTurnRagParams,
) -> tuple[dict[str, Any], NDArray[np.float16]]:
    """What was chosen, as facts, and the vectors of the points whose answers are remembered."""
    known = set(index.article_ids)
    right = [sorted({a for a in ids or [] if a in known}) for ids in labels["article_ids"].to_list()]
    kept = [i for i, ids in enumerate(right) if ids]
    found, right = [labelled[i] for i in kept], [right[i] for i in kept]
    named = name_articles(index, found)
    weighing, fusion = _tune_search(index, found, named, right, params.seed)
    if len(kept) >= _LEAST_TRAIN_POINTS:
        own = pl.Series(right, dtype=pl.List(pl.String))
        hits = search(index, found, named, weighing, ANSWER_FUSION, n_needed(own))
    else:
        made = make_questions(articles, params.n_made_questions, params.seed)
        own = made["article_ids"]
        hits = index.search(made["text"].to_list(), n_needed(own), ANSWER_FUSION)
    facts = {
        "weighing": dataclasses.asdict(weighing),
        "fusion": dataclasses.asdict(fusion),
        "past": {"conversations": [context.conversation_id for context in found], "articles": right},
        "answer_curve": fit_answerability(*compare_without(hits, own)),
    }
    return facts, context_vectors(found, index.encoder.encode, weighing).astype(np.float16)


def _tune_search(
    index: Index, found: list[Context], named: Any, right: list[list[str]], seed: int
) -> tuple[Weighing, Fusion]:
    """Weighing and fusion with the best recall at 5 on train points; the default unless others help."""
    quality = np.zeros((len(_WEIGHINGS), len(_FUSIONS), len(found)))
    wanted = [set(ids) for ids in right]
    owners = [context.conversation_id for context in found]
    for w, weighing in enumerate(_WEIGHINGS if found else ()):
        vectors = context_vectors(found, index.encoder.encode, weighing)
        past = PastAnswers(vectors, owners, right).find(found, vectors, index.article_ids)
        for signals in index.signals(search_texts(found, weighing), vectors):
            boosts = named[signals.rows].toarray(), past[signals.rows].toarray()
            for f, fusion in enumerate(_FUSIONS):
                ranked = top(fuse(signals.cosine, signals.lexical, boosts[0], fusion, boosts[1]), 5)
                for row, best in enumerate(ranked, start=signals.rows.start):
                    quality[w, f, row] = recall_at([index.article_ids[a] for a in best], wanted[row], 5)
    folds = draw_folds(np.array(owners), _N_FOLDS, seed)
    w, f = divmod(choose(np.concatenate(quality), folds), len(_FUSIONS))
    return _WEIGHINGS[w], _FUSIONS[f]


# ------------------------------------------------------------------ answer


def name_articles(index: Index, found: Sequence[Context]) -> Any:
    """How clearly each context names each article, sparse `(n_contexts, n_articles)`."""
    return NameFinder.from_passages(index.articles, index.article_ids).find(found)


def search(
    index: Index,
    found: Sequence[Context],
    named: Any,
    weighing: Weighing,
    fusion: Fusion,
    k: int,
    past: PastAnswers | None = None,
) -> pl.DataFrame:
    """The k best articles for each context (columns of `cxm.index.HITS`)."""
    vectors = context_vectors(found, index.encoder.encode, weighing)
    answered = past.find(found, vectors, index.article_ids) if past and fusion.past else None
    return index.search(search_texts(found, weighing), k, fusion, vectors, named, answered)


def predict(tables: Tables, model: Model, params: MultiTurnRagParams, services: Services) -> Results:
    """`prepared_replies` and `suggested_replies` for every point."""
    turns = tables["turns"].collect()
    points = _points(tables, turns)
    found = contexts(turns, points)
    hits = pl.DataFrame(schema=HITS)
    quotes = pl.DataFrame(schema=replies.QUOTES)
    dialogues = _dialogues(found, services.encoder)
    if "articles" in tables and "fusion" in model.facts:
        index = open_index(services.index_directory, tables["articles"].collect(), services.encoder)
        weighing = Weighing(model.facts["weighing"]["decay"], tuple(model.facts["weighing"]["speakers"]))
        past = PastAnswers(model.arrays["past"].astype(np.float32), **model.facts["past"])
        fusion = Fusion(**model.facts["fusion"])
        named = name_articles(index, found)
        hits = search(index, found, named, weighing, fusion, params.n_articles, past)
        matches = search(index, found, named, weighing, ANSWER_FUSION, 1)
        probability = answer_probability(best_scores(matches, len(found)), model.facts["answer_curve"])
        quotable = np.flatnonzero(probability >= params.answer_probability)
        asking = [int(i) for i in quotable if not is_courtesy(found[i].last_request)]
        answered = hits.filter(pl.col("query").is_in(asking))
        quotes = replies.quote_sentences(answered, dialogues.requests, services.encoder.encode)
    calls = _tool_calls(tables, model, dialogues, points, services.encoder)
    return {
        "prepared_replies": _prepared(found, hits, quotes, calls),
        "suggested_replies": _suggested(found, dialogues.requests, model, params),
    }


def _tool_calls(
    tables: Tables, model: Model, dialogues: tool_choice.Dialogues, points: pl.DataFrame, encoder: Encoder
) -> list[ToolCall]:
    if "tools" not in tables or "tools" not in model.facts:
        return [ToolCall()] * len(dialogues.contexts)
    frame = tables["tools"].collect()
    tools = tool_choice.Tools.from_frame(frame, encoder.encode)
    arrays = model.arrays["tool_contexts"], model.arrays["tool_last_turns"]
    memory = tool_choice.memory_from(model.facts["tools"], *arrays)
    names = tool_choice.choose_tools(dialogues, tools, memory, points["tool_candidates"].to_list())
    texts = frame.select("tool_name", "parameters").iter_rows()
    schemas = parse_schemas(dict(texts))
    pairs = zip(names, dialogues.contexts, strict=True)
    return [fill_call(name, schemas, context) for name, context in pairs]


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
                "status": _status(context, call, bool(citations)),
            }
        )
    return pl.DataFrame(rows, schema=TABLES["prepared_replies"].empty().schema)


def _status(context: Context, call: ToolCall, is_quoted: bool) -> str:
    if call.name:
        return "tool" if call.is_complete else "needs_information"
    if is_courtesy(context.last_request):
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
    known = sorted(tables["tools"].collect()["tool_name"]) if "tools" in tables else []
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
    writes=("prepared_replies", "suggested_replies"),
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
