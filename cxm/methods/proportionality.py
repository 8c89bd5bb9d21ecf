"""Whether a hazard ratio holds at every tenure: the test of proportional hazards.

Only the test stands here; the model it is about is fitted in `cox`.
"""

from __future__ import annotations

import numpy as np

from cxm.methods.hazards import Array, Floats, Spells


def proportional_p_values(matrix: Floats, spells: Spells, coefficients: Floats) -> Floats:
    """P of a slope as great as seen, over the rank of tenure, in each term's log hazard ratio, `(n_terms,)`.

    Small: the ratio changes with tenure. Grambsch & Therneau (1994, Biometrika 81(3)) on scaled Schoenfeld
    residuals, with Breslow's ties and late entry. NaN where there are fewer than three events, or where the
    information of the terms cannot be inverted.
    """
    from scipy.stats import chi2

    unknown = np.full(matrix.shape[1], np.nan)
    times, tie = np.unique(spells.exit[spells.is_event], return_inverse=True)
    if len(tie) < 3 or len(times) < 2:
        return unknown
    centred = matrix - matrix.mean(axis=0)
    weight = np.exp(np.clip(centred @ coefficients, -50, 50))
    # A row is at risk at the event times with entry < time <= exit: from one place up to another.
    begins = np.searchsorted(times, spells.entry, side="right")
    ends = np.searchsorted(times, spells.exit, side="right")
    total = _at_risk(weight, begins, ends, len(times))
    mean = np.column_stack(
        [_at_risk(weight * column, begins, ends, len(times)) / total for column in centred.T]
    )
    n_events = np.bincount(tie)
    hazard = np.concatenate([[0.0], np.cumsum(n_events / total)])
    seen = weight * (hazard[ends] - hazard[begins])
    information = (centred.T * seen) @ centred - (mean.T * n_events) @ mean
    try:
        variance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return unknown
    spread = np.diag(variance)
    residual = centred[spells.is_event] - mean[tie]
    # Tied events share a rank.
    rank = (np.cumsum(n_events) - (n_events - 1) / 2)[tie]
    rank = rank - rank.mean()
    n = len(tie)
    slope = n * (rank @ residual) @ variance
    with np.errstate(all="ignore"):
        statistic = slope**2 / (n * spread * float(rank @ rank))
    return np.where(spread > 0, chi2.sf(statistic, 1), np.nan)


def _at_risk(values: Floats, begins: Array, ends: Array, n_times: int) -> Floats:
    """Sum of `values` over the rows at risk, at each event time."""
    entered = np.bincount(begins, values, n_times + 1)
    left = np.bincount(ends, values, n_times + 1)
    return np.asarray(np.cumsum(entered - left)[:n_times])
