"""The tables under the segments say what the task wrote, and are left out where it did not."""

from functools import partial

import polars as pl
import pytest

from cxm.tasks.segmentation import TASK
from reports.sections import segment_grids


@pytest.fixture
def evidence(evidence_of):
    return partial(evidence_of, TASK)


def compared(silhouette_of_trap: float) -> pl.DataFrame:
    figures = {
        "gaussian_mixture": {"silhouette": 0.34, "smallest_share": 0.03, "spend_explained_share": 0.24},
        "k_means_2_raw": {
            "silhouette": silhouette_of_trap, "smallest_share": 26 / 4338, "spend_explained_share": 0.02,
        },
    }  # fmt: skip
    rows = [
        {"task": TASK.name, "model": model, "metric": metric, "value": value, "low": None, "high": None}
        for model, values in figures.items()
        for metric, value in {**values, "n_customers": 4338.0}.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})


def test_why_the_silhouette_misleads_is_said_where_the_data_shows_it(evidence):
    said = segment_grids.say_why_not_silhouette(evidence(model_comparison=compared(0.9)))
    assert "reach 0.90 by cutting off 26 of 4,338 customers" in said.replace("\u00a0", " ")
    assert "explain 2.0 % of what is spent" in said.replace("\u00a0", " ")


def test_nothing_is_said_of_the_silhouette_where_the_segments_have_the_better_one(evidence):
    assert segment_grids.say_why_not_silhouette(evidence(model_comparison=compared(0.2))) == ""


def test_the_ways_to_group_stand_side_by_side_ours_first(evidence):
    (grid,) = segment_grids.comparison_grid(evidence(model_comparison=compared(0.9)))
    assert [row[0] for row in grid.rows] == ["Gaussian mixture (used)", "Two means of the raw numbers"]
    assert grid.columns[2] == "Silhouette"
    assert grid.rows[1][2] == "0.90"


def test_moves_are_a_matrix_of_then_and_now(evidence):
    moves = pl.DataFrame(
        {"previous_segment": ["a", "a", "b"], "segment": ["a", "b", "b"], "n_customers": [5, 2, 7]},
        schema_overrides={"n_customers": pl.Int32},
    )
    (grid,) = segment_grids.migration_grid(evidence(segment_migration=moves))
    assert grid.columns == ("A period ago", "a", "b")
    assert list(grid.rows) == [("a", "5", "2"), ("b", "0", "7")]


def test_a_table_the_task_did_not_write_is_left_out(evidence):
    nothing = evidence()
    for grid in ("profile_grid", "migration_grid", "comparison_grid", "cut_point_grid"):
        assert getattr(segment_grids, grid)(nothing) == ()
