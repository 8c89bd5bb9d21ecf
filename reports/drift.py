"""Drift: whether what comes in, and what is predicted from it, still looks like the weeks before.

The week against a reference window of the eight weeks before it, column by column: population
stability index, Jensen-Shannon distance, and a test (chi-squared or Kolmogorov-Smirnov) corrected for
their number. A column to watch belongs in `_COLUMNS`; limits on key figures are in `monitors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.workspace import Workspace
from reports import periods

REFERENCE_WEEKS = 8
FALSE_DISCOVERY_RATE = 0.01
WARN_PSI, FAIL_PSI = 0.1, 0.25
_FEWEST_NOW, _FEWEST_BEFORE, _FEWEST_CELL = 50, 200, 5
_N_BINS = 10
_COLUMNS = {
    "channel": "channel", "queue": "queue", "language": "language", "driver": "reason for contact",
    "handle_seconds": "handle time", "wait_seconds": "wait", "n_turns": "turns a conversation",
    "n_letters": "letters a conversation", "end_score": "sentiment at the end",
    "probability": "confidence of the reason",
}  # fmt: skip

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Drift:
    """How a column of the week lies beside the reference window.

    `psi` and `js_distance` (0-1, base 2) say how far apart they are; `noise` is the index that two
    samples of this size have by chance; `q_value` is the test's p after false-discovery control.
    `most` is the value or range whose share moved most, with both shares.
    """

    column: str
    label: str
    n: int
    n_reference: int
    psi: float
    noise: float
    js_distance: float
    p_value: float
    q_value: float
    most: tuple[str, float, float]

    @property
    def state(self) -> State:
        """`warn` and `fail` at an index of .1 and .25 above chance, if the test agrees; else `ok`."""
        if self.q_value > FALSE_DISCOVERY_RATE:
            return "ok"
        excess = self.psi - self.noise
        return "fail" if excess > FAIL_PSI else "warn" if excess > WARN_PSI else "ok"


def find_drift(workspace: Workspace, contacts: pl.DataFrame | None, period: str | None) -> list[Drift]:
    """Every column with enough values in the week (50) and before it (200), the farthest apart first."""
    if contacts is None or period is None:
        return []
    weeks = [period]
    for _ in range(REFERENCE_WEEKS):
        weeks.append(periods.week_before(weeks[-1]))
    frame = _with_lengths(workspace, contacts.filter(pl.col("period").is_in(weeks)))
    found = []
    for column, label in _COLUMNS.items():
        if column in frame.columns:
            values = frame.select("period", column).drop_nulls()
            is_now = values["period"] == period
            now, before = values.filter(is_now)[column], values.filter(~is_now)[column]
            if now.len() >= _FEWEST_NOW and before.len() >= _FEWEST_BEFORE:
                found.append(_compare(column, label, now, before))
    return _corrected(found)


def _with_lengths(workspace: Workspace, contacts: pl.DataFrame) -> pl.DataFrame:
    keys = contacts.lazy().select("conversation_id")
    if workspace.has("turns"):
        letters = pl.col("text").str.len_chars()
        turns = workspace.read("turns").join(keys, on="conversation_id", how="semi")
        lengths = turns.group_by("conversation_id").agg(n_turns=pl.len(), n_letters=letters.sum()).collect()
        contacts = contacts.join(lengths, on="conversation_id", how="left", validate="1:1")
    if workspace.has("predicted_intents"):
        best = workspace.read("predicted_intents").filter(pl.col("rank") == 1)
        sure = best.select("conversation_id", "probability").collect()
        contacts = contacts.join(sure, on="conversation_id", how="left", validate="1:1")
    return contacts


def _compare(column: str, label: str, now: pl.Series, before: pl.Series) -> Drift:
    from scipy.stats import chi2_contingency, ks_2samp

    if now.dtype == pl.String:
        names, counts = _count_values(now, before)
        p_value = float(chi2_contingency(counts)[1]) if len(names) > 1 else 1.0
    else:
        names, counts = _count_bins(now, before)
        p_value = float(ks_2samp(now.to_numpy(), before.to_numpy(), method="asymp").pvalue)
    # Half a count in every cell, so that an empty one has a share.
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    p, q = shares
    psi = float(((p - q) * np.log(p / q)).sum())
    noise = (len(names) - 1) * (1 / now.len() + 1 / before.len())
    most = int(np.argmax(np.abs(p - q)))
    exact = counts / counts.sum(axis=1, keepdims=True)
    moved = (names[most], float(exact[1, most]), float(exact[0, most]))
    sizes = now.len(), before.len()
    return Drift(column, label, *sizes, psi, noise, _js_distance(p, q), p_value, p_value, moved)


def _count_values(now: pl.Series, before: pl.Series) -> tuple[list[str], NDArray[np.float64]]:
    """Counts `(2, n_values)`; values that are rare in both together are one."""
    both = pl.DataFrame(
        {"value": pl.concat([now, before]), "is_now": [True] * now.len() + [False] * before.len()}
    )
    counts = both.group_by("value").agg(now=pl.col("is_now").sum(), n=pl.len()).sort("value")
    is_rare = (pl.col("n") * now.len() / both.height) < _FEWEST_CELL
    named = counts.with_columns(
        value=pl.when(is_rare).then(pl.lit("all rare ones")).otherwise(pl.col("value"))
    )
    merged = named.group_by("value").agg(pl.col("now", "n").sum()).sort("value")
    found = merged.select("now", before=pl.col("n") - pl.col("now")).to_numpy().T.astype(float)
    return merged["value"].to_list(), found


def _count_bins(now: pl.Series, before: pl.Series) -> tuple[list[str], NDArray[np.float64]]:
    """Counts `(2, n_bins)` in tenths of the reference."""
    edges = np.unique(np.quantile(before.to_numpy(), np.linspace(0, 1, _N_BINS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, s.to_numpy(), side="right"), minlength=len(edges) + 1)
        for s in (now, before)
    ]
    ends = [f"{edge:.3g}" for edge in edges]
    names = [
        f"under {ends[0]}",
        *(f"{a} to {b}" for a, b in pairwise(ends)),
        f"{ends[-1]} or more",
    ]
    return names, np.asarray(counts, dtype=float)


def _js_distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    middle = (p + q) / 2
    divergence = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2
    return float(np.sqrt(max(divergence, 0.0)))


def _corrected(found: Sequence[Drift]) -> list[Drift]:
    from scipy.stats import false_discovery_control

    if not found:
        return []
    adjusted = false_discovery_control([drift.p_value for drift in found])
    marked = [replace(drift, q_value=float(q)) for drift, q in zip(found, adjusted, strict=True)]
    return sorted(marked, key=lambda drift: (-(drift.psi - drift.noise), drift.column))


@dataclass(frozen=True)
class Expectation:
    """A task's accuracy in the week as its own probabilities expect it, beside the measured one.

    `labelled_until` is the latest week with a label: how far behind the measured one is.
    """

    task: str
    expected: float
    n: int
    expected_before: float | None
    measured: float | None
    n_measured: int
    labelled_until: str | None = None


_PROBABILITIES = {
    "intent_prediction": ("predicted_intents", "accuracy", "intent_labels"),
    "sentiment": ("turn_sentiment", "accuracy", "sentiment_labels"),
    "quality_adherence": ("quality_answers", "question_accuracy", "quality_labels"),
}


def expect_accuracy(
    workspace: Workspace, contacts: pl.DataFrame | None, period: str | None, scores: Sequence[dict[str, Any]]
) -> list[Expectation]:
    """The mean probability of the answers given in the week and in the reference window.

    Where probabilities are calibrated it is the accuracy to expect, without a label (Guillory et al. 2021,
    average confidence).
    """
    if contacts is None or period is None:
        return []
    weeks = contacts.lazy().select("conversation_id", "period")
    found = []
    for task, (table, metric, gold) in _PROBABILITIES.items():
        if not workspace.has(table):
            continue
        rows = workspace.read(table)
        if table == "predicted_intents":
            rows = rows.filter(pl.col("rank") == 1)
        # Rounded: the last digits of a mean depend on the order in which rows come.
        means = (
            rows.join(weeks, on="conversation_id", how="inner", validate="m:1")
            .group_by("period").agg(mean=pl.col("probability").mean().round(12), n=pl.len())
            .sort("period").collect()
        )  # fmt: skip
        now = means.filter(pl.col("period") == period)
        if now.is_empty():
            continue
        earlier = means.filter(pl.col("period") < period).tail(REFERENCE_WEEKS)
        before = None
        if earlier.height:
            before = float(np.average(earlier["mean"].to_numpy(), weights=earlier["n"].to_numpy()))
        score = next((row for row in scores if row["task"] == task and row["metric"] == metric), None)
        measured, n_measured = (score["value"], score["n"]) if score else (None, 0)
        until = None
        if workspace.has(gold):
            dated = weeks.join(workspace.read(gold), on="conversation_id", how="semi")
            until = dated.select(pl.col("period").max()).collect().item()
        sizes = float(now["mean"][0]), int(now["n"][0])
        found.append(Expectation(task, *sizes, before, measured, n_measured, until))
    return found
