"""`make report` on 11,234 real conversations: cold, and again with nothing new."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import SHARED_DATA, Figure, absent, median_seconds

_FOLDER = "airline_support"


def _report(out: Path, cache: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "assets",
        "report",
        "--data",
        str(SHARED_DATA / _FOLDER),
        "--out",
        str(out),
    ]
    environment = {**os.environ, "CXM_CACHE": str(cache), "DAGSTER_HOME": str(cache.parent / "dagster")}
    (cache.parent / "dagster").mkdir(exist_ok=True)
    subprocess.run(command, check=True, capture_output=True, env=environment)


def run() -> list[Figure]:
    """Cold: empty encoder cache and output. The process's own peak memory, not the machine's."""
    if not (SHARED_DATA / _FOLDER).is_dir():
        return [absent("report", _FOLDER)]
    with tempfile.TemporaryDirectory() as name:
        out, cache = Path(name) / "out", Path(name) / "cache"
        start = time.perf_counter()
        _report(out, cache)
        cold = time.perf_counter() - start
        gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        again = median_seconds(lambda: _report(out, cache), times=3)
        size = (out / "report.html").stat().st_size / 1e6
    return [
        Figure("report of 11,234 conversations, cold", cold, "s", "<=", 240),
        Figure("report of 11,234 conversations, peak memory", gigabytes, "GB", "<=", 3),
        Figure("report of 11,234 conversations, nothing new", again, "s", "<=", 30),
        Figure("report.html", size, "MB", "<", 5),
    ]
