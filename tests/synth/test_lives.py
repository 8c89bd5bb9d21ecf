import json
from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cxm import store
from cxm.tables import TABLES
from synth.catalog import draw_catalog
from synth.knobs import END, Knobs
from synth.knowledge.articles import Knowledge
from synth.lives import CustomerBlock, simulate_customers, simulate_strangers, truth_of_lives
from synth.lives.agents import hire_agents
from synth.lives.causes import poisson_numbers
from synth.lives.drivers import STRAY_SHARE, weigh_drivers
from synth.packs import BEHAVIOURS, names, read_pack
from synth.setting import Setting

FRAMES = ("customers", "transactions", "events", "churn_labels", "segment_labels")


def make_setting(**knobs) -> Setting:
    """A setting in which every eighth fact is stated wrongly somewhere; no article is written."""
    chosen = Knobs(**knobs)
    pack = read_pack(chosen.brand)
    catalog = draw_catalog(pack, chosen)
    misstated = dict.fromkeys(sorted(catalog.facts)[::8], "A")
    return Setting(chosen, pack, catalog, Knowledge([], {}, misstated, [], []), hire_agents(pack, chosen))


SETTING = make_setting(customers=12_000, conversations=24_000)


@pytest.fixture(scope="module")
def block() -> CustomerBlock:
    return simulate_customers(SETTING, 1, 12_001)


@pytest.fixture(scope="module")
def strangers() -> pl.DataFrame:
    return simulate_strangers(SETTING, 1, 10_001)


def same(one: CustomerBlock, other: CustomerBlock) -> None:
    for name in (*FRAMES, "contacts"):
        assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def joined(blocks: list[CustomerBlock]) -> CustomerBlock:
    frames = {name: pl.concat([getattr(b, name) for b in blocks]) for name in (*FRAMES, "contacts")}
    return CustomerBlock(**frames)


def lifetimes(block: CustomerBlock) -> pl.DataFrame:
    return block.customers.join(block.churn_labels, on="customer_id", validate="1:1").with_columns(
        left_at=pl.col("joined_at") + pl.duration(days=pl.col("duration_days"))
    )


def tables_of(block: CustomerBlock, strangers: pl.DataFrame) -> dict[str, pl.DataFrame]:
    columns = [c for c in TABLES["conversations"].columns if c in block.contacts.columns]
    contacts = pl.concat([block.contacts, strangers]).select(columns)
    return {**{name: getattr(block, name) for name in FRAMES}, "conversations": contacts}


# ------------------------------------------------------------------ determinism


def test_blocks_of_any_size_give_the_same_rows() -> None:
    whole = simulate_customers(SETTING, 1, 401)
    for edges in ([1, 2, 3, 90, 401], [1, 400, 401], list(range(1, 402, 25))):
        same(whole, joined([simulate_customers(SETTING, a, b) for a, b in pairwise(edges)]))


def test_strangers_do_not_depend_on_the_block_they_are_made_in(strangers: pl.DataFrame) -> None:
    parts = [simulate_strangers(SETTING, a, b) for a, b in pairwise([1, 2, 300, 501])]
    assert_frame_equal(strangers.head(500), pl.concat(parts), check_exact=True)


def test_one_more_customer_leaves_the_others_as_they_were() -> None:
    few, many = (simulate_customers(make_setting(customers=n, conversations=100), 1, n + 1) for n in (80, 81))
    theirs = pl.col("customer_id") != "C000081"
    kept = {name: getattr(many, name).filter(theirs) for name in (*FRAMES, "contacts")}
    same(few, CustomerBlock(**kept))
    assert many.customers.height == 81


def test_the_same_seed_gives_the_same_lives_and_another_seed_others() -> None:
    same(simulate_customers(SETTING, 1, 60), simulate_customers(SETTING, 1, 60))
    other = simulate_customers(make_setting(seed=8), 1, 60)
    for name in FRAMES:
        assert not getattr(other, name).equals(getattr(simulate_customers(SETTING, 1, 60), name)), name


# ------------------------------------------------------------------ rules


def test_every_rule_of_the_tables_holds(block: CustomerBlock, strangers: pl.DataFrame) -> None:
    tables = tables_of(block, strangers)
    for name, frame in tables.items():
        store.checked(frame, name)
    assert store.foreign_key_problems({name: frame.lazy() for name, frame in tables.items()}) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    brand=st.sampled_from(names()),
    customers=st.integers(1, 40),
    weeks=st.integers(1, 60),
    contacts_per_year=st.none() | st.floats(0.01, 50),
    incident_factor=st.floats(1, 20),
    launch_share=st.floats(0, 0.5),
    misled_share=st.floats(0, 1),
    repeat_unresolved=st.floats(0, 0.9),
    monthly_hazard=st.floats(0.0001, 1),
    hazard_unresolved=st.floats(0.05, 20),
    skill_spread=st.floats(0.5, 500),
    response_rate=st.floats(0, 1),
    response_bias=st.floats(0.1, 10),
)
def test_any_knobs_give_lives_that_keep_the_rules(**knobs) -> None:
    setting = make_setting(**knobs)
    block, strangers = (
        simulate_customers(setting, 1, knobs["customers"] + 1),
        simulate_strangers(setting, 1, 30),
    )
    tables = tables_of(block, strangers)
    for name, frame in tables.items():
        store.checked(frame, name)
    assert store.foreign_key_problems({name: frame.lazy() for name, frame in tables.items()}) == []
    stays_in_time(block, setting.knobs)
    json.dumps(truth_of_lives(setting))


def test_a_world_of_five_years_and_many_contacts_works() -> None:
    setting = make_setting(weeks=260, contacts_per_year=50.0, monthly_hazard=0.0001)
    stays_in_time(simulate_customers(setting, 1, 20), setting.knobs)


def stays_in_time(block: CustomerBlock, knobs: Knobs) -> None:
    lives = lifetimes(block).select("customer_id", "joined_at", "left_at")
    for name, column in {
        "transactions": "occurred_at",
        "events": "occurred_at",
        "contacts": "started_at",
    }.items():
        rows = getattr(block, name).join(lives, on="customer_id", validate="m:1")
        assert rows.filter(~pl.col(column).is_between("joined_at", "left_at", closed="left")).is_empty(), name
    assert (block.transactions["occurred_at"] >= knobs.observation_begins).all()
    contacts = block.contacts
    assert (contacts["started_at"] >= knobs.contacts_begin).all()
    assert (contacts["ended_at"] < END).all()
    assert (contacts["days"] >= 1).all()


def test_nothing_happens_before_joining_or_after_leaving(block: CustomerBlock) -> None:
    stays_in_time(block, SETTING.knobs)


def test_customers_leave_at_a_midnight_or_stay_to_the_end(block: CustomerBlock) -> None:
    lives = lifetimes(block)
    assert (lives["left_at"].dt.truncate("1d") == lives["left_at"]).all()
    assert lives.filter(~pl.col("is_churned"))["left_at"].unique().to_list() == [END]
    assert (lives["left_at"] <= END).all()
    begin = pl.lit(SETTING.knobs.observation_begins)
    entered = pl.col("joined_at") + pl.duration(days=pl.col("entry_days"))
    assert lives.select(entered == pl.max_horizontal("joined_at", begin)).to_series().all()
    assert (lives["duration_days"] > lives["entry_days"]).all()
    assert 0.6 < (lives["entry_days"] > 0).mean() < 0.8


def test_prices_rose_only_for_those_who_were_there(block: CustomerBlock) -> None:
    lives = lifetimes(block)
    assert (lives.filter("has_price_rise")["entry_days"] > 0).all()
    assert 0.3 < lives.filter(pl.col("entry_days") > 0)["has_price_rise"].mean() < 0.6


# ------------------------------------------------------------------ buying


def test_order_numbers_are_unique_and_contacts_name_their_own(
    block: CustomerBlock, strangers: pl.DataFrame
) -> None:
    bought = block.transactions.filter(pl.col("amount") > 0)
    assert bought["transaction_id"].n_unique() == bought.height
    assert not set(strangers["order"]) & set(bought["transaction_id"])
    since = block.contacts.filter(pl.col("ordered_on") >= SETTING.knobs.observation_begins.date())
    found = since.join(
        bought, left_on=["order", "customer_id"], right_on=["transaction_id", "customer_id"], how="left"
    )
    assert (found["amount"] == found["amount_right"]).all()
    assert (found["occurred_at"].dt.date() == found["ordered_on"]).all()
    assert (found["occurred_at"] < found["started_at"]).all()


def test_order_numbers_do_not_tell_who_bought_when(block: CustomerBlock) -> None:
    digits = block.transactions.filter(pl.col("amount") > 0)["transaction_id"].str.slice(2).cast(pl.Int64)
    assert abs(float(np.corrcoef(digits, np.arange(digits.len()))[0, 1])) < 0.02


def test_refunds_follow_their_purchase(block: CustomerBlock) -> None:
    refunds = block.transactions.filter(pl.col("amount") < 0).with_columns(
        bought=pl.col("transaction_id").str.strip_suffix("-R")
    )
    found = refunds.join(block.transactions, left_on="bought", right_on="transaction_id", validate="1:1")
    assert found.height == refunds.height > 100
    assert (found["amount"] == -found["amount_right"]).all()
    assert (found["occurred_at"] > found["occurred_at_right"]).all()


def test_segments_buy_as_often_and_for_as_much_as_the_pack_says(block: CustomerBlock) -> None:
    lives = lifetimes(block).filter(~pl.col("is_churned"), pl.col("entry_days") > 0)
    bought = block.transactions.filter(pl.col("amount") > 0).join(lives, on="customer_id", how="semi")
    found = (
        bought.group_by("customer_id")
        .agg(pl.len(), pl.col("amount").median())
        .join(block.segment_labels, on="customer_id")
        .group_by("segment")
        .agg(pl.col("len").mean(), pl.col("amount").median())
    )
    by_name = {segment: (n, amount) for segment, n, amount in found.rows()}
    for segment in SETTING.pack.segments:
        n, amount = by_name[segment.segment]
        wanted = SETTING.knobs.n_days / segment.gap_days
        assert abs(n / wanted - 1) < 0.2, segment.segment
        assert abs(amount / segment.amount - 1) < 0.1


# ------------------------------------------------------------------ contacting us


def firsts(contacts: pl.DataFrame) -> pl.DataFrame:
    return contacts.filter(pl.col("generation") == 0)


def test_customers_contact_us_as_often_as_asked_for(block: CustomerBlock) -> None:
    begin = SETTING.knobs.contacts_begin
    lives = lifetimes(block)
    start = pl.max_horizontal("joined_at", pl.lit(begin))
    years = lives.select(((pl.col("left_at") - start).dt.total_days().clip(0)).sum()).item() / 365.25
    usual = firsts(block.contacts).filter(~pl.col("is_incident"), ~pl.col("intent").is_in(launch_intents()))
    assert abs(usual.height / years / SETTING.knobs.yearly_contacts - 1) < 0.08


def launch_intents() -> list[int]:
    return [n for n, intent in enumerate(SETTING.pack.intents) if intent.is_launch]


def test_intents_come_as_often_as_their_weights_say(block: CustomerBlock, strangers: pl.DataFrame) -> None:
    drivers = weigh_drivers(SETTING)
    in_season = {
        n: drivers.seasons[drivers.months[SETTING.knobs.first_contact_day :], n].mean()
        for n in range(len(SETTING.pack.intents))
    }
    for contacts in (firsts(block.contacts), strangers):
        usual = contacts.filter(~pl.col("is_incident"), ~pl.col("intent").is_in(launch_intents()))
        for intent, n in usual["intent"].value_counts().rows():
            wanted = drivers.shares[intent] * in_season[intent] * usual.height
            # Purchases come in runs, so a customer's contacts about them are not independent.
            assert abs(n - wanted) < 6 * wanted**0.5 + 0.1 * wanted, SETTING.pack.intents[intent].intent
        strays = usual["intent"].is_in([n for n, i in enumerate(SETTING.pack.intents) if i.is_stray])
        assert abs(strays.mean() - STRAY_SHARE) < 0.01


def test_contacts_are_about_what_their_intent_can_be_about(
    block: CustomerBlock, strangers: pl.DataFrame
) -> None:
    products = {product.number: product for product in SETTING.catalog.products}
    columns = ("intent", "product", "fact", "trouble")
    for row in pl.concat([block.contacts, strangers]).select(columns).unique().iter_rows():
        intent, product = SETTING.pack.intents[row[0]], products[row[1]]
        fact, trouble = row[2], row[3]
        assert (product is SETTING.catalog.launched) == intent.is_launch
        assert not intent.families or product.family.kind in intent.families
        if intent.facts:
            assert fact in intent.facts
        elif intent.properties:
            assert fact in {product.facts[key].key for key in intent.properties}
        else:
            assert fact is None
        if intent.faults:
            own = {key: t.key for key, t in product.troubles.items()}
            assert trouble in (own.values() if "*" in intent.faults else [own[key] for key in intent.faults])
        elif intent.problems:
            assert trouble in intent.problems
        else:
            assert trouble is None


def test_the_incident_multiplies_its_driver_in_the_last_week(
    block: CustomerBlock, strangers: pl.DataFrame
) -> None:
    incident = truth_of_lives(SETTING)["incident"]
    number = weigh_drivers(SETTING).incident
    assert incident["intent"] == SETTING.pack.intents[number].intent
    for contacts in (firsts(block.contacts), strangers):
        weeks = (
            contacts.filter(pl.col("intent") == number)
            .group_by(pl.col("started_at").dt.strftime("%G-W%V").alias("period"))
            .agg(pl.len(), pl.col("is_incident").sum().alias("surplus"))
            .sort("period")
        )
        assert weeks["period"][-1] == incident["period"] == "2026-W31"
        assert weeks["surplus"][:-1].sum() == 0
        usual = weeks["len"][:-1].mean()
        assert abs(weeks["len"][-1] / usual - incident["factor"]) < 0.45
        assert abs(weeks["surplus"][-1] / usual - incident["factor"] + 1) < 0.45


def test_callers_wait_longer_and_give_up_more_often_in_the_incident_week(block: CustomerBlock) -> None:
    calls = block.contacts.filter(pl.col("channel") == "voice").with_columns(
        is_late=pl.col("started_at") >= END - timedelta(days=7)
    )
    means = dict(calls.group_by("is_late").agg(pl.col("is_abandoned").mean()).rows())
    assert means[True] > 1.5 * means[False]


def test_only_the_launched_product_is_new_and_asked_about_from_its_launch_on(
    block: CustomerBlock, strangers: pl.DataFrame
) -> None:
    launch = truth_of_lives(SETTING)["launch"]
    day = pl.col("started_at").dt.date().cast(pl.String)
    is_launch = pl.col("intent").is_in(launch_intents())
    for contacts in (firsts(block.contacts), strangers):
        assert contacts.filter(day < launch["day"], is_launch).is_empty()
        since = contacts.filter(day > launch["day"], ~pl.col("is_incident"))
        assert abs(since.select(is_launch).to_series().mean() - launch["share"]) < 0.012
        asked = contacts.filter(is_launch)
        assert (asked["ordered_on"].cast(pl.String) >= launch["day"]).all()


def test_without_incident_or_launch_there_is_none() -> None:
    setting = make_setting(incident_factor=1.0, launch_share=0.0, contacts_per_year=6.0)
    contacts = simulate_customers(setting, 1, 200).contacts
    assert not contacts["is_incident"].any()
    assert not contacts["intent"].is_in(launch_intents()).any()
    truth = truth_of_lives(setting)
    assert truth["incident"] is None
    assert truth["launch"] is None
    short = truth_of_lives(make_setting(weeks=3))
    assert short["incident"] is None
    assert short["launch"] is None


def test_times_of_a_contact_fit_together(block: CustomerBlock, strangers: pl.DataFrame) -> None:
    contacts = pl.concat([block.contacts, strangers]).with_columns(
        length=(pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()
    )
    no_one = pl.col("is_abandoned") | pl.col("is_bot_only")
    assert contacts.filter(no_one)["handle_seconds"].null_count() == contacts.filter(no_one).height
    answered = contacts.filter(~no_one)
    work = pl.col("handle_seconds") - pl.col("acw_seconds")
    live = answered.filter(pl.col("channel").is_in(["voice", "chat"]))
    assert live.select((pl.col("length") == pl.col("wait_seconds") + work).all()).item()
    assert answered.select((pl.col("length") >= work).all()).item()
    left = contacts.filter("is_abandoned")
    assert set(left["channel"]) == {"voice", "chat"}
    assert (left["length"] == left["wait_seconds"]).all()
    same_day = pl.col("started_at").dt.date() == pl.col("ended_at").dt.date()
    assert contacts.filter(pl.col("channel") != "email").select(same_day.all()).item()
    assert contacts["length"].max() <= 3 * 86_400
    calls = contacts.filter(pl.col("channel") == "voice")["started_at"].dt.hour()
    assert (calls.min(), calls.max()) == (8, 19)


# ------------------------------------------------------------------ outcomes


def test_agents_do_right_as_often_as_their_skills_say(block: CustomerBlock) -> None:
    answered = block.contacts.filter(~pl.col("is_abandoned"), ~pl.col("is_bot_only"), ~pl.col("is_misled"))
    for behaviour in BEHAVIOURS:
        skill = np.array([agent.skill[behaviour] for agent in SETTING.agents])[answered["agent"].to_numpy()]
        done = answered[f"does_{behaviour}"].to_numpy()
        assert abs((done - skill).mean()) < 0.02, behaviour
        if skill.std() > 0.05:
            assert abs(np.polyfit(skill, done, 1)[0] - 1) < 0.25, behaviour


def test_agents_are_misled_only_where_a_fact_is_misstated(
    block: CustomerBlock, strangers: pl.DataFrame
) -> None:
    contacts = pl.concat([block.contacts, strangers])
    misled = contacts.filter("is_misled")
    assert set(misled["fact"]) <= set(SETTING.knowledge.misstated)
    assert not misled["does_accuracy"].any()
    could = contacts.filter(pl.col("fact").is_in(list(SETTING.knowledge.misstated)), ~pl.col("is_abandoned"))
    assert abs(could["is_misled"].mean() - SETTING.knobs.misled_share) < 0.05
    assert misled["is_resolved"].mean() < 0.6 * could.filter(~pl.col("is_misled"))["is_resolved"].mean()


def test_unsettled_matters_end_badly_and_abandoned_ones_are_never_settled(block: CustomerBlock) -> None:
    contacts = block.contacts
    assert not contacts.filter("is_abandoned")["is_resolved"].any()
    bad = dict(contacts.group_by("is_resolved").agg(pl.col("ends_badly").mean()).rows())
    assert bad[False] > 3 * bad[True]
    assert 0.6 < contacts["is_resolved"].mean() < 0.85
    launched = contacts.filter(pl.col("intent").is_in(launch_intents()))
    assert launched["is_resolved"].mean() < 0.3


def test_bots_settle_only_what_changes_nothing(block: CustomerBlock) -> None:
    actions = {tool.tool_name for tool in SETTING.pack.tools if tool.action}
    bots = block.contacts.filter("is_bot_only")
    assert bots.height > 50
    assert set(bots["channel"]) <= {"chat", "messaging"}
    assert not any(actions & set(SETTING.pack.intents[n].tools) for n in bots["intent"].unique())


def test_a_follow_up_is_about_the_same_matter_and_comes_in_time(block: CustomerBlock) -> None:
    again = block.contacts.filter("is_repeat")
    found = again.join(block.contacts, left_on="repeat_of", right_on="conversation_id", suffix="_before")
    assert found.height == again.height > 300
    for column in ("customer", "intent", "product", "fact", "trouble", "order", "is_incident"):
        assert found[column].eq_missing(found[f"{column}_before"]).all(), column
    pause = (found["started_at"].dt.date() - found["ended_at_before"].dt.date()).dt.total_days()
    assert (pause.min(), pause.max()) == (1, 10)
    assert (found["generation"] == found["generation_before"] + 1).all()
    assert again["generation"].max() <= 3
    assert (found["agent"] != found["agent_before"]).mean() > 0.8


def test_numbers_of_contacts_follow_time(block: CustomerBlock) -> None:
    contacts = block.contacts
    assert contacts["conversation_id"].n_unique() == contacts.height
    assert contacts["conversation_id"].is_sorted()
    expected = contacts.select(pl.col("started_at").rank("ordinal").over("customer")).to_series()
    assert (contacts["number"] == expected).all()


def test_the_very_pleased_and_displeased_answer_surveys_more_often(block: CustomerBlock) -> None:
    knobs = SETTING.knobs
    felt = block.contacts.drop_nulls("felt_csat").with_columns(
        is_extreme=pl.col("felt_csat").is_in([1, 5]), answers=pl.col("csat").is_not_null()
    )
    rates = dict(felt.group_by("is_extreme").agg(pl.col("answers").mean()).rows())
    assert abs(rates[False] - knobs.response_rate) < 0.03
    assert abs(rates[True] - knobs.response_rate * knobs.response_bias) < 0.03
    answered = felt.filter("answers")
    assert (answered["csat"] == answered["felt_csat"]).all()
    assert (answered["nps"].is_null() ^ answered["ces"].is_null()).all()


def test_truth_names_each_hazard_ratio_of_the_pack() -> None:
    ratios = truth_of_lives(SETTING)["hazard_ratios"]
    plans = {f"plan={plan.plan}" for plan in SETTING.pack.plans[1:]}
    assert set(ratios) == plans | {
        "has_price_rise",
        "has_autopay",
        "age_decade",
        "unresolved_contact_60_days",
        "last_conversation_ended_badly",
    }


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 90.0, 600.0])
def test_poisson_numbers_have_the_right_distribution(mean: float) -> None:
    from scipy.stats import poisson

    drawn = (np.arange(2000) + 0.5) / 2000
    assert (poisson_numbers(drawn, np.full(2000, mean)) == poisson.ppf(drawn, mean)).mean() > 0.995
