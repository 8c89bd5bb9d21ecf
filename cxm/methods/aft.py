"""Accelerated failure time: a covariate stretches or shortens the time until somebody leaves.

Weibull and log-normal, fitted by likelihood with late entry. Proportional hazards stand in `cox`, trees
in `hazards`, the choice between them in `risk_choice`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxm.methods.hazards import Floats, Spells

WEIBULL, LOGNORMAL = "weibull_aft", "lognormal_aft"

_RIDGE = 1e-4
_MAX_STEPS = 300
_LARGEST = 50.0


@dataclass(frozen=True)
class Aft:
    """log(time) = intercept + covariates x coefficients + exp(log_sigma) x noise.

    (Kalbfleisch & Prentice 2002, ch. 3.) The noise is extreme-value (`weibull_aft`) or normal.
    """

    kind: str
    coefficients: Floats
    intercept: float
    log_sigma: float

    def contributions(self, matrix: Floats) -> Floats:
        """What each term adds to the log hazard (log-normal: about), `(n_rows, n_terms)`."""
        return np.asarray(-matrix * self.coefficients / np.exp(self.log_sigma))

    def at(self, matrix: Floats, days: Floats) -> Floats:
        """Cumulative hazard of each row at its columns of `days` `(n_rows, n_times)`."""
        middle = self.intercept + matrix @ self.coefficients
        z = (np.log(np.maximum(days, 1e-9)) - middle[:, None]) / np.exp(self.log_sigma)
        return _cumulative(self.kind, z)[0]


def _cumulative(kind: str, z: Floats) -> tuple[Floats, Floats]:
    """The cumulative hazard at a standardised log time, and its derivative by it."""
    if kind == WEIBULL:
        total = np.exp(np.clip(z, -_LARGEST, _LARGEST))
        return total, total
    from scipy.special import log_ndtr

    survival = log_ndtr(-z)
    return np.asarray(-survival), np.asarray(np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - survival))


def fit_aft(kind: str, matrix: Floats, spells: Spells) -> Aft:
    """The model of greatest likelihood, a small ridge on the coefficients; needs an event and a term.

    Late entry takes off the cumulative hazard at entry; who is watched from the start takes off nothing.
    """
    from scipy.optimize import minimize

    n_rows, n_terms = matrix.shape
    event = spells.is_event.astype(float)
    late = np.flatnonzero(spells.entry > 0)
    log_exit, log_entry = np.log(spells.exit), np.log(spells.entry[late])

    def loss(values: Floats) -> tuple[float, Floats]:
        coefficients, log_sigma = values[:n_terms], np.clip(values[-1], -5.0, 5.0)
        middle = matrix @ coefficients + values[n_terms]
        z = (log_exit - middle) / np.exp(log_sigma)
        total, density = _cumulative(kind, z)
        if kind == WEIBULL:
            log_density, slope = z - log_sigma, np.ones(n_rows)
        else:
            # log hazard = log density - log survival; the latter is the cumulative hazard.
            log_density, slope = -0.5 * z**2 - log_sigma + total, -z + density
        likelihood = event @ log_density - total.sum()
        by_z = event * slope - density
        z_entry = (log_entry - middle[late]) / np.exp(log_sigma)
        total_entry, density_entry = _cumulative(kind, z_entry)
        likelihood += total_entry.sum()
        by_middle = by_z.copy()
        by_middle[late] += density_entry
        by_scale = -(by_z @ z) - density_entry @ z_entry - event.sum()
        ridge = _RIDGE * n_rows
        gradient = np.concatenate(
            [
                -(matrix.T @ by_middle) / np.exp(log_sigma) - ridge * coefficients,
                [-by_middle.sum() / np.exp(log_sigma), by_scale],
            ]
        )
        penalised = likelihood - 0.5 * ridge * (coefficients @ coefficients)
        return -penalised / n_rows, -gradient / n_rows

    # From the rate of everyone: then no covariate counts and the first step is short.
    exposure = float((spells.exit - spells.entry).sum())
    start = np.zeros(n_terms + 2)
    start[n_terms] = np.log(max(exposure, 1.0) / max(event.sum(), 1.0))
    with np.errstate(all="ignore"):
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_STEPS, "ftol": 1e-10}
        )
    values = found.x
    return Aft(kind, values[:n_terms], float(values[n_terms]), float(np.clip(values[-1], -5.0, 5.0)))
