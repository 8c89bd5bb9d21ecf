from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from assets.schedules import TIME_ZONE, weekly_report


def test_on_monday_morning_the_week_that_has_ended_is_added_and_asked_for():
    monday = datetime(2026, 8, 3, 6, tzinfo=ZoneInfo(TIME_ZONE))
    with dg.DagsterInstance.local_temp() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=monday)
        request = weekly_report(context)
        assert request.partition_key == "2026-W31"
        assert instance.get_dynamic_partitions("week") == ["2026-W31"]


def test_the_schedule_ticks_on_mondays_at_six():
    assert weekly_report.cron_schedule == "0 6 * * 1"
    assert weekly_report.execution_timezone == TIME_ZONE
    assert weekly_report.job_name == "report_job"
