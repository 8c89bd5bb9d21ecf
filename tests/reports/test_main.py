"""`python -m reports`: exit codes and one line on stderr."""

import subprocess
import sys
from pathlib import Path

import pytest

from cxm import tasks
from reports.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def call(capsys, monkeypatch, fake_tasks):
    """Runs the command line with the fake tasks; returns exit code, stdout and stderr."""
    monkeypatch.setattr(tasks, "TASKS", fake_tasks)

    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    return run


def test_build_prints_where_the_report_is(call, make_world):
    workspace = make_world()
    code, out, err = call("build", "--data", workspace.data, "--out", workspace.out, "--week", "2026-W29")
    assert (code, out.strip(), err) == (0, str(workspace.out / "report.html"), "")


def test_monitor_prints_every_state_and_fails_with_a_failed_limit(call, make_world):
    workspace = make_world()
    code, out, _ = call("monitor", "--data", workspace.data, "--out", workspace.out)
    assert code == 1
    assert any(line.split()[:2] == ["fail", "satisfaction"] for line in out.splitlines())


def test_monitor_is_0_when_nothing_fails(call, tmp_path):
    (tmp_path / "data").mkdir()
    code, out, _ = call("monitor", "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert code == 0
    assert {line[:7] for line in out.splitlines()} == {"no data"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build"], "--data"),
        (["build", "--data", "nowhere"], "no such data directory"),
        (["build", "--data", "{data}", "--week", "2026-31"], "2026-W29 to 2026-W31"),
        (["build", "--data", "{data}", "--week", "2020-W01"], "2026-W29 to 2026-W31"),
        (["build", "--data", "{data}", "--out", "{data}"], "results go elsewhere"),
        (["monitor", "--data", "{data}", "--weeks", "3"], "--weeks"),
        (["publish"], "publish"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(call, make_world, arguments, said):
    workspace = make_world()
    arguments = [argument.format(data=workspace.data) for argument in arguments]
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("reports: ")
    assert said in err


def test_help_answers_without_loading_what_draws_or_fits():
    heavy = ["altair", "vl_convert", "torch", "sklearn", "scipy"]
    script = f"import sys, reports.__main__; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"
