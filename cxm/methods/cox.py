"""Cox's proportional hazards: fitted with lifelines, kept as plain arrays.

The only module that talks to lifelines' fitter and pandas. Making the matrix belongs in `covariates`,
choosing a model in `risk_choice`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl

from cxm.errors import CxmError
from cxm.methods.covariates import Plan
from cxm.methods.hazards import Array, Curve, Floats, Spells

_STRONGER = (1.0, 10.0, 100.0, 1000.0)
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Cox:
    """Log hazard ratios around the mean row, their standard errors, and the mean row's hazard."""

    coefficients: Floats
    errors: Floats
    center: Floats
    baseline: Curve

    def contributions(self, matrix: Floats) -> Floats:
        """What each term adds to the log hazard, `(n_rows, n_terms)`."""
        return np.asarray((matrix - self.center) * self.coefficients)

    def at(self, matrix: Floats, days: Floats) -> Floats:
        """Cumulative hazard of each row at its columns of `days` `(n_rows, n_times)`."""
        risk = np.clip(self.contributions(matrix).sum(axis=1), -50, 50)
        return np.asarray(np.exp(risk)[:, None] * self.baseline.at(days))


def fit_cox(matrix: Floats, plan: Plan, spells: Spells, penalizer: float) -> Cox:
    """Cox's model (1972) with a ridge penalty and late entry; needs an event and at least one term.

    Where Newton's steps do not converge the penalty is raised tenfold, up to 1,000 times; `CxmError`
    naming the covariate that stands in the way if that does not help either.
    """
    for stronger in _STRONGER:
        model = _try(matrix, spells, penalizer * stronger)
        if model is not None:
            return model
    worst = plan[_most_decisive(matrix, spells)].covariate
    raise CxmError(
        f"churn_survival: the Cox model does not converge on {len(spells):,} customers;"
        f" column '{worst}' of customers all but decides who leaves: remove it, or raise --penalizer"
    )


def _try(matrix: Floats, spells: Spells, penalizer: float) -> Cox | None:
    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    frame = pd.DataFrame(matrix, columns=[f"x{i}" for i in range(matrix.shape[1])])
    frame["exit"], frame["event"] = spells.exit, spells.is_event
    entry = None
    if spells.entry.any():
        frame["entry"], entry = spells.entry, "entry"
    fitter = CoxPHFitter(penalizer=penalizer)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            fitter.fit(frame, "exit", "event", entry_col=entry)
        except (ConvergenceError, ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None
    if any("failed to converge" in str(warning.message) for warning in caught):
        return None
    coefficients = fitter.params_.to_numpy(dtype=float)
    errors = fitter.standard_errors_.to_numpy(dtype=float)
    hazard = fitter.baseline_cumulative_hazard_.iloc[:, 0]
    values = hazard.to_numpy(dtype=float)
    if not all(np.isfinite(a).all() for a in (coefficients, errors, values)):
        return None
    baseline = Curve(hazard.index.to_numpy(dtype=float), values, float(spells.exit.max()))
    return Cox(coefficients, errors, matrix.mean(axis=0), baseline)


def _most_decisive(matrix: Floats, spells: Spells) -> int:
    centred = matrix - matrix.mean(axis=0)
    outcome = spells.is_event - spells.is_event.mean()
    return int(np.argmax(np.abs(outcome @ centred) / np.linalg.norm(centred, axis=0)))


def hazard_ratios(model: Cox, plan: Plan) -> pl.DataFrame:
    """One row a term: factor on the hazard per unit (or against `reference`), 95 % Wald interval, p."""
    from scipy.stats import norm

    scale = np.array([term.scale for term in plan])
    effect, error = model.coefficients / scale, model.errors / scale
    # A column in cents or in millions gives ratios beyond a float; the limits keep them finite.
    low, middle, high = (_exp(effect + z * error) for z in (-_Z95, 0.0, _Z95))
    return pl.DataFrame(
        {
            "term": [term.name for term in plan],
            "hazard_ratio": middle,
            "low": low,
            "high": high,
            "p_value": 2 * norm.sf(np.abs(effect) / np.maximum(error, 1e-300)),
            "reference": [term.reference for term in plan],
        },
        schema_overrides={"reference": pl.String},
    ).unique("term", keep="first", maintain_order=True)


def _exp(values: Array) -> Floats:
    return np.asarray(np.exp(np.clip(values, -500, 500)))
