"""The inbox asset: what was dropped into the inbox goes into the tables.

A run of its own, started by `sensors`; the report after it is another run. How files are chosen,
imported and moved is `cxm.importers.intake`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.jobs import INBOX
from assets.metadata import markdown_table
from assets.partitions import choose_week
from assets.resources import WorkspaceResource
from assets.sources import user_errors
from cxm.errors import CxmError
from cxm.importers import Intake, take_settled
from cxm.importers.intake import shown

_CHECK = "every_file_imported"


@dg.multi_asset(
    name="inbox",
    specs=[
        dg.AssetSpec(
            INBOX,
            group_name="sources",
            kinds={"file"},
            skippable=True,
            description="The folder CXM_INBOX: exports dropped there are imported into the data directory,"
            " then moved to its `done` or `failed`. Made anew where rows came in.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK, asset=INBOX, description="No file of the last intake had to be moved to `failed`."
        )
    ],
)
def inbox(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Import the settled files; materialised only where rows were imported."""
    with user_errors(context):
        folder = workspace.inbox_folder()
        if folder is None or workspace.is_simulated():
            raise CxmError("an inbox needs CXM_INBOX, the folder, and CXM_DATA, the data directory to fill")
        intake = take_settled(folder, workspace.data_directory(), on_wait=context.log.info)
        for taken in intake.taken:
            context.log.info(f"{shown(taken.name)}: {taken.outcome} {taken.reason}".rstrip())
        is_filled = bool(intake.of("imported"))
        week = choose_week(workspace.open()) if is_filled else ""
    if is_filled:
        yield dg.MaterializeResult(asset_key=INBOX, metadata=_metadata(intake, week))
    failed = [(shown(taken.name), taken.reason) for taken in intake.of("failed")]
    yield dg.AssetCheckResult(
        asset_key=INBOX,
        check_name=_CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(failed)} of {len(intake.taken)} files could not be imported"
        + (f"; {failed[0][0]}: {failed[0][1]}" if failed else ""),
        metadata={"reasons": markdown_table(["file", "reason"], failed)} if failed else {},
    )


def _metadata(intake: Intake, week: str) -> dict[str, Any]:
    files = [(shown(taken.name), taken.outcome, taken.reason) for taken in intake.taken]
    summaries = [(taken.name, taken.summary) for taken in intake.taken if taken.summary]
    rows = [
        (shown(name), t.table, t.n_new, t.n_changed, t.n_bad)
        for name, summary in summaries
        for t in summary.tables
    ]
    notes = [(shown(name), note) for name, summary in summaries for note in summary.notes]
    return {
        "week": week,
        "files": markdown_table(["file", "outcome", "reason"], files),
        "rows": markdown_table(["file", "table", "new", "changed", "set aside"], rows),
        **({"notes": markdown_table(["file", "note"], notes)} if notes else {}),
        "moved to": ", ".join(intake.moved_to),
        "n_imported": len(intake.of("imported")),
        "n_failed": len(intake.of("failed")),
        "n_set_aside": sum(row[-1] for row in rows),
    }
