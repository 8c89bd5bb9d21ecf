import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cxm import runs, store
from cxm.backends.encoder import HashingEncoder
from cxm.errors import CxmError
from cxm.task import Model
from cxm.tasks.segmentation import TASK
from cxm.workspace import Workspace

END = datetime(2026, 6, 30, 12, tzinfo=UTC)
RETAIL = Path(__file__).parents[4] / "shared" / "data" / "online_retail"


def planted_transactions(n: int = 90, seed: int = 3) -> tuple[pl.DataFrame, dict[str, str]]:
    """Three kinds of customers: often and lately, now and then, once and long ago."""
    generator = np.random.default_rng(seed)
    rows, truth = [], {}
    kinds = {"often": (20, 25, 300.0), "sometimes": (5, 90, 60.0), "once": (1, 400, 15.0)}
    for kind, (n_bought, since, amount) in kinds.items():
        for i in range(n):
            customer = f"{kind}-{i:03d}"
            truth[customer] = kind
            first = since * generator.uniform(0.9, 1.1)
            for day in np.linspace(first, first + 250 * (n_bought > 1), n_bought):
                rows.append(
                    (customer, END - timedelta(days=float(day)), amount * generator.lognormal(0, 0.2))
                )
    frame = pl.DataFrame(rows, schema=["customer_id", "occurred_at", "amount"], orient="row")
    frame = frame.with_columns(
        transaction_id=pl.format("t{}", pl.int_range(pl.len())),
        occurred_at=pl.col("occurred_at").cast(pl.Datetime("us", "UTC")),
        currency=pl.lit("EUR"),
    )
    return frame, truth


def make_workspace(
    tmp_path: Path, transactions: pl.DataFrame, truth: dict[str, str] | None = None
) -> Workspace:
    store.write(transactions, tmp_path / "data", "transactions")
    if truth:
        labels = pl.DataFrame({"customer_id": list(truth), "segment": list(truth.values())})
        store.write(labels, tmp_path / "data", "segment_labels")
    return Workspace(tmp_path / "data", tmp_path / "out", HashingEncoder())


def read_segments(workspace: Workspace, **params: object) -> pl.DataFrame:
    runs.run(TASK, workspace, TASK.params(**params))
    return workspace.read("customer_segments").collect()


def bought(rows: list[tuple[str, float, float]], currency: str | None = "EUR") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "transaction_id": [f"t{i}" for i in range(len(rows))],
            "customer_id": [r[0] for r in rows],
            "occurred_at": [END - timedelta(days=r[1]) for r in rows],
            "amount": [r[2] for r in rows],
            "currency": pl.Series([currency] * len(rows), dtype=pl.String),
        },
        schema_overrides={
            "occurred_at": pl.Datetime("us", "UTC"),
            "customer_id": pl.String,
            "amount": pl.Float64,
        },
    )


def test_planted_segments_are_found_and_scored(tmp_path):
    workspace = make_workspace(tmp_path, *planted_transactions())
    scores = {row["metric"]: row for row in runs.score(TASK, workspace).to_dicts()}
    assert list(scores) == list(TASK.metrics)
    assert scores["adjusted_rand_index"]["value"] > 0.85
    assert scores["stability_ari"]["value"] > 0.8
    assert scores["bic"]["low"] is None
    assert scores["n_segments"]["baseline"] is None
    assert scores["spend_explained_share"]["low"] <= scores["spend_explained_share"]["value"]


def test_every_customer_has_one_named_segment_and_a_membership_that_sums_to_one(tmp_path):
    workspace = make_workspace(tmp_path, planted_transactions()[0])
    segments = read_segments(workspace)
    assert segments["customer_id"].n_unique() == segments.height == 270
    assert 3 <= segments["segment"].n_unique() <= 10
    shares = segments["segment"].value_counts()["count"] / segments.height
    assert shares.min() >= 0.01
    membership = segments["membership"].str.json_decode(
        pl.Struct(dict.fromkeys(segments["segment"].unique(), pl.Float64))
    )
    assert membership.struct.unnest().sum_horizontal().is_between(0.999, 1.001).all()
    profiles = workspace.read("segment_profiles").collect()
    assert profiles["n_customers"].sum() == 270
    assert profiles["monetary_share"].sum() == pytest.approx(1)
    moved = workspace.read("segment_migration").collect()
    assert moved["n_customers"].sum() == segments["previous_segment"].is_not_null().sum()


def test_five_ways_to_group_stand_in_one_table_with_how_useful_they_were(tmp_path):
    workspace = make_workspace(tmp_path, planted_transactions()[0])
    read_segments(workspace)
    compared = workspace.read("model_comparison").collect()
    table = compared.pivot("metric", index="model", values="value")
    ways = {"gaussian_mixture", "k_means", "dbscan", "agglomerative", "birch"}
    assert ways | {"rfm_cell", "k_means_2_raw"} <= set(table["model"])
    figures = (
        "silhouette", "davies_bouldin", "calinski_harabasz", "stability_ari", "smallest_share",
        "spend_explained_share", "churn_explained_share",
    )  # fmt: skip
    assert table.filter(pl.col("model").is_in(ways)).select(figures).null_count().sum_horizontal().item() == 0
    ours = table.row(by_predicate=pl.col("model") == "gaussian_mixture", named=True)
    scores = {row["metric"]: row["value"] for row in runs.score(TASK, workspace).to_dicts()}
    assert ours["spend_explained_share"] == pytest.approx(scores["spend_explained_share"])


def test_cut_points_are_written_and_can_be_given(tmp_path):
    workspace = make_workspace(tmp_path, planted_transactions()[0])
    segments = read_segments(workspace, frequency_cuts="1,4,10,19")
    rows = workspace.read("rfm_cut_points").filter(pl.col("measure") == "frequency").collect()
    assert rows["up_to"].to_list() == [1, 4, 10, 19, None]
    assert rows["n_customers"].to_list() == [90, 0, 90, 0, 90]
    assert segments.filter(pl.col("customer_id") == "often-001")["f_score"].item() == 5
    with pytest.raises(CxmError, match="--recency-cuts"):
        runs.run(TASK, workspace, TASK.params(recency_cuts="9,3"))


def test_profiles_hold_what_other_tasks_found_of_the_customers_in_a_segment(tmp_path):
    transactions, truth = planted_transactions(40)
    workspace = make_workspace(tmp_path, transactions)
    customers = sorted(truth)
    conversations = pl.DataFrame(
        {
            "conversation_id": [f"k{i}" for i in range(len(customers))],
            "customer_id": customers,
            "channel": "chat",
            "started_at": pl.Series(
                [END - timedelta(days=60)] * len(customers), dtype=pl.Datetime("us", "UTC")
            ),
        }
    )
    often = pl.Series([name.startswith("often") for name in customers])
    intents = conversations.select(
        "conversation_id", rank=1, intent=pl.when(often).then(pl.lit("refund")).otherwise(pl.lit("delivery")),
        probability=0.9, is_abstained=False,
    )  # fmt: skip
    risks = conversations.select(
        "customer_id", horizon_days=90, probability=pl.when(often).then(0.1).otherwise(0.6),
        expected_value=10.0, value_at_risk=pl.when(often).then(1.0).otherwise(6.0), top_reasons=pl.lit("[]"),
    )  # fmt: skip
    for name, frame in {
        "conversations": conversations, "predicted_intents": intents, "churn_risk": risks,
    }.items():  # fmt: skip
        store.write(frame, tmp_path / "data", name)
    segments = read_segments(Workspace(tmp_path / "data", tmp_path / "out", HashingEncoder()))
    mine = segments.filter(pl.col("customer_id") == "often-001")["segment"].item()
    profiles = workspace.read("segment_profiles").collect()
    row = profiles.row(by_predicate=pl.col("segment") == mine, named=True)
    assert row["top_driver"] == "refund"
    assert row["top_driver_lift"] > 2
    assert row["contacts_per_customer"] == 1
    assert row["mean_risk"] == pytest.approx(0.1)
    assert row["value_at_risk"] == pytest.approx(row["n_customers"])
    assert row["mean_end_score"] is None
    assert len(row["representative_ids"]) == 3
    assert all(name.startswith("often") for name in row["representative_ids"])


def test_row_order_changes_nothing(tmp_path):
    transactions, _ = planted_transactions(40)
    first = read_segments(make_workspace(tmp_path / "a", transactions))
    second = read_segments(
        make_workspace(tmp_path / "b", transactions.sample(fraction=1, shuffle=True, seed=1))
    )
    assert first.equals(second)


def test_new_customers_are_assigned_by_the_saved_model_without_fitting(tmp_path):
    transactions, _ = planted_transactions(40)
    workspace = make_workspace(tmp_path, transactions)
    before = read_segments(workspace).filter(pl.col("customer_id") == "often-000")["segment"].item()
    model = Model.load(tmp_path / "out" / "models" / TASK.name)
    twin = transactions.filter(pl.col("customer_id") == "often-000").with_columns(
        customer_id=pl.lit("twin"), transaction_id="twin" + pl.col("transaction_id")
    )
    tables = {"transactions": pl.concat([transactions, twin]).lazy()}
    results = TASK.method.predict(tables, model, TASK.params(), workspace.services)
    found = results["customer_segments"].filter(pl.col("customer_id") == "twin")["segment"].item()
    assert found == before


def test_segments_keep_their_identity_from_week_to_week(tmp_path):
    """Within a period nothing is learned anew: names stay, and who bought nothing new mostly stays, too."""
    transactions, _ = planted_transactions(200)
    weeks = [datetime(2026, 6, day, 12, tzinfo=UTC) for day in (8, 15)]
    first, second = (
        read_segments(make_workspace(tmp_path / f"{week:%d}", transactions), observation_end=week.isoformat())
        for week in weeks
    )
    both = first.join(second, "customer_id", suffix="_next", validate="1:1")
    assert (both["segment"] == both["segment_next"]).mean() > 0.97
    assert json.loads(first["membership"][0]).keys() == json.loads(second["membership"][0]).keys()


def test_nothing_after_observation_end_is_read(tmp_path):
    transactions, _ = planted_transactions(40)
    cut = (END - timedelta(days=60)).isoformat()
    known = transactions.filter(pl.col("occurred_at") <= END - timedelta(days=60))
    whole = read_segments(make_workspace(tmp_path / "a", transactions), observation_end=cut)
    part = read_segments(make_workspace(tmp_path / "b", known), observation_end=cut)
    assert whole.equals(part)


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 0.0, 5.0)],
        [("a", 0.0, 5.0), ("b", 300.0, -2.0)],
        [(f"c{i}", 10.0, 5.0) for i in range(30)],
        [("a", 400.0, 5.0), ("a", 1.0, 5.0), ("b", 2.0, 0.0), ("c", 300.0, 1e9)],
        [(f"c{i:03d}", 10.0, 5.0) for i in range(400)] + [("odd", 200.0, 1e6)],
        [(f"c{i:03d}", float(i), -5.0 - i) for i in range(40)],
        [(f"c{i:03d}", 0.0, 5.0 + i) for i in range(40)],
        [(f"c{i:03d}", float(i % 30), 1e11 * (1 + i % 7)) for i in range(60)],
    ],
    ids=[
        "one customer",
        "two, one refunded",
        "all equal",
        "extremes",
        "one unlike all others",
        "only refunds",
        "one day",
        "very large amounts",
    ],
)
def test_few_or_equal_customers_still_get_segments(tmp_path, rows):
    workspace = make_workspace(tmp_path, bought(rows))
    segments = read_segments(workspace)
    assert segments.height == len({row[0] for row in rows})
    assert segments["segment"].null_count() == 0
    shares = segments["segment"].value_counts()["count"] / segments.height
    assert shares.min() >= 0.01
    runs.score(TASK, workspace)


def test_an_empty_table_gives_empty_results(tmp_path):
    workspace = make_workspace(tmp_path, bought([]))
    assert read_segments(workspace).height == 0
    assert runs.score(TASK, workspace).height == 0


def test_several_currencies_are_an_error_that_names_them_unless_one_is_picked(tmp_path):
    both = pl.concat(
        [
            bought([("a", 1.0, 5.0), ("b", 2.0, 5.0)]),
            bought([("c", 1.0, 5.0)], "USD").with_columns(transaction_id=pl.lit("u0")),
        ]
    )
    workspace = make_workspace(tmp_path, both)
    with pytest.raises(CxmError, match=r"EUR, USD.*--currency EUR"):
        runs.run(TASK, workspace)
    assert read_segments(workspace, currency="EUR")["customer_id"].to_list() == ["a", "b"]
    with pytest.raises(CxmError, match="'GBP'"):
        runs.run(TASK, workspace, TASK.params(currency="GBP"))


@pytest.mark.parametrize(
    "params",
    [
        {"observation_end": "yesterday"},
        {"observation_end": "1990-01-01"},
        {"min_segments": 0},
        {"min_share": 0.9},
    ],
)
def test_a_bad_parameter_is_one_line(tmp_path, params):
    workspace = make_workspace(tmp_path, planted_transactions(5)[0])
    with pytest.raises(CxmError) as error:
        runs.run(TASK, workspace, TASK.params(**params))
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.skipif(not RETAIL.exists(), reason="../shared/data/online_retail is not here")
def test_segments_explain_more_of_real_spend_than_the_classical_cells(tmp_path):
    workspace = Workspace(RETAIL, tmp_path / "out", HashingEncoder())
    scores = {row["metric"]: row for row in runs.score(TASK, workspace).to_dicts()}
    assert scores["spend_explained_share"]["value"] > scores["spend_explained_share"]["baseline"]
    assert scores["stability_ari"]["value"] > 0.8
