import json
from pathlib import Path


def test_the_report_says_where_the_page_and_its_figures_are(outcome):
    assert outcome.is_success
    report = outcome.metadata["report"]
    page, figures = Path(report["path"]), Path(report["figures"])
    assert "<html" in page.read_text()
    tasks = json.loads(figures.read_text())["tasks"]
    assert (tasks["mood"]["status"], tasks["spend"]["status"]) == ("run", "not_run")
    assert report["tasks"].splitlines()[2:] == [
        "| mood | run |  |",
        "| spend | not\\_run | dismissed\\_findings |",
    ]
    assert report["bytes"] == page.stat().st_size


def test_key_figures_and_history_show_the_rows_of_the_week(outcome):
    for name in ("kpis", "kpi_history", "score_history"):
        assert (
            0
            < outcome.metadata[name]["dagster/partition_row_count"]
            <= outcome.metadata[name]["dagster/row_count"]
        )


def test_data_without_conversations_is_reported_without_a_week(run_job, data):
    for name in ("conversations", "sentiment_labels"):
        (data / f"{name}.parquet").unlink()
    outcome = run_job()
    assert outcome.is_success
    assert outcome.metadata["kpis"]["dagster/row_count"] == 0
