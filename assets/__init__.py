"""The Dagster project: one file per Dagster concept.

Here what is calculated elsewhere becomes assets, checks, schedules and jobs. Open the file named
after the concept you look for. No calculation: methods live in `cxm`, figures in `reports`.
"""
