"""The report of a large contact center from finished result tables: time, memory, size, first paint.

The tables are drawn, not simulated: what is measured is counting and drawing, not analysis.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm import runs, store
from cxm.tables import TABLES
from cxm.tasks import TASKS
from cxm.workspace import Workspace
from reports.drift import find_drift
from reports.kpis import compute_kpis

# Between this process and the build, whose peak memory would else count what this one holds.
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
_CHROMIUM = Path("/usr/bin/chromium")
_TURNS_EACH = 10
_START, _WEEKS = np.datetime64("2026-02-02T00:00:00", "us"), 26
_PERIOD = "2026-W31"


def run() -> Iterator[Figure]:
    """Key figures and drift at three sizes; then the page of 200,000 conversations and 100,000 customers."""
    for n in (100_000, 300_000, 1_000_000):
        with TemporaryDirectory() as directory:
            workspace = _write(Path(directory), n)
            start = time.perf_counter()
            figures = compute_kpis(workspace, _PERIOD)
            find_drift(workspace, figures.contacts, _PERIOD)
            seconds = time.perf_counter() - start
            name = f"key figures and drift of {n * _TURNS_EACH:,} turns"
            yield Figure(name, seconds, "s", "<=", 20 if n == 1_000_000 else None, f"{n:,} conversations")
    with TemporaryDirectory() as directory:
        yield from _page(_write(Path(directory), 200_000))


def _page(workspace: Workspace) -> Iterator[Figure]:
    command = [sys.executable, "-m", "reports", "build"]
    command += ["--data", str(workspace.data), "--out", str(workspace.out)]
    start = time.perf_counter()
    measured = [sys.executable, "-c", _MEASURED, *command]
    done = subprocess.run(measured, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    gigabytes = float(done.stdout) / 1e6
    page = workspace.out / "report.html"
    what = "page of 200,000 conversations"
    yield Figure(what, seconds, "s", "<=", 30, "100,000 customers, from finished tables")
    yield Figure(f"{what}, peak memory", gigabytes, "GB", "<", 3)
    yield Figure(f"{what}, size", page.stat().st_size / 1e6, "MB", "<", 5)
    yield Figure(f"{what}, first paint", _first_paint(page), "s", "<=", 1.5)


def _first_paint(page: Path) -> float | None:
    """Seconds from asking for the page to its first contents; None without a browser."""
    if not _CHROMIUM.exists():
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        painted = "performance.getEntriesByName('first-contentful-paint')[0]"
        tab.wait_for_function(f"{painted} !== undefined")
        seconds = float(tab.evaluate(f"{painted}.startTime")) / 1000
        browser.close()
    return seconds


def _write(directory: Path, n: int) -> Workspace:
    """A data directory of `n` conversations, half as many customers, and the results of the tasks."""
    draw = np.random.default_rng(7)
    data, out = directory / "data", directory / "out"
    n_customers = n // 2
    ids = pl.Series("conversation_id", [f"C{i:08d}" for i in range(n)])
    customers = pl.Series("customer_id", [f"K{i:08d}" for i in range(n_customers)])
    moments = np.sort(draw.integers(0, _WEEKS * 7 * 86_400, n)) * 1_000_000
    starts = pl.Series(_START + moments.astype("timedelta64[us]")).dt.replace_time_zone("UTC")
    frame = pl.DataFrame(
        {
            "conversation_id": ids,
            "customer_id": customers.gather(draw.integers(0, n_customers, n)),
            "channel": draw.choice(["voice", "chat", "email"], n),
            "queue": draw.choice([f"queue {i}" for i in range(8)], n),
            "started_at": starts,
            "handle_seconds": draw.gamma(3, 150, n),
            "wait_seconds": draw.gamma(1, 60, n),
            "is_abandoned": draw.random(n) < 0.04,
            "is_transferred": draw.random(n) < 0.1,
            "is_bot_only": draw.random(n) < 0.2,
            "is_resolved": draw.random(n) < 0.7,
            "csat": pl.Series(draw.integers(1, 6, n), dtype=pl.Int32),
            "nps": pl.Series(draw.integers(0, 11, n), dtype=pl.Int32),
            "ces": pl.Series(draw.integers(1, 8, n), dtype=pl.Int32),
        }
    )
    _put(data, "conversations", frame)
    index = np.arange(_TURNS_EACH, dtype=np.int32)
    phrases = pl.Series(
        [f"Well, it is the {i}th time that I ask about parcel number {i}." for i in range(200)]
    )
    turns = {
        "conversation_id": ids.gather(np.repeat(np.arange(n), _TURNS_EACH)),
        "turn_index": np.tile(index, n),
        "speaker": pl.Series(["customer", "agent"]).gather(np.tile(index % 2, n)),
        "text": phrases.gather(draw.integers(0, 200, n * _TURNS_EACH)),
    }
    _put(data, "turns", pl.DataFrame(turns))
    criteria = [f"criterion {i}" for i in range(8)]
    scorecard = {
        "criterion": criteria,
        "question": criteria,
        "weight": [1.0] * 8,
        "is_critical": [True, *[False] * 7],
    }
    _put(data, "scorecard", pl.DataFrame(scorecard))
    _put(data, "customers", pl.DataFrame({"customer_id": customers, "joined_at": [starts[0]] * n_customers}))
    bought = {
        "transaction_id": [f"T{i}" for i in range(n)],
        "customer_id": frame["customer_id"],
        "occurred_at": starts,
        "amount": draw.gamma(2, 20, n),
    }
    _put(data, "transactions", pl.DataFrame(bought).with_columns(currency=pl.lit("EUR")))
    workspace = Workspace(data, out)
    _write_results(workspace, frame, customers, criteria, draw)
    return workspace


def _write_results(
    workspace: Workspace,
    frame: pl.DataFrame,
    customers: pl.Series,
    criteria: list[str],
    draw: np.random.Generator,
) -> None:
    n, ids = frame.height, frame["conversation_id"]
    intents = pl.Series([f"reason_{i}" for i in range(60)])
    best = {
        "conversation_id": ids,
        "intent": intents.gather(draw.zipf(1.5, n) % 60),
        "probability": draw.random(n),
    }
    predicted = pl.DataFrame(best).with_columns(rank=pl.lit(1, pl.Int32), is_abstained=pl.lit(value=False))
    answers = {
        "conversation_id": ids.gather(np.repeat(np.arange(n), len(criteria))),
        "criterion": criteria * n,
        "answer": draw.choice(["yes", "yes", "yes", "no", "not_applicable"], n * len(criteria)),
        "probability": draw.random(n * len(criteria)),
    }
    scores = {name: draw.uniform(-1, 1, n) for name in ("start_score", "end_score", "lowest_score")}
    feelings = pl.DataFrame({"conversation_id": ids, **scores}).with_columns(
        lowest_turn_index=pl.lit(0, pl.Int32)
    )
    polarity = {"conversation_id": ids, "score": scores["end_score"], "probability": draw.random(n)}
    turn_feelings = pl.DataFrame(polarity).with_columns(
        turn_index=pl.lit(0, pl.Int32),
        polarity=pl.when(pl.col("score") < 0).then(pl.lit("negative")).otherwise(pl.lit("positive")),
    )
    m = customers.len()
    risk = {
        "customer_id": customers,
        "probability": draw.beta(1, 9, m),
        "value_at_risk": draw.gamma(2, 20, m),
    }
    churn = pl.DataFrame(risk).with_columns(
        horizon_days=pl.lit(90, pl.Int32), expected_value=pl.lit(100.0), top_reasons=pl.lit("[]")
    )
    counts = {
        "recency_days": draw.gamma(2, 30, m),
        "frequency": draw.integers(1, 30, m),
        "monetary": draw.gamma(2, 99, m),
    }
    segments = pl.DataFrame({"customer_id": customers, **counts}).with_columns(
        pl.lit(3, pl.Int32).alias(name) for name in ("r_score", "f_score", "m_score")
    ).with_columns(
        pl.lit("333").alias("rfm_cell"), pl.lit("{}").alias("membership"),
        segment=pl.Series([f"segment {i}" for i in range(5)]).gather(draw.integers(0, 5, m)),
    )  # fmt: skip
    replies = pl.DataFrame({"conversation_id": ids}).with_columns(
        turn_index=pl.lit(9, pl.Int32),
        article_ids=pl.lit(["a"]),
        citations=pl.lit("[]"),
        status=pl.lit("answered"),
    )
    for task, results in {
        "intent_prediction": {"predicted_intents": predicted},
        "quality_adherence": {
            "quality_answers": pl.DataFrame(answers).with_columns(
                evidence_turns=pl.lit([1], pl.List(pl.Int32)), explanation=pl.lit("said so")
            )
        },
        "sentiment": {"turn_sentiment": turn_feelings, "conversation_sentiment": feelings},
        "churn_survival": {"churn_risk": churn},
        "segmentation": {"customer_segments": segments},
        "multi_turn_rag": {"prepared_replies": replies},
    }.items():
        for name, rows in results.items():
            _put(workspace.out, name, rows)
        found = next(each for each in TASKS if each.name == task)
        record = {"writes": sorted(results), "params": {}, "labels": False, "n_train": 0}
        workspace.write_manifest(
            task, {**record, "data_hash": runs.data_hash(found, workspace), "encoder": "none"}
        )


def _put(directory: Path, name: str, frame: pl.DataFrame) -> None:
    schema = {
        column: dtype for column, dtype in TABLES[name].empty().schema.items() if column in frame.columns
    }
    store.write(frame.cast(schema), directory, name)  # type: ignore[arg-type]
