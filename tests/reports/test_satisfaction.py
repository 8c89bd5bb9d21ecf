"""Predicted satisfaction is told apart from what was surveyed, with how near it comes."""

from functools import partial

import polars as pl
import pytest

from cxm.tasks.sentiment import TASK
from reports.sections.satisfaction import satisfaction_grid, say_satisfaction


@pytest.fixture
def evidence(evidence_of):
    return partial(evidence_of, TASK)


def predicted(n):
    rows = {"conversation_id": [f"c{i}" for i in range(n)], "csat": [3.5] * n, "low": [2.5] * n}
    return pl.DataFrame({**rows, "high": [4.5] * n})


def test_the_mean_says_that_it_is_predicted(evidence):
    said = say_satisfaction(evidence(predicted_satisfaction=predicted(40))).replace("\u00a0", " ")
    assert "40 conversations without an answered survey" in said
    assert "3.5 out of 5 (predicted, not surveyed)" in said


def test_a_handful_of_predictions_is_no_figure(evidence):
    assert say_satisfaction(evidence(predicted_satisfaction=predicted(5))) == ""


def test_the_table_begins_with_the_worst_and_is_left_out_without_rows(evidence):
    rows = [
        {"task": TASK.name, "model": model, "metric": metric, "value": value, "low": value, "high": value}
        for model, metric, value in (
            ("a", "csat_error", 0.6),
            ("a", "csat_spearman", 0.7),
            ("a", "csat_coverage", 0.8),
            ("mean", "csat_error", 1.2),
        )
    ]
    (grid,) = satisfaction_grid(evidence(model_comparison=pl.DataFrame(rows)))
    assert [row[0] for row in grid.rows] == ["Mean", "A"]
    assert grid.rows[0][1] == "–"


def test_nothing_predicted_is_nothing_told(evidence):
    nothing = evidence()
    assert say_satisfaction(nothing) == ""
    assert satisfaction_grid(nothing) == ()
