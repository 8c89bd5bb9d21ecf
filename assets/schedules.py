"""Schedules: when a report is made by itself.

Day, hour and time zone stand here. A schedule runs while `dagster-daemon` does and the schedule is
switched on in the UI. What is run stands in `jobs.py`.
"""

from datetime import timedelta

import dagster as dg

from assets.jobs import REPORT_JOB
from assets.partitions import add_week
from reports.periods import week_of

MONDAY_MORNING = "0 6 * * 1"
TIME_ZONE = "Etc/UTC"


@dg.schedule(
    job=REPORT_JOB,
    cron_schedule=MONDAY_MORNING,
    execution_timezone=TIME_ZONE,
    description="On Monday morning the report of the week that has just ended.",
)
def weekly_report(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Add the week that has just ended to the partitions and ask for its report."""
    week = week_of(context.scheduled_execution_time - timedelta(days=1))
    add_week(context.instance, week)
    return dg.RunRequest(run_key=week, partition_key=week)
