import html
import json
import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES
from synth import PRESETS, Knobs, is_written, make_world, write_world
from synth.truth import read_truth

TINY = {
    "tools": 60,
    "conversations": 40,
    "customers": 25,
    "weeks": 5,
    "information_articles": 80,
    "issue_articles": 30,
    "near_duplicates": 5,
    "copied_passages": 5,
    "contradictions": 8,
}


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def table(directory: Path, name: str) -> pl.DataFrame:
    return store.scan(directory, name).collect()


# ------------------------------------------------------------------ the tables


def test_every_rule_and_foreign_key_holds_on_disk(small_world: Path) -> None:
    assert store.problems_in(small_world) == []
    known, other = store.tables_in(small_world)
    assert set(known) == {n for n, t in TABLES.items() if t.kind in ("input", "gold")} - {
        "dismissed_findings"
    }
    assert other == ["truth.json"]


def test_sizes_are_the_ones_asked_for(small_world: Path) -> None:
    sizes = PRESETS["small"]
    assert table(small_world, "conversations").height == sizes["conversations"]
    assert table(small_world, "customers").height == sizes["customers"]
    assert table(small_world, "tools").height == sizes["tools"]
    kinds = dict(table(small_world, "articles").group_by("kind").len().rows())
    assert kinds == {"information": sizes["information_articles"], "issue": sizes["issue_articles"]}
    assert table(small_world, "taxonomy").height >= 90
    assert table(small_world, "scorecard").height == 9


def test_no_two_conversations_are_equal(small_world: Path) -> None:
    texts = table(small_world, "turns").group_by("conversation_id").agg(pl.col("text").str.join("\n"))
    assert texts["text"].n_unique() == texts.height


@pytest.mark.parametrize("knobs", [{"customers": 1}, {"conversations": 1}, {"weeks": 1}, {"weeks": 120}])
def test_extreme_sizes_work(tmp_path: Path, knobs: dict[str, int]) -> None:
    write_world(tmp_path, Knobs(**(TINY | knobs)))
    assert store.problems_in(tmp_path) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    brand=st.sampled_from(["larkfield", "fennwick"]),
    conversations=st.integers(1, 60),
    customers=st.integers(1, 60),
    weeks=st.integers(1, 40),
    contacts_per_year=st.none() | st.floats(0.01, 50),
    incident_factor=st.floats(1, 20),
    launch_share=st.floats(0, 0.5),
    misled_share=st.floats(0, 1),
    noise=st.floats(0, 3),
    acronyms=st.floats(0, 1),
    response_rate=st.floats(0, 1),
    monthly_hazard=st.floats(0.0001, 1),
    no_text=st.booleans(),
)
def test_any_world_keeps_the_rules_of_the_tables(**knobs) -> None:
    world = make_world(Knobs(**(TINY | knobs)))
    assert world.tables["conversations"].height == knobs["conversations"]
    frames = {name: frame.lazy() for name, frame in world.tables.items()}
    assert store.foreign_key_problems(frames) == []
    json.dumps(world.truth)


# ------------------------------------------------------------------ determinism


def test_same_knobs_give_the_same_bytes(tmp_path: Path) -> None:
    write_world(tmp_path / "a", Knobs(**TINY))
    write_world(tmp_path / "b", Knobs(**TINY))
    once = files(tmp_path / "b")
    write_world(tmp_path / "b", Knobs(**TINY))
    assert files(tmp_path / "a") == once == files(tmp_path / "b")


def test_another_seed_gives_another_world() -> None:
    one, other = (make_world(Knobs(seed=seed, **TINY)).tables for seed in (1, 2))
    for name in ("turns", "articles", "customers", "transactions", "churn_labels"):
        assert not one[name].equals(other[name]), name


def test_one_more_customer_leaves_the_others_as_they_were() -> None:
    few, many = (
        make_world(Knobs(**(TINY | {"conversations": 300, "customers": n}))).tables for n in (40, 41)
    )
    ids = few["customers"]["customer_id"].implode()
    theirs = pl.col("customer_id").is_in(ids)
    for name in ("customers", "transactions", "events", "churn_labels", "segment_labels", "conversations"):
        assert few[name].filter(theirs).equals(many[name].filter(theirs)), name
    assert few["articles"].equals(many["articles"])
    own = few["conversations"].filter(theirs)
    for name in ("turns", "quality_labels", "reply_labels"):
        one, other = (t[name].join(own, on="conversation_id", how="semi") for t in (few, many))
        assert one.equals(other), name


def test_parts_do_not_change_a_world(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make_world(Knobs(**TINY))
    monkeypatch.setattr("synth.worlds.PEOPLE_A_BLOCK", 7)
    monkeypatch.setattr("synth.worlds.CONVERSATIONS_A_PART", 6)
    parts = make_world(Knobs(**TINY))
    for name, frame in whole.tables.items():
        assert frame.equals(parts.tables[name]), name
    assert whole.contacts.equals(parts.contacts)


def test_without_text_the_same_things_happen() -> None:
    told, untold = (make_world(Knobs(no_text=no_text, **TINY)) for no_text in (False, True))
    assert not {"turns", "articles"} & set(untold.tables)
    for name, frame in untold.tables.items():
        assert frame.equals(told.tables[name]), name
    assert told.contacts.equals(untold.contacts)


# ------------------------------------------------------------------ the folder


def test_a_world_written_in_many_parts_is_the_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = Knobs(**(TINY | {"contacts_per_year": 40.0}))
    whole = make_world(knobs)
    strangers = whole.tables["conversations"].filter(pl.col("customer_id").is_null())
    assert strangers.is_empty(), "customers make more contacts than wanted"
    monkeypatch.setattr("synth.worlds.PEOPLE_A_BLOCK", 3)
    monkeypatch.setattr("synth.worlds.CONVERSATIONS_A_PART", 2)
    write_world(tmp_path, knobs)
    assert len(list((tmp_path / "turns").iterdir())) > 1
    for name, frame in whole.tables.items():
        assert table(tmp_path, name).equals(frame), name
    truth = read_truth(tmp_path) or {}
    assert truth["contacts"] == whole.contacts.to_dicts()
    assert truth["groundings"] == [
        {**record, "article_ids": list(record["article_ids"])} for record in whole.truth["groundings"]
    ]
    assert truth["personal_data"] == whole.truth["personal_data"]
    assert [path.name for path in tmp_path.glob(".*")] == [".cxm.json"]


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "turns.parquet").write_bytes(b"mine")
    with pytest.raises(CxmError, match="holds other files"):
        write_world(tmp_path, Knobs(**TINY))
    assert (tmp_path / "turns.parquet").read_bytes() == b"mine"


def test_a_world_killed_while_being_written_can_be_written_again(tmp_path: Path, monkeypatch) -> None:
    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("synth.worlds.hold", kill)
        with pytest.raises(KeyboardInterrupt):
            write_world(tmp_path, Knobs(**TINY))
    assert not is_written(tmp_path, Knobs(**TINY))
    write_world(tmp_path, Knobs(**TINY))
    assert is_written(tmp_path, Knobs(**TINY))
    assert not is_written(tmp_path, Knobs(seed=8, **TINY))
    assert store.tables_in(tmp_path)[1] == ["truth.json"]


def test_a_world_without_text_leaves_no_table_of_an_earlier_one(tmp_path: Path) -> None:
    write_world(tmp_path, Knobs(**TINY))
    write_world(tmp_path, Knobs(no_text=True, **TINY))
    assert not store.exists(tmp_path, "turns")
    assert store.problems_in(tmp_path) == []


# ------------------------------------------------------------------ the truth stands where it says


def text_of(directory: Path) -> dict[tuple[str, int], str]:
    turns = table(directory, "turns").select("conversation_id", "turn_index", "text")
    return {(row[0], row[1]): row[2] for row in turns.iter_rows()}


def test_personal_data_stands_where_the_truth_says(small_world: Path) -> None:
    texts, places = text_of(small_world), (read_truth(small_world) or {})["personal_data"]
    for place in places:
        text = texts[place["conversation_id"], place["turn_index"]]
        assert text[place["start"] : place["end"]] == place["text"]
    assert {"name", "email", "phone", "order", "postcode"} <= {place["kind"] for place in places}


def test_each_reply_rests_on_what_the_truth_says(small_world: Path) -> None:
    truth, texts = read_truth(small_world) or {}, text_of(small_world)
    speakers = {(r[0], r[1]): r[2] for r in table(small_world, "turns")[:, :3].iter_rows()}
    labels = {
        (r["conversation_id"], r["turn_index"]): r for r in table(small_world, "reply_labels").to_dicts()
    }
    misled = {c["conversation_id"]: c["fact"] for c in truth["contacts"] if c["is_misled"]}
    wrong = truth["facts"]["misstated"]
    n_misled = 0
    for grounding in truth["groundings"]:
        place = grounding["conversation_id"], grounding["turn_index"]
        assert speakers[place] in ("agent", "bot")
        assert labels[place]["article_ids"] == grounding["article_ids"]
        if grounding["tool_name"]:
            following = texts[place[0], place[1] + 1]
            assert following.startswith(grounding["tool_name"])
            assert labels[place]["tool_name"] == grounding["tool_name"]
        read = grounding["read_article_id"]
        if read and read not in grounding["article_ids"]:
            assert read == wrong[misled[place[0]]]
            n_misled += 1
    assert n_misled


def squeezed(text: str) -> str:
    """Without markup, so that a quote can be found in any layout."""
    return re.sub(r"[^a-z0-9]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)).lower())


def test_each_planted_pair_shows_in_both_articles(small_world: Path) -> None:
    bodies = dict(table(small_world, "articles").select("article_id", "body").iter_rows())
    truth = read_truth(small_world) or {}
    assert {pair["relation"] for pair in truth["article_pairs"]} == {"similar", "contradictory"}
    for pair in [*truth["article_pairs"], *truth["near_misses"]]:
        assert squeezed(pair["left_quote"]).strip() in squeezed(bodies[pair["left"]])
        assert squeezed(pair["right_quote"]).strip() in squeezed(bodies[pair["right"]])
    labelled = table(small_world, "article_pair_labels").height
    assert labelled == len(truth["article_pairs"])


def test_evidence_turns_are_turns_of_the_agent(small_world: Path) -> None:
    labels = table(small_world, "quality_labels").explode("evidence_turns").drop_nulls("evidence_turns")
    turns = table(small_world, "turns").select("conversation_id", "turn_index", "speaker")
    found = labels.join(
        turns,
        left_on=["conversation_id", "evidence_turns"],
        right_on=["conversation_id", "turn_index"],
        how="left",
    )
    assert set(found["speaker"]) == {"agent"}


def test_turns_are_spoken_in_order_within_the_conversation(small_world: Path) -> None:
    turns = table(small_world, "turns").sort("conversation_id", "turn_index")
    gap = turns.select(pl.col("spoken_at").diff().over("conversation_id")).drop_nulls().to_series()
    assert gap.min() >= timedelta(0)
    times = turns.join(table(small_world, "conversations"), on="conversation_id")
    assert times.filter(~pl.col("spoken_at").is_between("started_at", "ended_at")).is_empty()


# ------------------------------------------------------------------ what was planted can be found


@pytest.fixture(scope="module")
def numbers() -> dict:
    """A large world without text, and the truth about it."""
    world = make_world(Knobs(conversations=20_000, customers=20_000, no_text=True))
    contacts = world.contacts.join(world.tables["conversations"], on="conversation_id", validate="1:1")
    return {"truth": world.truth, "contacts": contacts}


def test_the_incident_triples_its_driver_in_the_last_week(numbers: dict) -> None:
    incident = numbers["truth"]["incident"]
    weeks = (
        numbers["contacts"]
        .group_by(pl.col("started_at").dt.strftime("%G-W%V").alias("period"))
        .agg((pl.col("intent") == incident["intent"]).sum().alias("n"), pl.len().alias("all"))
        .sort("period")
    )
    assert weeks["period"][-1] == incident["period"] == "2026-W31"
    assert 2.5 < weeks["n"][-1] / weeks["n"][:-1].mean() < 3.5
    assert weeks["n"][:-1].sum() / weeks["all"][:-1].sum() >= 0.12


def test_the_launched_product_is_asked_about_from_its_launch_on(numbers: dict) -> None:
    launch = numbers["truth"]["launch"]
    asked = pl.col("intent").is_in(launch["intents"])
    before = numbers["contacts"].filter(pl.col("started_at").dt.date().cast(pl.String) < launch["day"])
    since = numbers["contacts"].filter(pl.col("started_at").dt.date().cast(pl.String) >= launch["day"])
    assert before.filter(asked).is_empty()
    assert abs(since.filter(asked).height / since.height - launch["share"]) < 0.02


def test_a_contradictory_article_costs_the_planted_repeat_contacts(numbers: dict) -> None:
    """The share of misled contacts followed by another one, as far as one could follow in time."""
    contacts, planted = numbers["contacts"], numbers["truth"]["repeat_chances"]
    repeated = set(contacts["repeat_of"].drop_nulls())
    in_time = contacts.filter(
        pl.col("started_at")
        < pl.lit(Knobs().incident_day and contacts["started_at"].max() - timedelta(days=12)),
        ~pl.col("is_abandoned"),
        pl.col("customer_id").is_not_null(),
    ).with_columns(has_repeat=pl.col("conversation_id").is_in(list(repeated)))
    misled = in_time.filter("is_misled")["has_repeat"]
    settled = in_time.filter(~pl.col("is_misled"), "is_resolved")["has_repeat"]
    for found, chance in ((misled, planted["misled"]), (settled, planted["resolved"])):
        error = (chance * (1 - chance) / found.len()) ** 0.5
        assert abs(found.mean() - chance) < 4 * error + 0.02
    assert misled.len() > 100
