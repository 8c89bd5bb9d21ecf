"""Jobs: what is run as one.

The one job is everything from the tables to the report. Part of it is run by selecting assets in
the UI; a further job belongs here only if a schedule needs it.
"""

import dagster as dg

REPORT_JOB = dg.define_asset_job(
    "report_job",
    selection=dg.AssetSelection.all(),
    description="Check the tables, run and score every task that has what it needs, build the week's report.",
)
