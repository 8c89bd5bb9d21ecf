"""Who is about to leave, and what that is worth.

Three situations: labels without `joined_at` (risk from tenure 0), labels with it (risk from `as_of` given
the tenure then, proved by a backtest), and no labels (no further purchase, likewise). The models
stand in `cxm.methods`: `tenure_risk`, `repeat_purchase`; how they are judged in `risk_scores`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from cxm.errors import CxmError, MissingTable
from cxm.methods import repeat_purchase, tenure_risk
from cxm.methods.cox import Cox, hazard_ratios
from cxm.methods.hazards import Array
from cxm.methods.observation import days_before, end_of_observation, follow, from_entry, known_at, tenure_at
from cxm.methods.purchases import follow_purchases, purchase_features
from cxm.methods.risk_choice import compare_models
from cxm.methods.risk_rows import risk_rows, with_value
from cxm.methods.risk_scores import aligned_risk, main_horizon, score_return, score_risk
from cxm.methods.tenure_risk import COX, KAPLAN_MEIER, Recipe, fit_risk
from cxm.metrics import Estimate, estimate
from cxm.metrics.intervals import mean_of
from cxm.metrics.survival import lift_at_decile
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

TENURE, CALENDAR, PURCHASES = "tenure", "calendar", "purchases"
NOW, THEN = "now", "then"
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
    penalizer: float = param(
        0.001, "Ridge penalty of the Cox model; raised by itself where it does not converge.", low=0
    )


# ------------------------------------------------------------------ parameters


def _horizons(params: ChurnParams) -> list[int]:
    try:
        given = params.horizons.split(",") if isinstance(params.horizons, str) else list(params.horizons)
        days = sorted({int(h) for h in given})
    except (TypeError, ValueError):
        days = []
    if not days or days[0] < 1:
        raise CxmError(f"horizons is {params.horizons!r}; give whole days above 0, e.g. --horizons 30,90,180")
    if params.backtest_days < 1 or params.n_folds < 2 or not params.penalizer > 0:
        raise CxmError(
            "churn_survival needs backtest_days of 1 or more, n_folds of 2 or more, a penalizer above 0"
        )
    return days


def _backtest_horizons(params: ChurnParams) -> list[int]:
    horizons = _horizons(params)
    return horizons if horizons[0] <= params.backtest_days else [params.backtest_days, *horizons]


def _given_as_of(params: ChurnParams) -> datetime | None:
    if params.as_of is None:
        return None
    try:
        moment = datetime.fromisoformat(str(params.as_of))
    except ValueError as error:
        raise CxmError(f"as_of is {params.as_of!r}; give an ISO date, e.g. --as-of 2026-07-31") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _last_transaction(tables: Tables) -> datetime | None:
    if "transactions" not in tables:
        return None
    latest = tables["transactions"].select(pl.col("occurred_at").max()).collect().item()
    return latest if isinstance(latest, datetime) else None


def _customers(tables: Tables) -> pl.DataFrame | None:
    return tables["customers"].collect().sort("customer_id") if "customers" in tables else None


# ------------------------------------------------------------------ with labels


def _labels(train: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    return train.join(customers, "customer_id", "inner", validate="1:1").sort("customer_id")


def _fit_contract(train: pl.DataFrame, customers: pl.DataFrame, params: ChurnParams, is_naive: bool) -> Model:
    labels = _labels(train, customers)
    end = end_of_observation(labels)
    if end is None:
        facts: dict[str, Any] = {"basis": TENURE, "as_of": params.as_of}
        return _with_models(facts, {NOW: (labels, from_entry(labels))}, params, is_naive)
    as_of = _given_as_of(params) or end
    cut = days_before(as_of, params.backtest_days)
    samples = {}
    for name, moment in ((NOW, as_of), (THEN, cut)):
        known = labels if moment >= end else known_at(labels, moment)
        if known.height:
            landmark = days_before(moment, params.backtest_days)
            seen = follow(known, landmark, params.backtest_days)
            enough = seen["is_churned"].sum() >= _MIN_FOLLOWED_EVENTS
            samples[name] = (known, seen if enough else from_entry(known))
    if NOW not in samples:
        raise CxmError(
            f"as_of is {as_of:%Y-%m-%d}, before any customer with a label joined; give a later --as-of"
        )
    return _with_models({"basis": CALENDAR, "as_of": as_of.isoformat()}, samples, params, is_naive)


def _with_models(
    facts: dict[str, Any],
    samples: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]],
    params: ChurnParams,
    is_naive: bool,
) -> Model:
    model = Model(facts | {"models": {}})
    horizons = np.array(_horizons(params))
    main = int(np.flatnonzero(horizons == main_horizon(list(horizons)))[0])
    for name, (labels, followed) in samples.items():
        fixed = (_NOT_COVARIATES, horizons, main, params.n_folds, params.penalizer, params.seed)
        comparison = None if is_naive else compare_models(labels, followed, *fixed)
        recipe = comparison.chosen if comparison else Recipe.of(KAPLAN_MEIER)
        fitted = fit_risk(labels, _NOT_COVARIATES, recipe, params.penalizer, params.seed)
        parts, arrays, booster = tenure_risk.to_parts(fitted)
        model.facts["models"][name] = parts
        model.arrays.update({f"{name}_{key}": array for key, array in arrays.items()})
        if booster:
            model.boosters[name] = booster
        if name == NOW and comparison:
            model.facts["comparison"] = comparison.rows()
            cox = fit_risk(labels, _NOT_COVARIATES, Recipe.of(COX), params.penalizer, params.seed)
            if isinstance(member := cox.members.get(COX), Cox):
                model.facts["hazard_ratios"] = hazard_ratios(member, cox.plan).to_dicts()
    return model


def _load_risk(model: Model, name: str) -> tenure_risk.RiskModel:
    arrays = {
        key.removeprefix(f"{name}_"): a for key, a in model.arrays.items() if key.startswith(f"{name}_")
    }
    return tenure_risk.from_parts(model.facts["models"][name], arrays, model.boosters.get(name))


def _predict_contract(tables: Tables, model: Model, params: ChurnParams) -> Results:
    customers = _customers(tables)
    assert customers is not None
    if model.facts["basis"] == TENURE:
        risk = _load_risk(model, NOW)
        at = _given_as_of(params) or _last_transaction(tables)
        return {"churn_risk": _contract_rows(risk, customers, None, at, _horizons(params), tables)}
    as_of = datetime.fromisoformat(model.facts["as_of"])
    cut = days_before(as_of, params.backtest_days)
    now = _contract_rows(_load_risk(model, NOW), customers, as_of, as_of, _horizons(params), tables)
    there = customers.filter(pl.col("joined_at") <= cut)
    if THEN not in model.facts["models"]:
        return {"churn_risk": now, "churn_backtest": TABLES["churn_backtest"].empty()}
    then = _contract_rows(_load_risk(model, THEN), there, cut, cut, _backtest_horizons(params), tables)
    return {"churn_risk": now, "churn_backtest": then}


def _contract_rows(
    risk: tenure_risk.RiskModel,
    customers: pl.DataFrame,
    since: datetime | None,
    spend_until: datetime | None,
    horizons: list[int],
    tables: Tables,
) -> pl.DataFrame:
    """Risk rows; a customer whose `joined_at` is unknown, or after `since`, is taken as new."""
    tenure = np.zeros(customers.height)
    if since is not None:
        tenure = customers.select(tenure_at(since).fill_null(0).clip(lower_bound=0)).to_series().to_numpy()
    probability = risk.risk(customers, tenure, np.array(horizons))
    reasons = risk.reasons(customers, tenure)
    basis = TENURE if since is None else CALENDAR
    rows = risk_rows(customers["customer_id"], probability, horizons, [reasons] * len(horizons), basis)
    return with_value(rows, tables.get("transactions"), spend_until)


# ------------------------------------------------------------------ without labels


def _features_at(tables: Tables, moment: datetime, is_naive: bool) -> pl.DataFrame:
    features = purchase_features(
        tables["transactions"], moment, _customers(tables), None if is_naive else tables.get("conversations")
    )
    return features.select("customer_id", "has_bought", "recency_days") if is_naive else features


def _fit_purchases(tables: Tables, params: ChurnParams, is_naive: bool) -> Model:
    transactions = tables["transactions"]
    last = _last_transaction(tables)
    model = Model({"basis": PURCHASES, "as_of": None, "models": {}})
    if last is None:
        return model
    first = transactions.select(pl.col("occurred_at").min()).collect().item()
    as_of = _given_as_of(params) or last
    if as_of < first:
        raise CxmError(f"as_of is {as_of:%Y-%m-%d}, before the first transaction; give a later --as-of")
    model.facts["as_of"] = as_of.isoformat()
    kinds = (repeat_purchase.LOGISTIC,) if is_naive else (repeat_purchase.LOGISTIC, repeat_purchase.BOOSTED)
    moments = {NOW: (as_of, _horizons(params))}
    moments[THEN] = (days_before(as_of, params.backtest_days), _backtest_horizons(params))
    for name, (moment, horizons) in moments.items():
        for horizon in horizons:
            fitted, losses = repeat_purchase.fit_window(
                lambda at: _features_at(tables, at, is_naive),
                transactions, first, moment, horizon, params.n_folds, params.seed, kinds,
            )  # fmt: skip
            key = f"{name}_{horizon}"
            parts, model.arrays[key], booster = repeat_purchase.to_parts(fitted)
            model.facts["models"][key] = parts
            if booster:
                model.boosters[key] = booster
            if name == NOW and not is_naive and horizon == main_horizon(horizons):
                rows = [{"model": kind, "metric": "log_loss", "value": loss} for kind, loss in losses.items()]
                model.facts["comparison"] = rows
    return model


def _predict_purchases(tables: Tables, model: Model, params: ChurnParams, is_naive: bool) -> Results:
    empty = {name: TABLES[name].empty() for name in ("churn_risk", "churn_backtest")}
    if model.facts["as_of"] is None or "transactions" not in tables:
        return empty
    as_of = datetime.fromisoformat(model.facts["as_of"])
    results = {"churn_risk": _purchase_rows(tables, model, as_of, NOW, _horizons(params), is_naive)}
    cut = days_before(as_of, params.backtest_days)
    then = _purchase_rows(tables, model, cut, THEN, _backtest_horizons(params), is_naive)
    return results | {"churn_backtest": then}


def _purchase_rows(
    tables: Tables, model: Model, at: datetime, name: str, horizons: list[int], is_naive: bool
) -> pl.DataFrame:
    features = _features_at(tables, at, is_naive)
    customers = _customers(tables)
    if customers is not None and name == NOW:
        features = (
            customers.select("customer_id")
            .join(features, "customer_id", "left", validate="1:1", maintain_order="left")
            .with_columns(pl.col("has_bought").fill_null(False))
        )
    columns, reasons = [], []
    for horizon in horizons:
        key = f"{name}_{horizon}"
        fitted = repeat_purchase.from_parts(
            model.facts["models"][key], model.arrays[key], model.boosters.get(key)
        )
        columns.append(fitted.probability(features))
        reasons.append(fitted.reasons(features))
    # Staying away longer is never more probable than staying away for less.
    probability = np.minimum.accumulate(np.column_stack(columns), axis=1)
    rows = risk_rows(features["customer_id"], probability, horizons, reasons, PURCHASES)
    return with_value(rows, tables["transactions"], at)


# ------------------------------------------------------------------ the task


def _fit(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, is_naive: bool) -> Model:
    _horizons(params), _given_as_of(params)  # bad parameters are told before any work
    customers = _customers(tables)
    if train is not None and customers is not None:
        return _fit_contract(train, customers, params, is_naive)
    if "transactions" not in tables:
        raise MissingTable(
            "churn_survival has no rows of split 'train' in 'churn_labels' and no 'transactions'"
            " to do without labels; mark labels as train, or bring transactions with `cxm import`"
        )
    return _fit_purchases(tables, params, is_naive)


def fit(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, services: Services) -> Model:
    """The chosen survival model with labels, else one of repeat purchase; of now and of the backtest."""
    return _fit(tables, train, params, is_naive=False)


def fit_naive(tables: Tables, train: pl.DataFrame | None, params: ChurnParams, services: Services) -> Model:
    """Kaplan-Meier with labels, else recency alone."""
    return _fit(tables, train, params, is_naive=True)


def predict(tables: Tables, model: Model, params: ChurnParams, services: Services) -> Results:
    """Risk of every customer, the backtest where there is one, hazard ratios and the comparison of models."""
    if model.facts["basis"] == PURCHASES:
        results = _predict_purchases(tables, model, params, is_naive=False)
    else:
        results = _predict_contract(tables, model, params)
    for name in ("hazard_ratios", "comparison"):
        if rows := model.facts.get(name):
            table = "model_comparison" if name == "comparison" else name
            constant = {"task": TASK.name} if name == "comparison" else {}
            results[table] = pl.DataFrame([constant | row for row in rows], infer_schema_length=None)
    return results


def predict_naive(tables: Tables, model: Model, params: ChurnParams, services: Services) -> Results:
    """As `predict`, of the naive model."""
    if model.facts["basis"] == PURCHASES:
        return _predict_purchases(tables, model, params, is_naive=True)
    return _predict_contract(tables, model, params)


# ------------------------------------------------------------------ scoring


def score(results: Results, gold: pl.DataFrame | None, tables: Tables, params: ChurnParams) -> list[Estimate]:
    """Scores of the risk on test customers (labels), or of the backtest (with `joined_at`, or no labels)."""
    basis = results["churn_risk"]["basis"].first() if "basis" in results["churn_risk"].columns else None
    customers = _customers(tables)
    has_labels = gold is not None and customers is not None and (gold["split"] == "train").any()
    if basis == PURCHASES or not has_labels or gold is None or customers is None:
        return _score_purchases(results, tables, params)
    labels = _labels(gold, customers)
    end = end_of_observation(labels.filter(pl.col("split") == "train"))
    test = labels.filter(pl.col("split") == "test")
    if end is None:
        horizons = _horizons(params)
        is_from_start = (test["entry_days"].fill_null(0) < 1).to_numpy()
        return _score_followed(results["churn_risk"], test, horizons, main_horizon(horizons), is_from_start)
    cut = days_before(_given_as_of(params) or end, params.backtest_days)
    horizons = [h for h in _backtest_horizons(params) if h <= params.backtest_days]
    followed = follow(test, cut, params.backtest_days)
    return _score_followed(results["churn_backtest"], followed, horizons, main_horizon(horizons), None)


def _score_followed(
    risk: pl.DataFrame, followed: pl.DataFrame, horizons: list[int], main: int, is_from_start: Array | None
) -> list[Estimate]:
    probability, is_there = aligned_risk(risk, followed, horizons)
    found = score_risk(followed, probability, horizons, main, is_from_start)
    return found + estimate("coverage", mean_of(is_there), followed["customer_id"].to_numpy())


def _score_purchases(results: Results, tables: Tables, params: ChurnParams) -> list[Estimate]:
    last = _last_transaction(tables)
    if last is None or "churn_backtest" not in results:
        return []
    n_days = params.backtest_days
    cut = days_before(_given_as_of(params) or last, n_days)
    followed = follow_purchases(tables["transactions"], cut, n_days).rename({"has_bought": "is_churned"})
    horizons = [h for h in _backtest_horizons(params) if h <= n_days]
    main = main_horizon(horizons)
    # P(purchase) in place of P(no purchase): the purchase is the event that is watched for.
    flipped = results["churn_backtest"].with_columns(probability=1 - pl.col("probability"))
    returns, _ = aligned_risk(flipped, followed, horizons)
    at_main = 1 - returns[:, horizons.index(main)]
    found = [e for e in score_risk(followed, returns, horizons, main) if e.metric != "lift_at_decile"]
    units = followed["customer_id"].to_numpy()
    stayed = (followed["duration_days"] > main).to_numpy()
    found += estimate("lift_at_decile", lambda rows: lift_at_decile(at_main[rows], stayed[rows]), units)
    return found + score_return(at_main, followed["is_churned"].to_numpy(), units)


TASK = Task(
    name="churn_survival",
    title="Churn and survival",
    question="Who is about to leave, why, and what is that worth?",
    needs=(("customers", "churn_labels"), ("transactions",)),
    uses=("transactions", "conversations", "customers"),
    gold="churn_labels",
    writes=("churn_risk", "churn_backtest", "hazard_ratios", "model_comparison"),
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
    params=ChurnParams,
)
