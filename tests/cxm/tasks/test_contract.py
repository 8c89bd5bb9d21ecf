"""What every task promises, checked on the tiny world with an offline encoder.

A ninth task is checked by being in `TASKS`. Perfect answers are built from the gold labels here,
one builder a task.
"""

import json
from dataclasses import fields
from datetime import UTC, datetime

import polars as pl
import pytest

from cxm import runs, store
from cxm.errors import CxmError
from cxm.metrics import METRICS
from cxm.tables import TABLES
from cxm.task import Model
from cxm.tasks import TASKS, by_name
from cxm.workspace import Workspace

BY_NAME = {task.name: task for task in TASKS}
every_task = pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
LEARNING = [task for task in TASKS if task.gold and "split" in TABLES[task.gold].columns]
every_learning_task = pytest.mark.parametrize("task", LEARNING, ids=[task.name for task in LEARNING])


@pytest.fixture(scope="module")
def done(tiny_world, tmp_path_factory):
    """Workspaces in which a task has been run once; made when first asked for."""
    from cxm.backends.encoder import HashingEncoder

    workspaces: dict[str, Workspace] = {}

    def run(task):
        if task.name not in workspaces:
            workspace = Workspace(tiny_world, tmp_path_factory.mktemp(task.name), HashingEncoder())
            runs.run(task, workspace)
            workspaces[task.name] = workspace
        return workspaces[task.name]

    return run


def tables_of(workspace, task) -> dict[str, pl.DataFrame]:
    manifest = workspace.manifest(task.name)
    return {name: workspace.read(name).collect() for name in manifest["writes"]}


@every_task
def test_metadata_is_filled_and_known(task):
    assert task.title
    assert task.question.endswith("?")
    assert task.naive_name
    assert task.metrics
    assert all(metric in METRICS for metric in task.metrics)
    assert all(TABLES[name].kind == "result" for name in task.writes)
    assert all(name in TABLES for name in task.inputs)
    assert task.gold is None or TABLES[task.gold].kind == "gold"
    assert all(f.metadata.get("help") for f in fields(task.params))


def test_names_are_unique_and_a_table_has_one_writer():
    names = [task.name for task in TASKS]
    assert len(set(names)) == len(names)
    writers = [name for task in TASKS for name in task.writes if name != "model_comparison"]
    assert len(set(writers)) == len(writers)


def test_a_task_uses_results_of_earlier_tasks_only():
    written: set[str] = set()
    for task in TASKS:
        later = {name for name in task.inputs if TABLES[name].kind == "result"} - written
        assert not later, f"{task.name} reads {later}, which nobody before it writes"
        written |= set(task.writes)


def test_an_unknown_task_gets_the_closest_name():
    with pytest.raises(CxmError, match="did you mean 'sentiment'"):
        by_name("sentimnt")


@every_task
def test_it_runs_on_the_tiny_world_and_its_tables_keep_their_rules(task, done):
    workspace = done(task)
    results = tables_of(workspace, task)
    assert results[task.writes[0]].height > 0
    assert set(results) <= set(task.writes)
    known, _ = store.tables_in(workspace.out)
    assert store.problems_in(workspace.out) == []
    assert set(results) <= set(known)


@every_task
def test_the_same_input_gives_the_same_bytes_and_row_order_does_not_matter(task, done, tiny_world, tmp_path):
    first = done(task)
    shuffled = tmp_path / "data"
    shuffled.mkdir()
    for name in store.tables_in(tiny_world)[0]:
        frame = pl.read_parquet(tiny_world / f"{name}.parquet")
        store.write(frame.sample(fraction=1, shuffle=True, seed=3), shuffled, name)
    again = Workspace(shuffled, tmp_path / "out", first.encoder)
    runs.run(task, again)
    for name in first.manifest(task.name)["writes"]:
        for left, right in zip(store.files(first.out, name), store.files(again.out, name), strict=True):
            assert left.read_bytes() == right.read_bytes(), name


@every_learning_task
def test_no_label_of_the_test_split_is_ever_seen(task, done, tiny_world, tmp_path):
    """Results stay the same when every test label is taken away."""
    blind = tmp_path / "data"
    blind.mkdir()
    for name in store.tables_in(tiny_world)[0]:
        frame = pl.read_parquet(tiny_world / f"{name}.parquet")
        store.write(frame.filter(pl.col("split") == "train") if name == task.gold else frame, blind, name)
    first = done(task)
    again = Workspace(blind, tmp_path / "out", first.encoder)
    runs.run(task, again)
    for name, frame in tables_of(first, task).items():
        assert frame.equals(again.read(name).collect()), name


@every_task
def test_a_saved_model_predicts_the_same(task, done):
    workspace = done(task)
    tables = runs.read_inputs(task, workspace)
    model = Model.load(workspace.out / "models" / task.name)
    again = task.method.predict(tables, model, task.params(), workspace.services)
    for name, frame in tables_of(workspace, task).items():
        if name != "model_comparison":
            key = TABLES[name].key
            assert store.checked(again[name], name).sort(key).equals(frame.sort(key)), name


@every_task
def test_scores_have_interval_and_baseline_and_follow_the_metrics_column(task, done):
    scores = runs.score(task, done(task))
    order = [metric for metric in task.metrics if metric in scores["metric"].to_list()]
    assert scores["metric"].to_list()[: len(order)] == order
    assert scores["metric"][0] == task.metrics[0]
    for row in scores.to_dicts():
        if METRICS[row["metric"]].best is None and row["low"] is None:
            continue
        assert row["low"] <= row["value"] <= row["high"]
        assert row["n"] > 0
    main = scores.row(0, named=True)
    assert main["baseline"] is not None


@every_task
def test_scoring_twice_runs_nothing_anew(task, done):
    workspace = done(task)
    runs.score(task, workspace)
    before = workspace.manifest(task.name)
    runs.score(task, workspace)
    assert workspace.manifest(task.name) == before


@every_task
def test_labels_none_uses_the_method_without_labels(task, done, tiny_world, tmp_path):
    workspace = Workspace(tiny_world, tmp_path / "out", done(task).encoder)
    runs.run(task, workspace, use_labels=False)
    assert workspace.manifest(task.name)["n_train"] == 0
    assert tables_of(workspace, task)[task.writes[0]].height > 0


@every_task
def test_empty_tables_give_empty_results_or_one_line(task, tiny_world, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    for name in store.tables_in(tiny_world)[0]:
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet").clear(), data, name)
    workspace = Workspace(data, tmp_path / "out", encoder)
    message = ""
    try:
        runs.score(task, workspace)
    except CxmError as error:
        message = str(error)
    assert "\n" not in message
    results = {} if message else tables_of(workspace, task)
    assert [name for name, f in results.items() if f.height and not name.startswith("discovered")] == []


@every_task
def test_a_missing_table_is_named(task, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    with pytest.raises(CxmError, match=f"{task.name} lacks .*needs"):
        runs.run(task, Workspace(data, tmp_path / "out", encoder))


# ------------------------------------------------------------------ perfect answers


def _perfect_intents(t):
    labels = t["intent_labels"].join(t["taxonomy"].select("intent", known=True), on="intent", how="left")
    other = t["taxonomy"]["intent"][0]
    return {
        "predicted_intents": labels.select(
            "conversation_id",
            rank=pl.lit(1),
            intent=pl.when("known").then("intent").otherwise(pl.lit(other)),
            probability=pl.when("known").then(1.0).otherwise(0.0),
            is_abstained=pl.col("known").is_null(),
        )
    }


def _perfect_search(t):
    right = t["qrels"].filter(pl.col("relevance") > 0).sort("query_id", "relevance", descending=[False, True])
    return {
        "article_hits": right.select(
            "query_id",
            rank=pl.int_range(1, pl.len() + 1).over("query_id"),
            article_id="article_id",
            passage=pl.lit(""),
            score=pl.lit(1.0),
        )
    }


def _perfect_findings(t):
    return {
        "article_findings": t["article_pair_labels"].select(
            "left_article_id",
            "right_article_id",
            "relation",
            left_quote=pl.lit(""),
            right_quote=pl.lit(""),
            score=pl.lit(1.0),
        )
    }


def _perfect_quality(t):
    return {
        "quality_answers": t["quality_labels"].select(
            "conversation_id",
            "criterion",
            "answer",
            probability=pl.lit(1.0),
            evidence_turns=pl.col("evidence_turns").fill_null([]),
            explanation=pl.lit(""),
        )
    }


def _perfect_replies(t):
    return {
        "prepared_replies": t["reply_labels"].select(
            "conversation_id",
            "turn_index",
            article_ids=pl.col("article_ids").fill_null([]),
            reply=pl.lit(None, pl.String),
            citations=pl.lit("[]"),
            tool_name="tool_name",
            tool_arguments=pl.lit(None, pl.String),
            status=pl.lit("answered"),
        )
    }


def _perfect_sentiment(t):
    return {
        "turn_sentiment": t["sentiment_labels"].select(
            "conversation_id",
            "turn_index",
            score=pl.lit(0.0),
            polarity="polarity",
            probability=pl.lit(1.0),
        )
    }


PERFECT = {
    "intent_prediction": _perfect_intents,
    "article_search": _perfect_search,
    "kb_refinement": _perfect_findings,
    "quality_adherence": _perfect_quality,
    "multi_turn_rag": _perfect_replies,
    "sentiment": _perfect_sentiment,
}


@pytest.mark.parametrize("name", PERFECT)
def test_perfect_predictions_score_the_best_value(name, tiny_world):
    task = BY_NAME[name]
    frames = {n: store.scan(tiny_world, n) for n in store.tables_in(tiny_world)[0]}
    tables = {n: f for n, f in frames.items() if n in task.inputs}
    collected = {n: f.collect() for n, f in frames.items()}
    results = {n: store.checked(f, n) for n, f in PERFECT[name](collected).items()}
    found = {e.metric: e for e in task.score(results, collected[task.gold], tables, task.params())}
    at_one = ("recall_at_1", "recall_at_5")  # a row may have more right answers than places
    for metric in task.metrics:
        if metric in found and METRICS[metric].best is not None and metric not in at_one:
            assert found[metric].value == pytest.approx(METRICS[metric].best), metric
    assert task.metrics[0] in found


@pytest.mark.parametrize("name", PERFECT)
def test_no_prediction_counts_as_wrong_and_shows_in_coverage(name, tiny_world):
    task = BY_NAME[name]
    frames = {n: store.scan(tiny_world, n) for n in store.tables_in(tiny_world)[0]}
    collected = {n: f.collect() for n, f in frames.items()}
    results = {n: store.checked(f, n).clear() for n, f in PERFECT[name](collected).items()}
    tables = {n: f for n, f in frames.items() if n in task.inputs}
    found = {e.metric: e.value for e in task.score(results, collected[task.gold], tables, task.params())}
    assert found[task.metrics[0]] == 0
    assert found.get("coverage", 0) == 0


def test_the_manifest_says_what_a_result_was_made_from(done):
    task = BY_NAME["intent_prediction"]
    manifest = done(task).manifest(task.name)
    assert {"data", "params", "params_hash", "data_hash", "encoder", "version", "made_at"} <= set(manifest)
    assert datetime.fromisoformat(manifest["made_at"]).tzinfo == UTC


def test_results_of_another_data_directory_are_neither_read_nor_kept_as_fresh(done, tiny_world, tmp_path):
    task = BY_NAME["sentiment"]
    workspace = done(task)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("conversations", "turns"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), other, name)
    stranger = Workspace(other, workspace.out, workspace.encoder)
    assert stranger.manifest(task.name) is None
    assert not stranger.has("turn_sentiment")
    assert not runs.is_fresh(task, stranger, task.params())
    assert json.loads(stranger.manifest_path(task.name).read_text())["data"] == str(workspace.data)
