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


def test_a_state_that_changed_is_told_once_and_an_older_week_not_at_all(run_job, data, tmp_path, monkeypatch):
    monkeypatch.setenv("CXM_ALERT_FILE", str(tmp_path / "alerts.txt"))
    (data / "monitors.toml").write_text('[many]\nfigure = "rows:conversations"\nwarn = 9\nfail = 5\n')
    first, second = run_job(), run_job()
    assert "many fails: 3" in first.metadata["alerts"]["alerts"]
    assert second.metadata["alerts"]["n_alerts"] == 0
    told = (tmp_path / "alerts.txt").read_text().splitlines()
    assert len([line for line in told if line.startswith("many fails: 3")]) == 1


def test_a_dead_webhook_stops_no_report(run_job, data, monkeypatch):
    monkeypatch.setenv("CXM_ALERT_WEBHOOK", "http://127.0.0.1:9/secret-token")
    (data / "monitors.toml").write_text('[many]\nfigure = "rows:conversations"\nwarn = 9\nfail = 5\n')
    assert run_job().is_success


def test_the_figures_of_the_week_are_plotted_over_the_weeks(outcome):
    assert outcome.metadata["kpi_history"]["contacts"] == 3
