"""The border: what a data directory may hold, and what a killed write leaves behind."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm import store
from cxm.errors import CxmError, MissingTable, RowProblems

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def conversations(n: int = 3, **columns) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"conversation_id": [f"c{i}" for i in range(n)], "channel": ["chat"] * n, "started_at": [NOW] * n}
    )
    return frame.with_columns(**columns)


def turns(n: int = 3) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "conversation_id": [f"c{i}" for i in range(n)],
            "turn_index": [0] * n,
            "speaker": ["customer"] * n,
            "text": ["hello"] * n,
        }
    )


def rules(problems) -> list[str]:
    return [f"{p.table}.{p.column}: {p.rule} x{p.count}" for p in problems]


def test_what_is_written_is_read_back_with_absent_columns_as_null(tmp_path):
    store.write(conversations(), tmp_path, "conversations")
    frame = store.scan(tmp_path, "conversations").collect()
    assert frame["conversation_id"].to_list() == ["c0", "c1", "c2"]
    assert frame["csat"].dtype == pl.Int32
    assert frame["csat"].null_count() == 3


def test_a_folder_of_parts_is_one_table(tmp_path):
    for part in ("a", "b"):
        frame = conversations().with_columns(conversation_id=pl.col("conversation_id") + part)
        store.write(frame, tmp_path, "conversations", part)
    assert store.scan(tmp_path, "conversations").collect().height == 6


def test_parts_may_differ_in_integer_width_and_in_absent_columns(tmp_path):
    (tmp_path / "turns").mkdir()
    turns(2).write_parquet(tmp_path / "turns" / "a.parquet")
    later = turns(4).tail(2).with_columns(pl.col("turn_index").cast(pl.Int16), spoken_at=pl.lit(NOW))
    later.write_parquet(tmp_path / "turns" / "b.parquet")
    found = store.scan(tmp_path, "turns").collect()
    assert found["turn_index"].dtype == pl.Int32
    assert found["spoken_at"].null_count() == 2


def test_a_table_that_stands_twice_is_refused(tmp_path):
    store.write(conversations(), tmp_path, "conversations")
    store.write(conversations(), tmp_path, "conversations", "part")
    with pytest.raises(CxmError, match="twice"):
        store.scan(tmp_path, "conversations")


@pytest.mark.parametrize("width", [pl.Int8, pl.Int16, pl.Int64, pl.UInt8, pl.UInt64])
def test_any_integer_width_is_read(tmp_path, width):
    frame = conversations(csat=pl.lit(4).cast(width))
    frame.write_parquet(tmp_path / "conversations.parquet")
    assert store.scan(tmp_path, "conversations").collect()["csat"].dtype == pl.Int32


def test_an_integer_beyond_32_bits_is_a_problem_and_not_a_crash(tmp_path):
    frame = turns().with_columns(turn_index=pl.lit(2**40))
    frame.write_parquet(tmp_path / "turns.parquet")
    assert "does not fit 32 bits" in str(store.problems_in(tmp_path)[0])


def test_every_problem_is_listed_at_once_with_its_first_key(tmp_path):
    frame = conversations(
        4,
        csat=pl.Series([9, 1, 0, None]),
        channel=pl.Series(["fax", "chat", "chat", "chat"]),
        conversation_id=pl.Series(["a", "a", "b", "c"]),
    )
    frame.write_parquet(tmp_path / "conversations.parquet")
    orphans = turns(1).with_columns(conversation_id=pl.lit("nowhere"))
    orphans.write_parquet(tmp_path / "turns.parquet")
    problems = store.problems_in(tmp_path)
    assert rules(problems) == [
        "conversations.channel: must be one of: voice, chat, email, messaging, social x1",
        "conversations.csat: must be >= 1 and <= 5 x1",
        "conversations.csat: must be >= 1 and <= 5 x1",
        "conversations.: key occurs more than once x2",
        "turns.conversation_id: is not in conversations x1",
    ]
    assert problems[0].first == "conversation_id='a'"


def test_unknown_columns_are_refused_except_covariates(tmp_path):
    conversations(colour=pl.lit("red")).write_parquet(tmp_path / "conversations.parquet")
    customers = pl.DataFrame({"customer_id": ["a"], "age": [30]})
    customers.write_parquet(tmp_path / "customers.parquet")
    assert rules(store.problems_in(tmp_path)) == [
        "conversations.colour: column is not known here; it is one of: "
        + ", ".join(sorted(store.TABLES["conversations"].columns))
        + " x0"
    ]
    assert store.scan(tmp_path, "customers").collect()["age"].to_list() == [30]


def test_a_missing_column_a_naive_time_and_text_for_a_number_are_named(tmp_path):
    frame = pl.DataFrame({"conversation_id": ["a"], "started_at": [datetime(2026, 1, 1)], "csat": ["4"]})
    frame.write_parquet(tmp_path / "conversations.parquet")
    text = "; ".join(map(str, store.problems_in(tmp_path)))
    assert "channel: column is missing" in text
    assert "started_at: has no time zone" in text
    assert "csat: is String" in text


def test_a_file_that_is_not_parquet_is_a_problem(tmp_path):
    (tmp_path / "turns.parquet").write_bytes(b"not parquet")
    assert "cannot be read as Parquet" in str(store.problems_in(tmp_path)[0])
    with pytest.raises(RowProblems, match="cxm validate"):
        store.scan(tmp_path, "turns")


def test_an_absent_table_and_an_absent_directory_say_so(tmp_path):
    with pytest.raises(MissingTable, match=r"expected turns\.parquet"):
        store.scan(tmp_path, "turns")
    with pytest.raises(CxmError, match="no such data directory"):
        store.tables_in(tmp_path / "nowhere")


def test_a_broken_table_is_never_written(tmp_path):
    store.write(conversations(), tmp_path, "conversations")
    before = (tmp_path / "conversations.parquet").read_bytes()
    with pytest.raises(RowProblems):
        store.write(conversations(channel=pl.lit("fax")), tmp_path, "conversations")
    assert (tmp_path / "conversations.parquet").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["conversations.parquet"]


@given(
    rows=st.lists(
        st.tuples(st.text(min_size=1, max_size=8), st.integers(1, 5) | st.none()), unique_by=lambda r: r[0]
    )
)
def test_any_rows_that_keep_the_rules_come_back_equal(rows, tmp_path_factory):
    directory = tmp_path_factory.mktemp("table")
    frame = pl.DataFrame(
        [{"conversation_id": i, "channel": "chat", "started_at": NOW, "csat": csat} for i, csat in rows],
        schema={
            "conversation_id": pl.String,
            "channel": pl.String,
            "started_at": pl.Datetime("us", "UTC"),
            "csat": pl.Int64,
        },
    )
    path = store.write(frame, directory, "conversations")
    first = path.read_bytes()
    back = store.scan(directory, "conversations").collect()
    assert back.select("conversation_id", "csat").rows() == [(i, c) for i, c in rows]
    store.write(back, directory, "conversations")
    assert path.read_bytes() == first


def test_a_killed_write_leaves_the_old_table_whole(tmp_path):
    """A process killed between writing and replacing leaves the table as it was."""
    store.write(conversations(3), tmp_path, "conversations")
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        import polars as pl
        from cxm import store
        frame = pl.read_parquet({str(tmp_path / "conversations.parquet")!r}).head(1)
        os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
        store.write(frame, Path({str(tmp_path)!r}), "conversations")
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], env={**os.environ}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert store.scan(tmp_path, "conversations").collect().height == 3
    assert store.tables_in(tmp_path) == (["conversations"], [])


def test_a_broken_link_an_empty_folder_and_a_table_that_stands_twice_are_problems(tmp_path):
    (tmp_path / "turns.parquet").symlink_to(tmp_path / "nowhere.parquet")
    (tmp_path / "articles").mkdir()
    store.write(conversations(), tmp_path, "conversations")
    store.write(conversations(), tmp_path, "conversations", "part")
    text = "; ".join(map(str, store.problems_in(tmp_path)))
    assert "conversations: stands twice" in text
    assert "turns: is a link that leads nowhere" in text
    assert "articles: is a folder without a Parquet file" in text


def test_a_year_no_contact_center_has_seen_is_a_problem(tmp_path):
    late = conversations(1).with_columns(started_at=datetime(9999, 12, 31, tzinfo=UTC))
    late.write_parquet(tmp_path / "conversations.parquet")
    assert "must be from 1900 to 2199" in str(store.problems_in(tmp_path)[0])
