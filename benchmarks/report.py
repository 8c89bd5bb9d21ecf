"""`make report` on real conversations and the simulated brand: cold, with nothing new, with a new week."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import polars as pl

from benchmarks.figure import SHARED_DATA, Figure, absent, median_seconds
from cxm import store
from synth.disk import write_world
from synth.knobs import END

_FOLDER = "airline_support"
_ENCODED = re.compile(r"encoded ([\d,]+) of ([\d,]+) texts")


def _report(data: Path, out: Path, cache: Path) -> str:
    """Run it in a process of its own; what it said."""
    command = [sys.executable, "-m", "assets", "report", "--data", str(data), "--out", str(out)]
    environment = {**os.environ, "CXM_CACHE": str(cache), "DAGSTER_HOME": str(cache.parent / "dagster")}
    (cache.parent / "dagster").mkdir(exist_ok=True)
    done = subprocess.run(command, check=True, capture_output=True, env=environment, text=True)
    return done.stdout + done.stderr


def run() -> list[Figure]:
    """Cold: empty encoder cache and output. The process's own peak memory, not the machine's."""
    figures = _simulated()
    if not (SHARED_DATA / _FOLDER).is_dir():
        return [*figures, absent("report", _FOLDER)]
    with tempfile.TemporaryDirectory() as name:
        figures += _costs("11,234 conversations", SHARED_DATA / _FOLDER, Path(name), most_seconds=240)
    return figures


def _costs(what: str, data: Path, folder: Path, most_seconds: float) -> list[Figure]:
    out, cache = folder / "out", folder / "cache"
    start = time.perf_counter()
    _report(data, out, cache)
    cold = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    again = median_seconds(lambda: _report(data, out, cache), times=3)
    size = (out / "report.html").stat().st_size / 1e6
    return [
        Figure(f"report of {what}, cold", cold, "s", "<=", most_seconds),
        Figure(f"report of {what}, peak memory", gigabytes, "GB", "<=", 3),
        Figure(f"report of {what}, nothing new", again, "s", "<=", 30),
        Figure(f"report of {what}, size of the page", size, "MB", "<", 5),
    ]


def _simulated() -> list[Figure]:
    """The default world: first without its last week, then with it, then once more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world, data = folder / "world", folder / "data"
        write_world(world)
        _copy_until(END - timedelta(weeks=1), world, data)
        before = _report(data, folder / "out", folder / "cache")
        _copy_until(END + timedelta(weeks=1), world, data)
        start = time.perf_counter()
        after = _report(data, folder / "out", folder / "cache")
        seconds = time.perf_counter() - start
        encoded, total = _encoded(after)
        shares = [
            Figure("simulated brand, texts at first", _encoded(before)[1], ""),
            Figure("simulated brand, texts with one more week", total, ""),
            Figure("simulated brand, of them encoded", encoded, ""),
            Figure("simulated brand, share encoded for one more week of 26", encoded / total, "", "<=", 0.1),
            Figure("simulated brand, report with one more week", seconds, "s"),
        ]
    with tempfile.TemporaryDirectory() as name:
        write_world(Path(name) / "world")
        costs = _costs("the simulated brand", Path(name) / "world", Path(name), most_seconds=300)
    return [*costs, *shares]


def _copy_until(end: object, world: Path, data: Path) -> None:
    """The tables of a world with the conversations that started before `end`, and all that is about them."""
    kept = store.scan(world, "conversations").filter(pl.col("started_at") < end)
    for name in store.tables_in(world)[0]:
        frame = store.scan(world, name)
        if "conversation_id" in frame.collect_schema():
            frame = frame.join(kept.select("conversation_id"), on="conversation_id", how="semi")
        store.write(frame, data, name)


def _encoded(said: str) -> tuple[int, int]:
    found = _ENCODED.search(said)
    assert found, "the report does not say how many texts it encoded"
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))
