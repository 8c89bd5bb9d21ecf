"""What holds of any file at all: errors are for users, no row gets lost, good rows round-trip."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.errors import CxmError
from cxm.importers import import_table

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
IDS = TEXT.filter(bool)
CELLS = st.one_of(
    TEXT, st.sampled_from(["", "5", "1,5", "2026-03-01T10:00:00Z", "3/4/26", "chat", "true", '"', "nan"])
)


def run(format, content, table, directory):
    """The summary of the table, or the error's text."""
    source = Path(directory) / "export"
    source.write_bytes(content)
    try:
        return import_table(format, source, Path(directory) / "data", table, max_bad_share=1.0).tables[0]
    except CxmError as error:
        return str(error)


def check(format, content, table):
    with TemporaryDirectory() as directory:
        summary = run(format, content, table, directory)
        if isinstance(summary, str):
            assert len(summary.splitlines()) == 1
            return
        assert summary.n_read == summary.n_good + summary.n_bad + summary.n_duplicate
        assert pl.read_parquet(f"{directory}/data/{table}.parquet").height == summary.n_good
        path = Path(directory, "data", "quarantine", f"{table}.parquet")
        assert (pl.read_parquet(path).height if path.exists() else 0) == summary.n_bad


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_one_line(content):
    check("csv", content, "queries")
    check("csv", b"query_id,text\n" + content, "queries")
    check("jsonl", content, "queries")
    check("parquet", content, "queries")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(TEXT, st.sampled_from(['q1,"a', 'q2,"a"b', "q,a", "q,b"])), max_size=12))
def test_any_lines_under_a_header_are_counted_once(lines):
    check("csv", ("query_id,text\n" + "\n".join(lines)).encode(), "queries")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=6))
def test_any_cells_are_rows_or_one_line(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("conversation_id", "channel", "started_at", "csat", "is_resolved"), *rows])
    check("csv", buffer.getvalue().encode(), "conversations")


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(IDS, TEXT, min_size=1, max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_good_rows_round_trip(rows, delimiter):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("query_id", "text"), *rows.items()])
    with TemporaryDirectory() as directory:
        summary = run("csv", buffer.getvalue().encode(), "queries", directory)
        kept = {key: text for key, text in rows.items() if key.strip() or text.strip()}
        if not kept:
            assert "no rows" in summary
            return
        assert summary.n_good == len(kept)
        assert dict(pl.read_parquet(f"{directory}/data/queries.parquet").rows()) == kept
