"""Jobs: what is run as one.

One is everything from the tables to the report, the other fills the tables from the inbox. Part of a
job is run by selecting assets in the UI; a further one belongs here only if a schedule or a sensor
needs it.
"""

import dagster as dg

INBOX = dg.AssetKey("inbox")
_FILL = dg.AssetSelection.assets(INBOX)

INBOX_JOB = dg.define_asset_job(
    "inbox_job",
    selection=_FILL,
    description="Import what has settled in the inbox, set bad rows aside, move the files.",
)

# A report never changes the tables it is made from.
REPORT_JOB = dg.define_asset_job(
    "report_job",
    selection=dg.AssetSelection.all() - _FILL - dg.AssetSelection.checks_for_assets(INBOX),
    description="Check the tables, run and score every task that has what it needs, build the week's report.",
)
