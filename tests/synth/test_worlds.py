import json
from pathlib import Path

import polars as pl
import pytest

from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES
from synth import make_world, write_world
from synth.knobs import Knobs
from synth.worlds import World, simulate

SMALL = {"conversations": 40, "customers": 25, "weeks": 5}


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def test_every_rule_and_foreign_key_holds_on_disk(tmp_path: Path) -> None:
    write_world(tmp_path)
    assert store.problems_in(tmp_path) == []
    known, other = store.tables_in(tmp_path)
    optional = {"dismissed_findings"}
    assert set(known) == {n for n, t in TABLES.items() if t.kind in ("input", "gold")} - optional
    assert other == ["truth.json"]


def test_sizes_are_the_ones_asked_for(world: World) -> None:
    sizes = {name: frame.height for name, frame in world.tables.items()}
    assert (sizes["conversations"], sizes["customers"], sizes["queries"]) == (400, 300, 80)
    assert (sizes["tools"], sizes["taxonomy"], sizes["scorecard"]) == (16, 14, 8)
    assert 65 <= sizes["articles"] <= 80
    small = make_world(**SMALL)
    assert small["conversations"].height == 40
    assert small["customers"].height == 25


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    write_world(tmp_path / "a", **SMALL)
    write_world(tmp_path / "b", **SMALL)
    write_world(tmp_path / "b", **SMALL)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_another_seed_gives_another_world() -> None:
    one, other = make_world(seed=1, **SMALL), make_world(seed=2, **SMALL)
    for name in ("turns", "articles", "customers", "transactions", "churn_labels"):
        assert not one[name].equals(other[name]), name


def test_more_customers_leave_the_earlier_ones_as_they_were() -> None:
    few = make_world(conversations=200, customers=40)
    many = make_world(conversations=200, customers=60)
    ids = few["customers"]["customer_id"].implode()
    for name in ("customers", "transactions", "events", "churn_labels", "segment_labels"):
        assert few[name].equals(many[name].filter(pl.col("customer_id").is_in(ids))), name
    assert few["articles"].equals(many["articles"])
    theirs = pl.col("customer_id").is_in(ids)
    assert few["conversations"].filter(theirs).equals(many["conversations"].filter(theirs))
    shared = few["turns"].join(few["conversations"].filter(theirs), on="conversation_id", how="semi")
    again = many["turns"].join(few["conversations"].filter(theirs), on="conversation_id", how="semi")
    assert shared.equals(again)


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "turns.parquet").write_bytes(b"mine")
    with pytest.raises(CxmError, match="holds other files"):
        write_world(tmp_path, **SMALL)
    assert (tmp_path / "turns.parquet").read_bytes() == b"mine"


def test_truth_is_plain_json_and_names_what_was_planted(tmp_path: Path) -> None:
    write_world(tmp_path, **SMALL)
    truth = json.loads((tmp_path / "truth.json").read_text())
    planted = {"hazard_ratios", "segments", "incident", "skills", "article_pairs", "near_misses"}
    assert planted | {"out_of_scope", "wrong_answers", "facts", "knobs"} <= set(truth)


def test_the_incident_triples_its_driver_in_the_last_week() -> None:
    world = simulate(Knobs(conversations=1400, customers=900))
    weeks = (
        world.tables["conversations"]
        .join(world.tables["intent_labels"], on="conversation_id", validate="1:1")
        .group_by(pl.col("started_at").dt.strftime("%G-W%V").alias("period"))
        .agg((pl.col("intent") == world.truth["incident"]["intent"]).sum().alias("n"))
        .sort("period")
    )
    assert weeks["period"][-1] == world.truth["incident"]["period"] == "2026-W31"
    usual = weeks["n"][:-1].mean()
    assert isinstance(usual, float)
    assert 2.3 < weeks["n"][-1] / usual < 3.7


def test_a_world_too_short_has_no_incident() -> None:
    assert simulate(Knobs(conversations=20, customers=10, weeks=3)).truth["incident"] is None


@pytest.mark.parametrize("knobs", [{"customers": 1}, {"conversations": 1}, {"weeks": 1}, {"weeks": 120}])
def test_extreme_sizes_work(tmp_path: Path, knobs: dict[str, int]) -> None:
    write_world(tmp_path, **{**SMALL, **knobs})
    assert store.problems_in(tmp_path) == []
