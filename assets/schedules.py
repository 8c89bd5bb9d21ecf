"""Schedules: when a report is made by itself.

Day, hour and time zone stand in the settings. A schedule runs while `dagster-daemon` does and the schedule
is switched on in the UI. What is run stands in `jobs.py`.
"""

from datetime import timedelta

import dagster as dg

from assets.jobs import REPORT_JOB
from assets.partitions import add_week
from cxm.errors import CxmError
from cxm.settings import Settings
from reports.periods import week_of


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The weekly report; `CxmError` for a time or a time zone that there is not."""

    def weekly_report(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Add the week that has just ended to the partitions and ask for its report."""
        week = week_of(context.scheduled_execution_time - timedelta(days=1))
        add_week(context.instance, week)
        return dg.RunRequest(run_key=week, partition_key=week)

    schedule = dg.schedule(
        job=REPORT_JOB,
        cron_schedule=settings.schedule,
        execution_timezone=settings.schedule_zone,
        description="The report of the week that has just ended; when, is said by CXM_SCHEDULE.",
    )
    try:
        return [schedule(weekly_report)]
    except dg.DagsterInvalidDefinitionError as error:
        raise CxmError(
            f"CXM_SCHEDULE='{settings.schedule}' in CXM_SCHEDULE_ZONE='{settings.schedule_zone}' is no time "
            f"of a schedule; '0 6 * * 1' in 'Europe/Berlin' is Monday, 06:00 there"
        ) from error
