from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cxm import runs
from cxm.backends.encoder import HashingEncoder
from cxm.store import conform
from cxm.tables import TABLES
from cxm.task import Model, Services
from cxm.tasks.quality_adherence import TASK, QualityParams
from cxm.workspace import Workspace

SERVICES = Services(HashingEncoder(), Path("index"))
PARAMS = QualityParams()
QUESTIONS = {
    "greeting": "Did the agent say hello and give a name?",
    "help": "Did the agent ask whether anything else was needed?",
    "unseen": "Did the agent thank the customer?",
}


def table(name, rows):
    frame, problems = conform(pl.DataFrame(rows).lazy(), TABLES[name])
    assert not problems
    return frame


def make_world(n=120, seed=0, evidence=True):
    """Agents who greet and offer further help, or not; refunds make `help` not applicable."""
    generator = np.random.default_rng(seed)
    turns, labels, conversations = [], [], []
    for number in range(n):
        key = f"c{number:03}"
        started_at = datetime(2026, 1, 1, tzinfo=UTC)
        conversations.append({"conversation_id": key, "channel": "chat", "started_at": started_at})
        greets, helps, refund = generator.random(3) < (0.6, 0.5, 0.3)
        need = "I want my money back" if refund else f"parcel {number} is late"
        said = [
            ("agent", "hello my name is Ann" if greets else "what is it"),
            ("customer", need),
            ("agent", f"let me look up number {number}"),
            ("agent", "anything else needed today" if helps else "that is all"),
            ("customer", "bye"),
        ]
        turns += [
            {"conversation_id": key, "turn_index": i, "speaker": speaker, "text": text}
            for i, (speaker, text) in enumerate(said)
        ]
        answers = {
            "greeting": ("yes", [0]) if greets else ("no", []),
            "help": ("not_applicable", []) if refund else (("yes", [3]) if helps else ("no", [])),
        }
        for criterion, (given, named) in answers.items():
            row = {"conversation_id": key, "criterion": criterion, "answer": given}
            split = "train" if number % 2 else "test"
            labels.append({**row, "evidence_turns": named if evidence else None, "split": split})
    scorecard = [
        {"criterion": name, "question": question, "weight": 1.0, "is_critical": False}
        for name, question in QUESTIONS.items()
    ]
    tables = {
        "conversations": table("conversations", conversations),
        "turns": table("turns", turns),
        "scorecard": table("scorecard", scorecard),
    }
    return tables, table("quality_labels", labels).collect()


def answer(tables, gold, params=PARAMS):
    train = None if gold is None else gold.filter(pl.col("split") == "train").drop("split")
    model = TASK.method.fit(tables, train, params, SERVICES)
    return model, TASK.method.predict(tables, model, params, SERVICES)


def scores_of(results, gold, tables):
    return {e.metric: e.value for e in TASK.score(results, gold, tables, PARAMS)}


def test_every_conversation_gets_an_answer_to_every_criterion():
    tables, gold = make_world(20)
    for train in (gold, None):
        rows = answer(tables, train)[1]["quality_answers"]
        assert rows.height == 20 * 3
        assert rows.select("conversation_id", "criterion").is_unique().all()
        assert rows["probability"].is_between(0, 1).all()


def test_it_learns_answers_and_evidence_and_beats_the_majority():
    tables, gold = make_world()
    scores = scores_of(answer(tables, gold)[1], gold, tables)
    train = gold.filter(pl.col("split") == "train").drop("split")
    model = TASK.naive.fit(tables, train, PARAMS, SERVICES)
    naive = scores_of(TASK.naive.predict(tables, model, PARAMS, SERVICES), gold, tables)
    assert scores["question_accuracy"] > 0.9 > naive["question_accuracy"]
    assert scores["evidence_f1"] > 0.9
    assert list(scores)[: len(TASK.metrics)] == list(TASK.metrics)


def test_evidence_is_found_where_reviewers_named_none():
    tables, gold = make_world(evidence=False)
    named = make_world()[1]
    scores = scores_of(answer(tables, gold)[1], named, tables)
    assert scores["question_accuracy"] > 0.9
    assert scores["evidence_f1"] > 0.8


def test_without_labels_the_turn_that_says_it_decides():
    tables, gold = make_world()
    helping = gold.filter(pl.col("criterion") == "help")
    scores = scores_of(answer(tables, None)[1], helping, tables)
    assert scores["roc_auc"] > 0.8


def test_perfect_answers_score_best_and_a_missing_answer_counts_as_wrong():
    tables, gold = make_world(20)
    rows = gold.drop("split").with_columns(probability=pl.lit(1.0), explanation=pl.lit(""))
    perfect = scores_of({"quality_answers": rows}, gold, tables)
    assert perfect.pop("calibration_error") == 0
    assert set(perfect.values()) == {1.0}
    without = scores_of({"quality_answers": rows.filter(pl.col("criterion") == "help")}, gold, tables)
    assert without["coverage"] == without["question_accuracy"] == 0.5
    assert without["case_accuracy"] == 0


def test_the_labels_of_the_test_rows_are_never_seen():
    tables, gold = make_world(40)
    spoilt = gold.with_columns(
        answer=pl.when(pl.col("split") == "test").then(pl.lit("no")).otherwise("answer")
    )
    assert_frame_equal(
        answer(tables, spoilt)[1]["quality_answers"], answer(tables, gold)[1]["quality_answers"]
    )


def test_the_order_of_rows_does_not_matter():
    tables, gold = make_world(100)
    shuffled = {
        name: t.collect().sample(fraction=1, shuffle=True, seed=3).lazy() for name, t in tables.items()
    }
    found = answer(shuffled, gold.sample(fraction=1, shuffle=True, seed=4))[1]["quality_answers"]
    assert_frame_equal(found, answer(tables, gold)[1]["quality_answers"])


def test_a_silent_agent_keeps_to_nothing():
    tables, gold = make_world(20)
    quiet = {**tables, "turns": tables["turns"].filter(pl.col("speaker") == "customer")}
    rows = answer(quiet, None)[1]["quality_answers"]
    assert set(rows["answer"]) == {"no"}
    assert rows["evidence_turns"].list.len().sum() == 0
    learnt = answer(quiet, gold)[1]["quality_answers"]
    assert set(learnt["answer"]) == {"not_applicable"}


def test_evidence_turns_exist_and_the_explanation_quotes_one():
    tables, gold = make_world(60)
    rows = answer(tables, gold)[1]["quality_answers"]
    named = rows.explode("evidence_turns", empty_as_null=True).filter(pl.col("evidence_turns").is_not_null())
    turns = tables["turns"].collect()
    joined = named.join(
        turns, left_on=["conversation_id", "evidence_turns"], right_on=["conversation_id", "turn_index"]
    )
    assert joined.height == named.height > 0
    assert joined.select(pl.col("explanation").str.contains(pl.col("text"), literal=True).all()).item()


@pytest.mark.parametrize("empty", ["conversations", "turns", "scorecard"])
def test_empty_tables_work(empty):
    tables, _ = make_world(6)
    tables[empty] = TABLES[empty].empty().lazy()
    if empty == "conversations":
        tables["turns"] = TABLES["turns"].empty().lazy()
    rows = answer(tables, None)[1]["quality_answers"]
    assert rows.height == (18 if empty == "turns" else 0)


def test_one_label_is_enough():
    tables, gold = make_world(6)
    rows = answer(tables, gold.filter(pl.col("split") == "train").head(1))[1]["quality_answers"]
    assert rows.height == 18
    assert rows["probability"].is_finite().all()


def test_results_and_model_survive_the_disk(tmp_path):
    tables, gold = make_world(120)
    model, results = answer(tables, gold)
    assert model.facts["learnt"]["has_evidence"]
    model.save(tmp_path / "model")
    again = TASK.method.predict(tables, Model.load(tmp_path / "model"), PARAMS, SERVICES)
    assert_frame_equal(again["quality_answers"], results["quality_answers"])
    assert not conform(results["quality_answers"].lazy(), TABLES["quality_answers"])[1]


@pytest.mark.parametrize("use_labels", [True, False], ids=["with labels", "without labels"])
@pytest.mark.slow
def test_real_guidelines_are_ranked_better_than_by_cosine(shared_data, tmp_path, use_labels):
    scores = runs.score(TASK, Workspace(shared_data("guideline_compliance"), tmp_path), use_labels=use_labels)
    assert scores.filter(pl.col("metric") == "roc_auc")["value"].item() >= 0.69
