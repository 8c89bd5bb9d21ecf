"""Sensors: an export dropped into the inbox is imported, and after it the report is made.

They run while `dagster-daemon` does, and say why nothing happens where no inbox is set. What is run
stands in `jobs.py`, which files can be taken in `cxm.importers.inbox`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.jobs import INBOX, INBOX_JOB, REPORT_JOB
from assets.partitions import add_week
from assets.resources import WorkspaceResource
from cxm.errors import CxmError
from cxm.importers import check_inbox, look
from cxm.locks import is_held

SECONDS_BETWEEN_LOOKS = 30
# A run that was killed stays "started" for ever: it is waited for no longer than this.
_STARTS_WITHIN = timedelta(minutes=5)
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(
    job=INBOX_JOB,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for an import once files in CXM_INBOX have stood still from one look to the next.",
)
def inbox_files(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Look at the inbox; one run takes all that can be taken."""
    folder = workspace.inbox_folder()
    if folder is None or workspace.is_simulated():
        return dg.SkipReason("no inbox is watched: CXM_INBOX and CXM_DATA are not both set")
    try:
        check_inbox(folder, workspace.data_directory())
        ready = look(folder)
    except (CxmError, OSError) as error:
        return dg.SkipReason(str(error))
    if not ready:
        return dg.SkipReason("nothing new, or still being written")
    if is_held(folder) or _is_starting(context.instance):
        return dg.SkipReason(f"{len(ready):,} files wait until the present import has ended")
    return dg.RunRequest(tags={"inbox/files": str(len(ready))})


def _is_starting(instance: dg.DagsterInstance) -> bool:
    recent = dg.RunsFilter(
        job_name=INBOX_JOB.name, statuses=_UNFINISHED, created_after=datetime.now(UTC) - _STARTS_WITHIN
    )
    return bool(instance.get_run_records(recent, limit=1))


@dg.asset_sensor(
    asset_key=INBOX,
    job=REPORT_JOB,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for the report of the last complete week once rows came in through the inbox.",
)
def report_after_inbox(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest:
    """Add the week that the intake found to the partitions and ask for its report."""
    materialization = event.asset_materialization
    assert materialization is not None
    week = str(materialization.metadata["week"].value)
    add_week(context.instance, week)
    return dg.RunRequest(run_key=event.run_id, partition_key=week)
