"""How long intents take, and how much memory: learning 150 of them, predicting up to 100,000 conversations.

Conversations are those of the default world, said again by others; every vector is cached before the clock
starts. Each size is predicted by a process of its own, whose peak of memory is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, peak_gigabytes
from cxm import runs
from cxm.methods.conversation_classifier import fit_conversation_classifier
from cxm.methods.conversations import describe_conversations
from cxm.task import Model
from cxm.tasks.intent_prediction import TASK
from cxm.workspace import Workspace, make_services
from synth.disk import write_world
from synth.knobs import Knobs

_SIZES = (10_000, 30_000, 100_000)
_N_LABELLED, _N_INTENTS = 10_000, 150
_MOST_SECONDS, _MOST_GIGABYTES = 60, 3


def run() -> list[Figure]:
    """Seconds and gigabytes to predict each size, seconds to learn 10,000 labels of 150 intents."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        world, out = Path(folder) / "world", Path(folder) / "out"
        write_world(world, Knobs())
        runs.run(TASK, Workspace(world, out))
        for size in _SIZES:
            arguments = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "benchmarks.intents",
                str(world),
                str(out),
                str(size),
            ]
            answer = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
            seconds, gigabytes = json.loads(answer.splitlines()[-1])
            is_last = size == _SIZES[-1]
            name = f"intents: predict {size:,} conversations"
            figures.append(Figure(name, seconds, "s", "<=", _MOST_SECONDS if is_last else None))
            limit = _MOST_GIGABYTES if is_last else None
            figures.append(Figure(f"{name}, peak", gigabytes, "GB", "<=", limit))
        figures.append(_learning(world, out))
    return figures


def _learning(world: Path, out: Path) -> Figure:
    """Vectors as they are, labels by chance: what is learned is worth nothing, the work is the same."""
    encode = make_services(out).encoder.encode
    conversations, turns = _said_again(world, _N_LABELLED)
    seen = describe_conversations(conversations, turns, encode)
    labels = np.random.default_rng(7).integers(0, _N_INTENTS, len(seen))
    start = time.perf_counter()
    fit_conversation_classifier(seen, [f"intent {label}" for label in labels], seed=7)
    seconds = time.perf_counter() - start
    name = f"intents: learn {_N_LABELLED:,} labels of {_N_INTENTS}"
    return Figure(name, seconds, "s", "<=", _MOST_SECONDS)


def _said_again(world: Path, size: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """`size` conversations: the world's, over and over under new ids."""
    conversations = pl.read_parquet(world / "conversations.parquet")
    times = pl.DataFrame({"nth": range(-(-size // conversations.height))})
    new_id = pl.format("{}-{}", "conversation_id", "nth")
    again = conversations.join(times, how="cross").with_columns(conversation_id=new_id).head(size)
    turns = (
        pl.read_parquet(world / "turns.parquet").join(times, how="cross").with_columns(conversation_id=new_id)
    )
    kept = turns.join(again.select("conversation_id"), on="conversation_id", how="semi")
    return again.drop("nth").lazy(), kept.drop("nth").lazy()


def _predict(world: Path, out: Path, size: int) -> tuple[float, float]:
    """(seconds, peak gigabytes of this process) of one prediction."""
    conversations, turns = _said_again(world, size)
    workspace = Workspace(world, out)
    tables = {"conversations": conversations, "turns": turns, "taxonomy": workspace.read("taxonomy")}
    model = Model.load(out / "models" / TASK.name)
    start = time.perf_counter()
    TASK.method.predict(tables, model, TASK.params(), workspace.services)
    return time.perf_counter() - start, peak_gigabytes()


if __name__ == "__main__":
    print(json.dumps(_predict(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
