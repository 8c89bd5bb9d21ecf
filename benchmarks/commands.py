"""How long a person waits for a command."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from benchmarks.figure import SHARED_DATA, Figure, absent, median_seconds


def _cxm(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cxm.cli", *arguments], check=True, capture_output=True)


def run() -> list[Figure]:
    """`cxm --help`, and `cxm run sentiment` when every vector is cached."""
    figures = [Figure("cxm --help", median_seconds(lambda: _cxm("--help")), "s", "<", 0.5)]
    data = SHARED_DATA / "airline_sentiment"
    name = "cxm run sentiment, 6,548 messages, cached vectors"
    if not data.is_dir():
        return [*figures, absent(name, data.name)]
    with tempfile.TemporaryDirectory() as out:
        arguments = ("run", "sentiment", "--data", str(data), "--out", out)
        _cxm(*arguments)
        figures.append(Figure(name, median_seconds(lambda: _cxm(*arguments)), "s", "<", 10))
    return figures
