import numpy as np
import polars as pl

from synth.knobs import END, Knobs
from synth.worlds import World, simulate


def departures(world: World) -> pl.DataFrame:
    """One row a customer with `left_at`, the end of observation for those still there."""
    return (
        world.tables["customers"]
        .join(world.tables["churn_labels"], on="customer_id", validate="1:1")
        .with_columns((pl.col("joined_at") + pl.duration(days=pl.col("duration_days"))).alias("left_at"))
    )


def test_nothing_happens_before_joining_or_after_leaving(world: World) -> None:
    ends = departures(world).select("customer_id", "joined_at", "left_at")
    times = {
        "transactions": "occurred_at",
        "events": "occurred_at",
        "conversations": "started_at",
    }
    for name, column in times.items():
        rows = world.tables[name].join(ends, on="customer_id", validate="m:1")
        assert rows.height
        assert rows.filter(~pl.col(column).is_between("joined_at", "left_at")).height == 0, name


def test_durations_end_with_leaving_or_with_observation(world: World) -> None:
    rows = departures(world)
    assert rows.filter(~pl.col("is_churned"))["left_at"].unique().to_list() == [END]
    assert (rows.filter("is_churned")["left_at"] < END).all()
    begin = Knobs().observation_begins
    entered = rows.select(
        pl.col("joined_at") + pl.duration(days=pl.col("entry_days"))
        == pl.max_horizontal("joined_at", pl.lit(begin))
    )
    assert entered.to_series().all()
    assert (rows["duration_days"] > rows["entry_days"]).all()


def test_conversations_stay_within_the_weeks_asked_for(world: World) -> None:
    conversations = world.tables["conversations"]
    assert conversations["started_at"].min() >= Knobs().contacts_begin  # type: ignore[operator]
    assert conversations["ended_at"].max() < END  # type: ignore[operator]


def test_segments_differ_clearly_in_frequency_and_amount(world: World) -> None:
    buying = (
        world.tables["transactions"]
        .filter(pl.col("amount") > 0)
        .group_by("customer_id")
        .agg(pl.len().alias("frequency"), pl.col("amount").mean())
        .join(world.tables["segment_labels"], on="customer_id", validate="1:1")
        .group_by("segment")
        .agg(pl.col("frequency").median(), pl.col("amount").median())
    )
    rows = {segment: (frequency, amount) for segment, frequency, amount in buying.rows()}
    assert rows["regular"][0] > 2 * rows["project"][0] > 2 * rows["occasional"][0]
    assert rows["project"][1] > 3 * rows["regular"][1] > 9 * rows["bargain"][1]
    assert (world.tables["transactions"]["amount"] < 0).any()


def test_planted_hazard_ratios_show_in_the_rates_of_leaving() -> None:
    world = simulate(Knobs(conversations=50, customers=1500))
    rows = departures(world).with_columns((pl.col("duration_days") - pl.col("entry_days")).alias("exposure"))

    def rate(where: pl.Expr) -> float:
        found = rows.filter(where)
        return float(found["is_churned"].sum() / found["exposure"].sum())

    planted = world.truth["hazard_ratios"]
    monthly, before = pl.col("plan") == "monthly", pl.col("entry_days") > 0
    annual = rate(pl.col("plan") == "annual") / rate(monthly)
    rise = rate(pl.col("has_price_rise")) / rate(before & ~pl.col("has_price_rise"))
    autopay = rate(pl.col("has_autopay")) / rate(~pl.col("has_autopay"))
    observed = np.log([annual, rise, autopay])
    wanted = np.log([planted["plan=annual"], planted["has_price_rise"], planted["has_autopay"]])
    assert np.abs(observed - wanted).max() < 0.3
