"""Why customers contact us: with labels, with descriptions only, with nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm import runs
from cxm.backends.encoder import HashingEncoder
from cxm.methods.abstaining import choose_threshold
from cxm.methods.descriptions import describe_intent, readable_name
from cxm.methods.drivers import compare_periods
from cxm.methods.overlap import find_overlaps
from cxm.task import Model
from cxm.tasks.intent_prediction import TASK
from cxm.workspace import Workspace, make_services

START = datetime(2026, 1, 5, tzinfo=UTC)
SAYINGS = {
    "refund": [
        "I want my money back",
        "please refund my order",
        "refund the broken kettle",
        "give me a refund",
    ],
    "delivery": [
        "where is my parcel",
        "my package never came",
        "delivery is late",
        "the courier lost my parcel",
    ],
    "account": ["I cannot log in", "reset my password", "my login is locked", "password does not work"],
}


@pytest.fixture
def calls(write_tables):
    """Twelve labelled and twelve unlabelled conversations; one of each label says goodbye only."""
    rows = [(intent, text) for intent, texts in SAYINGS.items() for text in texts] * 2
    ids = [f"c{i:02}" for i in range(len(rows))]
    return write_tables(
        conversations=pl.DataFrame(
            {
                "conversation_id": ids,
                "channel": "chat",
                "started_at": [START + timedelta(hours=i) for i in range(len(ids))],
            }
        ),
        turns=pl.DataFrame(
            {
                "conversation_id": ids,
                "turn_index": 0,
                "speaker": "customer",
                "text": [f"{text}, number {i}" for i, (_, text) in enumerate(rows)],
            }
        ),
        taxonomy=pl.DataFrame({"intent": list(SAYINGS), "description": ["money back", "parcel", "log in"]}),
        intent_labels=pl.DataFrame(
            {
                "conversation_id": ids,
                "intent": [intent for intent, _ in rows],
                "split": ["train"] * 12 + ["test"] * 12,
            }
        ),
    )


def test_labels_are_learned(calls, tmp_path, encoder):
    workspace = Workspace(calls, tmp_path / "out", encoder)
    scores = runs.score(TASK, workspace)
    assert scores.filter(pl.col("metric") == "accuracy")["value"][0] > 0.9


def test_without_labels_the_descriptions_decide(calls, tmp_path):
    encoder = make_services(tmp_path).encoder
    scores = runs.score(TASK, Workspace(calls, tmp_path / "out", encoder), use_labels=False)
    accuracy = scores.row(0, named=True)
    assert accuracy["value"] > 0.7 > accuracy["baseline"]


def test_without_a_taxonomy_drivers_are_discovered_and_named(calls, tmp_path):
    (calls / "taxonomy.parquet").unlink()
    workspace = Workspace(calls, tmp_path / "out", make_services(tmp_path).encoder)
    runs.run(TASK, workspace, TASK.params(n_drivers=(3,)))
    taxonomy = workspace.read("discovered_taxonomy").collect()
    drivers = workspace.read("discovered_drivers").collect()
    labels = workspace.read("intent_labels").collect()
    assert taxonomy["intent"].n_unique() == 3
    assert drivers["conversation_id"].n_unique() == 24
    by_driver = (
        drivers.join(labels, on="conversation_id", suffix="_true")
        .group_by("intent")
        .agg(
            pure=pl.col("intent_true").mode().first().is_not_null() & (pl.col("intent_true").n_unique() == 1)
        )
    )
    assert by_driver["pure"].sum() >= 2


def test_every_conversation_has_ranks_also_without_a_word(calls, tmp_path, encoder):
    turns = pl.read_parquet(calls / "turns.parquet")
    turns.with_columns(
        text=pl.when(pl.col("conversation_id") == "c23").then(pl.lit("")).otherwise("text")
    ).write_parquet(calls / "turns.parquet")
    workspace = Workspace(calls, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    predicted = workspace.read("predicted_intents").collect()
    assert predicted.group_by("conversation_id").len()["len"].to_list() == [3] * 24
    assert np.allclose(
        predicted.group_by("conversation_id").agg(pl.col("probability").sum())["probability"], 1
    )


def test_an_intent_without_an_example_keeps_a_chance(calls, tmp_path, encoder):
    labels = pl.read_parquet(calls / "intent_labels.parquet").filter(pl.col("intent") != "account")
    labels.write_parquet(calls / "intent_labels.parquet")
    workspace = Workspace(calls, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    predicted = workspace.read("predicted_intents").collect()
    assert predicted["intent"].n_unique() == 3
    assert predicted.filter(pl.col("intent") == "account")["probability"].min() > 0


def test_the_threshold_abstains_where_that_is_right():
    inside = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    outside = np.array([[0.55, 0.45], [0.5, 0.5]])
    threshold = choose_threshold(inside, np.array([0, 0, 1]), outside)
    assert 0.55 < threshold <= 0.7
    assert choose_threshold(np.zeros((0, 2)), np.zeros(0, int), outside) == 0


def test_without_out_of_scope_examples_next_to_no_right_answer_is_given_up():
    generator = np.random.default_rng(0)
    top = generator.uniform(0.4, 1, 1000)
    inside = np.column_stack([top, (1 - top) / 2, (1 - top) / 2])
    truth = (top < 0.5).astype(int)
    threshold = choose_threshold(inside, truth, np.zeros((0, 2)))
    right = inside.argmax(1) == truth
    assert ((top < threshold) & right).sum() <= 2


def test_confused_pairs_are_listed_with_examples():
    probabilities = np.array([[0.4, 0.6, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0, 0, 1.0]])
    rows = find_overlaps(
        probabilities, np.array([0, 1, 0, 2]), ["a", "b", "c"], list("wxyz"), np.eye(3, dtype=np.float32)
    )
    assert rows == [
        {
            "left_intent": "a",
            "right_intent": "b",
            "confusion_share": 1.0,
            "similarity": 0.0,
            "example_ids": ["w", "x", "y"],
        }
    ]


def test_a_driver_that_doubles_is_significant_and_effects_add_up():
    weeks = [START] * 1000 + [START + timedelta(days=7)] * 1200
    intents = ["late"] * 100 + ["other"] * 900 + ["late"] * 240 + ["other"] * 960
    frame = pl.DataFrame(
        {"intent": intents, "started_at": weeks, "handle_seconds": 10.0, "csat": 4}
    ).with_columns(pl.col("csat").cast(pl.Int32))
    active = pl.DataFrame({"period": ["2026-W02", "2026-W03"], "n_active": [2000, 2400]})
    rows = compare_periods(frame, active)
    first, second = rows.filter(pl.col("intent") == "late").to_dicts()
    assert (first["period"], first["n_conversations"], first["previous_share"]) == ("2026-W02", 100, None)
    assert second["share"] == pytest.approx(0.2)
    assert second["rate_per_1000"] == pytest.approx(100)
    assert second["p_value"] < 1e-8
    assert second["volume_effect"] + second["mix_effect"] == pytest.approx(140)
    assert second["handle_seconds"] == 2400


def test_a_driver_that_does_not_move_is_not_significant():
    frame = pl.DataFrame(
        {
            "intent": ["a", "b"] * 50,
            "started_at": [START] * 50 + [START + timedelta(days=7)] * 50,
            "handle_seconds": [None] * 100,
            "csat": [None] * 100,
        },
        schema_overrides={"handle_seconds": pl.Float64, "csat": pl.Int32},
    )
    rows = compare_periods(frame).filter(pl.col("period") == "2026-W03")
    assert rows["p_value"].to_list() == [1.0, 1.0]
    assert rows["handle_seconds"].null_count() == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ReportAutomobileAccident", "report automobile accident"),
        ("card_arrival", "card arrival"),
        ("A > B", "a b"),
    ],
)
def test_names_are_made_readable(name, words):
    assert readable_name(name) == words
    assert describe_intent(name, None, "") == words


def test_drivers_keep_their_names_when_another_week_comes(calls, tmp_path):
    (calls / "taxonomy.parquet").unlink()
    whole = {name: pl.read_parquet(calls / f"{name}.parquet") for name in ("conversations", "turns")}
    labels = pl.read_parquet(calls / "intent_labels.parquet")
    (calls / "intent_labels.parquet").unlink()
    first_week = labels.filter(pl.col("intent") != "account").select("conversation_id")
    for name, frame in whole.items():
        frame.join(first_week, on="conversation_id", how="semi").write_parquet(calls / f"{name}.parquet")
    encoder = make_services(tmp_path).encoder

    def run(n_drivers):
        workspace = Workspace(calls, tmp_path / "out", encoder)
        runs.run(TASK, workspace, TASK.params(n_drivers=(n_drivers,)))
        drivers = workspace.read("discovered_drivers").collect()
        return dict(drivers.select("conversation_id", "intent").iter_rows())

    before = run(2)
    for name, frame in whole.items():
        frame.write_parquet(calls / f"{name}.parquet")
    now = run(3)
    assert len(set(before.values())) == 2
    assert sum(now[id_] == driver for id_, driver in before.items()) >= 14  # of 16
    assert len(set(now.values())) == 3
    assert run(3) == now


def test_what_labels_are_worth_is_compared_on_labels_held_out(calls, tmp_path, encoder):
    workspace = Workspace(calls, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    compared = workspace.read("model_comparison").filter(metric="accuracy").collect()
    assert compared["model"].to_list() == ["8 an intent", "all labels", "no labels"]
    assert compared["n"].to_list() == [4] * 3
    assert (compared["low"] <= compared["value"]).all()
    assert (compared["value"] <= compared["high"]).all()
    runs.run(TASK, workspace, use_labels=False)
    assert not (tmp_path / "out" / "model_comparison" / "intent_prediction.parquet").exists()


class Tunable(HashingEncoder):
    """Fine-tuned, it sees nothing but the first half of a vector, or nothing at all."""

    def __init__(self, kept=64):
        self.kept = kept

    @property
    def digest(self):
        return f"hashing-{self.kept}"

    def encode(self, texts):
        vectors = super().encode(texts)
        vectors[:, self.kept :] = 0
        return vectors

    def fine_tune(self, texts, labels, seed):
        return {"kept": np.array([self.gives], dtype=np.float16)}

    def with_weights(self, weights):
        return Tunable(int(weights["kept"][0]))


@pytest.mark.parametrize(("gives", "is_gain"), [(32, True), (0, False)])
def test_a_fine_tuned_encoder_is_used_where_it_gains_and_loads_back(
    calls, tmp_path, monkeypatch, gives, is_gain
):
    monkeypatch.setattr(Tunable, "gives", gives, raising=False)
    if is_gain:
        monkeypatch.setattr("cxm.tasks.intent_prediction.is_gain", lambda after, before: True)
    workspace = Workspace(calls, tmp_path / "out", Tunable())
    params = TASK.params(fine_tune=True)
    runs.run(TASK, workspace, params)
    compared = workspace.read("model_comparison").filter(model="fine-tuned").collect()
    assert dict(compared.select("metric", "value").iter_rows())["is_used"] == is_gain
    model = Model.load(tmp_path / "out" / "models" / "intent_prediction")
    assert ("encoder.kept" in model.arrays) == is_gain
    tables = runs.read_inputs(TASK, workspace)
    again = TASK.method.predict(tables, model, params, workspace.services)["predicted_intents"]
    written = workspace.read("predicted_intents").collect()
    assert again.select(written.columns).equals(written)


@pytest.mark.parametrize("use_labels", [True, False])
def test_where_nothing_can_be_fine_tuned_all_is_as_without(calls, tmp_path, encoder, use_labels):
    found = []
    for fine_tune in (False, True):
        workspace = Workspace(calls, tmp_path / str(fine_tune), encoder)
        runs.run(TASK, workspace, TASK.params(fine_tune=fine_tune), use_labels=use_labels)
        found.append(workspace.read("predicted_intents").collect())
    assert found[0].equals(found[1])
