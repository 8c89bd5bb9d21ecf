import polars as pl
import pytest

from assets.sources import SOURCE_TABLES, build_source_assets
from cxm import store
from cxm.tables import TABLES


def break_turns(data):
    turns = pl.read_parquet(data / "turns.parquet").with_columns(speaker=pl.lit("martian"))
    turns.write_parquet(data / "turns.parquet")


def test_every_input_and_gold_table_is_an_asset_in_its_group():
    groups = {
        key.path[-1]: group for a in build_source_assets() for key, group in a.group_names_by_key.items()
    }
    assert groups.pop("data_directory") == "sources"
    kinds = {"input": "sources", "gold": "gold"}
    assert groups == {t.name: kinds[t.kind] for t in TABLES.values() if t.kind in kinds}


def test_a_table_that_is_there_shows_its_rows_columns_and_a_preview(outcome):
    turns = outcome.metadata["turns"]
    assert turns["status"] == "present"
    assert turns["dagster/row_count"] == 3
    assert [column.name for column in turns["dagster/column_schema"].columns][:2] == list(
        TABLES["turns"].columns
    )[:2]
    assert r"this is bad \| \<b\>" in turns["preview"]


def test_a_table_that_is_not_there_is_reported_as_absent(outcome):
    assert outcome.metadata["articles"] == {"status": "absent"}
    absent = [t.name for t in SOURCE_TABLES if outcome.metadata[t.name]["status"] == "absent"]
    assert len(absent) == len(SOURCE_TABLES) - 3


def test_the_data_directory_lists_its_tables_and_other_files(outcome):
    found = outcome.metadata["data_directory"]
    assert found["path"].endswith("/data")
    assert "| turns | 3 |" in found["tables"]
    assert found["other files"] == ["notes.txt"]


def test_a_broken_table_stops_the_run_before_any_task_with_one_line(run_job, data):
    break_turns(data)
    outcome = run_job()
    assert not outcome.is_success
    assert outcome.metadata == {}
    assert list(outcome.failures) == ["read_tables"]
    message = outcome.failures["read_tables"]
    assert "turns.speaker" in message
    assert "3 rows" in message
    assert "cxm validate" in message
    assert "\n" not in message


def test_a_key_that_points_nowhere_stops_the_run_too(run_job, data):
    turns = pl.read_parquet(data / "turns.parquet").with_columns(conversation_id=pl.lit("nobody's"))
    store.write(turns.head(1), data, "turns")
    outcome = run_job()
    assert "is not in conversations" in outcome.failures["read_tables"]


def test_a_directory_without_any_table_names_the_remedy(run_job, data):
    for path in data.iterdir():
        path.unlink()
    assert "cxm import" in run_job().failures["read_tables"]


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_data_directory_that_is_none_is_one_line(run_job, offline, tmp_path, name):
    (tmp_path / "file").touch()
    wrong = type(offline)(data=str(tmp_path / name), out=offline.out)
    message = run_job(wrong).failures["read_tables"]
    assert name in message
    assert "\n" not in message


def test_the_data_directory_is_never_written_to(run_job, data):
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    assert run_job(only=["data_directory", "turns", "mood", "scores/mood"]).is_success
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_without_a_data_directory_the_simulated_brand_is_written_to_out(
    run_job, offline, tmp_path, monkeypatch
):
    monkeypatch.delenv("CXM_DATA", raising=False)
    outcome = run_job(type(offline)(out=str(tmp_path / "out")), only=["data_directory", "turns"])
    assert outcome.is_success
    assert outcome.metadata["data_directory"]["path"] == str(tmp_path / "out" / "simulated-brand")
    assert store.exists(tmp_path / "out" / "simulated-brand", "turns")
