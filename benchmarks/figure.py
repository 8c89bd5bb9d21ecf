"""A measured figure beside the limit it is held to."""

from __future__ import annotations

import operator
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt}


@dataclass(frozen=True)
class Figure:
    """`value` against `limit` (None: no limit, or not measured because `note` says why)."""

    name: str
    value: float | None
    unit: str
    sign: str = "<="
    limit: float | None = None
    note: str = ""

    def __str__(self) -> str:
        value = "not measured" if self.value is None else f"{_said(self.value)} {self.unit}"
        if self.limit is None:
            return f"{self.name:58} {value:>16}  {self.note}"
        is_held = self.value is not None and _COMPARE[self.sign](self.value, self.limit)
        verdict = "" if self.value is None else ("ok" if is_held else "NOT HELD")
        return f"{self.name:58} {value:>16}  {self.sign} {self.limit:g}  {verdict} {self.note}"


def _said(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def median_seconds(action: Callable[[], object], times: int = 5) -> float:
    """Median wall-clock seconds of `times` calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def peak_gigabytes() -> float:
    """The most memory this process held. `ru_maxrss` would count what the process that started it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e9


def absent(name: str, folder: str) -> Figure:
    """A figure that needs data which is not there."""
    return Figure(name, None, "", note=f"needs {SHARED_DATA / folder}")
