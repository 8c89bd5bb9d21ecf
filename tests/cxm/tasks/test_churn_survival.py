import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cxm import runs, store
from cxm.backends.encoder import HashingEncoder
from cxm.errors import CxmError, MissingTable
from cxm.task import Model
from cxm.tasks.churn_survival import TASK
from cxm.workspace import Workspace

END = datetime(2026, 6, 30, tzinfo=UTC)
SHARED = Path(__file__).parents[4] / "shared" / "data"
METRICS = [
    "concordance_index",
    "concordance_ipcw",
    "integrated_brier_score",
    "calibration_error",
    "lift_at_decile",
]


def contract(n: int, dated: bool, seed: int = 5) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Customers whose hazard is 1/400 a day, times 3 on a monthly plan and e^0.7 a unit of price."""
    generator = np.random.default_rng(seed)
    is_monthly = generator.random(n) < 0.5
    price = generator.normal(0, 1, n)
    leaves = generator.exponential(400 / (np.where(is_monthly, 3.0, 1.0) * np.exp(0.7 * price)))
    watched = np.floor(generator.uniform(30, 900, n))
    ids = [f"c{i:05d}" for i in range(n)]
    customers = pl.DataFrame(
        {"customer_id": ids, "plan": np.where(is_monthly, "monthly", "yearly"), "price": price}
    )
    if dated:
        joined = [END - timedelta(days=float(w)) for w in watched]
        customers = customers.with_columns(joined_at=pl.Series(joined, dtype=pl.Datetime("us", "UTC")))
    labels = pl.DataFrame(
        {
            "customer_id": ids,
            "duration_days": np.minimum(leaves, watched),
            "is_churned": leaves <= watched,
            "split": np.where(np.arange(n) % 3 == 0, "test", "train"),
        }
    )
    return customers, labels


def shop(n: int = 120, seed: int = 2) -> pl.DataFrame:
    """A year of purchases: half the customers buy every fortnight, half stopped half a year ago."""
    generator = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        gap, last = (14, 0) if i % 2 else (40, 150)
        for day in np.arange(last + generator.uniform(0, gap), 400, gap):
            rows.append((f"c{i:03d}", END - timedelta(days=float(day)), float(generator.lognormal(3, 0.3))))
    return pl.DataFrame(
        {
            "transaction_id": [f"t{i}" for i in range(len(rows))],
            "customer_id": [r[0] for r in rows],
            "occurred_at": [r[1] for r in rows],
            "amount": [r[2] for r in rows],
            "currency": "EUR",
        },
        schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
    )


def make_workspace(tmp_path: Path, **tables: pl.DataFrame) -> Workspace:
    for name, frame in tables.items():
        store.write(frame, tmp_path / "data", name)
    return Workspace(tmp_path / "data", tmp_path / "out", HashingEncoder())


def read_risk(workspace: Workspace, table: str = "churn_risk", **params: object) -> pl.DataFrame:
    runs.run(TASK, workspace, TASK.params(**{"n_folds": 2} | params), force=False)
    return workspace.read(table).collect()


def scored(workspace: Workspace, **params: object) -> dict[str, dict[str, float]]:
    return {
        row["metric"]: row
        for row in runs.score(TASK, workspace, TASK.params(**{"n_folds": 2} | params)).to_dicts()
    }


# ------------------------------------------------------------------ with labels, without joined_at


def test_planted_hazard_ratios_lie_in_their_intervals_and_the_risk_beats_kaplan_meier(tmp_path):
    customers, labels = contract(1200, dated=False)
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=labels)
    scores = scored(workspace)
    assert list(scores) == [*METRICS, "coverage"]
    assert scores["concordance_index"]["value"] > 0.65
    assert scores["concordance_index"]["baseline"] == 0.5
    assert scores["integrated_brier_score"]["value"] < scores["integrated_brier_score"]["baseline"]
    assert scores["coverage"]["value"] == 1
    ratios = {row["term"]: row for row in workspace.read("hazard_ratios").collect().to_dicts()}
    assert ratios["price"]["low"] < np.exp(0.7) < ratios["price"]["high"]
    plan = next(row for term, row in ratios.items() if term.startswith("plan="))
    truth = 3.0 if plan["term"] == "plan=monthly" else 1 / 3
    assert plan["low"] < truth < plan["high"]
    assert set(workspace.read("model_comparison").collect()["model"]) >= {
        "kaplan_meier",
        "cox",
        "lightgbm_hazard",
    }


def test_every_customer_has_a_row_per_horizon_that_grows_with_it_and_says_why(tmp_path):
    customers, labels = contract(300, dated=False)
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=labels)
    risk = read_risk(workspace)
    assert risk.height == 900
    assert set(risk["horizon_days"]) == {30, 90, 180}
    wide = risk.pivot(on="horizon_days", index="customer_id", values="probability")
    assert (wide["30"] <= wide["90"]).all()
    assert (wide["90"] <= wide["180"]).all()
    reasons = json.loads(risk["top_reasons"][0])
    assert {reason["covariate"] for reason in reasons} <= {"plan", "price"}
    assert set(reasons[0]) == {"covariate", "effect", "value", "words"}
    assert reasons[0]["covariate"] in reasons[0]["words"]
    assert risk["expected_value"].null_count() == risk.height


def test_a_test_label_changes_no_prediction(tmp_path):
    customers, labels = contract(300, dated=True)
    altered = labels.with_columns(
        duration_days=pl.when(pl.col("split") == "test").then(1.0).otherwise("duration_days")
    )
    first = read_risk(make_workspace(tmp_path / "a", customers=customers, churn_labels=labels))
    second = read_risk(make_workspace(tmp_path / "b", customers=customers, churn_labels=altered))
    assert first.equals(second)


def test_late_entry_is_taken_out_of_the_time_at_risk(tmp_path):
    customers, labels = contract(900, dated=False)
    entry = np.where(np.arange(900) % 2 == 0, 100.0, 0.0)
    late = labels.with_columns(entry_days=pl.Series(entry)).filter(
        pl.col("entry_days") < pl.col("duration_days")
    )
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=late)
    read_risk(workspace)
    ratios = {row["term"]: row for row in workspace.read("hazard_ratios").collect().to_dicts()}
    assert ratios["price"]["low"] < np.exp(0.7) < ratios["price"]["high"]
    assert scored(workspace)["concordance_index"]["n"] == late.filter(pl.col("split") == "test").height


# ------------------------------------------------------------------ with labels and joined_at


def test_a_dated_contract_is_scored_on_a_backtest_of_who_was_still_there(tmp_path):
    customers, labels = contract(2700, dated=True)
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=labels)
    scores = scored(workspace)
    cut = END - timedelta(days=90)
    joined = labels.join(customers, on="customer_id").filter(pl.col("split") == "test")
    tenure = (pl.lit(cut) - pl.col("joined_at")).dt.total_seconds() / 86400
    there = joined.filter((tenure >= 0) & (pl.col("duration_days") > tenure))
    assert scores["concordance_index"]["n"] == there.height
    assert scores["concordance_index"]["value"] > 0.62
    # Of 900 customers, ten bins hold mostly chance.
    assert scores["calibration_error"]["value"] < 0.08
    backtest = workspace.read("churn_backtest").collect()
    assert backtest["customer_id"].n_unique() == customers.filter(pl.col("joined_at") <= cut).height
    assert read_risk(workspace)["customer_id"].n_unique() == customers.height


def test_the_backtest_reads_nothing_that_came_after_it(tmp_path):
    customers, labels = contract(400, dated=True)
    cut = END - timedelta(days=90)
    tenure = pl.Series([(cut - j).total_seconds() / 86400 for j in customers["joined_at"]])
    # What a record made at the cut would say; who joined later is there, but not yet observed.
    later = pl.Series(np.maximum(tenure.to_numpy(), 0.0))
    as_known = labels.with_columns(
        is_churned=pl.col("is_churned") & (pl.col("duration_days") <= tenure),
        duration_days=pl.min_horizontal("duration_days", later),
    )
    whole = make_workspace(tmp_path / "a", customers=customers, churn_labels=labels)
    part = make_workspace(tmp_path / "b", customers=customers, churn_labels=as_known)
    then = read_risk(whole, "churn_backtest", as_of=END.isoformat())
    at_cut = read_risk(part, "churn_backtest", as_of=END.isoformat())
    assert np.allclose(then["probability"], at_cut["probability"])


def test_risk_from_as_of_is_conditional_on_the_tenure_reached(tmp_path):
    customers, labels = contract(400, dated=True)
    # Everyone leaves at day 300 or stays: who has passed it is safe, who is about to reach it is not.
    tenure = (pl.lit(END) - pl.col("joined_at")).dt.total_seconds() / 86400
    rule = labels.join(customers, on="customer_id").with_columns(tenure=tenure).with_columns(
        is_churned=(pl.col("tenure") > 300) & (pl.int_range(pl.len()) % 2 == 0)
    ).with_columns(duration_days=pl.when("is_churned").then(300.0).otherwise("tenure"))  # fmt: skip
    labels = rule.select("customer_id", "duration_days", "is_churned", "split")
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=labels)
    risk = read_risk(workspace).filter(pl.col("horizon_days") == 90)
    both = risk.join(rule.select("customer_id", "tenure"), on="customer_id")
    near = both.filter(pl.col("tenure").is_between(220, 290))["probability"].mean()
    past = both.filter(pl.col("tenure") > 320)["probability"].mean()
    assert near > 0.3
    assert past < 0.1


def test_an_unknown_joining_date_still_gets_a_row(tmp_path):
    customers, labels = contract(300, dated=True)
    holes = customers.with_columns(
        joined_at=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("joined_at")
    )
    workspace = make_workspace(tmp_path, customers=holes, churn_labels=labels)
    assert read_risk(workspace)["customer_id"].n_unique() == 300
    assert scored(workspace)["coverage"]["value"] == 1


# ------------------------------------------------------------------ without labels


def test_without_labels_who_stopped_buying_is_found(tmp_path):
    workspace = make_workspace(tmp_path, transactions=shop())
    scores = scored(workspace)
    value = ["value_at_risk_ratio", "expected_purchases_ratio"]
    assert list(scores) == [*METRICS, "repeat_purchase_auc", *value]
    assert scores["repeat_purchase_auc"]["value"] > 0.95
    risk = read_risk(workspace).filter(pl.col("horizon_days") == 90)
    is_regular = risk["customer_id"].str.slice(1).cast(pl.Int32) % 2 == 1
    assert risk.filter(is_regular)["probability"].mean() < 0.2
    assert risk.filter(~is_regular)["probability"].mean() > 0.6
    assert (risk["value_at_risk"] - risk["probability"] * risk["expected_value"]).abs().max() < 1e-9
    assert (risk["expected_value"] >= 0).all()


def test_without_labels_all_models_stand_in_one_table_beside_recency_and_bg_nbd(tmp_path):
    workspace = make_workspace(tmp_path, transactions=shop())
    read_risk(workspace)
    compared = workspace.read("model_comparison").collect()
    kinds = {"prior", "recency", "bg_nbd", "logistic", "lightgbm", "blend"}
    for metric in ("repeat_purchase_auc_90_days", "log_loss_90_days"):
        rows = compared.filter(pl.col("metric") == metric)
        assert set(rows["model"]) == kinds
        assert (rows["low"] <= rows["value"]).all()
        assert (rows["value"] <= rows["high"]).all()
    assert compared.filter(pl.col("metric") == "is_chosen_90_days").height == 1


def test_nothing_after_as_of_is_read_without_labels(tmp_path):
    day = (END - timedelta(days=60)).isoformat()
    transactions = shop(60)
    known = transactions.filter(pl.col("occurred_at") <= END - timedelta(days=60))
    whole = read_risk(make_workspace(tmp_path / "a", transactions=transactions), as_of=day)
    part = read_risk(make_workspace(tmp_path / "b", transactions=known), as_of=day)
    assert whole.equals(part)


def test_customers_without_a_purchase_get_a_row_too(tmp_path):
    transactions = shop(40)
    ids = [*transactions["customer_id"].unique().sort(), "never"]
    workspace = make_workspace(
        tmp_path, transactions=transactions, customers=pl.DataFrame({"customer_id": ids})
    )
    risk = read_risk(workspace)
    assert risk["customer_id"].n_unique() == 41
    assert risk.filter(pl.col("customer_id") == "never")["probability"].is_between(0, 1).all()


def test_no_labels_on_request_uses_transactions_even_where_labels_are(tmp_path):
    transactions = shop(40)
    ids = transactions["customer_id"].unique().sort().to_list()
    labels = pl.DataFrame({"customer_id": ids, "duration_days": 10.0, "is_churned": True, "split": "train"})
    customers = pl.DataFrame({"customer_id": ids})
    workspace = make_workspace(tmp_path, transactions=transactions, customers=customers, churn_labels=labels)
    found = runs.score(TASK, workspace, use_labels=False)
    assert "repeat_purchase_auc" in found["metric"].to_list()


# ------------------------------------------------------------------ robustness


def test_row_order_changes_nothing_and_a_saved_model_predicts_the_same(tmp_path):
    customers, labels = contract(300, dated=True)
    workspace = make_workspace(tmp_path / "a", customers=customers, churn_labels=labels)
    mixed = make_workspace(
        tmp_path / "b",
        customers=customers.sample(fraction=1, shuffle=True, seed=1),
        churn_labels=labels.sample(fraction=1, shuffle=True, seed=2),
    )
    first = read_risk(workspace)
    assert first.equals(read_risk(mixed))
    model = Model.load(tmp_path / "a" / "out" / "models" / TASK.name)
    tables = {"customers": customers.lazy()}
    again = TASK.method.predict(tables, model, TASK.params(n_folds=2), workspace.services)
    assert again["churn_risk"].sort("customer_id", "horizon_days")["probability"].equals(first["probability"])


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("case", ["all stayed", "all left", "two customers", "odd columns", "ties"])
def test_unusual_labels_and_columns_still_give_a_probability(tmp_path, case, dated):
    customers, labels = contract(2 if case == "two customers" else 150, dated)
    if case == "two customers":
        labels = labels.with_columns(split=pl.Series(["train", "test"]))
    if case in ("all stayed", "all left"):
        labels = labels.with_columns(is_churned=pl.lit(case == "all left"))
    if case == "ties":
        labels = labels.with_columns(duration_days=pl.lit(20.0))
    if case == "odd columns":
        left = labels["is_churned"].cast(pl.Float64)
        customers = customers.with_columns(
            constant=pl.lit(1.0),
            twin=pl.col("price") * 2 + 1,
            note=pl.col("customer_id") + "x",
            holes=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.col("price")),
            nothing=pl.lit(None, dtype=pl.String),
            huge=pl.col("price") * 1e300,
            infinite=pl.lit(float("inf")),
            gives_it_away=left,
            is_flag=pl.col("price") > 0,
            born=pl.lit(END),
        )
    workspace = make_workspace(tmp_path, customers=customers, churn_labels=labels)
    risk = read_risk(workspace)
    assert risk.height == 3 * customers.height
    assert risk["probability"].is_between(0, 1).all()
    scored(workspace)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_transactions_still_work(tmp_path, rows):
    workspace = make_workspace(tmp_path, transactions=shop(4).sort("transaction_id").head(rows))
    risk = read_risk(workspace)
    assert risk["probability"].is_between(0, 1).all()
    assert risk.height % 3 == 0
    scored(workspace)


def test_only_test_labels_and_no_transactions_is_an_error_with_its_remedy(tmp_path):
    customers, labels = contract(20, dated=False)
    workspace = make_workspace(
        tmp_path, customers=customers, churn_labels=labels.with_columns(split=pl.lit("test"))
    )
    with pytest.raises(MissingTable, match=r"'train'.*transactions") as error:
        runs.run(TASK, workspace)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {"horizons": "soon"},
        {"horizons": "0,30"},
        {"as_of": "May"},
        {"as_of": "1990-01-01"},
        {"backtest_days": 0},
    ],
)
def test_a_bad_parameter_is_one_line(tmp_path, params):
    workspace = make_workspace(tmp_path, transactions=shop(6))
    with pytest.raises(CxmError) as error:
        runs.run(TASK, workspace, TASK.params(**params))
    assert "\n" not in str(error.value)


def test_a_horizon_shorter_than_all_given_is_added_to_a_short_backtest(tmp_path):
    workspace = make_workspace(tmp_path, transactions=shop(60))
    scores = scored(workspace, backtest_days=20)
    assert scores["calibration_error"]["value"] <= 1
    assert 20 in read_risk(workspace, "churn_backtest", backtest_days=20)["horizon_days"]


# ------------------------------------------------------------------ real data


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "telco_churn").exists(), reason="../shared/data/telco_churn is not here")
def test_real_subscribers_are_ranked_as_well_as_by_the_measured_cox_model(tmp_path):
    scores = scored(Workspace(SHARED / "telco_churn", tmp_path / "out", HashingEncoder()), n_folds=5)
    assert scores["concordance_index"]["value"] >= 0.853
    assert scores["calibration_error"]["value"] < 0.04


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "online_retail").exists(), reason="../shared/data/online_retail is not here"
)
def test_real_shoppers_who_return_are_told_apart_better_than_by_recency(tmp_path):
    workspace = Workspace(SHARED / "online_retail", tmp_path / "out", HashingEncoder())
    found = scored(workspace, backtest_days=100)["repeat_purchase_auc"]
    assert found["value"] >= 0.735 > found["baseline"]
