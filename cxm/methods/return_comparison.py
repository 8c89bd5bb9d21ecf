"""How models of who buys again compare, out of fold, and whether the chosen one is calibrated.

Records for `model_comparison` and `churn_calibration`. The models are fitted in `repeat_purchase`; models of
a contract are compared in `risk_choice`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cxm.methods.calibration_curve import calibration_curve
from cxm.methods.hazards import Array
from cxm.methods.repeat_purchase import OutOfFold, log_loss
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import roc_auc

_N_RESAMPLES = 30


def compared_models(horizon: int, chosen: str, found: OutOfFold) -> list[dict[str, Any]]:
    """Records model, metric, value, low, high of each kind: the chance that who buys again within the
    horizon ranks before who does not, and the log loss; then which kind was chosen.
    """
    records = []
    for kind, logit in found.logits.items():
        records += [
            {"model": kind, "metric": f"{e.metric}_{horizon}_days"}
            | {"value": e.value, "low": e.low, "high": e.high}
            for e in _judge(logit, found)
        ]
    return [*records, {"model": chosen, "metric": f"is_chosen_{horizon}_days", "value": 1.0}]


def _judge(logit: Array, found: OutOfFold) -> list[Estimate]:
    def auc(rows: Array) -> float:
        return roc_auc(logit[rows], found.outcome[rows] > 0)

    def loss(rows: Array) -> float:
        return log_loss(logit[rows], found.outcome[rows])

    return [
        *estimate("repeat_purchase_auc", auc, found.customer, _N_RESAMPLES),
        *estimate("log_loss", loss, found.customer, _N_RESAMPLES),
    ]


def calibration_records(horizon: int, found: OutOfFold) -> list[dict[str, Any]]:
    """Records as of `calibration_curve`; [] where the window is shorter than the horizon: it says nothing
    of how calibrated the horizon itself is.
    """
    if not found.is_whole:
        return []
    return calibration_curve(horizon, found.probability, found.outcome, np.ones(len(found.outcome)))
