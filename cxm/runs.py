"""Running and scoring a task on a workspace, and knowing when it need not be done again.

The one place where fit, predict, score and naive are called. A task's method belongs in its own
module; Dagster and the CLI only call what stands here.
"""

from __future__ import annotations

import dataclasses
import logging
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from cxm import __version__, store
from cxm.errors import CxmError, MissingTable
from cxm.metrics import Estimate
from cxm.tables import TABLES
from cxm.task import Model, Params, Tables, Task
from cxm.workspace import Workspace, json_digest

log = logging.getLogger(__name__)


@cache
def _code_digest() -> str:
    """Digest of the package without its commands: results of a method that has changed are made anew."""
    package = Path(__file__).parent
    found = blake2b(digest_size=8)
    files = (p for p in package.rglob("*") if p.is_file() and p.suffix != ".pyc")
    for path in sorted(p for p in files if package / "cli" not in p.parents):
        found.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def params_hash(task: Task, params: Params, use_labels: bool, services_digest: str) -> str:
    """Digest of everything but the data that a result depends on."""
    values = {"params": dataclasses.asdict(params), "labels": use_labels, "services": services_digest}
    return json_digest({"task": task.name, "code": _code_digest(), **values})


def data_hash(task: Task, workspace: Workspace) -> str:
    """Digest of every table the task reads, its gold table included."""
    return workspace.digest([*task.inputs, *([task.gold] if task.gold else [])])


def _require_inputs(task: Task, workspace: Workspace, use_labels: bool) -> None:
    missing = task.missing(lambda name: workspace.has(name) and (use_labels or name != task.gold))
    if missing:
        tables = ", ".join(f"'{name}'" for name in missing)
        raise MissingTable(
            f"{task.name} lacks {tables} in {workspace.data}; it needs {task.needs_text()};"
            f" bring the rest with `cxm import`"
        )


def _train_gold(task: Task, workspace: Workspace, use_labels: bool) -> pl.DataFrame | None:
    if not (use_labels and task.gold and workspace.has(task.gold)):
        return None
    gold = workspace.read(task.gold)
    if "split" not in gold.collect_schema():
        return None
    train = gold.filter(pl.col("split") == "train").drop("split").sort(TABLES[task.gold].key).collect()
    return train if train.height else None


def read_inputs(task: Task, workspace: Workspace) -> Tables:
    """The tables a task may read, sorted, so that the order of rows on disk can change no result."""
    tables = workspace.read_all([*task.inputs, *([task.gold] if task.gold else [])])
    return {
        name: frame.sort(TABLES[name].key or list(TABLES[name].columns))
        for name, frame in tables.items()
        if name != task.gold
    }


def _path(task: Task, workspace: Workspace, name: str) -> Path:
    """Where a task writes a table; several tasks share `model_comparison`, each with a part of its own."""
    part = workspace.out / name / f"{task.name}.parquet"
    return part if name == "model_comparison" else workspace.out / f"{name}.parquet"


def _sorted_by_key(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    key = TABLES[name].key
    return frame.sort(key) if key else frame


def is_fresh(task: Task, workspace: Workspace, params: Params, use_labels: bool = True) -> bool:
    """Whether the results in `out` are what running now would give."""
    manifest = workspace.manifest(task.name)
    return bool(
        manifest
        and manifest.get("params_hash") == params_hash(task, params, use_labels, workspace.services.digest)
        and manifest.get("data_hash") == data_hash(task, workspace)
        and all(_path(task, workspace, name).exists() for name in manifest["writes"])
        and (workspace.out / "models" / task.name / "facts.json").exists()
    )


def run(
    task: Task,
    workspace: Workspace,
    params: Params | None = None,
    use_labels: bool = True,
    force: bool = True,
) -> dict[str, Path]:
    """Fit, predict and write the result tables; returns their paths, the main one first.

    With `force=False` nothing is done where the results are fresh. Raises `MissingTable` if no
    alternative of `needs` is there, `RowProblems` if a table breaks a rule, `InUse` while another run
    uses the directories.
    """
    params = params or task.params()
    _require_inputs(task, workspace, use_labels)
    if force or not is_fresh(task, workspace, params, use_labels):
        with workspace.hold():
            _run(task, workspace, params, use_labels)
    manifest = workspace.manifest(task.name) or {"writes": []}
    written = [name for name in task.writes if name in manifest["writes"]]
    return {name: _path(task, workspace, name) for name in written}


def _run(task: Task, workspace: Workspace, params: Params, use_labels: bool) -> None:
    started = time.monotonic()
    log.info("%s: reading tables", task.name)
    tables = read_inputs(task, workspace)
    train = _train_gold(task, workspace, use_labels)
    learned = f"{train.height:,} train labels" if train is not None else "no labels"
    log.info("%s: fitting with %s, predicting", task.name, learned)
    before = data_hash(task, workspace)
    fitted = task.method.fit(tables, train, params, workspace.services)
    earlier = _earlier_model(task, workspace) if task.method.settle else None
    if task.method.settle and earlier:
        fitted = task.method.settle(fitted, earlier)
    # Only now: a run that is killed while fitting leaves what was there, the names people know among it.
    workspace.manifest_path(task.name).unlink(missing_ok=True)
    directory = workspace.out / "models" / task.name
    fitted.save(directory)
    # Predicted with the model as it loads, so that a single question later gets the same answer.
    results = task.method.predict(tables, Model.load(directory), params, workspace.services)
    for name in task.writes:
        part = task.name if name == "model_comparison" else None
        if name in results:
            store.write(_sorted_by_key(results[name], name), workspace.out, name, part)
        elif part:
            store.remove_part(workspace.out, name, part)
        else:
            store.remove(workspace.out, name)
    store.remove_part(workspace.out, "scores", task.name)
    workspace.write_manifest(
        task.name,
        {
            "writes": sorted(results),
            "params": dataclasses.asdict(params),
            "labels": use_labels,
            "n_train": 0 if train is None else train.height,
            "params_hash": params_hash(task, params, use_labels, workspace.services.digest),
            "data_hash": before,
            "tables": {name: str(workspace.directory_of(name)) for name in tables},
            "encoder": workspace.services.encoder.digest,
            "version": __version__,
            "python": platform.python_version(),
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 1),
        },
    )
    log.info("%s: done in %.1f s", task.name, time.monotonic() - started)


def _earlier_model(task: Task, workspace: Workspace) -> Model | None:
    """What the last run on this data directory learned, by this version and encoder; None if not whole."""
    made = workspace.manifest(task.name) or {}
    if (made.get("version"), made.get("encoder")) != (__version__, workspace.services.encoder.digest):
        return None
    try:
        return Model.load(workspace.out / "models" / task.name)
    except CxmError:
        return None


def score(
    task: Task, workspace: Workspace, params: Params | None = None, use_labels: bool = True
) -> pl.DataFrame:
    """Score what `run` wrote (running first if params or data changed); returns rows of `scores`.

    Empty where the task has nothing to be scored against.
    """
    params = params or task.params()
    run(task, workspace, params, use_labels, force=False)
    manifest = workspace.manifest(task.name) or {}
    part = workspace.out / "scores" / f"{task.name}.parquet"
    if not store.is_readable(part):
        with workspace.hold():
            scores = _scores(task, workspace, params, use_labels, manifest)
            store.write(scores, workspace.out, "scores", task.name)
    return store.scan_part(workspace.out, "scores", task.name).collect()


def _scores(
    task: Task, workspace: Workspace, params: Params, use_labels: bool, manifest: Mapping[str, Any]
) -> pl.DataFrame:
    log.info("%s: scoring beside %s", task.name, task.naive_name)
    tables = read_inputs(task, workspace)
    gold = workspace.read(task.gold).collect() if task.gold and workspace.has(task.gold) else None
    results = {name: workspace.read(name).collect() for name in manifest["writes"]}
    estimates = task.score(results, gold, tables, params)
    if not estimates:
        return TABLES["scores"].empty()
    train = _train_gold(task, workspace, use_labels)
    naive_model = task.naive.fit(tables, train, params, workspace.services)
    naive = task.naive.predict(tables, naive_model, params, workspace.services)
    baseline = {e.metric: e.value for e in task.score(naive, gold, tables, params)}
    order = {name: i for i, name in enumerate(task.metrics)}
    estimates = sorted(estimates, key=lambda e: order.get(e.metric, len(order)))
    return pl.DataFrame([_score_row(task, e, baseline, manifest) for e in estimates])


def _score_row(
    task: Task, estimate: Estimate, baseline: Mapping[str, float], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "task": task.name,
        "metric": estimate.metric,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "baseline": baseline.get(estimate.metric) if estimate.low is not None else None,
        "params_hash": manifest["params_hash"],
        "data_hash": manifest["data_hash"],
    }


def model(task: Task, workspace: Workspace, params: Params | None = None) -> Model:
    """The fitted model, made first if it is absent or stale (for single shots)."""
    run(task, workspace, params, force=False)
    return Model.load(workspace.out / "models" / task.name)
