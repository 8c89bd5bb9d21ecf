"""The report says what labels are worth, and whether a fine-tuned encoder is used."""

import polars as pl
import pytest

from cxm.tasks.intent_prediction import TASK
from reports.sections.intent_prediction import tell

COMPARED = {"no labels": 0.5, "8 an intent": 0.7, "all labels": 0.8, "fine-tuned": 0.85}


@pytest.fixture
def story(evidence_of):
    """Told of a folder with one reason, with these models compared."""

    def told(is_used=None, models=tuple(COMPARED)):
        rows = []
        for model in models:
            row = {"task": TASK.name, "model": model, "n": 400}
            value = COMPARED[model]
            rows.append(
                {**row, "metric": "accuracy", "value": value, "low": value - 0.1, "high": value + 0.1}
            )
            rows.append({**row, "metric": "n_labels", "value": 1203.0, "low": None, "high": None})
            if model == "fine-tuned":
                rows.append({**row, "metric": "is_used", "value": is_used, "low": None, "high": None})
        best = {"conversation_id": ["a"], "rank": [1], "intent": ["late"], "probability": [0.9]}
        tables = {"predicted_intents": pl.DataFrame({**best, "is_abstained": [False]})}
        if rows:
            tables["model_comparison"] = pl.DataFrame(rows, infer_schema_length=None)
        return tell(evidence_of(TASK, **tables))

    return told


def amounts(story):
    return [grid for grid in story.grids if "labels are worth" in grid.title]


def test_each_amount_of_labels_has_its_accuracy_interval_and_number(story):
    (grid,) = amounts(story(models=tuple(COMPARED)[:3]))
    cells = [[cell.replace("\u00a0", " ") for cell in row] for row in grid.rows]
    assert [row[0] for row in cells] == [
        "Names and descriptions of the reasons",
        "At most 8 labels a reason",
        "All labels",
    ]
    assert cells[1][1:] == ["1,203", "70 % (60 % to 80 %)", "400"]


@pytest.mark.parametrize(("is_used", "said"), [(1.0, "(in use)"), (0.0, "(no clear gain, not in use)")])
def test_a_fine_tuned_encoder_says_whether_it_is_used(story, is_used, said):
    (grid,) = amounts(story(is_used))
    assert grid.rows[-1][0].endswith(said)


def test_nothing_compared_is_no_table(story):
    assert amounts(story(models=())) == []
