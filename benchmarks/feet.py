"""Intents by an encoder as it is, with few labels, and fine-tuned on those few: what each step is worth.

The protocol of FEET (Lee et al. 2024: frozen, few-shot, fine-tuned embeddings), each step by the shipped
task. Training rows only: some are labelled, others judge, so that these figures are apart from the task's own
`model_comparison`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm.methods.label_amounts import FEW, are_right, describe_model
from cxm.task import Services, Tables
from cxm.tasks.intent_prediction import TASK
from cxm.workspace import Workspace, make_services

_FOLDERS, _N_JUDGED, _DRAWS = ("natcs_insurance", "banking77"), 2_000, (7, 8, 9)


def run() -> Iterator[Figure]:
    """Accuracy frozen (no label), with 8 labels an intent, and with the encoder fine-tuned on them."""
    for folder in _FOLDERS:
        if not (SHARED_DATA / folder).is_dir():
            yield absent("intents: frozen, few-shot, fine-tuned", folder)
            continue
        with TemporaryDirectory() as out:
            workspace, services = Workspace(SHARED_DATA / folder, Path(out)), make_services(Path(out))
            for draw in _DRAWS:
                yield from _steps(workspace, services, draw)


def _steps(workspace: Workspace, services: Services, draw: int) -> Iterator[Figure]:
    labels = workspace.read("intent_labels").filter(pl.col("split") == "train").collect()
    labels = labels.sort("conversation_id").sample(fraction=1, shuffle=True, seed=draw)
    is_few = pl.int_range(pl.len()).over("intent") < FEW
    few, judged = labels.filter(is_few), labels.filter(~is_few).head(_N_JUDGED)
    used = pl.concat([few, judged]).select("conversation_id").lazy()
    tables: Tables = {
        "taxonomy": workspace.read("taxonomy"),
        **{
            name: workspace.read(name).join(used, on="conversation_id", how="semi")
            for name in ("conversations", "turns")
        },
    }
    for name, train, fine_tune in (
        ("frozen", None, False),
        ("few-shot", few, False),
        ("fine-tuned where that gains", few, True),
    ):
        start = time.perf_counter()
        params = TASK.params(fine_tune=fine_tune)
        model = TASK.method.fit(tables, train, params, services)
        first = TASK.method.predict(tables, model, params, services)["predicted_intents"].filter(rank=1)
        seconds = time.perf_counter() - start
        guesses = dict(first.select("conversation_id", "intent").iter_rows())
        truth = dict(judged.select("conversation_id", "intent").iter_rows())
        found = describe_model(name, are_right(guesses, truth, list(truth)), few.height)[0]
        is_tuned = any(array.startswith("encoder.") for array in model.arrays)
        note = f"[{found['low']:.3f}, {found['high']:.3f}] n={found['n']:,}, {seconds:.0f} s"
        note += ", tuned" if is_tuned else ""
        yield Figure(
            f"{workspace.data.name}, {FEW} an intent, draw {draw}: {name}", found["value"], "", note=note
        )
