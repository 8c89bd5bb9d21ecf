"""Conversations, labels and scorecards as they should not be: a clear answer to each, never a failure."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.store import conform
from cxm.tables import TABLES
from cxm.task import Services
from cxm.tasks.quality_adherence import TASK, QualityParams

SERVICES = Services(HashingEncoder(), Path("index"))
PARAMS = QualityParams(n_repeated=5)
PLAIN = [("agent", "hello, my name is Ann"), ("customer", "my parcel is late"), ("agent", "anything else?")]
ODD = {
    "no customer": [("agent", "hello, my name is Ann"), ("agent", "anything else?")],
    "no agent": [("customer", "hello?"), ("customer", "is anybody there")],
    "bot only": [("bot", "press 1"), ("customer", "1"), ("system", "closed")],
    "one word": [("customer", "refund")],
    "one word each": [("customer", "refund"), ("agent", "no")],
    "only emoji": [("customer", "😡😡"), ("agent", "👍")],
    "no letters": [("customer", "???"), ("agent", "...")],
    "empty texts": [("customer", ""), ("agent", " ")],
    "no turns": [],
    "5,000 turns": [PLAIN[i % 3] for i in range(5_000)],
    "one endless turn": [("agent", "hello " * 50_000), ("customer", "bye")],
    "zeros and controls": [("agent", "hello\x00\x1b[31m\u202eolleh"), ("customer", "\ufffd")],
}


def table(name, rows):
    frame, problems = conform(pl.DataFrame(rows, infer_schema_length=None).lazy(), TABLES[name])
    assert not problems, problems
    return frame


def make(talks, questions):
    started_at = datetime(2026, 1, 1, tzinfo=UTC)
    agents = {"agent_id": "a1", "channel": "chat", "started_at": started_at}
    turns = [
        {"conversation_id": id_, "turn_index": i, "speaker": speaker, "text": text}
        for id_, talk in talks.items()
        for i, (speaker, text) in enumerate(talk)
    ]
    return {
        "conversations": table("conversations", [{"conversation_id": id_, **agents} for id_ in talks]),
        "turns": table("turns", turns),
        "scorecard": table(
            "scorecard",
            [
                {"criterion": name, "question": question, "weight": 1.0, "is_critical": False}
                for name, question in questions.items()
            ],
        ),
    }


QUESTIONS = {
    "greeting": "Did the agent say hello?",
    "help": "Did the agent ask whether anything else was needed?",
}


def run(tables, train=None):
    model = TASK.method.fit(tables, train, PARAMS, SERVICES)
    results = TASK.method.predict(tables, model, PARAMS, SERVICES)
    for name, frame in results.items():
        assert not conform(frame.lazy(), TABLES[name])[1], name
    return results


def label(talks, answers):
    """A frame of train labels: criterion -> function of a number."""
    return pl.DataFrame(
        [
            {"conversation_id": id_, "criterion": criterion, "answer": answer(i), "evidence_turns": None}
            for i, id_ in enumerate(sorted(talks))
            for criterion, answer in answers.items()
        ],
        schema={
            name: TABLES["quality_labels"].empty().schema[name]
            for name in ("conversation_id", "criterion", "answer", "evidence_turns")
        },
    )


MANY = {
    f"c{i:03}": [("agent", "hello there" if i % 2 else "what"), ("customer", f"it is late {i}")]
    for i in range(60)
}


@pytest.mark.parametrize("use_labels", [True, False], ids=["with labels", "without labels"])
def test_odd_conversations_get_every_answer(use_labels):
    talks = {**MANY, **ODD}
    train = label(MANY, {"greeting": lambda i: "yes" if i % 2 else "no"}) if use_labels else None
    answers = run(make(talks, QUESTIONS), train)["quality_answers"]
    assert answers.height == len(talks) * 2
    odd = answers.filter(pl.col("conversation_id").is_in(list(ODD)))
    assert odd["probability"].is_finite().all()
    assert (odd["explanation"] != "").all()
    silent = odd.filter(
        pl.col("conversation_id").is_in(["no agent", "one word", "no turns", "bot only", "empty texts"])
    )
    assert set(silent["explanation"]) == {"No agent spoke in this conversation."}
    assert silent["evidence_turns"].list.len().sum() == 0


def test_a_criterion_nobody_ever_fulfils_is_answered_no_and_said_not_to_be_checkable():
    tables = make(MANY, QUESTIONS)
    results = run(
        tables, label(MANY, {"greeting": lambda i: "yes" if i % 2 else "no", "help": lambda i: "no"})
    )
    never = results["quality_answers"].filter(criterion="help")
    assert set(never["answer"]) == {"no"}
    row = results["criterion_agreement"].filter(criterion="help").row(0, named=True)
    assert (row["calibration"], row["n_labels"], row["kappa"]) == ("one_answer", 60, None)


def test_labels_of_unknown_conversations_and_criteria_teach_nothing():
    tables = make(MANY, QUESTIONS)
    strange = label({"nobody": [], "no one": []}, {"greeting": lambda i: "no", "unheard of": lambda i: "yes"})
    assert run(tables, strange)["quality_answers"].equals(run(tables)["quality_answers"])


def test_one_criterion_and_criteria_of_one_wording_work():
    for questions in (
        {"only": "Did the agent say hello?"},
        {"first": "Did the agent say hello?", "second": "Did the agent say hello?"},
        {"?": "?", "n": "x"},
    ):
        answers = run(make(MANY, questions))["quality_answers"]
        assert answers.height == len(MANY) * len(questions)
        by_criterion = answers.drop("criterion").partition_by("conversation_id", maintain_order=True)
        if "second" in questions:
            assert all(rows[0].equals(rows[1]) for rows in by_criterion)


def test_weights_of_zero_give_no_score_rather_than_a_wrong_one():
    tables = make(MANY, QUESTIONS)
    tables["scorecard"] = tables["scorecard"].with_columns(weight=pl.lit(0.0))
    results = run(tables)
    assert results["conversation_quality"]["quality_score"].null_count() == len(MANY)
    assert results["agent_quality"].is_empty()


def test_the_same_turns_answer_the_same_in_any_company():
    alone = run(make({"c000": MANY["c000"]}, QUESTIONS), None)["quality_answers"]
    assert alone.height == 2
    generator = np.random.default_rng(0)
    some = {id_: MANY[id_] for id_ in generator.choice(sorted(MANY), 30, replace=False)}
    train = label(MANY, {"greeting": lambda i: "yes" if i % 2 else "no"})
    model = TASK.method.fit(make(MANY, QUESTIONS), train, PARAMS, SERVICES)
    of_all = TASK.method.predict(make(MANY, QUESTIONS), model, PARAMS, SERVICES)["quality_answers"]
    of_some = TASK.method.predict(make(some, QUESTIONS), model, PARAMS, SERVICES)["quality_answers"]
    kept = of_all.join(of_some.select("conversation_id").unique(), on="conversation_id", how="semi")
    assert kept["answer"].equals(of_some["answer"])


def test_another_language_is_said_and_not_judged_by_english_words():
    german = {
        "german": [
            ("agent", "Guten Tag, hier ist Anna, wie kann ich Ihnen helfen?"),
            ("customer", "Ich habe meine Bestellung noch nicht erhalten"),
            ("agent", "Das tut mir leid, ich sehe nach. Kann ich sonst noch etwas für Sie tun?"),
        ]
    }
    tables = make({**MANY, **german}, QUESTIONS)
    rows = run(tables)["quality_answers"].filter(conversation_id="german")
    assert set(rows["answer"]) == {"not_applicable"}
    assert rows["explanation"].str.contains("does not speak English").all()
    labels = label({**MANY, **german}, {"greeting": lambda i: "yes" if i % 2 else "no"})
    learnt = run(tables, labels)["quality_answers"].filter(conversation_id="german", criterion="greeting")
    assert learnt["answer"].item() in ("yes", "no")
