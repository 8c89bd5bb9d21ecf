"""Intents by an encoder as it is, with few labels, and fine-tuned on those few: what each step is worth.

The protocol of FEET (Lee et al. 2024: frozen, few-shot, fine-tuned embeddings). All three run the shipped
task; fine-tuning is contrastive on pairs of the labelled texts (SetFit, Tunstall et al. 2022). Training rows
only: some are labelled, others judge.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm.backends.encoder import Encoder, SentenceTransformerEncoder
from cxm.metrics import estimate
from cxm.task import Services
from cxm.tasks.intent_prediction import TASK
from cxm.workspace import Workspace, make_services

_FOLDER, _N_EACH, _N_JUDGED, _SEED = "banking77", 8, 2_000, 7
# Of fine-tuning: intents of a batch with two texts each, batches, pace.
_INTENTS, _BATCHES, _PACE = 16, 200, 5e-5


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned encoder, as the `Encoder` Protocol asks."""

    digest: str
    n_dimensions: int
    encode: Callable[[Any], NDArray[np.float32]]


def run() -> Iterator[Figure]:
    """Accuracy frozen (no label), with 8 labels an intent, and with the encoder fine-tuned on them."""
    if not (SHARED_DATA / _FOLDER).is_dir():
        yield absent("intents: frozen, few-shot, fine-tuned", _FOLDER)
        return
    with TemporaryDirectory() as out:
        workspace = Workspace(SHARED_DATA / _FOLDER, Path(out))
        labels = workspace.read("intent_labels").filter(pl.col("split") == "train").collect()
        labels = labels.sort("conversation_id").sample(fraction=1, shuffle=True, seed=_SEED)
        is_few = pl.int_range(pl.len()).over("intent") < _N_EACH
        few, judged = labels.filter(is_few), labels.filter(~is_few).head(_N_JUDGED)
        used = pl.concat([few, judged]).select("conversation_id").lazy()
        tables = {
            name: workspace.read(name).join(used, on="conversation_id", how="semi")
            for name in ("conversations", "turns")
        }
        tables["taxonomy"] = workspace.read("taxonomy")
        services = make_services(Path(out))
        start = time.perf_counter()
        turns = tables["turns"].group_by("conversation_id").agg(pl.col("text").str.join("\n")).collect()
        texts = few.join(turns, on="conversation_id", how="left", validate="1:1")
        tuned = Services(fine_tune(texts["text"].to_list(), texts["intent"].to_list()), Path(out))
        seconds = time.perf_counter() - start
        yield _judge("frozen", tables, None, judged, services)
        yield _judge("few-shot", tables, few, judged, services)
        yield _judge("fine-tuned, without labels", tables, None, judged, tuned)
        yield _judge("fine-tuned", tables, few, judged, tuned)
        yield Figure("intents, fine-tuning", seconds, "s")


def fine_tune(texts: list[str], labels: list[str]) -> Encoder:
    """The default encoder with its weights moved so that texts of one label lie close, others apart.

    Pairs are all those within a batch; their cosine is to be 1 or 0, both kinds counting the same.
    """
    import torch

    torch.manual_seed(_SEED)
    encoder = SentenceTransformerEncoder()
    model = encoder._model.train()
    generator = np.random.default_rng(_SEED)
    of_label = [np.flatnonzero(np.array(labels) == label) for label in sorted(set(labels))]
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PACE)
    same = torch.arange(_INTENTS).repeat_interleave(2)
    same = same[:, None] == same[None]
    itself = torch.eye(2 * _INTENTS, dtype=torch.bool)
    for step in range(_BATCHES):
        optimizer.param_groups[0]["lr"] = _PACE * (1 - step / _BATCHES)
        drawn = generator.permutation(len(of_label))[:_INTENTS]
        rows = np.concatenate([generator.permutation(of_label[label])[:2] for label in drawn])
        features = model.tokenizer([texts[row] for row in rows], padding=True, return_tensors="pt")
        found: Any = torch.nn.functional.normalize(model(dict(features))["sentence_embedding"], dim=1)
        cosine = found @ found.T
        loss = (1 - cosine[same & ~itself]).square().mean() + cosine[~same].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Tuned("fine-tuned", encoder.n_dimensions, encoder.encode)


def _judge(
    name: str, tables: dict[str, Any], few: pl.DataFrame | None, judged: pl.DataFrame, services: Services
) -> Figure:
    params = TASK.params()
    model = TASK.method.fit(tables, few, params, services)
    first = TASK.method.predict(tables, model, params, services)["predicted_intents"].filter(
        pl.col("rank") == 1
    )
    both = judged.join(first.select("conversation_id", guess="intent"), on="conversation_id", how="left")
    is_right = (both["intent"] == both["guess"]).fill_null(False).to_numpy()
    found = estimate(name, lambda rows: float(is_right[rows].mean()), both["conversation_id"].to_numpy())[0]
    note = f"[{found.low:.3f}, {found.high:.3f}] n={len(is_right):,}"
    return Figure(f"{_FOLDER}, {_N_EACH} an intent: {name}", found.value, "", note=note)
