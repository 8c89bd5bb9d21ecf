"""Parquet of other programs: foreign dtypes, nested columns, our own tables."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from cxm.errors import CxmError
from cxm.importers import import_source, import_table
from cxm.tables import TABLES

NOON = datetime(2026, 3, 1, 12)


def write(tmp_path, columns, name="export.parquet"):
    path = tmp_path / name
    pl.DataFrame(columns).write_parquet(path)
    return path


def transactions(**columns):
    return {"transaction_id": ["1"], "customer_id": ["a"], "occurred_at": [NOON.replace(tzinfo=UTC)],
            "amount": [1.5], **columns}  # fmt: skip


def import_one(tmp_path, columns, rules="", table="transactions"):
    (tmp_path / "m.toml").write_text(f'table = "{table}"\n{rules}')
    source = write(tmp_path, columns)
    return import_source("parquet", source, tmp_path / "data", tmp_path / "m.toml", max_bad_share=1.0).tables[
        0
    ]


def first(tmp_path, table="transactions"):
    return pl.read_parquet(tmp_path / "data" / f"{table}.parquet").row(0, named=True)


def test_foreign_dtypes_are_cast_by_the_same_rules(tmp_path):
    columns = transactions(
        transaction_id=pl.Series([5], dtype=pl.UInt16),
        customer_id=[17850.0],
        amount=pl.Series(["2.50"]).cast(pl.Decimal(10, 2)),
        currency=pl.Series(["EUR"], dtype=pl.Categorical),
    )
    import_one(tmp_path, columns)
    row = first(tmp_path)
    assert (row["transaction_id"], row["customer_id"], row["amount"], row["currency"]) == (
        "5",
        "17850",
        2.5,
        "EUR",
    )


def test_text_for_a_number_asks_for_the_decimal_sign(tmp_path):
    with pytest.raises(CxmError, match="`decimal`"):
        import_one(tmp_path, transactions(amount=["1,5"]))
    import_one(tmp_path, transactions(amount=["1,5"]), 'decimal = ","')
    assert first(tmp_path)["amount"] == 1.5


@pytest.mark.parametrize("value", [NOON, date(2026, 3, 1), "2026-03-01 12:00"])
def test_a_time_without_a_zone_asks_for_it(tmp_path, value):
    with pytest.raises(CxmError, match="`time_zone`"):
        import_one(tmp_path, transactions(occurred_at=[value]))
    import_one(tmp_path, transactions(occurred_at=[value]), 'time_zone = "UTC"')
    assert first(tmp_path)["occurred_at"].date() == date(2026, 3, 1)


def test_times_in_another_zone_or_unit_become_utc(tmp_path):
    local = pl.Series([NOON]).dt.replace_time_zone("Asia/Tokyo").cast(pl.Datetime("ns", "Asia/Tokyo"))
    import_one(tmp_path, transactions(occurred_at=local), 'time_format = "%d/%m/%Y"')
    assert first(tmp_path)["occurred_at"] == datetime(2026, 3, 1, 3, tzinfo=UTC)


def test_a_whole_number_for_a_time_asks_for_its_unit(tmp_path):
    with pytest.raises(CxmError, match="`time_format`"):
        import_one(tmp_path, transactions(occurred_at=[1754000000]))
    import_one(tmp_path, transactions(occurred_at=[1754000000]), 'time_format = "epoch_seconds"')
    assert first(tmp_path)["occurred_at"].year == 2025


def test_structs_and_lists_of_structs_are_reached_by_paths(tmp_path):
    columns = {"call": [{"id": 1, "turns": [{"w": "customer", "t": "Hi"}, {"w": "agent", "t": "Yes?"}]}]}
    rules = """
    each = "call.turns"
    [columns]
    conversation_id = "call.id"
    turn_index = {number_within = "conversation_id"}
    speaker = "call.turns.w"
    text = "call.turns.t"
    """
    assert import_one(tmp_path, columns, rules, "turns").n_good == 2
    assert first(tmp_path, "turns")["text"] == "Hi"


def test_the_line_of_a_bad_row_is_its_number(tmp_path):
    columns = {"query_id": ["a", None, "c"], "text": ["", "x", "y"]}
    import_table("parquet", write(tmp_path, columns), tmp_path / "data", "queries", max_bad_share=1.0)
    (bad,) = pl.read_parquet(tmp_path / "data" / "quarantine" / "queries.parquet").to_dicts()
    assert (bad["line"], bad["raw"]) == (2, '{"query_id": null, "text": "x"}')


def test_rows_beyond_one_batch_keep_their_numbers(tmp_path):
    n = 45_000
    columns = {"query_id": [f"{i:05d}" for i in range(n - 1)] + [None], "text": ["x"] * n}
    source = write(tmp_path, columns)
    (summary,) = import_table("parquet", source, tmp_path / "data", "queries").tables
    assert (summary.n_good, summary.examples) == (n - 1, ["line 45,000: query_id is null"])


@pytest.mark.parametrize("name", ["queries", "taxonomy"])
def test_our_own_tables_come_through_unchanged(tmp_path, name):
    frame = pl.DataFrame({column: ["b", "a"] for column in TABLES[name].columns})
    frame.write_parquet(tmp_path / f"{name}.parquet")
    import_source("parquet", tmp_path / f"{name}.parquet", tmp_path / "data")
    assert pl.read_parquet(tmp_path / "data" / f"{name}.parquet").rows() == sorted(frame.rows())


def test_what_is_not_parquet_or_has_no_rows_is_one_line(tmp_path):
    (tmp_path / "queries.parquet").write_bytes(b"PAR1 not really")
    for content, says in ((b"PAR1 not really", "cannot be read as Parquet"), (b"", "empty")):
        (tmp_path / "queries.parquet").write_bytes(content)
        with pytest.raises(CxmError, match=says) as caught:
            import_source("parquet", tmp_path / "queries.parquet", tmp_path / "data")
        assert "\n" not in str(caught.value)
    write(tmp_path, {"query_id": [], "text": []}, "queries.parquet")
    with pytest.raises(CxmError, match="no rows"):
        import_source("parquet", tmp_path / "queries.parquet", tmp_path / "data")
