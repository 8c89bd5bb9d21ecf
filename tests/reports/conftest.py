"""A hand-made world: eight tasks, tables of a small shop and results as the tasks would leave them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cxm import runs, store
from cxm.tables import TABLES
from cxm.task import Method, Task
from cxm.workspace import Workspace
from reports.sections.section import Evidence

MONDAY = datetime(2026, 7, 20, tzinfo=UTC)  # of 2026-W30
INTENTS = ["late_delivery", "refund_status", "gift card"]


def no_fit(*_):
    raise AssertionError("a report never fits a model")


NOTHING = Method(no_fit, no_fit)


def make_task(name, needs, writes, metric, gold=None):
    title = name.replace("_", " ").capitalize()
    return Task(
        name, title, f"What of {name}?", needs, writes, (metric,), NOTHING, NOTHING, "a naive method", no_fit, gold=gold
    )  # fmt: skip


SEARCH = ("article_hits", "knowledge_gaps")
FAKE_TASKS = (
    make_task(
        "intent_prediction",
        (("conversations", "turns", "taxonomy"), ("conversations", "turns")),
        ("predicted_intents",),
        "accuracy",
        "intent_labels",
    ),
    make_task(
        "article_search", (("articles", "queries"), ("articles", "turns")), SEARCH, "hit_at_1", "qrels"
    ),
    make_task("kb_refinement", (("articles",),), ("article_findings",), "similar_f1", "article_pair_labels"),
    make_task(
        "quality_adherence",
        (("conversations", "turns", "scorecard"),),
        ("quality_answers",),
        "question_accuracy",
        "quality_labels",
    ),
    make_task(
        "multi_turn_rag", (("turns", "articles"), ("turns", "tools")), ("prepared_replies",), "recall_at_5"
    ),
    make_task("sentiment", (("turns",),), ("turn_sentiment", "conversation_sentiment"), "macro_f1"),
    make_task(
        "churn_survival",
        (("customers", "churn_labels"), ("transactions",)),
        ("churn_risk", "hazard_ratios"),
        "concordance_index",
        "churn_labels",
    ),
    make_task(
        "segmentation", (("transactions",),), ("customer_segments", "segment_migration"), "stability_ari"
    ),
)


@pytest.fixture(scope="session")
def fake_tasks():
    return FAKE_TASKS


def write(directory: Path, name: str, rows: list[dict]) -> None:
    """Rows as a table; columns left out are null."""
    schema = {n: t for n, t in TABLES[name].empty().schema.items() if not rows or n in rows[0]}
    store.write(pl.DataFrame(rows, schema=schema), directory, name)


@pytest.fixture
def put_table():
    return write


AGENT_FIGURES = (
    "quality_score", "low", "high", "q_value",
    *(f"{kind}_error_{part}" for kind in ("critical", "noncritical") for part in ("share", "low", "high")),
)  # fmt: skip


def put(workspace, name, results, scores=(), **manifest):
    """Leaves results, manifest and scores as a run of the task would."""
    task = next(task for task in FAKE_TASKS if task.name == name)
    for table, rows in results.items():
        write(workspace.out, table, rows)
    record = {
        "writes": sorted(results),
        "params": {"seed": 7},
        "labels": True,
        "n_train": 12,
        "data_hash": runs.data_hash(task, workspace),
        "encoder": "hashing",
        "version": "0.1.0",
        "made_at": "whenever",
        "seconds": 1.5,
    }
    workspace.write_manifest(name, {**record, **manifest})
    names = ("metric", "value", "low", "high", "n", "baseline")
    made = {"task": name, "params_hash": "p", "data_hash": "d"}
    rows = [{**made, **dict(zip(names, row, strict=True))} for row in scores]
    if rows:
        frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(("low", "high", "baseline"), pl.Float64))
        store.write(frame, workspace.out, "scores", name)


def build_world(root: Path, word: str = "plain", name: str = "shop") -> Workspace:
    """A workspace with every table and every task's results; `word` is in every text and id."""
    data = root / name
    data.mkdir()
    write_inputs(data, word)
    workspace = Workspace(data, root / f"out-{len(list(root.iterdir()))}")
    write_results(workspace, word)
    return workspace


@pytest.fixture
def make_world(tmp_path):
    return lambda word="plain", name="shop": build_world(tmp_path, word, name)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory):
    """One world for all tests of a module; read it, build into it, change nothing."""
    return build_world(tmp_path_factory.mktemp("world"))


def conversation_ids(word: str) -> list[str]:
    return [f"{word} c{i:02d}" for i in range(60)]


def write_inputs(data: Path, word: str) -> None:
    ids = conversation_ids(word)
    # 20 conversations in each of three weeks; the last week is not over.
    starts = [MONDAY + timedelta(weeks=i // 20 - 1, hours=3 * (i % 20)) for i in range(60)]
    write(
        data,
        "conversations",
        [
            {"conversation_id": id_, "customer_id": f"{word} k{i % 30}", "channel": "chat", "started_at": start,
             "handle_seconds": 60.0 * (i % 20 + 1), "is_resolved": i % 4 != 0, "csat": 5 if i % 2 else 2,
             "queue": f"{word} queue", "language": word, "agent_id": f"{word} agent {i % 3}"}
            for i, (id_, start) in enumerate(zip(ids, starts, strict=True))
        ],
    )  # fmt: skip
    write(
        data,
        "turns",
        [
            {
                "conversation_id": id_,
                "turn_index": turn,
                "speaker": speaker,
                "text": f"{word} I wait since May",
            }
            for id_ in ids
            for turn, speaker in enumerate(("customer", "agent", "customer"))
        ],
    )
    write(data, "taxonomy", [{"intent": f"{word} {i}", "description": word} for i in INTENTS])
    write(
        data,
        "articles",
        [
            {"article_id": f"{word} a{i}", "title": f"{word} title {i}", "body": word, "body_format": "text",
             "kind": "information"}
            for i in range(4)
        ],
    )  # fmt: skip
    write(data, "queries", [{"query_id": f"{word} q{i}", "text": f"{word} how do I"} for i in range(3)])
    write(
        data,
        "scorecard",
        [
            {
                "criterion": f"{word} greets",
                "question": f"{word} Greets?",
                "weight": 1.0,
                "is_critical": False,
            },
            {
                "criterion": f"{word} checks",
                "question": f"{word} Checks?",
                "weight": 3.0,
                "is_critical": True,
            },
        ],
    )
    write(data, "customers", [{"customer_id": f"{word} k{i}", "joined_at": MONDAY} for i in range(30)])
    write(
        data,
        "transactions",
        [
            {"transaction_id": f"{word} t{i}", "customer_id": f"{word} k{i}", "occurred_at": MONDAY, "amount": 9.5,
             "currency": word}
            for i in range(30)
        ],
    )  # fmt: skip
    (data / "quarantine").mkdir()
    pl.DataFrame({"reason": [f"{word} bad time", f"{word} bad time", None]}).write_parquet(
        data / "quarantine" / "turns.parquet"
    )
    file_name = word.replace("/", "").replace("\0", "")[:60]
    (data / f"{file_name} notes.txt").write_text("not a table")


def write_results(workspace: Workspace, word: str) -> None:
    ids = conversation_ids(word)
    put(
        workspace,
        "intent_prediction",
        {
            "predicted_intents": [
                {"conversation_id": id_, "rank": rank, "intent": f"{word} {INTENTS[(i % 5 + rank) % 3]}",
                 "probability": 0.6 / rank, "is_abstained": i % 10 == 9}
                for i, id_ in enumerate(ids)
                for rank in (1, 2, 3)
            ]
        },
        [("accuracy", 0.7, 0.6, 0.8, 90, 0.3), ("coverage", 1.0, 1.0, 1.0, 90, 1.0)],
        params={"seed": 7, "note": word},
        encoder=word,
    )  # fmt: skip
    put(
        workspace,
        "article_search",
        {
            "article_hits": [
                {"query_id": f"{word} q{q}", "rank": rank, "article_id": f"{word} a{rank}", "passage": word, "score": 1.0}
                for q in range(3)
                for rank in (1, 2)
            ],
            "knowledge_gaps": [
                {"gap_id": f"{word} g{i}", "name": f"{word} customs {i}", "n_conversations": 6 - i, "n_queries": 1,
                 "answer_probability": 0.2, "example_ids": [ids[0]]}
                for i in range(2)
            ],
        },
        [("hit_at_1", 0.67, 0.56, 0.77, 79, 0.61)],
    )  # fmt: skip
    put(
        workspace,
        "kb_refinement",
        {
            "article_findings": [
                {"left_article_id": f"{word} a0", "right_article_id": f"{word} a1", "relation": "contradictory",
                 "left_quote": f"{word} within 30 days", "right_quote": f"{word} within 14 days", "score": 0.9},
                {"left_article_id": f"{word} a0", "right_article_id": f"{word} a2", "relation": "similar",
                 "left_quote": word, "right_quote": word, "score": 0.8},
            ]
        },
        [("similar_f1", 0.6, 0.5, 0.7, 40, 0.4)],
    )  # fmt: skip
    put(
        workspace,
        "quality_adherence",
        {
            "quality_answers": [
                {"conversation_id": id_, "criterion": f"{word} {c}", "answer": "no" if i % 5 == 0 else "yes",
                 "probability": 0.9, "evidence_turns": [1], "explanation": f"{word} because"}
                for i, id_ in enumerate(ids)
                for c in ("greets", "checks")
            ],
            "conversation_quality": [
                {"conversation_id": id_, "quality_score": 0.0 if i % 5 == 0 else 1.0, "is_failed": i % 5 == 0,
                 "n_applicable": 2, "n_critical_errors": int(i % 5 == 0), "n_noncritical_errors": int(i % 5 == 0)}
                for i, id_ in enumerate(ids)
            ],
            "agent_quality": [
                {"agent_id": f"{word} agent {i}", "n_conversations": 20, "is_compared": i < 2,
                 **dict.fromkeys(AGENT_FIGURES, 0.5 if i < 2 else None),
                 "standing": ("not_apart", "below", None)[i]}
                for i in range(3)
            ],
            "criterion_agreement": [
                {"criterion": f"{word} greets", "n_labels": 50, "kappa": 0.2, "low": 0.0, "high": 0.4,
                 "calibration": "uncalibrated", "n_repeated": 60, "repeated_share": 0.95},
                {"criterion": f"{word} checks", "n_labels": 0, "kappa": None, "low": None, "high": None,
                 "calibration": "no_labels", "n_repeated": 60, "repeated_share": 1.0},
            ],
        },
        params={"seed": 7, "fewest_conversations": 15},
    )  # fmt: skip
    put(
        workspace,
        "multi_turn_rag",
        {
            "prepared_replies": [
                {"conversation_id": id_, "turn_index": 3, "article_ids": [f"{word} a1"], "reply": f"{word} reply",
                 "citations": json.dumps([{"article_id": word, "quote": word}]), "tool_name": f"{word} tool",
                 "tool_arguments": word, "status": "no_article" if i % 3 == 0 else "answered"}
                for i, id_ in enumerate(ids)
            ]
        },
    )  # fmt: skip
    put(
        workspace,
        "sentiment",
        {
            "turn_sentiment": [
                {"conversation_id": id_, "turn_index": turn, "score": -0.5 if turn == 0 else 0.4,
                 "polarity": "negative" if turn == 0 else "positive", "probability": 0.9}
                for id_ in ids
                for turn in (0, 2)
            ],
            "conversation_sentiment": [
                {"conversation_id": id_, "start_score": -0.5, "end_score": -0.4 if i % 4 == 0 else 0.4,
                 "lowest_score": -0.5, "lowest_turn_index": 0, "aspect": word}
                for i, id_ in enumerate(ids)
            ],
        },
    )  # fmt: skip
    put(
        workspace,
        "churn_survival",
        {
            "churn_risk": [
                {"customer_id": f"{word} k{i}", "horizon_days": days, "probability": i / 30, "expected_value": 30.0,
                 "value_at_risk": float(i), "top_reasons": json.dumps([{"covariate": word, "effect": 1.0, "value": word, "words": word}])}
                for i in range(30)
                for days in (30, 90)
            ],
            "hazard_ratios": [
                {"term": f"{word} plan", "hazard_ratio": 2.0, "low": 1.5, "high": 2.5, "p_value": 0.01,
                 "reference": word, "n_exposed": 9, "excess_value": 120.0, "excess_low": 50.0, "excess_high": 190.0}
            ],
        },
        [("concordance_index", 0.8, 0.7, 0.9, 30, 0.5)],
    )  # fmt: skip
    put(
        workspace,
        "segmentation",
        {
            "customer_segments": [
                {"customer_id": f"{word} k{i}", "recency_days": 1.0, "frequency": 2, "monetary": 90.0 if i < 10 else 5.0,
                 "r_score": 3, "f_score": 3, "m_score": 3, "rfm_cell": "333", "membership": "{}",
                 "segment": f"{word} spenders" if i < 10 else f"{word} others"}
                for i in range(30)
            ],
            "segment_migration": [
                {"previous_segment": f"{word} others", "segment": f"{word} spenders", "n_customers": 4},
                {"previous_segment": f"{word} others", "segment": f"{word} others", "n_customers": 16},
            ],
        },
        [("stability_ari", 0.8, 0.7, 0.9, 30, 0.9), ("bic", -1234.5, None, None, 30, None)],
    )  # fmt: skip


@pytest.fixture
def evidence_of(tmp_path):
    """Evidence of a task over the result tables given; the workspace holds nothing else."""

    def make(task: Task, **tables: pl.DataFrame) -> Evidence:
        (tmp_path / "data").mkdir()
        for name, frame in tables.items():
            part = task.name if name == "model_comparison" else None
            store.write(frame, tmp_path / "out", name, part)
        workspace = Workspace(tmp_path / "data", tmp_path / "out")
        return Evidence(task, workspace, {"writes": sorted(tables)}, [], None)

    return make
