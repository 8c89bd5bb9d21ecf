"""Who the customers are: recency, frequency, monetary, the classical cells, and segments by likeness.

The numbers and cells come from `cxm.methods.rfm`, the Gaussian mixture from `cxm.methods.mixture`, what
it is compared with from `cxm.methods.segment_comparison`; here stands what is fitted when, and how
segments are scored.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from cxm.errors import CxmError
from cxm.methods import segment_comparison as comparison
from cxm.methods.mixture import Mixture, Settings, fit_mixture, from_arrays, plan_scaling, scale, to_arrays
from cxm.methods.observation import days_before, moment_of
from cxm.methods.purchases import span
from cxm.methods.rfm import (
    MEASURES,
    Cuts,
    add_scores,
    cut_point_rows,
    in_one_currency,
    parse_cuts,
    plan_cuts,
    rfm_table,
)
from cxm.methods.segment_choice import choose_numbers, learn_segments, next_period
from cxm.methods.segment_comparison import CELLS, MIXTURE
from cxm.methods.segment_profiles import profile_segments
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import adjusted_rand_index
from cxm.metrics.intervals import mean_of
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

log = logging.getLogger(__name__)

_MAX_SILHOUETTE = 2_000
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
    recency_cuts: str | None = param(None, "Four ascending days between recency scores; default: quintiles.")
    frequency_cuts: str | None = param(None, "Four ascending numbers of transactions; default: quintiles.")
    monetary_cuts: str | None = param(None, "Four ascending sums of money; default: quintiles.")


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


def _cuts(table: pl.DataFrame, params: SegmentationParams) -> Cuts:
    names = {"recency_days": "recency_cuts", "frequency": "frequency_cuts", "monetary": "monetary_cuts"}
    return plan_cuts(table, {m: parse_cuts(getattr(params, names[m]), names[m]) for m in MEASURES})


# ------------------------------------------------------------------ the method


def fit(tables: Tables, train: pl.DataFrame | None, params: SegmentationParams, services: Services) -> Model:
    """A mixture that is kept for a period, and one of `period_days` ago that has seen nothing later."""
    _check(params)
    transactions = _transactions(tables, params)
    end = _end(transactions, params)
    model = Model({"end": end.isoformat() if end else None, "mixtures": {}, "cuts": {}, "comparison": []})
    if end is None:
        return model
    settings = Settings(
        params.min_segments, params.max_segments, params.min_share, params.n_starts, params.seed
    )
    table = rfm_table(transactions, end, params.period_days)
    mixture, candidates, learned = learn_segments(transactions, table, end, params.period_days, settings)
    _keep(model, "now", mixture)
    cuts = model.facts["cuts"] = _cuts(table, params)
    _say_cuts(cuts)
    bic = {f"{MIXTURE}_{len(c)}": c.bic for c in candidates}
    bic[MIXTURE] = next(c.bic for c in candidates if len(c) == len(mixture.names))
    model.facts["comparison"] += [comparison.comparison_row(m, "bic", b) for m, b in bic.items()]
    groups = comparison.groupings(learned, mixture, _cuts(learned, params), settings)
    model.facts["comparison"] += comparison.judge_shape(groups, params.seed)
    model.facts["comparison"] += _backtest(transactions, end, params, settings, model)
    return model


def _backtest(
    transactions: pl.LazyFrame, end: datetime, params: SegmentationParams, settings: Settings, model: Model
) -> list[dict[str, Any]]:
    """Keeps the mixture of a period ago, and says what it and other groupings explained of the period."""
    cut = days_before(end, params.period_days)
    table = rfm_table(transactions, cut, params.period_days)
    if not table.height:
        return []
    choice = choose_numbers(transactions, cut, params.period_days, settings)
    mixture, _ = fit_mixture(table, settings, choice.numbers, choice.shape)
    _keep(model, "then", mixture)
    groups = comparison.groupings(table, mixture, _cuts(table, params), settings)
    after = next_period(transactions, table, cut, end)
    return comparison.judge_usefulness(groups, after, table["customer_id"].to_numpy())


def _say_cuts(cuts: Cuts) -> None:
    said = ", ".join(f"{name} {' '.join(f'{cut:.6g}' for cut in cuts[name])}" for name in MEASURES)
    log.info("segmentation: cut points of the scores: %s", said)


def _keep(model: Model, name: str, mixture: Mixture) -> None:
    kept = {"names": mixture.names, "numbers": list(mixture.scaling.numbers), "shape": mixture.shape}
    model.facts["mixtures"][name] = kept
    model.arrays.update({f"{name}_{key}": array for key, array in to_arrays(mixture).items()})


def _kept(model: Model, name: str) -> Mixture | None:
    kept = model.facts["mixtures"].get(name)
    if kept is None:
        return None
    arrays = {k.removeprefix(f"{name}_"): a for k, a in model.arrays.items() if k.startswith(f"{name}_")}
    return from_arrays(kept["names"], arrays, tuple(kept["numbers"]), kept["shape"])


def predict(tables: Tables, model: Model, params: SegmentationParams, services: Services) -> Results:
    """Segments of every customer with a transaction, their profiles, and who moved in the last period.

    Scores and segments come from the cut points and the mixture of the model: nothing is fitted.
    """
    transactions = _transactions(tables, params)
    now, then = (_kept(model, name) for name in ("now", "then"))
    if now is None:
        return _empty()
    end = datetime.fromisoformat(model.facts["end"])
    table = add_scores(rfm_table(transactions, end, params.period_days), model.facts["cuts"])
    before = rfm_table(transactions, days_before(end, params.period_days), params.period_days)
    texts = [
        json.dumps(dict(zip(now.names, row, strict=True)))
        for row in np.round(now.membership(table), 4).tolist()
    ]
    past = before.select("customer_id").with_columns(
        previous_segment=pl.Series(now.assign(before), dtype=pl.String),
        backtest_segment=pl.Series(then.assign(before) if then else [None] * before.height, dtype=pl.String),
    )
    customers = table.with_columns(
        segment=pl.Series(now.assign(table), dtype=pl.String),
        membership=pl.Series(texts, dtype=pl.String),
        distance=pl.Series(now.distances(table)),
    )
    return _results(customers, past, model, tables, params)


def fit_naive(
    tables: Tables, train: pl.DataFrame | None, params: SegmentationParams, services: Services
) -> Model:
    """Nothing to learn but the cut points, and how stable the classical cells are on resamples."""
    transactions = _transactions(tables, params)
    end = _end(transactions, params)
    model = Model({"end": end.isoformat() if end else None, "cuts": {}, "comparison": []})
    if end is not None:
        table = rfm_table(transactions, end, params.period_days)
        cuts = model.facts["cuts"] = _cuts(table, params)
        cells = add_scores(table, cuts)["rfm_cell"].to_numpy()
        generator = np.random.default_rng(params.seed)
        agreement = []
        for _ in range(_N_REFITS_CELLS):
            drawn = table[generator.integers(0, table.height, table.height)]
            again = add_scores(table, _cuts(drawn, params))["rfm_cell"].to_numpy()
            agreement.append(adjusted_rand_index(cells, again))
        model.facts["comparison"] = comparison.stability_rows(CELLS, agreement)
    return model


def predict_naive(tables: Tables, model: Model, params: SegmentationParams, services: Services) -> Results:
    """The classical cell as the segment."""
    if model.facts["end"] is None:
        return _empty()
    transactions = _transactions(tables, params)
    end = datetime.fromisoformat(model.facts["end"])
    table = add_scores(rfm_table(transactions, end, params.period_days), model.facts["cuts"])
    before = rfm_table(transactions, days_before(end, params.period_days), params.period_days)
    before = add_scores(before, _cuts(before, params))
    past = before.select("customer_id", previous_segment="rfm_cell", backtest_segment="rfm_cell")
    texts = [json.dumps({cell: 1.0}) for cell in table["rfm_cell"]]
    customers = table.with_columns(segment=pl.col("rfm_cell"), membership=pl.Series(texts, dtype=pl.String))
    return _results(customers, past, model, {}, params)


# ------------------------------------------------------------------ result tables


def _empty() -> Results:
    columns = {"previous_segment": pl.String, "backtest_segment": pl.String}
    customers = TABLES["customer_segments"].empty()
    customers = customers.with_columns(*[pl.lit(None, dtype=dtype).alias(c) for c, dtype in columns.items()])
    others = ("segment_profiles", "segment_migration", "rfm_cut_points")
    return {"customer_segments": customers} | {name: TABLES[name].empty() for name in others}


def _results(
    customers: pl.DataFrame, past: pl.DataFrame, model: Model, tables: Tables, params: SegmentationParams
) -> Results:
    """Adds the segments a period ago: `previous_segment` by the model of now, `backtest_segment` of then."""
    end = datetime.fromisoformat(model.facts["end"])
    customers = customers.join(past, "customer_id", "left", validate="1:1").sort("customer_id")
    migration = (
        customers.filter(pl.col("previous_segment").is_not_null())
        .group_by("previous_segment", "segment")
        .agg(n_customers=pl.len().cast(pl.Int32))
        .sort("previous_segment", "segment")
    )
    results = {
        "customer_segments": customers.drop("distance", strict=False),
        "segment_profiles": profile_segments(customers, tables, end, params.period_days),
        "segment_migration": migration,
        "rfm_cut_points": cut_point_rows(customers, model.facts["cuts"]),
    }
    if rows := model.facts["comparison"]:
        compared = pl.DataFrame([{"task": TASK.name, **row} for row in rows], infer_schema_length=None)
        results["model_comparison"] = compared.cast({"low": pl.Float64, "high": pl.Float64})
    return results


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
    compared = results.get("model_comparison", TABLES["model_comparison"].empty())
    of_task = compared.filter(pl.col("task") == TASK.name)
    ours = MIXTURE if MIXTURE in of_task["model"] else CELLS
    figures = {row["metric"]: row for row in of_task.filter(pl.col("model") == ours).to_dicts()}
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
        rows = customers.filter(pl.col("backtest_segment").is_not_null())
        segment = rows["backtest_segment"]
        spend = next_period(transactions, rows, days_before(end, params.period_days), end).spend
    else:
        rows, segment, amount = customers, customers["segment"], customers["monetary"].to_numpy()
        spend = np.sign(amount) * np.log1p(np.abs(amount))
    labels = segment.to_numpy().astype(str)
    return comparison.estimate_explained(
        "spend_explained_share", spend, labels, rows["customer_id"].to_numpy()
    )


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
    uses=("customers", "conversations", "predicted_intents", "conversation_sentiment", "churn_risk"),
    gold="segment_labels",
    writes=(
        "customer_segments",
        "segment_profiles",
        "segment_migration",
        "rfm_cut_points",
        "model_comparison",
    ),
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
    scored_without="a transaction by observation_end",
    params=SegmentationParams,
)
