from dataclasses import fields

import pytest

from assets import sources
from assets.config import config_class, make_params
from cxm.errors import CxmError
from cxm.tasks import TASKS

TASK_ASSETS = ["mood", "scores/mood"]


def test_a_task_shows_rows_columns_preview_time_and_every_table(outcome):
    mood = outcome.metadata["mood"]
    assert mood["status"] == "run"
    assert mood["dagster/row_count"] == 3
    assert "turn\\_sentiment | 3" in mood["tables"]
    assert "conversation\\_id" in mood["preview"]
    assert mood["seconds"] >= 0
    assert "score" in [column.name for column in mood["dagster/column_schema"].columns]


def test_scores_show_value_interval_and_baseline(outcome):
    scores = outcome.metadata["scores/mood"]
    assert scores["scores"].splitlines()[-1] == "| accuracy | 0.5 | 0 | 1 | 2 | 0.5 |"
    assert scores["accuracy"] == 0.5


def test_a_task_without_its_tables_is_not_run_and_says_what_it_needs(outcome, small_tasks):
    assert outcome.is_success
    for key in ("spend", "scores/spend"):
        assert outcome.metadata[key] == {
            "status": "not_run",
            "lacks": "dismissed_findings",
            "needs": small_tasks[1].needs_text(),
        }


def test_a_task_without_labels_is_run_and_has_nothing_to_be_scored_against(run_job, data):
    (data / "sentiment_labels.parquet").unlink()
    outcome = run_job(only=TASK_ASSETS)
    assert outcome.metadata["mood"]["status"] == "run"
    assert outcome.metadata["scores/mood"]["status"] == "nothing_to_score_against"


def test_a_second_run_finds_nothing_new(run_job):
    assert not run_job(only=TASK_ASSETS).metadata["mood"]["fresh"]
    assert run_job(only=TASK_ASSETS).metadata["mood"]["fresh"]


def test_run_config_reaches_the_task_and_what_was_run_is_scored(run_job):
    run_job(only=TASK_ASSETS)
    outcome = run_job(only=TASK_ASSETS, mood={"words": ["bad", "where"]})
    assert not outcome.metadata["mood"]["fresh"]
    assert outcome.metadata["scores/mood"]["accuracy"] == 1.0
    assert "negative" in outcome.metadata["mood"]["preview"].splitlines()[3]


def test_a_fault_in_a_task_fails_the_run_and_leaves_the_others_results(run_job):
    outcome = run_job(mood={"fault": "oops"})
    assert not outcome.is_success
    assert outcome.failures == {"mood": "ZeroDivisionError: oops"}
    assert "report" not in outcome.metadata
    assert "turns" in outcome.metadata


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_run_config_has_every_parameter_with_its_default_and_explanation(task):
    config = config_class(task.params)
    assert list(config.model_fields) == [field.name for field in fields(task.params)]
    assert all(field.description for field in config.model_fields.values())
    assert make_params(task.params, dict(config()), task.name) == task.params()


def test_a_parameter_that_does_not_fit_is_named(small_tasks):
    with pytest.raises(CxmError, match="mood: parameter seed"):
        make_params(small_tasks[0].params, {"seed": "seven"}, "mood")


def test_what_fails_from_outside_is_tried_again(run_job, monkeypatch):
    monkeypatch.setattr(sources, "_FIRST_PAUSE", 0.01)
    read, tries = sources._read_tables, []

    def fail_once(workspace):
        tries.append(workspace)
        if len(tries) == 1:
            raise TimeoutError("the disk sleeps")
        return read(workspace)

    monkeypatch.setattr(sources, "_read_tables", fail_once)
    assert run_job(only=["turns"]).is_success
    assert len(tries) == 2
