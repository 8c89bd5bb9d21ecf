"""The report: what the result tables say, in words, figures and one page.

The rooms, from left to right (a module imports only what stands to its left)::

    words, periods, intervals, figures, contacts > kpi > kpis > monitors, sections, inventory > report
    > render, records, history > files > __main__

Everything is read from finished tables; nothing here fits a model or runs a task (`cxm`), and
nothing knows Dagster (`assets`).
"""

from reports.files import build

__all__ = ["build"]
