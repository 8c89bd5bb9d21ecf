import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.__main__ import RunFailed, main, make_report
from cxm.errors import CxmError
from cxm.task import Method, Model
from cxm.tasks import TASKS

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_history(monkeypatch):
    for name in ("DAGSTER_HOME", "CXM_DATA", "CXM_OUT"):
        monkeypatch.delenv(name, raising=False)


def test_the_whole_job_makes_the_report_and_says_what_it_does_in_plain_lines(offline, small_tasks, capsys):
    path = make_report(offline, tasks=small_tasks)
    assert path.name == "report.html"
    assert path.exists()
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith("conversations 3, turns 3, sentiment_labels 2")
    assert "mood: 3 rows in" in said[2]
    assert said[3:] == ["mood: accuracy 0.500, naive 0.500", "spend: not run, it lacks dismissed_findings"]


def test_with_a_dagster_home_the_run_can_be_seen_afterwards(offline, small_tasks, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text((ROOT / "assets" / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    make_report(offline, "2026-W31", tasks=small_tasks)
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        event = instance.get_latest_materialization_event(dg.AssetKey("report"))
        assert event.asset_materialization.partition == "2026-W31"
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled


def test_a_dagster_home_that_is_not_there_is_named(offline, small_tasks, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "/nowhere/at/all")
    with pytest.raises(CxmError, match="DAGSTER_HOME is /nowhere/at/all"):
        make_report(offline, tasks=small_tasks)


def replace_method(task, predict):
    return dataclasses.replace(task, method=Method(lambda *_: Model(), predict))


def test_a_fault_in_a_task_is_shown_with_its_traceback(offline, small_tasks):
    def fail(*_):
        raise ZeroDivisionError("oops")

    mood, spend = small_tasks
    wanted = r"(?s)mood failed; no report was made.*ZeroDivisionError: oops.*in fail"
    with pytest.raises(RunFailed, match=wanted):
        make_report(offline, tasks=(replace_method(mood, fail), spend))


def test_a_run_that_is_interrupted_ends_without_a_traceback(offline, small_tasks):
    def interrupt(*_):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)

    mood, spend = small_tasks
    with pytest.raises(KeyboardInterrupt):
        make_report(offline, tasks=(replace_method(mood, interrupt), spend))


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "assets", "report", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, check=False
    )


def test_a_bad_call_is_one_line_and_exit_code_2(tmp_path, data):
    result = call("--data", str(tmp_path / "gone"), "--out", str(tmp_path / "out"))
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "no such data directory" in result.stderr


def broken_turns(data):
    turns = pl.read_parquet(data / "turns.parquet").with_columns(speaker=pl.lit("martian"))
    turns.write_parquet(data / "turns.parquet")


def unreadable_turns(data):
    (data / "turns.parquet").write_bytes(b"not parquet")


def out_is_data(data):
    (data.parent / "out").symlink_to(data)


def out_is_a_file(data):
    (data.parent / "out").touch()


def nothing_there(data):
    for path in data.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "options", "said"),
    [
        (broken_turns, [], "cxm validate"),
        (unreadable_turns, [], "cannot be read as Parquet"),
        (nothing_there, [], "no table in"),
        (out_is_data, [], "results go elsewhere"),
        (out_is_a_file, [], "cannot write to"),
        (lambda _: None, ["--week", "2026-W99"], "2026-W99"),
        (lambda _: None, ["--week", "2020-W01"], "no conversations in 2020-W01"),
        (lambda _: None, ["--weak", "2026-W31"], "--weak"),
        (lambda _: None, ["--week", "2026-W31", "extra"], "extra"),
    ],
)
def test_every_mistake_a_user_can_mend_is_one_line(data, capsys, spoil, options, said):
    spoil(data)
    code = main(["report", "--data", str(data), "--out", str(data.parent / "out"), *options])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert said in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.slow
def test_every_task_is_run_on_the_simulated_brand_and_a_second_time_finds_nothing_new(
    offline, tiny_world, tmp_path, capsys
):
    workspace = type(offline)(data=str(tiny_world), out=str(tmp_path / "out"))
    make_report(workspace)
    assert "not run" not in capsys.readouterr().err
    path = make_report(workspace)
    said = capsys.readouterr().err
    assert all(f"{task.name}: nothing new" in said for task in TASKS)
    tasks = json.loads(path.with_suffix(".json").read_text())["tasks"]
    assert {name: task["status"] for name, task in tasks.items()} == {task.name: "run" for task in TASKS}
