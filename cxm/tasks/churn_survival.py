"""Who is about to leave, and what that is worth.

Three situations: labels without `joined_at` (risk from tenure 0), labels with it (risk from `as_of` given
the tenure then, proved by a backtest), and no labels (no further purchase, likewise). The models
stand in `cxm.methods`: `tenure_risk`, `returning`; how they are judged in `risk_scores`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from cxm.errors import CxmError, MissingTable
from cxm.methods import repeat_purchase, returning, tenure_risk
from cxm.methods.contact_facts import SOURCES, contact_facts
from cxm.methods.experience import (
    Experience,
    experience_amounts,
    experience_gaps,
    experience_of,
    experience_terms,
    experience_told,
    shown_experience,
)
from cxm.methods.observation import (
    days_ahead,
    days_before,
    end_of_observation,
    follow,
    from_entry,
    known_at,
    known_of_customers,
    moment_of,
    named_as_labels,
    tenure_at,
)
from cxm.methods.purchases import of_everyone, span
from cxm.methods.risk_choice import choose_and_fit, shown_ratios
from cxm.methods.risk_rows import cost_of_experience, risk_rows, stakes, with_value
from cxm.methods.risk_scores import (
    aligned_risk,
    left_by,
    main_horizon,
    score_returns,
    score_risk,
    score_value,
)
from cxm.methods.survival_curves import survival_curves
from cxm.methods.tenure_risk import KAPLAN_MEIER, Recipe, fit_risk
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

log = logging.getLogger(__name__)

TENURE, CALENDAR, PURCHASES = "tenure", "calendar", "purchases"
NOW, THEN = "now", "then"
_DESCRIBED = ("churn_calibration", "survival_curves")
_NOT_COVARIATES = ("customer_id", "joined_at", "duration_days", "is_churned", "entry_days", "split")
_MIN_FOLLOWED_EVENTS = 20


@dataclass(frozen=True)
class ChurnParams(Params):
    """Parameters of churn_survival."""

    as_of: str | None = param(
        None, "Day the risk is counted from, e.g. 2026-07-31; default: end of observation."
    )
    backtest_days: int = param(90, "Days before as_of at which the backtest predicts.", low=1, high=73000)
    horizons: str = param("30,90,180", "Days to look ahead, separated by commas.")
    n_folds: int = param(5, "Folds of the inner cross-validation that chooses the model.", low=2, high=100)
    contact_days: int = param(60, "Days for which an experience with the contact center counts.", low=1)
    penalizer: float = param(
        0.001, "Ridge penalty of the Cox model; raised by itself where it does not converge.", low=1e-9
    )


def _horizons(params: ChurnParams) -> list[int]:
    return days_ahead(params.horizons, "horizons")


def _backtest_horizons(params: ChurnParams) -> list[int]:
    horizons = _horizons(params)
    return horizons if horizons[0] <= params.backtest_days else [params.backtest_days, *horizons]


def _last_transaction(tables: Tables) -> datetime | None:
    return span(tables["transactions"])[1] if "transactions" in tables else None


# ------------------------------------------------------------------ with labels


def _labels(train: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    return train.join(customers, "customer_id", "inner", validate="1:1").sort("customer_id")


def _experience(
    tables: Tables, customers: pl.DataFrame, until: datetime, params: ChurnParams
) -> Experience | None:
    if "conversations" not in tables or "joined_at" not in customers.columns:
        return None
    conversations, told = tables["conversations"], contact_facts(tables)
    return experience_of(conversations, told, customers, until, params.contact_days)


def _fit_contract(
    tables: Tables, train: pl.DataFrame, customers: pl.DataFrame, params: ChurnParams, is_naive: bool
) -> Model:
    labels = _labels(train, customers)
    end = end_of_observation(labels)
    if end is None:
        model = Model({"basis": TENURE, "as_of": params.as_of, "models": {}})
        _add_model(model, NOW, labels, from_entry(labels), None, params, is_naive)
        return model
    as_of = moment_of(params.as_of, "as_of") or end
    model = Model({"basis": CALENDAR, "as_of": as_of.isoformat(), "models": {}})
    for name, moment in ((NOW, as_of), (THEN, days_before(as_of, params.backtest_days))):
        known = labels if moment >= end else known_at(labels, moment)
        if not known.height:
            continue
        seen = follow(known, days_before(moment, params.backtest_days), params.backtest_days)
        followed = seen if seen["is_churned"].sum() >= _MIN_FOLLOWED_EVENTS else from_entry(known)
        experience = None if is_naive else _experience(tables, customers, moment, params)
        _add_model(model, name, known, followed, experience, params, is_naive)
    if NOW not in model.facts["models"]:
        raise CxmError(
            f"as_of is {as_of:%Y-%m-%d}, before any customer with a label joined; give a later --as-of"
        )
    return model


def _add_model(
    model: Model,
    name: str,
    labels: pl.DataFrame,
    followed: pl.DataFrame,
    experience: Experience | None,
    params: ChurnParams,
    is_naive: bool,
) -> None:
    """Choose and fit a model of `labels`, and put it under `name`."""
    if name == NOW and not is_naive:
        model.facts["survival_curves"] = survival_curves(labels, _NOT_COVARIATES).to_dicts()
    if experience is not None:
        labels, followed = experience.split(labels), experience.at(followed, followed["tenure"])
    horizons = np.array(_horizons(params))
    if is_naive:
        fitted = fit_risk(labels, _NOT_COVARIATES, Recipe.of(KAPLAN_MEIER), params.penalizer, params.seed)
    else:
        settings = (horizons, main_horizon(_horizons(params)), params.n_folds, params.penalizer, params.seed)
        known = _NOT_COVARIATES + experience_gaps(params.contact_days)
        told = experience_told(params.contact_days) if experience else ()
        further = tuple(c for c in told if labels[c].null_count() < labels.height)
        fitted, comparison = choose_and_fit(labels, followed, known, *settings, further)
        if name == NOW:
            model.facts.update(comparison=comparison.rows(), churn_calibration=comparison.calibration)
            skip = _NOT_COVARIATES + experience_amounts(params.contact_days) + told
            model.facts["hazard_ratios"] = shown_ratios(labels, skip, params.seed)
    parts, arrays, booster = tenure_risk.to_parts(fitted)
    model.facts["models"][name] = parts
    model.arrays.update({f"{name}_{key}": array for key, array in arrays.items()})
    if booster:
        model.boosters[name] = booster


def _load_risk(model: Model, name: str) -> tenure_risk.RiskModel:
    arrays = {
        key.removeprefix(f"{name}_"): a for key, a in model.arrays.items() if key.startswith(f"{name}_")
    }
    return tenure_risk.from_parts(model.facts["models"][name], arrays, model.boosters.get(name))


def _predict_contract(tables: Tables, model: Model, params: ChurnParams, is_naive: bool) -> Results:
    customers = known_of_customers(tables.get("customers"))
    assert customers is not None
    if model.facts["basis"] == TENURE:
        until = moment_of(params.as_of, "as_of") or _last_transaction(tables)
        rows = _contract_rows(
            _load_risk(model, NOW), customers, None, until, _horizons(params), tables, params
        )
        return {"churn_risk": rows} | _ratios(model, rows, None, params)
    as_of = datetime.fromisoformat(model.facts["as_of"])
    cut = days_before(as_of, params.backtest_days)
    results: Results = {"churn_backtest": TABLES["churn_backtest"].empty()}
    moments = {NOW: (as_of, _horizons(params), "churn_risk")}
    moments[THEN] = (cut, _backtest_horizons(params), "churn_backtest")
    for name, (moment, horizons, table) in moments.items():
        if name not in model.facts["models"]:
            continue
        there = customers if name == NOW else customers.filter(pl.col("joined_at") <= cut)
        experience = None if is_naive else _experience(tables, customers, moment, params)
        if experience is not None:
            there = experience.at(there, there.select(tenure_at(moment).alias("tenure")).to_series())
        rows = _contract_rows(_load_risk(model, name), there, moment, moment, horizons, tables, params)
        results[table] = rows
        if name == NOW:
            results |= _ratios(model, rows, there if experience else None, params)
    return results


def _ratios(model: Model, rows: pl.DataFrame, states: pl.DataFrame | None, params: ChurnParams) -> Results:
    """`hazard_ratios`, with the money behind each experience."""
    if not (found := model.facts.get("hazard_ratios")):
        return {}
    terms = experience_terms(params.contact_days) if states is not None else ()
    flags = (rows.unique("customer_id") if states is None else states).select("customer_id", *terms)
    horizon = main_horizon(_horizons(params))
    return {"hazard_ratios": cost_of_experience(pl.DataFrame(found), rows, flags, horizon)}


def _contract_rows(
    risk: tenure_risk.RiskModel,
    customers: pl.DataFrame,
    since: datetime | None,
    spend_until: datetime | None,
    horizons: list[int],
    tables: Tables,
    params: ChurnParams,
) -> pl.DataFrame:
    """Risk rows; a customer whose `joined_at` is unknown, or after `since`, is taken as new."""
    tenure = np.zeros(customers.height)
    if since is not None:
        tenure = customers.select(tenure_at(since).fill_null(0).clip(lower_bound=0)).to_series().to_numpy()
    probability = risk.risk(customers, tenure, np.array(horizons))
    reasons = risk.reasons(customers, tenure, shown_experience(customers, params.contact_days))
    basis, ids = TENURE if since is None else CALENDAR, customers["customer_id"]
    rows = risk_rows(ids, probability, horizons, [reasons] * len(horizons), basis)
    return with_value(rows, tables.get("transactions"), spend_until)


# ------------------------------------------------------------------ without labels


def _fit_purchases(tables: Tables, params: ChurnParams, is_naive: bool) -> Model:
    transactions = tables["transactions"]
    first, last = span(transactions)
    model = Model({"basis": PURCHASES, "as_of": None, "models": {}})
    if first is None or last is None:
        return model
    as_of = moment_of(params.as_of, "as_of") or last
    if as_of < first:
        raise CxmError(f"as_of is {as_of:%Y-%m-%d}, before the first transaction; give a later --as-of")
    model.facts["as_of"] = as_of.isoformat()
    features = returning.features_of(tables, known_of_customers(tables.get("customers")), is_naive)
    kinds = (repeat_purchase.LOGISTIC,) if is_naive else repeat_purchase.ALL
    moments = {NOW: (as_of, _horizons(params))}
    moments[THEN] = (days_before(as_of, params.backtest_days), _backtest_horizons(params))
    for name, (moment, horizons) in moments.items():
        is_compared = name == NOW and not is_naive
        models, records, calibration = returning.fit_horizons(
            features, transactions, first, moment, horizons, params.n_folds, params.seed, kinds, is_compared,
        )  # fmt: skip
        facts, arrays, boosters = returning.to_parts(models, name)
        model.facts["models"].update(facts)
        model.arrays.update(arrays)
        model.boosters.update(boosters)
        if is_compared:
            model.facts.update(comparison=records, churn_calibration=calibration)
    return model


def _predict_purchases(tables: Tables, model: Model, params: ChurnParams, is_naive: bool) -> Results:
    empty = {name: TABLES[name].empty() for name in ("churn_risk", "churn_backtest")}
    if model.facts["as_of"] is None or "transactions" not in tables:
        return empty
    as_of = datetime.fromisoformat(model.facts["as_of"])
    cut = days_before(as_of, params.backtest_days)
    features_at = returning.features_of(tables, known_of_customers(tables.get("customers")), is_naive)
    now = _purchase_rows(tables, model, features_at(as_of), as_of, NOW, _horizons(params))
    then = _purchase_rows(tables, model, features_at(cut), cut, THEN, _backtest_horizons(params))
    if not is_naive:
        now = returning.with_repeats(now, tables["transactions"], as_of)
        then = returning.with_repeats(then, tables["transactions"], cut)
    return {"churn_risk": now, "churn_backtest": then}


def _purchase_rows(
    tables: Tables, model: Model, features: pl.DataFrame, at: datetime, name: str, horizons: list[int]
) -> pl.DataFrame:
    customers = known_of_customers(tables.get("customers"))
    if customers is not None and name == NOW:
        features = of_everyone(features, customers)
    models = returning.from_parts((model.facts["models"], model.arrays, model.boosters), name, horizons)
    probability, reasons = returning.returning_risk(models, features)
    rows = risk_rows(features["customer_id"], probability, horizons, reasons, PURCHASES)
    return with_value(rows, tables["transactions"], at)


def _fit(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, is_naive: bool) -> Model:
    _horizons(params)
    moment_of(params.as_of, "as_of")  # bad parameters are told before any work
    customers = known_of_customers(tables.get("customers"))
    if train is not None and customers is not None:
        return _fit_contract(tables, train, customers, params, is_naive)
    if "transactions" not in tables:
        raise MissingTable(
            "churn_survival has no rows of split 'train' in 'churn_labels' and no 'transactions'"
            " to do without labels; mark labels as train, or bring transactions with `cxm import`"
        )
    return _fit_purchases(tables, params, is_naive)


def fit(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, services: Services) -> Model:
    """The chosen survival model with labels, else one of repeat purchase; of now and of the backtest."""
    if "customers" in tables and (named := named_as_labels(tables["customers"].collect_schema().names())):
        log.info("customers: not used as covariates, being labels by name: %s", ", ".join(named))
    return _fit(tables, train, params, is_naive=False)


def fit_naive(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, services: Services) -> Model:
    """Kaplan-Meier with labels, else recency alone."""
    return _fit(tables, train, params, is_naive=True)


def predict(tables: Tables, model: Model, params: ChurnParams, services: Services) -> Results:
    """Risk of every customer, the backtest where there is one, hazard ratios and the comparison of models."""
    if model.facts["basis"] == PURCHASES:
        results = _predict_purchases(tables, model, params, is_naive=False)
    else:
        results = _predict_contract(tables, model, params, is_naive=False)
    kind = model.facts["models"].get(NOW, {}).get("kind", "repeat_purchase")
    described = {name: model.facts[name] for name in _DESCRIBED if model.facts.get(name)}
    results |= {n: pl.DataFrame(rows, schema=TABLES[n].empty().schema) for n, rows in described.items()}
    records = model.facts.get("comparison", []) + stakes(results["churn_risk"], kind, _horizons(params))
    if records:
        records = [{"task": TASK.name} | row for row in records]
        results["model_comparison"] = pl.DataFrame(records, infer_schema_length=None)
    return results


def predict_naive(tables: Tables, model: Model, params: ChurnParams, services: Services) -> Results:
    """As `predict`, of the naive model."""
    if model.facts["basis"] == PURCHASES:
        return _predict_purchases(tables, model, params, is_naive=True)
    return _predict_contract(tables, model, params, is_naive=True)


def score(results: Results, gold: pl.DataFrame | None, tables: Tables, params: ChurnParams) -> list[Estimate]:
    """Scores of the risk on test customers (labels), or of the backtest (with `joined_at`, or no labels)."""
    basis = results["churn_risk"]["basis"].first() if "basis" in results["churn_risk"].columns else None
    customers = known_of_customers(tables.get("customers"))
    if basis == PURCHASES or gold is None or customers is None or not (gold["split"] == "train").any():
        return _score_purchases(results, tables, params)
    labels = _labels(gold, customers)
    end = end_of_observation(labels.filter(pl.col("split") == "train"))
    followed = labels.filter(pl.col("split") == "test")
    horizons, risk, is_from_start = _horizons(params), results["churn_risk"], None
    if end is None:
        is_from_start = (followed["entry_days"].fill_null(0) < 1).to_numpy()
    else:
        cut = days_before(moment_of(params.as_of, "as_of") or end, params.backtest_days)
        horizons = [h for h in _backtest_horizons(params) if h <= params.backtest_days]
        followed, risk = follow(followed, cut, params.backtest_days), results["churn_backtest"]
    main = main_horizon(horizons)
    probability, is_there = aligned_risk(risk, followed, horizons)
    found = score_risk(followed, probability, horizons, main, is_from_start)
    found += estimate("coverage", mean_of(is_there), followed["customer_id"].to_numpy())
    return found if end is None else found + score_value(risk, followed, left_by(followed, main), main)


def _score_purchases(results: Results, tables: Tables, params: ChurnParams) -> list[Estimate]:
    if (last := _last_transaction(tables)) is None or "churn_backtest" not in results:
        return []
    cut = days_before(moment_of(params.as_of, "as_of") or last, params.backtest_days)
    horizons = [h for h in _backtest_horizons(params) if h <= params.backtest_days]
    return score_returns(
        results["churn_backtest"], tables["transactions"], cut, params.backtest_days, horizons
    )


TASK = Task(
    name="churn_survival",
    title="Churn and survival",
    question="Who is about to leave, why, and what is that worth?",
    needs=(("customers", "churn_labels"), ("transactions",)),
    uses=("transactions", "conversations", *SOURCES, "customers"),
    gold="churn_labels",
    writes=("churn_risk", "churn_backtest", "hazard_ratios", *_DESCRIBED, "model_comparison"),
    metrics=(
        "concordance_index",
        "concordance_ipcw",
        "integrated_brier_score",
        "calibration_error",
        "lift_at_decile",
        "repeat_purchase_auc",
    ),
    method=Method(fit, predict),
    naive=Method(fit_naive, predict_naive),
    naive_name="Kaplan-Meier; without contract, recency alone",
    score=score,
    scored_without="transactions of more than backtest_days before as_of; give a smaller --backtest-days",
    params=ChurnParams,
)
