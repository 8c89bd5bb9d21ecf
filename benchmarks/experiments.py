"""Experiments on who leaves: what each adds, out of sample, to the shipped model's risk.

An experiment learns at a moment a horizon back (outcomes up to now), its logit out of fold is stacked with
the shipped model's by logistic regression there, and both are judged on the horizon that follows now.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import autoencoder, contrastive, event_patterns, recurrent
from benchmarks.event_sequences import Floats, Learn, Moment, last_moment, moment
from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm import runs
from cxm.metrics import estimate
from cxm.metrics.survival import concordance_index
from cxm.tasks.churn_survival import TASK
from cxm.workspace import Workspace

_N_FOLDS, _SEED = 3, 7
_LARGE = 12_000
_N_RESAMPLES = 200
_FOLDER = "online_retail"


def _the_same(learn: Learn) -> Callable[[Moment, int], Learn]:
    return lambda before, seed: learn


# Each gives its learner once it has seen the earlier moment without outcomes.
EXPERIMENTS: dict[str, Callable[[Moment, int], Learn]] = {
    "discriminating patterns": _the_same(event_patterns.learn),
    "contrastive embedding": contrastive.prepare,
    "autoencoder": autoencoder.prepare,
    "recurrent survival network": _the_same(recurrent.learn),
}


@dataclass(frozen=True)
class Case:
    """What is learned from, and the customers a horizon later that are judged, by name."""

    before: Moment
    judged: dict[str, Moment]


def run() -> Iterator[Figure]:
    """The gain of each experiment in each case, and what it reaches alone."""
    import torch

    torch.set_num_threads(1)
    for case in _cases():
        for name, now in case.judged.items():
            yield Figure(f"{name}: shipped", *_rank(now, now.shipped))
        for name, prepare in EXPERIMENTS.items():
            yield from judge(case, name, prepare)
    if not (SHARED_DATA / _FOLDER).is_dir():
        yield absent("experiments on who buys again", _FOLDER)


def judge(case: Case, name: str, prepare: Callable[[Moment, int], Learn]) -> Iterator[Figure]:
    """What the experiment adds to the shipped risk, and reaches alone, among each of the judged."""
    from sklearn.linear_model import LogisticRegression

    before = case.before
    learn = prepare(before, _SEED)
    fold = np.random.default_rng(_SEED).permutation(len(before)) % _N_FOLDS
    score = np.zeros(len(before))
    for i in range(_N_FOLDS):
        held = np.flatnonzero(fold == i)
        score[held] = learn(before.take(np.flatnonzero(fold != i)), _SEED)(before.take(held))
    predict = learn(before, _SEED)
    center, spread = score.mean(), score.std() + 1e-9
    rows = np.column_stack([before.shipped, (score - center) / spread])
    stack = LogisticRegression(C=1.0).fit(rows, before.has_left)
    for title, now in case.judged.items():
        alone = predict(now)
        both = stack.decision_function(np.column_stack([now.shipped, (alone - center) / spread]))
        gain = estimate("gain", partial(_gain, now, both), now.customer_id, _N_RESAMPLES)[0]
        reached = _concordance(now, alone, np.arange(len(now)))
        note = (
            f"[{gain.low:+.4f}, {gain.high:+.4f}] n={len(now):,}, {int(now.has_left.sum()):,} left;"
            f" alone {reached:.3f}"
        )
        yield Figure(f"{title}: {name}, gain", round(gain.value, 4), "", note=note)


def _gain(at: Moment, risk: Floats, rows: Any) -> float:
    return _concordance(at, risk, rows) - _concordance(at, at.shipped, rows)


def _concordance(at: Moment, risk: Floats, rows: Any) -> float:
    # Without contract the event is the purchase: the lower risk is the earlier.
    sign = 1.0 if np.array_equal(at.has_left > 0, at.is_event) else -1.0
    if sign > 0:
        return concordance_index(at.duration[rows], at.is_event[rows], risk[rows])
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(at.has_left[rows], risk[rows]))


def _rank(at: Moment, risk: Floats) -> tuple[float, str, str, None, str]:
    found = estimate("rank", lambda rows: _concordance(at, risk, rows), at.customer_id, _N_RESAMPLES)[0]
    return found.value, "", "<=", None, f"[{found.low:.3f}, {found.high:.3f}] n={len(at):,}"


# ------------------------------------------------------------------ cases


def _cases() -> Iterator[Case]:
    from synth.disk import write_world
    from synth.knobs import Knobs

    worlds = {
        "default world": Knobs(),
        f"world of {_LARGE:,}": Knobs(customers=_LARGE, conversations=_LARGE, no_text=True),
    }
    for name, knobs in worlds.items():
        with tempfile.TemporaryDirectory() as folder:
            write_world(Path(folder) / "world", knobs)
            yield from contract_cases(name, Path(folder) / "world")
    if (SHARED_DATA / _FOLDER).is_dir():
        yield from purchase_cases(SHARED_DATA / _FOLDER)


def _tables(folder: Path) -> dict[str, pl.LazyFrame]:
    workspace = Workspace(folder, folder.parent / "out")
    tables = dict(runs.read_inputs(TASK, workspace))
    if workspace.has("events"):
        tables["events"] = workspace.read("events").sort("customer_id", "occurred_at", "event")
    return tables


def contract_cases(name: str, folder: Path) -> Iterator[Case]:
    """The last 90 days of train customers (their outcome is used for nothing else), and of test customers."""
    tables, labels = _tables(folder), pl.read_parquet(folder / "churn_labels.parquet")
    end = last_moment(tables, labels)
    before, now = (moment(tables, labels, end - timedelta(days=d), 90) for d in (90, 0))
    learned = before.take(np.flatnonzero(~before.is_test))
    parts = {"train": ~now.is_test, "test": now.is_test}
    yield Case(learned, {f"{name}, {part}": now.take(np.flatnonzero(rows)) for part, rows in parts.items()})


def purchase_cases(folder: Path) -> Iterator[Case]:
    """The 100 days before the holdout, and the holdout."""
    with tempfile.TemporaryDirectory() as out:
        workspace = Workspace(folder, Path(out))
        tables = runs.read_inputs(TASK, workspace)
        end = last_moment(tables, None)
        moments = [moment(tables, None, end - timedelta(days=d), 100) for d in (200, 100, 0)]
    yield Case(moments[0], {f"{_FOLDER}, earlier": moments[1]})
    yield Case(moments[1], {f"{_FOLDER}, holdout": moments[2]})
