from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.definitions import build_defs
from assets.schedules import build_schedules
from cxm.errors import CxmError
from cxm.settings import Settings


def test_on_monday_morning_the_week_that_has_ended_is_added_and_asked_for():
    monday = datetime(2026, 8, 3, 6, tzinfo=ZoneInfo("Etc/UTC"))
    with dg.DagsterInstance.local_temp() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=monday)
        request = build_schedules(Settings())[0](context)
        assert request.partition_key == "2026-W31"
        assert instance.get_dynamic_partitions("week") == ["2026-W31"]


def test_the_schedule_ticks_on_mondays_at_six_unless_the_settings_say_otherwise(monkeypatch):
    usual = build_defs().get_schedule_def("weekly_report")
    assert (usual.cron_schedule, usual.execution_timezone) == ("0 6 * * 1", "Etc/UTC")
    assert usual.job_name == "report_job"
    monkeypatch.setenv("CXM_SCHEDULE", "30 7 * * 2")
    monkeypatch.setenv("CXM_SCHEDULE_ZONE", "Europe/Berlin")
    moved = build_defs().get_schedule_def("weekly_report")
    assert (moved.cron_schedule, moved.execution_timezone) == ("30 7 * * 2", "Europe/Berlin")


@pytest.mark.parametrize("setting", [{"schedule": "monday at six"}, {"schedule_zone": "Berlin"}])
def test_a_time_that_there_is_not_is_one_line(setting):
    with pytest.raises(CxmError, match="CXM_SCHEDULE"):
        build_schedules(Settings(**setting))
