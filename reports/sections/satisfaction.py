"""Satisfaction predicted where no survey was answered: never mixed with what was answered.

A part of the section on sentiment; how customers felt turn by turn is in `reports.sections.sentiment`.
"""

from __future__ import annotations

import polars as pl

from reports import words
from reports.sections.section import Evidence, Grid

_METRICS = ("csat_spearman", "csat_error", "csat_coverage")
_FEW = 20


def say_satisfaction(evidence: Evidence) -> str:
    """The mean predicted csat of the period's conversations without an answer; empty where there is none."""
    predicted = evidence.result("predicted_satisfaction")
    if predicted is None:
        return ""
    row = evidence.in_period(predicted).select(n=pl.len(), mean=pl.col("csat").mean()).collect().row(0)
    if row[0] < _FEW:
        return ""
    silent = words.plural(row[0], "conversation")
    return (
        f"The {silent} without an answered survey are predicted a mean satisfaction of"
        f" {words.decimal(row[1], 1)} out of 5 (predicted, not surveyed)."
    )


def satisfaction_grid(evidence: Evidence) -> tuple[Grid, ...]:
    """How near predictions come to surveys that were held out, with and without the circumstances,
    the worst first."""
    results = evidence.result("model_comparison")
    if results is None:
        return ()
    mine = results.filter(pl.col("task") == "sentiment", pl.col("metric").is_in(_METRICS)).collect()
    cells: dict[str, dict[str, str]] = {}
    errors = pl.col("value").filter(pl.col("metric") == "csat_error").max().over("model")
    ordered = mine.sort(errors, "model", "metric", descending=[True, False, False])
    for row in ordered.iter_rows(named=True):
        of_metric = words.decimal if row["metric"] != "csat_coverage" else words.percent
        said = of_metric(row["value"])
        if row["low"] is not None and row["high"] is not None:
            said += f" ({of_metric(row['low'])} to {of_metric(row['high'])})"
        cells.setdefault(row["model"], {})[row["metric"]] = said
    rows = [
        (words.sentence_case(model), *(of_model.get(metric, "–") for metric in _METRICS))
        for model, of_model in cells.items()
    ]
    header = ("Predicted from", "Rank correlation", "Mean error (points)", "Inside the 80 % interval")
    title = "Predicted satisfaction beside surveys that were held out"
    return (Grid(title, header, rows, "model_comparison", len(rows), (1, 2, 3)),) if rows else ()
