"""The risk of leaving given tenure and covariates: one survival model, or a stack of several.

What a fitted model answers, how it is fitted by its recipe and how it is kept. The members stand in
`cox`, `aft` and `hazards`; which recipe is best is chosen in `risk_choice`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from cxm.methods import covariates
from cxm.methods.aft import LOGNORMAL, WEIBULL, Aft, fit_aft
from cxm.methods.covariates import Plan
from cxm.methods.cox import Cox, fit_cox
from cxm.methods.hazards import (
    Array,
    BoostedHazard,
    Curve,
    Floats,
    Spells,
    fit_boosted_hazard,
    nelson_aalen,
    whole_days,
)

KAPLAN_MEIER, COX, BOOSTED = "kaplan_meier", "cox", "lightgbm_hazard"
MEAN, STACK = "mean", "stack"
SINGLE = (KAPLAN_MEIER, COX, WEIBULL, LOGNORMAL, BOOSTED)

Fitted = Curve | Cox | Aft | BoostedHazard

_MIN_EVENTS = {KAPLAN_MEIER: 0, COX: 3, WEIBULL: 10, LOGNORMAL: 10, BOOSTED: 20}
_MAX_ROWS = 100_000
_CERTAIN = 1e-9


@dataclass(frozen=True)
class Recipe:
    """Which models to fit, and their weights in the probability."""

    kind: str
    weights: dict[str, float]

    @staticmethod
    def of(kind: str) -> Recipe:
        """The recipe of a single model."""
        return Recipe(kind, {kind: 1.0})


@dataclass(frozen=True)
class RiskModel:
    """Fitted members of a recipe, with the covariates they read."""

    recipe: Recipe
    plan: Plan
    members: dict[str, Fitted]

    def risk(self, customers: pl.DataFrame, tenure: Array, horizons: Array) -> Floats:
        """P(leaving within each horizon | still there at `tenure`), `(n_customers, n_horizons)`.

        Of each member 1 - S(tenure + horizon) / S(tenure); days throughout.
        """
        matrix = covariates.encode(customers, self.plan)
        by_kind = member_risks(self.members, matrix, tenure, horizons)
        mixed = sum(self.recipe.weights[kind] * risk for kind, risk in by_kind.items())
        return np.asarray(mixed)

    def reasons(
        self, customers: pl.DataFrame, tenure: Array, shown: covariates.Shown | None = None
    ) -> list[list[dict[str, Any]]]:
        """The three covariates that move each customer's log hazard most; [] without covariates.

        `shown`: their values as people read them, where those of `customers` are on another scale.
        """
        matrix = covariates.encode(customers, self.plan)
        total = np.zeros_like(matrix)
        for kind, fitted in self.members.items():
            if isinstance(fitted, BoostedHazard):
                total += self.recipe.weights[kind] * fitted.contributions(matrix, tenure)
            elif not isinstance(fitted, Curve):
                total += self.recipe.weights[kind] * fitted.contributions(matrix)
        return covariates.strongest(total, self.plan, shown or covariates.Shown(customers))


def member_risks(
    members: dict[str, Fitted], matrix: Floats, tenure: Array, horizons: Array
) -> dict[str, Floats]:
    """Each member's probabilities, `(n_rows, n_horizons)`."""
    tenure, horizons = np.asarray(tenure, dtype=float), np.asarray(horizons, dtype=float)
    days = np.column_stack([tenure, tenure[:, None] + horizons])
    found = {}
    for kind, fitted in members.items():
        total = fitted.at(days) if isinstance(fitted, Curve) else fitted.at(matrix, days)
        found[kind] = np.asarray(-np.expm1(-np.maximum(total[:, 1:] - total[:, :1], 0)))
    return found


# ------------------------------------------------------------------ fitting


def possible(plan: Plan, n_events: int) -> list[str]:
    """The single models that so many departures can bear; without covariates Kaplan-Meier alone."""
    return [kind for kind in SINGLE if n_events >= _MIN_EVENTS[kind] and (plan or kind == KAPLAN_MEIER)]


def fit_members(
    kinds: list[str], plan: Plan, matrix: Floats, spells: Spells, penalizer: float, seed: int
) -> dict[str, Fitted]:
    """The models of these kinds on the same rows."""
    return {kind: _fit(kind, plan, matrix, spells, penalizer, seed) for kind in kinds}


def _fit(kind: str, plan: Plan, matrix: Floats, spells: Spells, penalizer: float, seed: int) -> Fitted:
    if kind == COX:
        # With few departures a term, the penalty grows: about one event has to speak for each.
        shrunk = max(penalizer, 0.1 * len(plan) / max(int(spells.is_event.sum()), 1) ** 1.5)
        return fit_cox(matrix, plan, spells, shrunk)
    if kind == BOOSTED:
        return fit_boosted_hazard(matrix, spells, seed)
    return nelson_aalen(spells) if kind == KAPLAN_MEIER else fit_aft(kind, matrix, spells)


def sampled(labels: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Rows of at most so many customers, in the order of their ids."""
    customers = labels["customer_id"].unique().sort()
    if len(customers) > most:
        customers = customers[np.sort(np.random.default_rng(seed).permutation(len(customers))[:most])]
        labels = labels.filter(pl.col("customer_id").is_in(customers.to_list()))
    return labels.sort("customer_id", "entry_days", maintain_order=True)


def spells_of(labels: pl.DataFrame) -> tuple[Spells, pl.DataFrame]:
    """The spells of label rows in whole days, and the rows that have any time under observation."""
    spells, kept = whole_days(
        labels["duration_days"].to_numpy(),
        labels["is_churned"].to_numpy(),
        labels["entry_days"].cast(pl.Float64).fill_null(0).to_numpy(),
    )
    return spells, labels.filter(pl.Series(kept))


def fitted_spells(labels: pl.DataFrame, seed: int) -> tuple[Spells, pl.DataFrame]:
    """The spells and rows of the customers that `fit_risk` learns from: 100,000 at most."""
    return spells_of(sampled(labels, _MAX_ROWS, seed))


def fit_risk(
    labels: pl.DataFrame, skip: tuple[str, ...], recipe: Recipe, penalizer: float, seed: int
) -> RiskModel:
    """The recipe on the rows of 100,000 customers at most; what they cannot bear falls to the others.

    `labels`: `duration_days`, `is_churned`, `entry_days` and covariates, one row a customer or one for
    each stretch between changes of a covariate; `skip` are not covariates. Kaplan-Meier if nothing is left.
    """
    spells, rows = fitted_spells(labels, seed)
    needs_plan = any(kind != KAPLAN_MEIER for kind in recipe.weights)
    plan = covariates.plan_covariates(rows, skip) if needs_plan else []
    able = possible(plan, int(spells.is_event.sum()))
    kinds = [kind for kind in SINGLE if kind in recipe.weights and kind in able]
    if not kinds:
        recipe, kinds = Recipe.of(KAPLAN_MEIER), [KAPLAN_MEIER]
    elif len(kinds) < len(recipe.weights):
        total = sum(recipe.weights[kind] for kind in kinds)
        recipe = Recipe(recipe.kind, {k: recipe.weights[k] / total for k in kinds})
    members = fit_members(kinds, plan, covariates.encode(rows, plan), spells, penalizer, seed)
    return RiskModel(recipe, plan, members)


# ------------------------------------------------------------------ keeping


def to_parts(model: RiskModel) -> tuple[dict[str, Any], dict[str, Array], str | None]:
    """The model as (JSON facts, arrays named `<member>/<array>`, LightGBM text or None)."""
    recipe = model.recipe
    facts: dict[str, Any] = {"kind": recipe.kind, "weights": recipe.weights}
    facts |= {"plan": covariates.to_facts(model.plan), "numbers": {}}
    arrays: dict[str, Array] = {}
    booster = None
    for kind, fitted in model.members.items():
        values = asdict(fitted)
        for curve_name in ("baseline", "course"):
            values |= values.pop(curve_name, {})
        booster = values.pop("booster", booster)
        values.pop("kind", None)
        arrays |= {f"{kind}/{name}": v for name, v in values.items() if isinstance(v, np.ndarray)}
        facts["numbers"][kind] = {n: v for n, v in values.items() if isinstance(v, float)}
    return facts, arrays, booster


def from_parts(facts: dict[str, Any], arrays: dict[str, Array], booster: str | None) -> RiskModel:
    """The model back from what `to_parts` gave."""
    recipe = Recipe(facts["kind"], facts["weights"])
    members: dict[str, Fitted] = {}
    for kind in (k for k in SINGLE if k in facts["numbers"]):
        values: dict[str, Any] = {
            key.removeprefix(f"{kind}/"): array for key, array in arrays.items() if key.startswith(f"{kind}/")
        }
        values |= facts["numbers"][kind]
        if kind in (WEIBULL, LOGNORMAL):
            members[kind] = Aft(kind, **values)
            continue
        curve = Curve(values["times"], values["values"], values["limit"])
        if kind == BOOSTED:
            members[kind] = BoostedHazard(values["edges"], values["base"], booster or "", curve)
        elif kind == COX:
            members[kind] = Cox(values["coefficients"], values["errors"], values["center"], curve)
        else:
            members[kind] = curve
    return RiskModel(recipe, covariates.from_facts(facts["plan"]), members)
