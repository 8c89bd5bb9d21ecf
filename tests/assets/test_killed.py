"""A run that is killed leaves nothing that the next one trips over: the report comes out the same.

The real command, the real tasks, SIGKILL.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Lines the job says on its way, and how long after them it dies.
MOMENTS = [
    ("intent_prediction ...", 2.0),
    ("article_search ...", 0.5),
    ("kb_refinement: similar_f1", 0.05),
    ("multi_turn_rag ...", 1.0),
    ("segmentation: spend", 0.1),
    ("encoded", 0.0),
]

pytestmark = pytest.mark.slow


def start(world: Path, out: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "assets",
        "report",
        "--data",
        str(world),
        "--out",
        str(out),
    ]
    environment = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "CXM_INBOX")}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def finish(world: Path, out: Path) -> None:
    with start(world, out) as run:
        _, said = run.communicate()
    assert run.returncode == 0, said


def kill_after(world: Path, out: Path, line: str, seconds: float) -> None:
    with start(world, out) as run:
        for said in run.stderr:
            if said.startswith(line):
                break
        else:
            pytest.fail(f"the job never said {line!r}")
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)


def content(out: Path) -> dict[str, str]:
    """Digest of every table and figure; the page and its JSON without the time they were made."""
    found = {}
    for path in sorted(out.rglob("*")):
        if (
            path.suffix not in (".parquet", ".json", ".html", ".csv")
            or "manifests" in path.parts
            or "index" in path.parts
        ):
            continue
        raw = path.read_bytes()
        if path.name in ("report.html", "report.json"):
            made_at = json.loads((out / "report.json").read_text())["made_at"]
            raw = re.sub(re.escape(made_at.encode()), b"", raw)
        found[path.relative_to(out).as_posix()] = hashlib.blake2b(raw).hexdigest()
    return found


def test_killed_at_any_step_and_started_again_the_report_is_the_same(tiny_world, tmp_path):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    finish(tiny_world, whole)
    for line, seconds in MOMENTS:
        kill_after(tiny_world, torn, line, seconds)
    finish(tiny_world, torn)
    expected, found = content(whole), content(torn)
    assert set(found) == set(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    left = [path.name for path in torn.rglob("*") if path.name.endswith((".tmp", ".old"))]
    assert len(left) <= len(MOMENTS)
    assert "report.html" in found


def test_of_two_runs_at_once_one_says_in_a_line_that_the_other_is_there(tiny_world, tmp_path):
    out = tmp_path / "out"
    with start(tiny_world, out) as first:
        for said in first.stderr:
            if said.startswith("intent_prediction"):
                break
        with start(tiny_world, out) as second:
            _, said = second.communicate()
        assert (second.returncode, said.count("\n")) == (2, 1)
        assert "in use by another run" in said
        assert first.poll() is None
        first.send_signal(signal.SIGKILL)
