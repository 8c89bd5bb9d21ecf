"""Definitions: everything Dagster is told, put together.

`build_defs` takes what a test or the command line wants otherwise. Assets, checks, schedules and
resources themselves stand in the file named after them.
"""

from collections.abc import Sequence

import dagster as dg

from assets.checks import build_checks
from assets.inbox import inbox
from assets.jobs import INBOX_JOB, REPORT_JOB
from assets.loggers import plain_lines
from assets.report import build_report_assets
from assets.resources import WorkspaceResource
from assets.schedules import build_schedules
from assets.sensors import inbox_files, report_after_inbox
from assets.sources import build_source_assets
from assets.tasks import build_task_assets
from cxm.settings import read_settings
from cxm.task import Task
from cxm.tasks import TASKS

_OWNER = "team:contact-center"


def build_defs(
    *, tasks: Sequence[Task] = TASKS, workspace: WorkspaceResource | None = None
) -> dg.Definitions:
    """The whole project; `tasks` and `workspace` take the place of the usual ones.

    Raises `CxmError` for a file of monitors or a schedule that cannot be used.
    """
    workspace = workspace or WorkspaceResource()
    assets = [inbox, *build_source_assets(), *build_task_assets(tasks), *build_report_assets(tasks)]
    return dg.Definitions(
        assets=dg.map_asset_specs(lambda spec: spec.replace_attributes(owners=[_OWNER]), assets),
        asset_checks=build_checks(tasks, workspace.data_directory()),
        jobs=[REPORT_JOB, INBOX_JOB],
        schedules=build_schedules(read_settings()),
        sensors=[inbox_files, report_after_inbox],
        resources={"workspace": workspace},
        loggers={"plain_lines": plain_lines},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads; the environment is read then, not at import."""
    return build_defs()
