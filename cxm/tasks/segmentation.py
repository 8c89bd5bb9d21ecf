"""Who the customers are: recency, frequency, monetary, the classical cells, and segments by likeness.

The numbers and cells come from `cxm.methods.rfm`, the Gaussian mixture from `cxm.methods.mixture`;
here stands what is fitted when, and how segments are judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from cxm.errors import CxmError
from cxm.methods.mixture import (
    NUMBERS,
    RHYTHM,
    choose,
    fit_mixture,
    from_arrays,
    plan_scaling,
    refit_agreement,
    scale,
    to_arrays,
)
from cxm.methods.observation import days_before, moment_of
from cxm.methods.purchases import span
from cxm.methods.rfm import add_scores, in_one_currency, rfm_table, total_amount
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import adjusted_rand_index
from cxm.metrics.intervals import mean_of
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

MIXTURE, CELLS = "gaussian_mixture", "rfm_cell"
_MAX_SILHOUETTE = 2_000
_N_REFITS = 10
_FEWEST_TO_CHOOSE = 500
# How somebody buys is told apart more lastingly: it may explain a little less.
_CLOSE = 0.9
_N_REFITS_CELLS = 30
_NO_PREDICTION = "(no prediction)"


@dataclass(frozen=True)
class SegmentationParams(Params):
    """Parameters of segmentation."""

    observation_end: str | None = param(None, "Day recency is counted to; default: the latest transaction.")
    period_days: int = param(
        90, "Days of recent spend, and of the last period: segments are tested on it.", low=1, high=73000
    )
    min_segments: int = param(3, "Fewest segments.", low=1, high=100)
    max_segments: int = param(10, "Most segments.", low=1, high=100)
    min_share: float = param(0.01, "Smallest share of customers a segment may have.", low=0, high=1)
    n_starts: int = param(10, "Random starts for each number of segments.", low=1)
    currency: str | None = param(None, "Currency to look at, needed where there are several.")


def _check(params: SegmentationParams) -> None:
    if not 1 <= params.min_segments <= params.max_segments or params.n_starts < 1:
        raise CxmError("segmentation needs 1 <= min_segments <= max_segments and n_starts of 1 or more")
    if not 0 <= params.min_share * params.min_segments < 1 or params.period_days < 1:
        raise CxmError("segmentation needs min_share x min_segments below 1 and period_days of 1 or more")


def _transactions(tables: Tables, params: SegmentationParams) -> pl.LazyFrame:
    return in_one_currency(tables["transactions"], params.currency)


def _end(transactions: pl.LazyFrame, params: SegmentationParams) -> datetime | None:
    """The end of observation; None without a transaction by then."""
    first, last = span(transactions)
    if first is None or last is None:
        return None
    end = moment_of(params.observation_end, "observation_end") or last
    if end < first:
        raise CxmError(f"observation_end is {end:%Y-%m-%d}, before the first transaction ({first:%Y-%m-%d})")
    return end


# ------------------------------------------------------------------ the method


def fit(tables: Tables, train: pl.DataFrame | None, params: SegmentationParams, services: Services) -> Model:
    """A mixture of now, and one of `period_days` ago that has seen nothing later."""
    _check(params)
    transactions = _transactions(tables, params)
    end = _end(transactions, params)
    model = Model({"end": end.isoformat() if end else None, "names": {}, "comparison": []})
    if end is None:
        return model
    settings = (params.min_segments, params.max_segments, params.min_share, params.n_starts, params.seed)
    for name, moment in (("now", end), ("then", days_before(end, params.period_days))):
        table = rfm_table(transactions, moment, params.period_days)
        if not table.height:
            continue
        numbers = _more_useful(transactions, moment, params.period_days, settings)
        mixture, candidates = fit_mixture(table, *settings, numbers=numbers)
        model.facts["names"][name] = mixture.names
        model.facts.setdefault("numbers", {})[name] = list(numbers)
        model.arrays.update({f"{name}_{key}": array for key, array in to_arrays(mixture).items()})
        if name == "now":
            rows = [_comparison(f"{MIXTURE}_{len(c)}", "bic", c.bic) for c in candidates]
            rows.append(_comparison(MIXTURE, "bic", choose(candidates).bic))
            agreement = refit_agreement(table, mixture, _N_REFITS, params.n_starts, params.seed)
            model.facts["comparison"] = rows + _stability(MIXTURE, agreement)
    return model


def _more_useful(
    transactions: pl.LazyFrame, moment: datetime, period_days: int, settings: tuple[int, int, float, int, int]
) -> tuple[str, ...]:
    """The numbers whose segments of a period before `moment` explain more of what was spent until it."""
    cut = days_before(moment, period_days)
    before = rfm_table(transactions, cut, period_days)
    if before.height < _FEWEST_TO_CHOOSE:
        return NUMBERS
    after = rfm_table(transactions, moment, period_days).select("customer_id", spend="recent_monetary")
    amount = before.join(after, "customer_id", "left", validate="1:1", maintain_order="left")["spend"]
    spend = amount.fill_null(0.0).to_numpy()
    logs = np.sign(spend) * np.log1p(np.abs(spend))
    shares = {}
    for numbers in (NUMBERS, RHYTHM):
        segment = fit_mixture(before, *settings, numbers=numbers)[0].assign(before)
        shares[numbers] = _explained_share(logs, np.unique(segment, return_inverse=True)[1])
    return RHYTHM if shares[RHYTHM] > _CLOSE * shares[NUMBERS] else NUMBERS


def _comparison(model: str, metric: str, value: float, *ends: float | None) -> dict[str, Any]:
    low, high = ends or (None, None)
    row = {"task": "segmentation", "model": model, "metric": metric}
    return row | {"value": value, "low": low, "high": high}


def _stability(model: str, agreement: list[float]) -> list[dict[str, Any]]:
    found = estimate("stability_ari", mean_of(np.array(agreement)), np.arange(len(agreement)))
    return [_comparison(model, e.metric, e.value, e.low, e.high) for e in found]


def predict(tables: Tables, model: Model, params: SegmentationParams, services: Services) -> Results:
    """Segments of every customer with a transaction, their profiles, and who moved in the last period."""
    transactions = _transactions(tables, params)
    if model.facts["end"] is None:
        return _empty()
    end = datetime.fromisoformat(model.facts["end"])
    cut = days_before(end, params.period_days)
    mixtures = {
        name: from_arrays(
            names, {k: model.arrays[f"{name}_{k}"] for k in _ARRAYS}, tuple(model.facts["numbers"][name])
        )
        for name, names in model.facts["names"].items()
    }
    table = add_scores(rfm_table(transactions, end, params.period_days))
    before = rfm_table(transactions, cut, params.period_days)
    names = mixtures["now"].names
    membership = np.round(mixtures["now"].membership(table), 4)
    texts = [json.dumps(dict(zip(names, row, strict=True))) for row in membership.tolist()]
    past = before.select("customer_id").with_columns(
        previous_segment=pl.Series(mixtures["now"].assign(before), dtype=pl.String),
        backtest_segment=pl.Series(mixtures["then"].assign(before) if before.height else [], dtype=pl.String),
    )
    customers = table.with_columns(
        segment=pl.Series(mixtures["now"].assign(table), dtype=pl.String),
        membership=pl.Series(texts, dtype=pl.String),
    )
    return _results(customers, past, model)


_ARRAYS = ("weights", "means", "variances", "center", "scale")


def fit_naive(
    tables: Tables, train: pl.DataFrame | None, params: SegmentationParams, services: Services
) -> Model:
    """Nothing to learn but how stable the classical cells are on resamples."""
    transactions = _transactions(tables, params)
    end = _end(transactions, params)
    model = Model({"end": end.isoformat() if end else None, "comparison": []})
    if end is not None:
        table = rfm_table(transactions, end, params.period_days)
        cells = add_scores(table)["rfm_cell"].to_numpy()
        generator = np.random.default_rng(params.seed)
        agreement = []
        for _ in range(_N_REFITS_CELLS):
            drawn = table[generator.integers(0, table.height, table.height)]
            agreement.append(adjusted_rand_index(cells, add_scores(table, drawn)["rfm_cell"].to_numpy()))
        model.facts["comparison"] = _stability(CELLS, agreement)
    return model


def predict_naive(tables: Tables, model: Model, params: SegmentationParams, services: Services) -> Results:
    """The classical cell as the segment."""
    if model.facts["end"] is None:
        return _empty()
    transactions = _transactions(tables, params)
    end = datetime.fromisoformat(model.facts["end"])
    table = add_scores(rfm_table(transactions, end, params.period_days))
    before = add_scores(rfm_table(transactions, days_before(end, params.period_days), params.period_days))
    past = before.select("customer_id", previous_segment="rfm_cell", backtest_segment="rfm_cell")
    texts = [json.dumps({cell: 1.0}) for cell in table["rfm_cell"]]
    customers = table.with_columns(segment=pl.col("rfm_cell"), membership=pl.Series(texts, dtype=pl.String))
    return _results(customers, past, model)


# ------------------------------------------------------------------ result tables


def _empty() -> Results:
    columns = {"previous_segment": pl.String, "backtest_segment": pl.String}
    customers = TABLES["customer_segments"].empty()
    customers = customers.with_columns(*[pl.lit(None, dtype=dtype).alias(c) for c, dtype in columns.items()])
    return {
        "customer_segments": customers,
        "segment_profiles": TABLES["segment_profiles"].empty(),
        "segment_migration": TABLES["segment_migration"].empty(),
    }


def _results(customers: pl.DataFrame, past: pl.DataFrame, model: Model) -> Results:
    """Adds the segments a period ago: `previous_segment` by the model of now, `backtest_segment` of then."""
    customers = customers.join(past, "customer_id", "left", validate="1:1").sort("customer_id")
    migration = (
        customers.filter(pl.col("previous_segment").is_not_null())
        .group_by("previous_segment", "segment")
        .agg(n_customers=pl.len().cast(pl.Int32))
        .sort("previous_segment", "segment")
    )
    results = {
        "customer_segments": customers,
        "segment_profiles": _profiles(customers),
        "segment_migration": migration,
    }
    if rows := model.facts["comparison"]:
        results["model_comparison"] = pl.DataFrame(rows, infer_schema_length=None).cast(
            {"low": pl.Float64, "high": pl.Float64}
        )
    return results


def _profiles(customers: pl.DataFrame) -> pl.DataFrame:
    spend = pl.col("monetary").sum().round(6).clip(lower_bound=0)
    profiles = (
        customers.group_by("segment")
        .agg(
            n_customers=pl.len().cast(pl.Int32),
            customer_share=pl.len() / customers.height,
            spend=spend,
            median_recency_days=pl.col("recency_days").median(),
            median_frequency=pl.col("frequency").cast(pl.Float64).median(),
            median_monetary=pl.col("monetary").median(),
        )
        .sort("segment")
    )
    total = profiles["spend"].sum()
    share = pl.col("spend") / total if total > 0 else pl.lit(None, dtype=pl.Float64)
    return profiles.with_columns(monetary_share=share).drop("spend")


# ------------------------------------------------------------------ scoring


def score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: SegmentationParams
) -> list[Estimate]:
    """How much of next-period spend the segments explain, how stable and how separate they are.

    Spend is taken as log(1 + amount), refunds negative: a few very large customers would decide the
    share otherwise. Segments for it are those made from data before the period (`backtest_segment`);
    where nobody bought before it, those of now on the spend so far.
    """
    customers = results["customer_segments"].sort("customer_id")
    if not customers.height:
        return []
    found = _spend_explained(customers, tables, params)
    comparison = results.get("model_comparison", TABLES["model_comparison"].empty())
    ours = comparison.filter((pl.col("task") == "segmentation") & pl.col("model").is_in([MIXTURE, CELLS]))
    figures = {row["metric"]: row for row in ours.to_dicts()}
    n = customers.height
    if row := figures.get("stability_ari"):
        found.append(Estimate("stability_ari", row["value"], row["low"], row["high"], n))
    found += _silhouette(customers, params.seed)
    if row := figures.get("bic"):
        found.append(Estimate("bic", row["value"], None, None, n))
    found.append(Estimate("n_segments", float(customers["segment"].n_unique()), None, None, n))
    return found + _agreement(customers, gold)


def _spend_explained(customers: pl.DataFrame, tables: Tables, params: SegmentationParams) -> list[Estimate]:
    transactions = _transactions(tables, params)
    end = _end(transactions, params)
    past = customers.get_column("backtest_segment", default=None)
    has_past = past is not None and past.null_count() < len(past)
    if end is None:
        return []
    if has_past:
        cut = days_before(end, params.period_days)
        spend = (
            transactions.filter((pl.col("occurred_at") > cut) & (pl.col("occurred_at") <= end))
            .group_by("customer_id")
            .agg(spend=total_amount())
            .collect()
        )
        rows = customers.filter(pl.col("backtest_segment").is_not_null())
        rows = rows.join(spend, "customer_id", "left", validate="1:1", maintain_order="left")
        segment, amount = rows["backtest_segment"], rows["spend"].fill_null(0).to_numpy()
    else:
        rows, segment, amount = customers, customers["segment"], customers["monetary"].to_numpy()
    codes = np.unique(segment.to_numpy().astype(str), return_inverse=True)[1]
    logs = np.sign(amount) * np.log1p(np.abs(amount))

    def explained(drawn: Any) -> float:
        return _explained_share(logs[drawn], codes[drawn])

    return estimate("spend_explained_share", explained, rows["customer_id"].to_numpy())


def _explained_share(values: Any, codes: Any) -> float:
    """Share of the variance that lies between groups (eta squared); NaN where nothing varies."""
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total <= 1e-12:
        return float("nan")
    n = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(n, 1)
    return float((n * (means - values.mean()) ** 2).sum() / total)


def _silhouette(customers: pl.DataFrame, seed: int) -> list[Estimate]:
    """Mean silhouette (Rousseeuw 1987) on the scaled logs of up to 2,000 customers' classical three."""
    from sklearn.metrics import silhouette_samples

    generator = np.random.default_rng(seed)
    drawn = np.sort(generator.permutation(customers.height)[:_MAX_SILHOUETTE])
    points = scale(customers, plan_scaling(customers))[drawn, :3]
    segment = customers["segment"].to_numpy()[drawn].astype(str)
    if not 1 < len(np.unique(segment)) < len(segment):
        return []
    return estimate("silhouette", mean_of(silhouette_samples(points, segment)), drawn)


def _agreement(customers: pl.DataFrame, gold: pl.DataFrame | None) -> list[Estimate]:
    """Agreement with the true segments; customers without a segment count as one more segment."""
    if gold is None or not gold.height:
        return []
    both = (
        gold.select("customer_id", truth="segment")
        .sort("customer_id")
        .join(
            customers.select("customer_id", "segment"),
            "customer_id",
            "left",
            validate="1:1",
            maintain_order="left",
        )
        .with_columns(pl.col("segment").fill_null(_NO_PREDICTION))
    )
    truth, answer = both["truth"].to_numpy().astype(str), both["segment"].to_numpy().astype(str)
    units = both["customer_id"].to_numpy()
    return estimate("adjusted_rand_index", lambda rows: adjusted_rand_index(truth[rows], answer[rows]), units)


TASK = Task(
    name="segmentation",
    title="Customer segments",
    question="Who are our customers, and who moved?",
    needs=(("transactions",),),
    uses=("customers",),
    gold="segment_labels",
    writes=("customer_segments", "segment_profiles", "segment_migration", "model_comparison"),
    metrics=(
        "spend_explained_share",
        "stability_ari",
        "silhouette",
        "bic",
        "n_segments",
        "adjusted_rand_index",
    ),
    method=Method(fit, predict),
    naive=Method(fit_naive, predict_naive),
    naive_name="Classical RFM cells",
    score=score,
    params=SegmentationParams,
)
