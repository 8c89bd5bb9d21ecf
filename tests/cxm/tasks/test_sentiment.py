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
from cxm.tasks.sentiment import TASK, SentimentParams, feel_texts, fit_without_labels
from cxm.workspace import Workspace

SERVICES = Services(HashingEncoder(), Path("index"))
PARAMS = SentimentParams()
SAYINGS = {
    "positive": ["thanks, great help", "love it", "wonderful service"],
    "negative": ["terrible, I am angry", "still broken, awful", "worst service"],
    "neutral": ["my order number is 12", "which gate is it", "please change the address"],
}


def table(name, rows):
    frame, problems = conform(pl.DataFrame(rows).lazy(), TABLES[name])
    assert not problems
    return frame


def make_world(n=60, seed=0, speakers=("customer", "agent")):
    """Tables and gold: `n` conversations of three customer turns with an agent's between."""
    generator = np.random.default_rng(seed)
    turns, labels, conversations = [], [], []
    for number in range(n):
        key = f"c{number:03}"
        started_at = datetime(2026, 1, 1, tzinfo=UTC)
        csat = None if number % 4 == 0 else int(generator.integers(1, 6))
        conversations.append(
            {"conversation_id": key, "channel": "chat", "started_at": started_at, "csat": csat}
        )
        for index in range(5):
            polarity = str(generator.choice(sorted(SAYINGS)))
            is_customer = index % 2 == 0
            text = str(generator.choice(SAYINGS[polarity])) if is_customer else "let me look"
            speaker = "customer" if is_customer else "agent"
            turns.append({"conversation_id": key, "turn_index": index, "speaker": speaker, "text": text})
            if speaker in speakers and (is_customer or speakers == ("customer", "agent")):
                split = "train" if number % 2 else "test"
                answer = polarity if is_customer else "neutral"
                labels.append(
                    {"conversation_id": key, "turn_index": index, "polarity": answer, "split": split}
                )
    tables = {"turns": table("turns", turns), "conversations": table("conversations", conversations)}
    return tables, pl.DataFrame(labels).with_columns(pl.col("turn_index").cast(pl.Int32))


def answer(tables, gold, params=PARAMS):
    train = None if gold is None else gold.filter(pl.col("split") == "train").drop("split")
    model = TASK.method.fit(tables, train, params, SERVICES)
    return model, TASK.method.predict(tables, model, params, SERVICES)


def test_labelled_turns_of_any_speaker_make_that_speaker_scored():
    tables, gold = make_world()
    _, results = answer(tables, gold)
    assert results["turn_sentiment"].height == 60 * 5
    _, without = answer(tables, gold.filter(pl.col("turn_index") % 2 == 0))
    assert without["turn_sentiment"].height == 60 * 3


def test_it_learns_and_beats_the_majority():
    tables, gold = make_world(speakers=("customer",))
    _, results = answer(tables, gold)
    found = {e.metric: e for e in TASK.score(results, gold, tables, PARAMS)}
    train = gold.filter(pl.col("split") == "train").drop("split")
    model = TASK.naive.fit(tables, train, PARAMS, SERVICES)
    naive = TASK.score(TASK.naive.predict(tables, model, PARAMS, SERVICES), gold, tables, PARAMS)
    assert found["macro_f1"].value > 0.9 > naive[0].value
    assert list(found) == list(TASK.metrics)


def test_without_labels_feeling_words_decide():
    tables, gold = make_world(speakers=("customer",))
    _, results = answer(tables, None)
    scores = {e.metric: e.value for e in TASK.score(results, gold, tables, PARAMS)}
    assert scores["macro_f1"] > 0.7
    assert scores["coverage"] == 1.0


def test_perfect_answers_score_one_and_a_missing_answer_counts_as_wrong():
    tables, gold = make_world(speakers=("customer",))
    rows = gold.select(
        "conversation_id", "turn_index", "polarity", score=pl.lit(0.0), probability=pl.lit(1.0)
    )
    perfect = {e.metric: e.value for e in TASK.score({"turn_sentiment": rows}, gold, tables, PARAMS)}
    assert perfect == {"macro_f1": 1, "accuracy": 1, "weighted_f1": 1, "calibration_error": 0, "coverage": 1}
    n_test = gold.filter(pl.col("split") == "test").height
    first = gold.filter(pl.col("split") == "test")["conversation_id"][0]
    partly = {"turn_sentiment": rows.filter(pl.col("conversation_id") != first)}
    found = {e.metric: e.value for e in TASK.score(partly, gold, tables, PARAMS)}
    assert found["coverage"] == pytest.approx(1 - 3 / n_test)
    assert found["accuracy"] == found["coverage"]


def test_the_labels_of_the_test_rows_are_never_seen():
    tables, gold = make_world(speakers=("customer",))
    _, results = answer(tables, gold)
    spoilt = gold.with_columns(
        polarity=pl.when(pl.col("split") == "test").then(pl.lit("neutral")).otherwise("polarity")
    )
    assert_frame_equal(answer(tables, spoilt)[1]["turn_sentiment"], results["turn_sentiment"])


def test_the_order_of_rows_does_not_matter():
    tables, gold = make_world()
    shuffled = {
        name: t.collect().sample(fraction=1, shuffle=True, seed=3).lazy() for name, t in tables.items()
    }
    found = answer(shuffled, gold.sample(fraction=1, shuffle=True, seed=4))[1]
    for name, frame in answer(tables, gold)[1].items():
        assert_frame_equal(found[name], frame)


def test_the_course_follows_the_customer_and_names_the_lowest_turn():
    texts = ["worst service, terrible", "let me see", "still awful", "done", "thanks, great", "love it"]
    speakers = ["customer", "agent", "customer", "agent", "customer", "customer"]
    rows = [
        {"conversation_id": "c", "turn_index": i, "speaker": s, "text": t}
        for i, (s, t) in enumerate(zip(speakers, texts, strict=True))
    ]
    _, results = answer({"turns": table("turns", rows)}, None)
    (course,) = results["conversation_sentiment"].to_dicts()
    assert course["start_score"] < 0 < course["end_score"]
    assert course["lowest_turn_index"] in (0, 2)
    assert course["lowest_score"] <= course["start_score"]
    assert "predicted_satisfaction" not in results


def test_turns_without_words_are_answered_but_do_not_shape_the_course():
    rows = [
        {"conversation_id": "c", "turn_index": 0, "speaker": "customer", "text": ""},
        {"conversation_id": "c", "turn_index": 1, "speaker": "customer", "text": "thanks, great"},
        {"conversation_id": "d", "turn_index": 0, "speaker": "customer", "text": " "},
    ]
    _, results = answer({"turns": table("turns", rows)}, None)
    turns = results["turn_sentiment"]
    assert turns["polarity"].to_list()[::2] == ["neutral", "neutral"]
    course = results["conversation_sentiment"].sort("conversation_id")
    assert course["start_score"][0] == turns["score"][1]
    assert course.height == 2


def test_csat_is_predicted_where_no_survey_was_answered():
    tables, gold = make_world(160)
    _, results = answer(tables, gold)
    found = results["predicted_satisfaction"]
    silent = tables["conversations"].filter(pl.col("csat").is_null()).collect()
    assert found["conversation_id"].to_list() == silent["conversation_id"].sort().to_list()
    assert found.select(((pl.col("low") <= pl.col("csat")) & (pl.col("csat") <= pl.col("high"))).all()).item()
    assert "predicted_satisfaction" not in answer(*make_world(60))[1]


def test_no_turns_give_empty_tables():
    tables = {name: TABLES[name].empty().lazy() for name in ("turns", "conversations")}
    _, results = answer(tables, None)
    assert all(frame.is_empty() for frame in results.values())
    assert feel_texts([], fit_without_labels(HashingEncoder()), HashingEncoder()).is_empty()


@pytest.mark.parametrize("polarity", ["negative", "positive"])
def test_a_single_label_is_enough(polarity):
    tables, gold = make_world(6)
    one = gold.filter(pl.col("split") == "train").head(1).with_columns(polarity=pl.lit(polarity))
    assert set(answer(tables, one)[1]["turn_sentiment"]["polarity"]) == {polarity}


def test_results_and_model_survive_the_disk(tmp_path):
    tables, gold = make_world(160)
    model, results = answer(tables, gold)
    model.save(tmp_path / "model")
    again = TASK.method.predict(tables, Model.load(tmp_path / "model"), PARAMS, SERVICES)
    for name, frame in results.items():
        assert_frame_equal(again[name], frame)
        assert not conform(frame.lazy(), TABLES[name])[1]


def score_real(folder, tmp_path, use_labels=True):
    scores = runs.score(TASK, Workspace(folder, tmp_path), use_labels=use_labels)
    return dict(zip(scores["metric"], scores["value"], strict=True))


@pytest.mark.slow
def test_real_messages_to_airlines_reach_the_reference(shared_data, tmp_path):
    assert score_real(shared_data("airline_sentiment"), tmp_path)["macro_f1"] >= 0.757


@pytest.mark.slow
def test_real_messages_without_labels_are_far_above_chance(shared_data, tmp_path):
    assert score_real(shared_data("airline_sentiment"), tmp_path, use_labels=False)["macro_f1"] >= 0.65
