"""Monitors: a figure, the limits it is held against, and what they say about a value.

The same objects colour the report, fail a Dagster asset check and set the exit code of
`python -m reports monitor`. Which there are stands in `monitors.toml`, read by `limits`; a figure to
watch belongs in `kpis` or is a score of a task; how an alert goes out is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from cxm.metrics import METRICS
from reports.kpi import Reading

KINDS = ("score", "gain", "kpi", "rows", "fresh")
State = Literal["ok", "warn", "fail", "no data"]


@dataclass(frozen=True)
class MonitorState:
    """What a monitor says about one value; `value` is None where there is no data."""

    monitor: Monitor
    state: State
    value: float | None


@dataclass(frozen=True)
class Monitor:
    """One limit on one figure.

    `figure`: `score:<task>.<metric>`, `gain:<task>.<metric>` (how much better than the baseline, in
    the metric's unit), `kpi:<name>`, `rows:<table>` or `fresh:conversations`. Beyond `warn`
    it warns, beyond `fail` it fails; `bad` says which side is beyond.
    A value equal to a limit has not passed it.
    """

    name: str
    figure: str
    warn: float
    fail: float
    doc: str
    bad: Literal["below", "above"] = "below"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"monitor {self.name}: unknown kind of figure in '{self.figure}'")
        if not (isfinite(self.warn) and isfinite(self.fail)):
            raise ValueError(f"monitor {self.name}: a limit is no number")
        if (self.fail - self.warn) * (1 if self.bad == "above" else -1) < 0:
            raise ValueError(f"monitor {self.name}: it would fail before it warns")

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self.figure.partition(":")[0]

    @property
    def subject(self) -> str:
        """What the figure belongs to: a task, `kpis`, or a table."""
        name = self.figure.partition(":")[2]
        return "kpis" if self.kind == "kpi" else name.partition(".")[0]

    def check(self, figures: Mapping[str, float]) -> MonitorState:
        """Hold the figure (by its name, see `collect_figures`) against the limits."""
        value = figures.get(self.figure)
        if value is None:
            return MonitorState(self, "no data", None)
        for state, limit in (("fail", self.fail), ("warn", self.warn)):
            if value < limit if self.bad == "below" else value > limit:
                return MonitorState(self, state, value)  # type: ignore[arg-type]
        return MonitorState(self, "ok", value)


def collect_figures(
    scores: Iterable[Mapping[str, Any]] = (),
    readings: Iterable[Reading] = (),
    rows: Mapping[str, int] | None = None,
) -> dict[str, float]:
    """The figures monitors look at, by name: rows of `scores`, key figures, rows of each table."""
    figures: dict[str, float] = {f"rows:{table}": float(n) for table, n in (rows or {}).items()}
    figures |= {f"kpi:{reading.kpi.name}": reading.value for reading in readings}
    for score in scores:
        name = f"{score['task']}.{score['metric']}"
        figures[f"score:{name}"] = score["value"]
        if score["baseline"] is not None:
            metric = METRICS.get(score["metric"])
            sign = 1 if metric is None or metric.is_higher_better else -1
            figures[f"gain:{name}"] = sign * (score["value"] - score["baseline"])
    return figures


def check_all(figures: Mapping[str, float], monitors: Iterable[Monitor]) -> list[MonitorState]:
    """Every monitor's state, in their order; those by the clock only where their figure was asked for."""
    return [
        monitor.check(figures) for monitor in monitors if monitor.kind != "fresh" or monitor.figure in figures
    ]
