"""The limits: what is watched, when it warns, when it fails.

`MONITORS` is the list to edit. The same objects colour the report, fail a Dagster asset check and
set the exit code of `python -m reports monitor`. A figure to watch belongs in `kpis` or is a score
of a task; how an alert goes out is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cxm.metrics import METRICS
from reports.kpi import Reading

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
    the metric's unit), `kpi:<name>` or `rows:<table>`. Beyond `warn` it warns, beyond `fail` it fails;
    `bad` says which side is beyond. A value equal to a limit has not passed it.
    """

    name: str
    figure: str
    warn: float
    fail: float
    doc: str
    bad: Literal["below", "above"] = "below"

    def __post_init__(self) -> None:
        if self.kind not in ("score", "gain", "kpi", "rows", "fresh"):
            raise ValueError(f"monitor {self.name}: unknown kind of figure in '{self.figure}'")
        if (self.fail - self.warn) * (1 if self.bad == "above" else -1) < 0:
            raise ValueError(f"monitor {self.name}: it would fail before it warns")

    @property
    def kind(self) -> str:
        """`score`, `gain`, `kpi` or `rows`."""
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


def check_all(figures: Mapping[str, float], monitors: Iterable[Monitor] | None = None) -> list[MonitorState]:
    """Every monitor's state, in the order of the list."""
    return [monitor.check(figures) for monitor in (MONITORS if monitors is None else monitors)]


def _beats_baseline(task: str, metric: str) -> Monitor:
    return Monitor(
        f"{task}_beats_baseline",
        f"gain:{task}.{metric}",
        warn=0.0,
        fail=-0.05,
        doc="The task should do better than a naive method on the same rows.",
    )


MONITORS: tuple[Monitor, ...] = (
    Monitor("conversations_present", "rows:conversations", 1, 1, "There should be conversations."),
    Monitor("articles_present", "rows:articles", 1, 1, "The knowledge base should not be empty."),
    Monitor("satisfaction", "kpi:csat", 0.75, 0.6, "Satisfied customers among answered surveys."),
    Monitor("resolution", "kpi:resolution_share", 0.7, 0.5, "Conversations that settle the matter."),
    Monitor(
        "first_contact", "kpi:first_contact_resolution", 0.7, 0.5, "Customers who need no second contact."
    ),
    Monitor("abandonment", "kpi:abandonment_share", 0.08, 0.15, "Customers who give up waiting.", "above"),
    Monitor("wait", "kpi:wait_seconds_median", 120, 600, "How long customers wait.", "above"),
    Monitor("transfers", "kpi:transfer_share", 0.2, 0.4, "Conversations handed on.", "above"),
    Monitor("bad_endings", "kpi:negative_ending_share", 0.3, 0.5, "Conversations that end badly.", "above"),
    Monitor("quality", "kpi:quality_score", 0.75, 0.5, "How well the scorecard is met."),
    Monitor("critical_errors", "kpi:critical_error_share", 0.1, 0.25, "Critical criteria not met.", "above"),
    Monitor("knowledge_gaps", "kpi:knowledge_gap_share", 0.25, 0.5, "What no article answers.", "above"),
    Monitor("churn", "kpi:churn_risk_mean", 0.15, 0.3, "How likely customers are to leave.", "above"),
    _beats_baseline("intent_prediction", "accuracy"),
    _beats_baseline("article_search", "hit_at_1"),
    _beats_baseline("kb_refinement", "similar_f1"),
    _beats_baseline("quality_adherence", "question_accuracy"),
    _beats_baseline("multi_turn_rag", "recall_at_5"),
    _beats_baseline("sentiment", "macro_f1"),
    _beats_baseline("churn_survival", "concordance_index"),
    _beats_baseline("segmentation", "spend_explained_share"),
    Monitor(
        "segments_stable", "score:segmentation.stability_ari", 0.6, 0.3, "Segments come back on resamples."
    ),
)
