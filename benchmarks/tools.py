"""How often the right tool is chosen among 16, 32, 64, 96 and 128, with labels and without them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.methods.dialogues import contexts
from cxm.methods.tool_choice import choose_tools, fit_tools, plain_model
from cxm.methods.tool_features import Dialogues, Tools
from cxm.metrics import estimate
from cxm.metrics.intervals import mean_of
from cxm.workspace import Workspace
from synth.disk import write_world
from synth.knobs import Knobs

SIZES = (16, 32, 64, 96, 128)
_GOALS = {16: 0.80, 128: 0.65}
_SEED = 7


def run() -> list[Figure]:
    """Accuracy on the default world's test points with a gold tool, for each number of candidates."""
    with tempfile.TemporaryDirectory() as folder:
        write_world(Path(folder) / "world", Knobs())
        return measure(Workspace(Path(folder) / "world", Path(folder) / "out"))


def measure(workspace: Workspace) -> list[Figure]:
    """The figures of one data directory; not calling any tool counts as wrong."""
    encode = workspace.services.encoder.encode
    tools = Tools.from_frame(workspace.read("tools").collect(), encode)
    turns = workspace.read("turns").collect()
    labels = workspace.read("reply_labels").sort("conversation_id", "turn_index").collect()
    train = labels.filter(split="train")
    test = labels.filter((pl.col("split") == "test") & pl.col("tool_name").is_in(list(tools.names)))
    taught = Dialogues.read(contexts(turns, train), encode)
    model, _ = fit_tools(taught, train["tool_name"].to_list(), tools, encode, _SEED)
    asked = Dialogues.read(contexts(turns, test), encode)
    right = test["tool_name"].to_list()
    counts = Counter(train["tool_name"].drop_nulls())
    figures = []
    for size in SIZES:
        candidates = draw_candidates(right, tools.names, size)
        common = [max(names, key=lambda name: (counts[name], name)) for names in candidates]
        naive = float(np.mean([a == b for a, b in zip(common, right, strict=True)])) if right else 0.0
        for how, known in (("labels", model), ("no labels", plain_model())):
            chosen = choose_tools(asked, tools, known, candidates, encode)
            is_right = np.array([a == b for a, b in zip(chosen, right, strict=True)])
            for found in estimate("tool_accuracy", mean_of(is_right), test["conversation_id"].to_numpy()):
                note = f"[{found.low:.3f}, {found.high:.3f}] n={found.n:,} most frequent {naive:.3f}"
                goal = _GOALS.get(size) if how == "labels" else None
                figures.append(
                    Figure(f"tool accuracy of {size}, {how}", round(found.value, 3), "", ">=", goal, note)
                )
    return figures


def draw_candidates(right: Sequence[str], names: Sequence[str], size: int) -> list[list[str]]:
    """For each right tool a random set of `size` tools that holds it."""
    generator = np.random.default_rng(_SEED)
    drawn = []
    for name in right:
        others = [other for other in names if other != name]
        picked = generator.permutation(len(others))[: size - 1]
        drawn.append(sorted([name, *(others[i] for i in picked)]))
    return drawn
