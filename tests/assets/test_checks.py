import dagster as dg
import pytest

from assets.checks import build_checks, watched_asset
from assets.definitions import build_defs
from cxm.tasks import TASKS
from reports.limits import read_monitors
from reports.monitors import Monitor

defs = build_defs()
MONITORS = [monitor for monitor in read_monitors() if monitor.kind != "fresh"]


@pytest.mark.parametrize("monitor", MONITORS, ids=[monitor.name for monitor in MONITORS])
def test_every_monitor_is_a_check_on_an_asset_there_is(monitor):
    assert watched_asset(monitor, TASKS) in defs.resolve_all_asset_keys()


def test_a_monitor_of_an_absent_task_is_no_check(small_tasks):
    (checks,) = build_checks(small_tasks)
    names = {spec.name for spec in checks.check_specs}
    assert "conversations_present" in names
    assert "sentiment_beats_baseline" not in names


def test_a_figure_within_its_limits_passes(outcome):
    check = outcome.checks["conversations_present"]
    assert check.passed
    assert check.asset_key == dg.AssetKey("conversations")
    assert check.metadata["value"].value == 3


def test_a_figure_without_data_passes_and_says_so(outcome):
    check = outcome.checks["articles_present"]
    assert check.passed
    assert check.description.startswith("no data")


@pytest.mark.parametrize(
    ("warn", "fail", "severity"),
    [(5, 1, dg.AssetCheckSeverity.WARN), (5, 4, dg.AssetCheckSeverity.ERROR)],
)
def test_a_figure_beyond_a_limit_marks_the_asset_and_lets_the_run_end_well(
    run_job, data, warn, fail, severity
):
    (data / "monitors.toml").write_text(
        f'[many]\nfigure = "rows:conversations"\nwarn = {warn}\nfail = {fail}\n'
    )
    outcome = run_job(only=["conversations"])
    assert outcome.is_success
    check = outcome.checks["many"]
    assert not check.passed
    assert check.severity == severity


def test_a_monitor_of_a_result_table_watches_the_task_that_writes_it(small_tasks):
    monitor = Monitor("answers", "rows:turn_sentiment", 1, 1, "There should be answers.")
    assert watched_asset(monitor, small_tasks) == dg.AssetKey("mood")
