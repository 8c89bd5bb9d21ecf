"""The command line as a script calls it: exit codes, one line on stderr, JSON on stdout."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cxm import store

ROOT = Path(__file__).parent.parent.parent.parent


BAD_CALLS = {
    "no such command": (["valdate"], "valdate"),
    "no such option": (["validate", "data", "--colour", "red"], "--colour"),
    "an argument is missing": (["validate"], "DIRECTORY"),
    "no such task": (["run", "sentimnt", "--data", "data"], "sentimnt"),
    "no data given": (["run", "sentiment"], "--data"),
    "no such directory": (["run", "sentiment", "--data", "nowhere"], "nowhere"),
    "validate nowhere": (["validate", "nowhere"], "nowhere"),
    "a table is missing": (["run", "sentiment", "--data", "data"], "'turns'"),
    "score without tables": (["score", "churn_survival", "--data", "data"], "transactions"),
    "a parameter is no number": (["run", "sentiment", "--data", "data", "--seed", "many"], "many"),
    "out is the data": (["run", "sentiment", "--data", "data", "--out", "data"], "--out"),
    "a file for a directory": (["run", "sentiment", "--data", "file.txt"], "file.txt"),
    "labels of what": (["run", "sentiment", "--data", "data", "--labels", "some"], "some"),
    "no such format": (["import", "xml", "file.txt", "--to", "data"], "xml"),
    "no such source": (["import", "csv", "nowhere.csv", "--to", "data"], "nowhere.csv"),
    "an empty query": (["search", " ", "--data", "data"], "empty"),
    "a query of signs": (["search", "😀 (*", "--data", "data"], "no word"),
    "a query without quotes": (["search", "faulty", "drill", "--data", "data"], "'drill'"),
    "an option of another command": (
        ["search", "drill", "--data", "data", "--seed", "1"],
        "cxm search --help",
    ),
    "fewer than one, in short": (["search", "drill", "--data", "data", "-n", "0"], ">= 1"),
    "dismissed for no reason": (["kb", "dismiss", "a", "b", "--reason", " ", "--data", "data"], "reason"),
    "a search without articles": (["search", "drill", "--data", "data"], "articles"),
    "no such conversation": (["show", "c-1", "--data", "data"], "turns"),
    "no such dialogue": (["reply", "nowhere.jsonl", "--data", "data"], "nowhere.jsonl"),
    "run nothing": (["run"], "which task"),
    "score nothing": (["score"], "which task"),
    "labels nothing": (["labels"], "export or import"),
    "kb something": (["kb", "mend"], "'mend'"),
    "a seed below zero": (["run", "sentiment", "--data", "data", "--seed", "-1"], "seed is -1"),
    "a share of seven": (["run", "segmentation", "--data", "data", "--min-share", "7"], "min_share is 7"),
    "fewer than one": (["search", "drill", "--data", "data", "--n", "0"], "--n"),
    "labels of no gold table": (
        ["labels", "export", "x.jsonl", "--table", "turns", "--data", "data"],
        "turns",
    ),
    "no seed file": (["lookalike", "--seed", "nowhere.csv", "--data", "data"], "nowhere.csv"),
    "findings without articles": (["kb", "list", "--data", "data"], "articles"),
    "dismiss without articles": (["kb", "dismiss", "a", "b", "--reason", "x", "--data", "data"], "articles"),
}


@pytest.mark.parametrize(("arguments", "named"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_bad_call_is_one_line_that_names_the_fault(cxm, tmp_path, arguments, named):
    (tmp_path / "data").mkdir()
    (tmp_path / "file.txt").write_text("hello")
    code, out, err = cxm(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("cxm: ")
    assert named in err
    assert "Traceback" not in err


def test_validate_says_every_problem_and_exits_with_1(cxm, tmp_path, tiny_world):
    data = tmp_path / "data"
    data.mkdir()
    turns = pl.read_parquet(tiny_world / "turns.parquet")
    turns.with_columns(speaker=pl.lit("robot")).write_parquet(data / "turns.parquet")
    (data / "notes.txt").write_text("not a table")
    (data / "articles.parquet").write_bytes(b"not parquet")
    code, out, _ = cxm("validate", data)
    assert code == 1
    assert "speaker" in out
    assert "cannot be read" in out
    assert "notes.txt" in out
    code, out, err = cxm("validate", data, "--json")
    assert (code, err) == (1, "")
    assert {problem["table"] for problem in json.loads(out)["problems"]} == {"turns", "articles"}


def test_validate_of_a_good_directory_exits_with_0(cxm, tiny_world):
    assert cxm("validate", tiny_world)[0] == 0


def test_a_broken_table_stops_a_run_and_names_validate(cxm, tmp_path, tiny_world):
    data = tmp_path / "data"
    data.mkdir()
    turns = pl.read_parquet(tiny_world / "turns.parquet")
    turns.with_columns(speaker=pl.lit("robot")).write_parquet(data / "turns.parquet")
    code, _, err = cxm("run", "sentiment", "--data", data)
    assert code == 2
    assert err.splitlines()[-1].startswith("cxm: turns.speaker")
    assert "cxm validate" in err
    assert not (tmp_path / "out" / "turn_sentiment.parquet").exists()


def test_run_then_score_uses_what_run_wrote(cxm, tiny_world, offline):
    code, out, _ = cxm("run", "intent_prediction", "--data", tiny_world, "--labels", "none", "--json")
    assert code == 0
    assert json.loads(out)[0]["table"] == "predicted_intents"
    code, out, _ = cxm("score", "intent_prediction", "--data", tiny_world, "--json")
    scores = json.loads(out)
    assert (code, scores[0]["metric"]) == (0, "accuracy")
    assert json.loads(Path("out/manifests/intent_prediction.json").read_text())["labels"] is False


def test_score_runs_again_when_a_parameter_changes(cxm, tiny_world, offline):
    cxm("run", "sentiment", "--data", tiny_world)
    first = json.loads(Path("out/manifests/sentiment.json").read_text())["params_hash"]
    code, out, _ = cxm("score", "sentiment", "--data", tiny_world, "--seed", "8", "--json")
    assert code == 0
    assert json.loads(out)[0]["params_hash"] != first


def test_scoring_without_labels_is_refused_with_the_table(cxm, tmp_path, tiny_world, offline):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    code, _, err = cxm("score", "sentiment", "--data", data)
    assert code == 2
    assert "sentiment_labels" in err.splitlines()[-1]


def test_too_little_history_for_a_score_is_said_as_that_and_not_as_missing_labels(cxm, tmp_path, offline):
    bought = pl.DataFrame(
        {
            "transaction_id": ["t1", "t2"],
            "customer_id": ["a", "b"],
            "occurred_at": [datetime(2026, 6, day, tzinfo=UTC) for day in (1, 9)],
            "amount": [5.0, 7.0],
        },
        schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
    )
    store.write(bought, tmp_path / "data", "transactions")
    code, _, err = cxm("score", "churn_survival", "--data", str(tmp_path / "data"))
    assert code == 2
    assert "transactions of more than backtest_days before as_of" in err.splitlines()[-1]


def test_a_dismissed_finding_stays_away(cxm, tmp_path, tiny_world, offline):
    data = tmp_path / "data"
    data.mkdir()
    store.write(pl.read_parquet(tiny_world / "articles.parquet"), data, "articles")
    cxm("run", "kb_refinement", "--data", data)
    found = store.scan(tmp_path / "out", "article_findings").collect()
    code, listed, _ = cxm("kb", "list", "--data", data, "--json")
    assert code == 0
    worst_first = found.sort("relation", "score", *found.columns[:2], descending=[False, True, False, False])
    assert json.loads(listed) == worst_first.to_dicts()
    left, right = found.row(0)[:2]
    code, _, _ = cxm("kb", "dismiss", right, left, "--reason", "known", "--data", data)
    assert code == 0
    cxm("run", "kb_refinement", "--data", data)
    again = store.scan(tmp_path / "out", "article_findings").collect()
    assert not again.filter(
        (pl.col("left_article_id") == left) & (pl.col("right_article_id") == right)
    ).height


def test_tables_and_tasks_print_json(cxm):
    code, out, err = cxm("tables", "--json")
    assert (code, err) == (0, "")
    assert {table["table"] for table in json.loads(out)} >= {"conversations", "scores", "kpis"}
    code, out, _ = cxm("tasks", "--json")
    assert len(json.loads(out)) == 8


def test_the_installed_command_exits_and_prints_as_promised():
    command = [sys.executable, "-m", "cxm.cli", "validate", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_run_stopped_by_its_tables_leaves_one_line_and_no_progress(tmp_path):
    row = {"conversation_id": "c1", "turn_index": 0, "speaker": "customer", "text": "hello"}
    pl.DataFrame([row, row]).write_parquet(tmp_path / "turns.parquet")
    arguments = ["run", "sentiment", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "cxm.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cxm validate" in done.stderr
