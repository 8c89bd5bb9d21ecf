"""Running and scoring: what is done again, what is not, and what a killed run leaves behind."""

import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cxm import runs, store
from cxm.errors import CxmError, MissingTable
from cxm.tasks import by_name
from cxm.workspace import Workspace

ROOT = Path(__file__).parent.parent.parent
TASK = by_name("intent_prediction")

_KILLED_RUN = """
    import os, signal, sys
    from pathlib import Path
    from cxm import runs, store
    from cxm.backends.encoder import HashingEncoder
    from cxm.tasks import by_name
    from cxm.workspace import Workspace
    data, out, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    sync, done = os.fsync, [0]
    def fsync(handle):
        done[0] += 1
        if done[0] == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)
    os.fsync = fsync
    runs.run(by_name("intent_prediction"), Workspace(data, out, HashingEncoder()))
"""


@pytest.fixture
def workspace(tiny_world, tmp_path, encoder):
    return Workspace(tiny_world, tmp_path / "out", encoder)


def result_bytes(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.parquet"))}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_run_killed_while_it_writes_leaves_no_broken_table_and_starts_again(
    workspace, tiny_world, tmp_path, encoder, steps
):
    """Killed at the first, second and third write, over the results of an earlier run."""
    runs.run(TASK, workspace)
    whole = result_bytes(workspace.out)
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(_KILLED_RUN),
        str(tiny_world),
        str(workspace.out),
        str(steps),
    ]
    killed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert store.problems_in(workspace.out) == []
    again = Workspace(tiny_world, workspace.out, encoder)
    assert not runs.is_fresh(TASK, again, TASK.params())
    runs.run(TASK, again, force=False)
    assert result_bytes(workspace.out) == whole


def test_nothing_is_done_again_while_data_and_parameters_are_the_same(workspace, tiny_world, encoder):
    runs.run(TASK, workspace)
    made_at = workspace.manifest_path(TASK.name).stat().st_mtime_ns
    runs.run(TASK, Workspace(tiny_world, workspace.out, encoder), force=False)
    assert workspace.manifest_path(TASK.name).stat().st_mtime_ns == made_at


def test_a_changed_table_makes_results_stale(tiny_world, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns", "taxonomy"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    workspace = Workspace(data, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    assert runs.is_fresh(TASK, workspace, TASK.params())
    turns = pl.read_parquet(data / "turns.parquet").with_columns(text=pl.col("text") + "!")
    store.write(turns, data, "turns")
    assert not runs.is_fresh(TASK, Workspace(data, workspace.out, encoder), TASK.params())


def test_a_table_a_task_no_longer_writes_is_removed(tiny_world, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    workspace = Workspace(data, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    assert workspace.has("discovered_taxonomy")
    store.write(pl.read_parquet(tiny_world / "taxonomy.parquet"), data, "taxonomy")
    runs.run(TASK, workspace)
    assert not store.exists(workspace.out, "discovered_taxonomy")


def test_a_run_never_writes_into_the_data_directory(workspace, tiny_world):
    before = {path: path.stat().st_mtime_ns for path in tiny_world.rglob("*")}
    runs.score(TASK, workspace)
    assert {path: path.stat().st_mtime_ns for path in tiny_world.rglob("*")} == before


def test_out_may_not_be_the_data_directory(tiny_world):
    with pytest.raises(CxmError, match="results go elsewhere"):
        Workspace(tiny_world, tiny_world)


def test_a_missing_table_names_what_the_closest_alternative_lacks(tiny_world, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    store.write(pl.read_parquet(tiny_world / "turns.parquet"), data, "turns")
    with pytest.raises(MissingTable, match="lacks 'conversations'"):
        runs.run(TASK, Workspace(data, tmp_path / "out", encoder))


def test_a_result_table_in_the_data_directory_serves_where_out_has_none(tiny_world, tmp_path, encoder):
    data = tmp_path / "data"
    data.mkdir()
    sentiment = pl.DataFrame(
        {
            "conversation_id": ["c"],
            "turn_index": [0],
            "score": [0.0],
            "polarity": ["neutral"],
            "probability": [1.0],
        }
    )
    store.write(sentiment, data, "turn_sentiment")
    workspace = Workspace(data, tmp_path / "out", encoder)
    assert workspace.directory_of("turn_sentiment") == workspace.data


def test_comparisons_of_models_from_other_data_are_not_read(tmp_path, encoder):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [(f"t{i}", f"c{i % 12}", start + timedelta(days=i), 5.0 + i % 7) for i in range(90)]
    names = ["transaction_id", "customer_id", "occurred_at", "amount"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    for name, n in (("first", 90), ("second", 80)):
        store.write(frame.head(n), tmp_path / name, "transactions")
    first, second = (Workspace(tmp_path / name, tmp_path / "out", encoder) for name in ("first", "second"))
    runs.run(by_name("churn_survival"), first)
    other = pl.DataFrame([{"task": "churn_survival", "model": "m", "metric": "bic", "value": 1.0}])
    store.write(other, tmp_path / "out", "model_comparison", "churn_survival")
    written = runs.run(by_name("segmentation"), second)
    assert written["model_comparison"].name == "segmentation.parquet"
    assert set(second.read("model_comparison").collect()["task"]) == {"segmentation"}


def test_a_changed_method_makes_its_results_anew(tmp_path):
    shutil.copytree(ROOT / "cxm", tmp_path / "cxm", ignore=shutil.ignore_patterns("__pycache__"))
    program = """
        from cxm import runs
        from cxm.tasks import by_name
        task = by_name("segmentation")
        print(runs.__file__, runs.params_hash(task, task.params(), True, "services"))
    """

    def digest() -> str:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        path, found = done.stdout.split()
        assert Path(path).is_relative_to(tmp_path)
        return found

    before = digest()
    assert digest() == before
    with (tmp_path / "cxm" / "methods" / "rfm.py").open("a") as module:
        module.write("# Something else.\n")
    assert digest() != before
