"""How fast many conversations are felt through, and how near predicted satisfaction comes to surveys.

Speed: generated conversations of four customer's turns, all different, on vectors at hand, after learning
from 4,000 labelled turns; each size in a process of its own. Satisfaction: a simulated brand, half of whose
answered surveys are hidden before anything is learnt.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, peak_gigabytes
from benchmarks.search import RandomEncoder
from cxm.metrics.intervals import estimate, mean_of
from cxm.task import Services, Tables
from cxm.tasks.sentiment import TASK
from cxm.workspace import Workspace
from synth.disk import write_world
from synth.knobs import Knobs

_SIZES = (10_000, 30_000, 100_000)
_TURNS_EACH, _WORDS_EACH, _N_LABELLED = 4, 12, 4_000
_VOCABULARY = 30_000
_FOUND, _WANTED = 0.5, 0.8


def run() -> list[Figure]:
    """Seconds and memory at three sizes; rank correlation, error and coverage on hidden surveys."""
    figures = []
    for n in _SIZES:
        call = f"from benchmarks.sentiment import measure; measure({n})"
        done = subprocess.run([sys.executable, "-c", call], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        name = f"sentiment, {n:,} conversations"
        figures.append(Figure(name, found["seconds"], "s", "<=", 60, f"{found['turns']:,} turns scored"))
        figures.append(Figure(f"{name}: peak", found["peak_gb"], "GB", "<", 3))
    return [*figures, *_hidden_surveys()]


def measure(n_conversations: int) -> None:
    """Print, as JSON, what scoring this many conversations takes."""
    tables = _talks(n_conversations)
    services = Services(RandomEncoder(), Path("index"))
    labels = tables["turns"].filter(speaker="customer").head(_N_LABELLED).collect()
    polarity = np.random.default_rng(3).choice(["negative", "neutral", "positive"], labels.height)
    train = labels.select("conversation_id", "turn_index", polarity=pl.Series(polarity))
    params = TASK.params()
    model = TASK.method.fit(tables, train, params, services)
    begin = time.perf_counter()
    results = TASK.method.predict(tables, model, params, services)
    found = {
        "seconds": time.perf_counter() - begin,
        "turns": results["turn_sentiment"].height,
        "peak_gb": peak_gigabytes(),
    }
    print(json.dumps(found))


def _talks(n: int) -> Tables:
    generator = np.random.default_rng(n)
    ids = [f"c{i:07}" for i in range(n)]
    started = datetime(2026, 1, 1, tzinfo=UTC)
    csat = pl.Series(np.where(np.arange(n) % 5 == 0, 1 + np.arange(n) % 4, 0), dtype=pl.Int32)
    conversations = pl.DataFrame({"conversation_id": ids, "csat": csat}).with_columns(
        pl.col("csat").replace(0, None),
        channel=pl.lit("chat"),
        started_at=pl.lit(started),
        customer_id=pl.format("u{}", pl.int_range(n) % (n // 2)),
        language=pl.lit("en"),
        handle_seconds=pl.lit(300.0),
        hold_seconds=pl.lit(0.0),
        wait_seconds=pl.lit(30.0),
        is_transferred=pl.lit(False),
        is_abandoned=pl.lit(False),
        is_bot_only=pl.lit(False),
        is_resolved=pl.int_range(n) % 3 > 0,
    )
    turns = pl.DataFrame(
        {
            "conversation_id": np.repeat(ids, 2 * _TURNS_EACH),
            "turn_index": np.tile(np.arange(2 * _TURNS_EACH, dtype=np.int32), n),
        }
    ).with_columns(
        speaker=pl.when(pl.col("turn_index") % 2 == 0).then(pl.lit("customer")).otherwise(pl.lit("agent")),
        text=pl.Series(_sentences(generator, n * 2 * _TURNS_EACH)),
    )
    return {"turns": turns.lazy(), "conversations": conversations.lazy()}


def _sentences(generator: np.random.Generator, n: int) -> list[str]:
    """Distinct texts of words as frequent as words are (Zipf's law)."""
    ranks = (generator.pareto(1.0, (n, _WORDS_EACH)) + 1).astype(np.int64) % _VOCABULARY
    words = np.array([f"w{rank:x}z" for rank in range(_VOCABULARY)], dtype=object)
    return [" ".join(row) for row in words[ranks]]


def _hidden_surveys() -> list[Figure]:
    from scipy.stats import spearmanr

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_world(data, Knobs())
        workspace = Workspace(data, Path(folder) / "out")
        conversations = workspace.read("conversations").sort("conversation_id").collect()
        answered = np.flatnonzero(conversations["csat"].is_not_null())
        hidden = np.sort(np.random.default_rng(1).choice(answered, len(answered) // 2, replace=False))
        truth = conversations["csat"].gather(hidden).cast(pl.Float64).to_numpy()
        is_hidden = pl.Series(np.isin(np.arange(conversations.height), hidden))
        known = conversations.with_columns(csat=pl.when(is_hidden).then(None).otherwise("csat"))
        tables = {name: workspace.read(name) for name in ("turns", "customers")}
        tables["conversations"] = known.lazy()
        gold = workspace.read("sentiment_labels").filter(split="train").drop("split").collect()
        model = TASK.method.fit(tables, gold, TASK.params(), workspace.services)
        predicted = TASK.method.predict(tables, model, TASK.params(), workspace.services)
    ids = conversations["conversation_id"].gather(hidden)
    rows = pl.DataFrame({"conversation_id": ids}).join(
        predicted["predicted_satisfaction"], on="conversation_id", how="left", maintain_order="left"
    )
    csat, low, high = rows.select("csat", "low", "high").to_numpy().T
    seen = conversations["csat"].gather(np.setdiff1d(answered, hidden)).cast(pl.Float64).to_numpy()
    units = ids.to_numpy()
    errors, plain = np.abs(csat - truth), np.abs(seen.mean() - truth)
    figures = []
    for name, statistic, sign, limit in (
        ("rank correlation", lambda drawn: float(spearmanr(csat[drawn], truth[drawn])[0]), ">=", _FOUND),
        ("mean absolute error", mean_of(errors), "<=", float(plain.mean())),
        ("share inside the 80 % interval", mean_of((low <= truth) & (truth <= high)), ">=", _WANTED - 0.05),
    ):
        found = estimate("csat", statistic, units)[0]
        note = f"[{found.low:.3f}, {found.high:.3f}] n={found.n:,}"
        note += f" mean of the surveys {plain.mean():.3f}" if name == "mean absolute error" else ""
        figures.append(Figure(f"predicted satisfaction: {name}", found.value, "", sign, limit, note))
    return figures
