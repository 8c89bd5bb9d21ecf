"""Drivers found without a taxonomy, beside k-means on the same vectors, against the labels of a folder.

All conversations are clustered; labels only judge. Choices were made on train rows, the figures are of
test rows, with those of train rows beside them. k-means is told the true number of intents, discovery is not.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm.backends.encoder import Encoder
from cxm.methods.conversations import AGENT, CUSTOMER, NEED, Conversations, describe_conversations, to_unit
from cxm.methods.discovered import discover
from cxm.tasks.intent_prediction import IntentParams
from cxm.workspace import make_services
from synth.disk import write_world
from synth.knobs import Knobs

_FOLDERS = ("natcs_insurance", "banking77", "airline_support")
_GOAL = {"natcs_insurance": 0.80}
_WEAK = 0.5


def run() -> list[Figure]:
    """NMI, ARI, accuracy under the best matching: test rows of each folder and of the default world."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as out:
        encoder = make_services(Path(out)).encoder
        for folder in _FOLDERS:
            data = SHARED_DATA / folder
            figures += _judged(data, encoder) if data.is_dir() else [absent(f"discovery: {folder}", folder)]
        figures += _of_a_world(Path(out), encoder)
    return figures


def _of_a_world(out: Path, encoder: Encoder) -> list[Figure]:
    write_world(out / "default_world", Knobs(seed=7))
    return _judged(out / "default_world", encoder)


def _judged(data: Path, encoder: Encoder) -> list[Figure]:
    tables = [pl.scan_parquet(data / f"{name}.parquet") for name in ("conversations", "turns")]
    seen = describe_conversations(tables[0], tables[1], encoder.encode)
    seen = seen.rows(np.array([text != "" for text in seen.texts[CUSTOMER]]))
    gold = pl.read_parquet(data / "intent_labels.parquet")
    rows = pl.DataFrame({"conversation_id": seen.ids}).join(gold, on="conversation_id", how="left")
    n_true = gold["intent"].n_unique()
    params = IntentParams()
    start = time.perf_counter()
    found = discover(seen, params.n_drivers, params.seed)
    strengths = found.strengths(seen)
    seconds = time.perf_counter() - start
    drivers = strengths.argmax(axis=1)
    plain = _k_means(seen, n_true, params.seed)
    weak = float((strengths.max(axis=1) < _WEAK).mean())
    figures = []
    test, train = ((rows["split"] == split).fill_null(value=False).to_numpy() for split in ("test", "train"))
    truth = rows["intent"].fill_null("").to_numpy()
    beside = _agreement(truth[test], plain[test])
    of_train, of_test = _agreement(truth[train], drivers[train]), _agreement(truth[test], drivers[test])
    for name, value in of_test.items():
        limit = _GOAL.get(data.name, beside[name]) if name == "NMI" else beside[name]
        note = f"k-means {beside[name]:.3f}, train {of_train[name]:.3f}, n={int(test.sum()):,}"
        figures.append(Figure(f"discovery: {data.name} {name}", round(value, 3), "", ">=", limit, note))
    note = f"{len(found.drivers)} drivers, {n_true} intents, {len(seen):,} conversations in {seconds:.0f} s"
    return [*figures, Figure(f"discovery: {data.name} weak share", round(weak, 3), "", note=note)]


def _k_means(seen: Conversations, k: int, seed: int) -> NDArray[np.int32]:
    from sklearn.cluster import KMeans

    whole = to_unit(np.hstack([seen.vectors[name] for name in (NEED, CUSTOMER, AGENT)]))
    return np.asarray(KMeans(k, n_init=4, random_state=seed).fit_predict(whole), dtype=np.int32)


def _agreement(truth: NDArray[np.object_], groups: NDArray[np.integer]) -> dict[str, float]:
    """NMI, ARI (Hubert & Arabie 1985) and the accuracy when groups are matched one to one with labels."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    codes = np.unique(truth.astype(str), return_inverse=True)[1]
    counts = np.zeros((codes.max() + 1, int(groups.max()) + 1))
    np.add.at(counts, (codes, groups), 1)
    left, right = linear_sum_assignment(-counts)
    return {
        "NMI": float(normalized_mutual_info_score(codes, groups)),
        "ARI": float(adjusted_rand_score(codes, groups)),
        "best matching": float(counts[left, right].sum() / len(codes)),
    }
