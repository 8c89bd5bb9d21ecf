"""The simulated brand: hard enough, never twice the same, fast, and flat in memory."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.figure import Figure
from cxm import runs
from cxm.tables import TABLES
from cxm.task import Task
from cxm.tasks import article_search, kb_refinement
from cxm.workspace import Workspace
from synth.disk import write_world
from synth.knobs import Knobs
from synth.packs import names
from synth.worlds import make_world

_WORD = re.compile(r"\w+(?:'\w+)*")
_SIZES = (10_000, 30_000, 100_000)
_CUSTOMERS_A_CONVERSATION = 1.2  # As in the default world.
_SEEDS, _SEEDS_EACH = 3, 5
"""Worlds with text that are timed, and worlds without for each of them."""
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}


def run() -> list[Figure]:
    """Both packs' default worlds held to the ranges naive methods reach on real data; then costs."""
    figures = []
    for brand in names():
        with tempfile.TemporaryDirectory() as folder:
            write_world(Path(folder) / "world", Knobs(brand=brand))
            workspace = Workspace(Path(folder) / "world", Path(folder) / "out")
            figures += [*_hardness(brand, workspace), *_variety(brand, workspace)]
    return [*figures, *_costs()]


def _between(name: str, value: float, low: float, high: float) -> list[Figure]:
    return [Figure(name, value, "", ">=", low), Figure(name, value, "", "<=", high)]


# ------------------------------------------------------------------ how hard, how varied


def _hardness(brand: str, workspace: Workspace) -> list[Figure]:
    found = _naive_score(article_search.TASK, workspace, "hit_at_1")
    similar = _naive_score(kb_refinement.TASK, workspace, "similar_f1")
    return [
        *_between(f"{brand}: BM25 hit@1 of article search", found, 0.40, 0.65),
        *_between(f"{brand}: whole-article cosine F1, similar pairs", similar, 0.20, 0.45),
        *_between(f"{brand}: TF-IDF + logistic regression, intents", _word_accuracy(workspace), 0.45, 0.75),
    ]


def _naive_score(task: Task, workspace: Workspace, metric: str) -> float:
    """What the task's stated naive method gets."""
    tables, params = runs.read_inputs(task, workspace), task.params()
    gold = workspace.read(str(task.gold)).collect()
    train = gold.filter(pl.col("split") == "train").drop("split").sort(TABLES[str(task.gold)].key)
    model = task.naive.fit(tables, train, params, workspace.services)
    results = task.naive.predict(tables, model, params, workspace.services)
    return next(e.value for e in task.score(results, gold, tables, params) if e.metric == metric)


def _labels(workspace: Workspace) -> pl.LazyFrame:
    """Intent labels without those that are not in the taxonomy."""
    return workspace.read("intent_labels").join(workspace.read("taxonomy"), on="intent", how="semi")


def _word_accuracy(workspace: Workspace) -> float:
    """Accuracy of a linear model on the words of all of a customer's turns, intents of the taxonomy alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    said = workspace.read("turns").filter(pl.col("speaker") == "customer").sort("turn_index")
    texts = said.group_by("conversation_id").agg(pl.col("text").str.join(" "))
    rows = (
        _labels(workspace).join(texts, on="conversation_id", validate="1:1").sort("conversation_id").collect()
    )
    train, test = rows.filter(pl.col("split") == "train"), rows.filter(pl.col("split") == "test")
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    model.fit(train["text"].to_list(), train["intent"].to_list())
    return float(model.score(test["text"].to_list(), test["intent"].to_list()))


def _variety(brand: str, workspace: Workspace) -> list[Figure]:
    turns = workspace.read("turns").sort("conversation_id", "turn_index").collect()
    held = turns.group_by("conversation_id").agg(pl.col("text").str.join("\n"), n=pl.len())
    trigrams: set[tuple[str, ...]] = set()
    n_trigrams = 0
    for text in turns["text"]:
        words = _WORD.findall(text.lower())
        n_trigrams += max(len(words) - 2, 0)
        trigrams.update(zip(words, words[1:], words[2:], strict=False))
    n_intents = _labels(workspace).collect()["intent"].n_unique()
    turns_each = turns.height / held.height
    return [
        Figure(f"{brand}: intents of the taxonomy that occur", n_intents, "", ">=", 90),
        Figure(f"{brand}: distinct word trigrams of turns", len(trigrams) / n_trigrams, "", ">=", 0.25),
        Figure(f"{brand}: distinct conversations", held["text"].n_unique() / held.height, "", ">=", 1),
        *_between(f"{brand}: turns a conversation", turns_each, 7, 9),
    ]


# ------------------------------------------------------------------ time and memory


@dataclass(frozen=True)
class _Cost:
    seconds: float
    megabytes: float


def _cost(conversations: int, *flags: str) -> _Cost:
    """Processor seconds and peak memory of a process that writes a world of this size."""
    sizes = ("--conversations", str(conversations), "--customers", str(_customers(conversations)))
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "synth", "--out", str(Path(folder) / "world"), *sizes, *flags],
            stdout=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, "python -m synth")
    return _Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _customers(conversations: int) -> int:
    return int(_CUSTOMERS_A_CONVERSATION * conversations)


def median_ratio(conversations: int) -> float:
    """How many times the processor seconds of a world without text one with text takes, in memory.

    Both are made in this process, one seed after the other, as in a study.
    """

    def seconds(seed: int, no_text: bool) -> float:
        begin = time.process_time()
        make_world(
            Knobs(
                seed=seed, no_text=no_text, conversations=conversations, customers=_customers(conversations)
            )
        )
        return time.process_time() - begin

    make_world(Knobs(conversations=1, customers=1))
    # By turns, so that both see the same machine.
    ratios = []
    for seed in range(_SEEDS):
        untold = statistics.median(seconds(_SEEDS_EACH * seed + nth, True) for nth in range(_SEEDS_EACH))
        ratios.append(seconds(seed, False) / untold)
    return statistics.median(ratios)


def _ratio(conversations: int) -> float:
    """`median_ratio` on one thread, which has to be chosen before a process begins."""
    call = f"from benchmarks.world import median_ratio; print(median_ratio({conversations}))"
    done = subprocess.run(
        [sys.executable, "-c", call],
        env={**os.environ, **_ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _costs() -> list[Figure]:
    costs = [_cost(size) for size in _SIZES]
    untold = _cost(_SIZES[-1], "--no-text")
    growth = costs[-1].megabytes / costs[0].megabytes
    default = Knobs().conversations
    told = "with text, times --no-text"
    return [
        Figure("conversations a second on one core", _SIZES[1] / costs[1].seconds, "/s", ">=", 300),
        Figure(f"{told}: seeds of {_SIZES[0]:,} conversations", _ratio(_SIZES[0]), "", ">=", 20),
        Figure(f"{told}: seeds of {default:,} conversations", _ratio(default), ""),
        Figure(f"{told}: process of {_SIZES[-1]:,}", costs[-1].seconds / untold.seconds, ""),
        *[
            Figure(f"peak memory of {size:,} conversations", cost.megabytes, "MB")
            for size, cost in zip(_SIZES, costs, strict=True)
        ],
        Figure("peak memory, largest to smallest", growth, "", "<", 1.1),
    ]
