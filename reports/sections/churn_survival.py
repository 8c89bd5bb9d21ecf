"""Who is about to leave, what drives it, and what that is worth."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

from reports import words
from reports.figures import BLUE, GREY, ORANGE, TEAL, Figure, draw_curves, draw_histogram, draw_intervals
from reports.kpis import main_horizon
from reports.sections.section import Evidence, Grid, Story, say_score

_LEAVING = "leaving"
_HIGH_RISK = 0.5
_N_BINS = 20
# The axis of risks ends at the first of these that holds them all.
_ENDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_MOST_CUSTOMERS = 10
_MOST_TERMS = 14
_CURVE_COLOURS = (BLUE, ORANGE, TEAL, GREY)
# The figures models are compared by, with a contract and without one, and what these are called.
_COMPARED = (
    (
        ("concordance_index", "integrated_brier_score", "is_chosen"),
        ("Concordance", "Integrated Brier score"),
    ),
    (
        ("repeat_purchase_auc_{}_days", "log_loss_{}_days", "is_chosen_{}_days"),
        ("Repeat-purchase AUC", "Log loss"),
    ),
)
_MODELS = {
    "kaplan_meier": "Kaplan–Meier",
    "cox": "Cox proportional hazards",
    "weibull_aft": "Weibull accelerated failure time",
    "lognormal_aft": "Log-normal accelerated failure time",
    "lightgbm_hazard": "LightGBM hazard",
    "mean": "Mean of the two best",
    "stack": "Weighted mean of all",
    "prior": "The same for all",
    "recency": "Recency alone",
    "bg_nbd": "BG/NBD",
    "logistic": "Logistic regression",
    "lightgbm": "LightGBM",
    "blend": "Mean of logistic regression and LightGBM",
}


def tell(evidence: Evidence) -> Story:
    """How many customers are at high risk, what that is worth, and the strongest driver."""
    risks, horizon = _risks(evidence)
    if risks.is_empty():
        return Story("No customer to judge.")
    n_high = risks.filter(pl.col("probability") >= _HIGH_RISK).height
    mean = float(risks["probability"].mean())  # type: ignore[arg-type]
    event = f"{_event(evidence)} within {horizon} days"
    if n_high:
        has = words.verb(n_high, "has", "have")
        finding = (
            f"{words.integer(n_high)} of {words.plural(risks.height, 'customer')} {has} a risk of "
            f"at least {words.percent(_HIGH_RISK)} of {event}; the mean risk is {words.percent(mean)}."
        )
    else:
        top = risks["probability"].top_k(-(-risks.height // 10))
        finding = (
            f"The mean risk of {event} is {words.percent(mean)} among "
            f"{words.plural(risks.height, 'customer')}, and {words.percent(float(top.mean()))} "  # type: ignore[arg-type]
            "in the tenth at most risk."
        )
    value = risks["value_at_risk"].drop_nulls()
    if value.len():
        total = words.money(float(value.sum()), evidence.currency)
        finding += f" {total} of expected spend is at risk."
    ratios = _ratios(evidence)
    sure = [row for row in ratios if row["low"] > 1 or row["high"] < 1]
    if sure:
        first = sure[0]
        finding += (
            f" The strongest link with leaving is “{_say_term(first['term'])}” (hazard ratio "
            f"{words.decimal(first['hazard_ratio'])}, 95 % interval {words.decimal(first['low'])} to "
            f"{words.decimal(first['high'])})."
        )
    quality = _say_quality(evidence)
    figures = (
        _draw_risks(risks, horizon, _event(evidence)),
        *_draw_calibration(evidence, horizon),
        *_draw_survival(evidence),
        *_draw_ratios(ratios),
    )
    grids = (
        _grid(risks, horizon, evidence.currency),
        *_ratio_grid(ratios, evidence.currency),
        *_model_grid(evidence, horizon),
    )
    return Story(finding, figures, grids, quality=quality)


def _say_quality(evidence: Evidence) -> str:
    """How well the risk ranks: who leaves first, without a contract who buys again."""
    if _event(evidence) == _LEAVING:
        lead = "Of two customers, the one who leaves first has the higher risk in"
        return say_score(evidence, lead, "concordance_index", "pairs", naive="Kaplan–Meier")
    lead = "Of a customer who returns and one who does not, the risk tells which in"
    return say_score(evidence, lead, "repeat_purchase_auc", "pairs", naive="recency alone")


def _event(evidence: Evidence) -> str:
    """What the risk is of: without labels of who left, of not buying again."""
    has_labels = evidence.manifest.get("labels", True) and evidence.table("churn_labels") is not None
    return _LEAVING if has_labels else "not buying again"


def _say_term(term: str) -> str:
    said = words.readable(term.replace("=", ": "))
    return re.sub(r" (\d+) days$", r" in the last \1 days", said)


def _risks(evidence: Evidence) -> tuple[pl.DataFrame, int]:
    results = evidence.result("churn_risk")
    if results is None:
        return pl.DataFrame(), 0
    horizons = results.select(pl.col("horizon_days").unique()).collect()["horizon_days"].to_list()
    if not horizons:
        return pl.DataFrame(), 0
    horizon = main_horizon(horizons)
    return results.filter(pl.col("horizon_days") == horizon).collect(), horizon


def _ratios(evidence: Evidence) -> list[dict[str, Any]]:
    """Hazard ratios, the strongest link first."""
    results = evidence.result("hazard_ratios")
    if results is None:
        return []
    usable = results.filter(pl.col("low") > 0, pl.col("high") < 1e6, pl.col("hazard_ratio") > 0)
    order = [pl.col("hazard_ratio").log().abs().neg(), "term"]
    return usable.sort(order).collect().to_dicts()


def _draw_risks(risks: pl.DataFrame, horizon: int, event: str) -> Figure:
    most = float(risks["probability"].max() or 0.0)  # type: ignore[arg-type]
    width = next(end for end in _ENDS if most <= end) / _N_BINS
    binned = (
        risks.select(bin=(pl.col("probability") / width).floor().clip(0, _N_BINS - 1))
        .group_by("bin")
        .agg(n=pl.len())
        .sort("bin")
    )
    rows = [
        {"start": row["bin"] * width, "end": (row["bin"] + 1) * width, "n": row["n"]}
        for row in binned.iter_rows(named=True)
    ]
    caption = f"Customers by their risk of {event} within {horizon} days."
    return draw_histogram("risk", rows, f"risk of {event}", "customers", caption, end=_N_BINS * width)


def _draw_ratios(ratios: list[dict[str, Any]]) -> tuple[Figure, ...]:
    if not ratios:
        return ()
    rows = [
        {
            "label": _say_term(row["term"]),
            "value": row["hazard_ratio"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in ratios[:_MOST_TERMS]
    ]
    caption = "Hazard ratios with 95 % intervals; customers right of the dashed line leave sooner."
    return (draw_intervals("hazards", rows, "hazard ratio (log scale)", caption, is_log=True, line=1.0),)


def _draw_calibration(evidence: Evidence, horizon: int) -> tuple[Figure, ...]:
    results = evidence.result("churn_calibration")
    if results is None:
        return ()
    found = results.filter(pl.col("horizon_days") == horizon).sort("bin").collect()
    rows = [
        {"x": row["probability"], "value": row["frequency"], "low": row["low"], "high": row["high"]}
        for row in found.iter_rows(named=True)
    ]
    event = _event(evidence)
    caption = (
        f"A tenth of the customers each, by their risk of {event} within {horizon} days: predicted by a model"
        " that had not seen them, and what truly happened, with 95 % interval. On the dashed line both agree."
    )
    titles = f"predicted risk of {event}", "what happened"
    return (draw_curves("calibration", rows, *titles, caption),) if rows else ()


def _draw_survival(evidence: Evidence) -> tuple[Figure, ...]:
    """The groups whose curves lie furthest apart: of four at most, at the last tenure that all reach."""
    results = evidence.result("survival_curves")
    if results is None:
        return ()
    found = results.collect().sort("covariate", "level", "tenure_days")
    spread = (
        found.filter(
            pl.len().over("covariate", "tenure_days") == pl.col("level").n_unique().over("covariate")
        )
        .filter(pl.col("level").n_unique().over("covariate").is_between(2, len(_CURVE_COLOURS)))
        .group_by("covariate", "tenure_days")
        .agg(gap=pl.col("survival").max() - pl.col("survival").min())
        .sort(["gap", "covariate"], descending=[True, False])
    )
    covariate = spread["covariate"][0] if spread.height else "everyone"
    chosen = found.filter(pl.col("covariate") == covariate)
    levels = dict.fromkeys(chosen["level"])
    colours = {words.excerpt(level, 40): c for level, c in zip(levels, _CURVE_COLOURS, strict=False)}
    rows = [
        {
            "x": row["tenure_days"],
            "value": row["survival"],
            "low": row["low"],
            "high": row["high"],
            "part": words.excerpt(row["level"], 40),
        }
        for row in chosen.iter_rows(named=True)
    ]
    caption = (
        "Customers still there by days since joining (Kaplan-Meier, with 95 % band),"
        f" by {_say_term(covariate)}."
    )
    titles = "days since joining", "still there"
    return (draw_curves("survival", rows, *titles, caption, parts=colours),) if rows else ()


def _ratio_grid(ratios: list[dict[str, Any]], unit: str | None) -> tuple[Grid, ...]:
    """Each hazard ratio, the money behind an experience, and whether it is the same at every tenure."""
    rows = []
    for row in ratios[:_MOST_TERMS]:
        interval = f"{words.decimal(row['low'])} to {words.decimal(row['high'])}"
        against = f" (against {words.readable(row['reference'])})" if row.get("reference") else ""
        cells = [_say_term(row["term"]) + against, words.decimal(row["hazard_ratio"]), interval, "–"]
        if row.get("excess_value") is not None:
            ends = (words.money(row[name], unit) for name in ("excess_low", "excess_high"))
            cells[3] = f"{words.money(row['excess_value'], unit)} ({' to '.join(ends)})"
        p_value = row.get("proportional_p_value")
        changes = "–" if p_value is None else "changes with tenure" if p_value < 0.01 else "no sign of change"
        rows.append((*cells, changes))
    header = ("", "Hazard ratio", "95 % interval", "Money behind it", "Over tenure")
    title = "What goes with leaving, and what it costs"
    grid = Grid(title, header, rows, "hazard_ratios.parquet", len(ratios), (1, 2, 3))
    return (grid,) if rows else ()


def _model_grid(evidence: Evidence, horizon: int) -> tuple[Grid, ...]:
    """All models on customers they had not seen, the one in use marked."""
    results = evidence.result("model_comparison")
    if results is None:
        return ()
    mine = results.filter(pl.col("task") == "churn_survival").collect()
    has_contract = "concordance_index" in mine["metric"]
    names, titles = _COMPARED[0 if has_contract else 1]
    ranking, fitting, is_chosen = (name.format(horizon) for name in names)
    judged = mine.filter(pl.col("metric").is_in([ranking, fitting]))
    if judged.is_empty():
        return ()
    used = set(mine.filter(pl.col("metric") == is_chosen)["model"])
    weights = dict(mine.filter(pl.col("metric") == "weight").select("model", "value").iter_rows())
    figures: dict[str, dict[str, str]] = {}
    for row in judged.sort("model").iter_rows(named=True):
        said = words.decimal(row["value"], 3)
        if row["low"] is not None and row["high"] is not None:
            said += f" ({words.decimal(row['low'], 3)} to {words.decimal(row['high'], 3)})"
        figures.setdefault(row["model"], {})[row["metric"]] = said
    rows = []
    for model in [name for name in _MODELS if name in figures] + sorted(figures.keys() - _MODELS.keys()):
        share = f"{words.percent(weights[model])} of it" if model in weights else ""
        role = "in use" if model in used else share
        of_model = (figures[model].get(metric, "–") for metric in (ranking, fitting))
        rows.append((_MODELS.get(model, _say_term(model)), *of_model, role))
    title = "Models compared on customers they had not seen"
    return (Grid(title, ("Model", *titles, ""), rows, "model_comparison", len(rows), (1, 2)),)


def _grid(risks: pl.DataFrame, horizon: int, unit: str | None) -> Grid:
    has_value = risks["value_at_risk"].null_count() < risks.height
    first = "value_at_risk" if has_value else "probability"
    order = [pl.col(first).neg(), pl.col("probability").neg(), "customer_id"]
    rows = []
    for row in risks.sort(order, nulls_last=True).head(_MOST_CUSTOMERS).iter_rows(named=True):
        cells = [words.key(row["customer_id"]), words.percent(row["probability"])]
        if has_value:
            cells += [
                "–" if row[name] is None else words.money(row[name], unit)
                for name in ("expected_value", "value_at_risk")
            ]
        rows.append((*cells, _say_reasons(row["top_reasons"])))
    worth = ("Expected spend", "Value at risk") if has_value else ()
    header = ("Customer", f"Risk in {horizon} days", *worth, "What moves the risk most")
    title = "Customers with the most at risk" if has_value else "Customers with the highest risk"
    numeric = tuple(range(1, len(header) - 1))
    return Grid(title, header, rows, "churn_risk.parquet", risks.height, numeric, narrow=(0,))


def _say_reasons(text: str) -> str:
    """`contract (month-to-month) ↑, tenure (3) ↓` from the JSON of `top_reasons`."""
    try:
        reasons = json.loads(text)
        said = [
            words.excerpt(_say_term(str(reason["covariate"])), 40)
            + (f"\u00a0({words.excerpt(str(reason['value']), 20)})" if reason.get("value") else "")
            + ("\u00a0↑" if float(reason["effect"]) > 0 else "\u00a0↓")
            for reason in reasons[:3]
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return words.excerpt(text, 120)
    return ", ".join(said) or "–"
