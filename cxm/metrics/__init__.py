"""Metrics: what each one is called and means (`METRICS`), and the functions behind them.

A new metric is a function in the module of its kind (`classification`, `ranking`, `survival`,
`agreement`) and one line in `labels`. Intervals for all of them come from `intervals`.
"""

from cxm.metrics.intervals import Estimate, estimate
from cxm.metrics.labels import METRICS, Metric, is_of_a_part

__all__ = ["METRICS", "Estimate", "Metric", "estimate", "is_of_a_part"]
