"""The whole import: merging, duplicates, numbering, quarantine, limits, dry runs, folders."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cxm import store
from cxm.errors import CxmError, TooManyBadRows
from cxm.importers import FORMATS, import_source, import_table

CHAT = """
delimiter = ";"
time_zone = "Europe/Berlin"
time_format = "%d.%m.%Y %H:%M"
[[tables]]
table = "conversations"
[tables.columns]
conversation_id = "Ticket"
channel = "Kanal"
started_at = {earliest = "Zeit"}
ended_at = {latest = "Zeit"}
csat = {first = "Note"}
[tables.values.channel]
Telefon = "voice"
[[tables]]
table = "turns"
[tables.columns]
conversation_id = "Ticket"
turn_index = {number_within = "conversation_id", order_by = "spoken_at"}
speaker = "Wer"
text = "Text"
spoken_at = "Zeit"
"""
HEADER = "Ticket;Kanal;Zeit;Wer;Text;Note\n"


class Folder:
    """A folder of exports beside the data directory they go to."""

    def __init__(self, path: Path):
        self.path, self.to = path, path / "data"

    def run(self, content, mapping=None, name="export.csv", **options):
        (self.path / name).write_text(content)
        file = None
        if mapping is not None:
            file = self.path / "m.toml"
            file.write_text(mapping)
        options = {"max_bad_share": 1.0} | options
        return import_source("csv", self.path / name, self.to, file, **options)

    def table(self, name):
        return pl.read_parquet(self.to / f"{name}.parquet")

    def bytes(self):
        return {str(p.relative_to(self.to)): p.read_bytes() for p in sorted(self.to.rglob("*.parquet"))}

    def quarantine(self, name):
        return pl.read_parquet(self.to / "quarantine" / f"{name}.parquet")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


CHATS = HEADER + (
    "T1;Telefon;03.04.2026 10:01;agent;Ja?;\n"
    "T1;Telefon;03.04.2026 10:00;customer;Hallo;\n"
    "T1;Telefon;03.04.2026 10:02;customer;Danke;5\n"
    "T2;chat;03.04.2026 11:00;customer;Hallo;\n"
    "T2;chat;03.04.2026 11:00;customer;Hallo;\n"
)


def test_one_row_a_turn_becomes_conversations_and_turns(folder):
    conversations, turns = folder.run(CHATS, CHAT).tables
    assert (conversations.n_read, conversations.n_good, conversations.n_duplicate) == (5, 2, 3)
    assert (turns.n_read, turns.n_good, turns.n_duplicate) == (5, 4, 1)
    (first, _) = folder.table("conversations").to_dicts()
    assert first["started_at"] == datetime(2026, 4, 3, 8, 0, tzinfo=UTC)
    assert first["ended_at"] == datetime(2026, 4, 3, 8, 2, tzinfo=UTC)
    assert (first["channel"], first["csat"]) == ("voice", 5)
    assert folder.table("turns").select("conversation_id", "turn_index", "text").rows() == [
        ("T1", 0, "Hallo"),
        ("T1", 1, "Ja?"),
        ("T1", 2, "Danke"),
        ("T2", 0, "Hallo"),
    ]
    assert store.problems_in(folder.to) == []


def test_the_same_import_again_changes_no_byte(folder):
    content = CHATS + "T3;Fax;03.04.2026 11:00;customer;x;9\n"
    folder.run(content, CHAT)
    before = folder.bytes()
    assert set(before) == {"conversations.parquet", "turns.parquet", "quarantine/conversations.parquet"}
    again = folder.run(content, CHAT)
    assert folder.bytes() == before
    assert [(t.n_new, t.n_changed) for t in again.tables] == [(0, 0), (0, 0)]


def test_a_later_export_continues_conversations_and_loses_no_turn(folder):
    folder.run(CHATS, CHAT)
    later = HEADER + "T1;Telefon;03.04.2026 10:03;agent;Gern;\nT1;Telefon;03.04.2026 10:02;customer;Danke;4\n"
    folder.run(later, CHAT, name="later.csv")
    turns = folder.table("turns").filter(conversation_id="T1")
    assert turns["text"].to_list() == ["Hallo", "Ja?", "Danke", "Gern"]
    assert turns["turn_index"].to_list() == [0, 1, 2, 3]
    row = folder.table("conversations").row(0, named=True)
    assert (row["started_at"].minute, row["ended_at"].minute, row["csat"]) == (0, 3, 4)


def test_turns_that_cannot_be_ordered_are_bad_rows(folder):
    _, turns = folder.run(CHATS + "T2;chat;;customer;wann?;\n", CHAT).tables
    assert turns.reasons == {"spoken_at: is null, and turn_index is numbered by it": 1}


QUERIES = "query_id,text\n"


def test_rows_with_equal_keys_replace_old_ones_and_others_stay(folder):
    folder.run(QUERIES + "a,one\nb,two\n", name="queries.csv")
    (summary,) = folder.run(QUERIES + "b,three\nc,four\n", name="queries.csv").tables
    assert folder.table("queries").rows() == [("a", "one"), ("b", "three"), ("c", "four")]
    assert (summary.n_new, summary.n_changed, summary.n_rows) == (1, 1, 3)


def test_equal_rows_count_as_duplicates_and_other_values_of_a_key_as_bad(folder):
    (summary,) = folder.run(QUERIES + "a,one\na,one\na,two\na,one\na,two\n", name="queries.csv").tables
    assert (summary.n_read, summary.n_good, summary.n_bad, summary.n_duplicate) == (5, 1, 1, 3)
    assert folder.table("queries").rows() == [("a", "one")]
    (bad,) = folder.quarantine("queries").to_dicts()
    assert (bad["line"], bad["column"]) == (4, "query_id")
    assert "more than once" in bad["reason"]


def test_a_table_without_key_takes_only_rows_that_are_not_there_yet(folder):
    rows = "a,2026-03-01T10:00:00Z,visit\n"
    content = "customer_id,occurred_at,event\n" + rows
    (first,) = folder.run(content + rows, name="events.csv").tables
    assert (first.n_good, first.n_duplicate) == (1, 1)
    (second,) = folder.run(content + "b,2026-03-01T10:00:00Z,visit\n", name="events.csv").tables
    assert (second.n_good, second.n_new, second.n_rows) == (2, 1, 2)


def test_columns_an_import_does_not_bring_keep_their_values(folder):
    folder.run("customer_id,joined_at,plan\na,2020-01-01T00:00:00Z,gold\n", name="customers.csv")
    folder.run("customer_id,age\na,40\nb,50\n", name="customers.csv")
    assert folder.table("customers").rows(named=True) == [
        {"customer_id": "a", "joined_at": datetime(2020, 1, 1, tzinfo=UTC), "age": 40, "plan": "gold"},
        {"customer_id": "b", "joined_at": None, "age": 50, "plan": None},
    ]


def test_further_columns_are_numbers_where_all_their_cells_are(folder):
    header = "customer_id,age,spend,postcode,plan,mixed,none\n"
    folder.run(header + "a,40,1.5,01234,gold,1,\nb,,2,99999,,x,\n", name="customers.csv")
    dtypes = folder.table("customers").schema
    assert {name: dtypes[name] for name in dtypes if name not in ("customer_id", "joined_at")} == {
        "age": pl.Int64, "spend": pl.Float64, "postcode": pl.String, "plan": pl.String,
        "mixed": pl.String, "none": pl.String,
    }  # fmt: skip
    with pytest.raises(CxmError, match="`decimal`"):
        folder.run('customer_id,spend\na,"1,5"\n', name="customers.csv")
    mapping = 'table = "customers"\nkeep_further = true\nas_text = ["age"]\n[columns]\ncustomer_id = "Nr"'
    folder.run("Nr,age\n1,40\n", mapping)
    assert folder.table("customers").schema["age"] == pl.String


def test_a_bad_row_names_every_column_and_its_reason(folder):
    header = "conversation_id,channel,started_at,csat,is_resolved\n"
    content = header + "a,fax,2026-03-01T10:00:00Z,9,x\nb,chat,2026-03-01T10:00:00Z,3,1\n"
    (summary,) = folder.run(content, name="conversations.csv").tables
    assert summary.reasons == {
        "is_resolved: is not true or false": 1,
    }
    content = content.replace(",9,x", ",9,")
    (summary,) = folder.run(content, name="conversations.csv").tables
    (bad,) = folder.quarantine("conversations").to_dicts()
    assert (bad["line"], bad["column"]) == (2, "channel, csat")
    assert (
        bad["reason"]
        == "channel: must be one of: voice, chat, email, messaging, social; csat: must be >= 1 and <= 5"
    )
    assert json.loads(bad["raw"])["csat"] == "9"
    assert "line 2: channel must be one of" in str(summary)


def test_rules_across_columns_are_the_tables_own(folder):
    header = "conversation_id,channel,started_at,ended_at\n"
    content = header + "a,chat,2026-03-01T10:00:00Z,2026-03-01T09:00:00Z\n"
    (summary,) = folder.run(content, name="conversations.csv").tables
    assert summary.reasons == {"ends after start": 1}


def test_null_values_value_maps_and_constants(folder):
    mapping = """
    table = "conversations"
    null_values = ["N/A", "-"]
    [columns]
    conversation_id = "id"
    channel = "how"
    csat = "mark"
    is_resolved = "done"
    [values.channel]
    Telefon = "voice"
    "" = "chat"
    [values.is_resolved]
    Ja = true
    Nein = false
    [constants]
    started_at = 2026-03-01T00:00:00Z
    language = "de"
    """
    (summary,) = folder.run(
        "id,how,mark,done\na,Telefon,N/A,Ja\nb,,-,Nein\nc,email,4,\nd,Fax,1,\n", mapping
    ).tables
    assert folder.table("conversations").select("channel", "csat", "is_resolved", "language").rows() == [
        ("voice", None, True, "de"),
        ("chat", None, False, "de"),
        ("email", 4, None, "de"),
    ]
    assert (summary.n_good, summary.n_bad) == (3, 1)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ('constants = {channel = "fax"}', "constants.channel = 'fax' must be one of"),
        ('values = {channel = {A = "fax"}}\ncolumns = {channel = "how"}', "values.channel.A = 'fax'"),
        ("constants = {csat = 9}", "constants.csat = '9' must be"),
        ('constants = {started_at = "2026-03-01 10:00"}', "`time_zone`"),
        ('constants = {started_at = "03/04/2026"}', "`time_format`"),
    ],
)
def test_a_value_the_mapping_sets_must_be_legal(folder, rules, says):
    with pytest.raises(CxmError) as caught:
        folder.run("id,how\na,A\n", f'table = "conversations"\n{rules}')
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("value", "key"),
    [("03/04/2026", "time_format"), ("1754000000", "time_format"), ("2026-03-01 10:00", "time_zone")],
)
def test_an_unclear_time_names_the_key_the_column_and_the_line(folder, value, key):
    rows = f"a,1,2026-03-01T10:00:00Z,5\nb,1,{value},5\n"
    with pytest.raises(CxmError) as caught:
        folder.run("transaction_id,customer_id,occurred_at,amount\n" + rows, name="transactions.csv")
    assert all(
        words in str(caught.value) for words in (f"`{key}`", "transactions.occurred_at", "line 3", value)
    )
    assert not folder.to.exists()


def test_an_unclear_number_names_the_key(folder):
    mapping = 'table = "transactions"\ndelimiter = ";"\n'
    content = "transaction_id;customer_id;occurred_at;amount\na;1;2026-03-01T10:00:00Z;{}\n"
    for doubtful in ("1,5", "1.234"):
        with pytest.raises(CxmError, match=r"`decimal` in the mapping"):
            folder.run(content.format(doubtful), mapping)
    folder.run(content.format("1.234"), mapping + 'decimal = ","\n')
    assert folder.table("transactions")["amount"].to_list() == [1234.0]


def test_too_many_bad_rows_stop_the_import_and_leave_the_old_tables(folder):
    folder.run(QUERIES + "a,one\n", name="queries.csv")
    before = folder.bytes()
    with pytest.raises(TooManyBadRows) as caught:
        folder.run(QUERIES + "b,two\n,x\n,y\n", name="queries.csv", max_bad_share=0.5)
    assert folder.bytes() == before
    assert caught.value.exit_code == 1
    message = str(caught.value)
    assert "\n" not in message
    assert all(
        words in message
        for words in ("2 of 3 rows of queries", "67%", "2 x query_id: must be not empty", "line 3")
    )


def test_the_share_comes_from_the_setting_where_none_is_given(folder, monkeypatch):
    content = QUERIES + "b,two\n,x\n,y\n"
    with pytest.raises(TooManyBadRows):
        folder.run(content, name="queries.csv", max_bad_share=None)
    monkeypatch.setenv("CXM_MAX_BAD_SHARE", "0.9")
    assert folder.run(content, name="queries.csv", max_bad_share=None).tables[0].n_bad == 2
    for wrong in ("many", "7"):
        monkeypatch.setenv("CXM_MAX_BAD_SHARE", wrong)
        with pytest.raises(CxmError, match="CXM_MAX_BAD_SHARE"):
            folder.run(content, name="queries.csv", max_bad_share=None)


def test_a_dry_run_writes_nothing_and_counts_the_same(folder):
    content = CHATS + "T3;Fax;03.04.2026 11:00;customer;x;9\n"
    dry = folder.run(content, CHAT, dry_run=True)
    assert not folder.to.exists()
    assert "nothing written" in str(dry)
    wet = folder.run(content, CHAT)
    without = {"quarantine"}
    assert [{k: v for k, v in t.items() if k not in without} for t in dry.as_dict()["tables"]] == [
        {k: v for k, v in t.items() if k not in without} for t in wet.as_dict()["tables"]
    ]
    before = folder.bytes()
    folder.run(QUERIES + "a,one\n", name="queries.csv", dry_run=True)
    assert folder.bytes() == before


def test_quarantine_is_replaced_for_its_source_and_kept_for_others(folder):
    folder.run(QUERIES + ",x\n", 'table = "queries"', name="one.csv")
    folder.run(QUERIES + ",y\nb,two\n", 'table = "queries"', name="two.csv")
    assert [Path(s).name for s in folder.quarantine("queries")["source"]] == ["one.csv", "two.csv"]
    folder.run(QUERIES + "a,x\n", 'table = "queries"', name="one.csv")
    assert [Path(s).name for s in folder.quarantine("queries")["source"]] == ["two.csv"]
    folder.run(QUERIES + "b,two\n", 'table = "queries"', name="two.csv")
    assert not (folder.to / "quarantine" / "queries.parquet").exists()


def test_a_folder_gives_every_file_named_after_a_table(folder):
    (folder.path / "taxonomy.csv").write_text("intent,description\nbilling,Invoices\n")
    (folder.path / "notes.csv").write_text("a,b\n1,2\n")
    folder.run(QUERIES + "a,one\n", name="queries.csv", dry_run=True)
    summary = import_source("csv", folder.path, folder.to)
    assert [t.table for t in summary.tables] == ["queries", "taxonomy"]
    assert "notes.csv" in "\n".join(summary.notes)
    assert store.tables_in(folder.to)[0] == ["taxonomy", "queries"]


def test_a_folder_of_parts_is_one_source_under_a_mapping(folder):
    parts = folder.path / "parts"
    parts.mkdir()
    (parts / "1.csv").write_text("nr,q\na,one\n")
    (parts / "2.csv").write_text("nr,q\na,one\n,two\n")
    (folder.path / "m.toml").write_text('table = "queries"\ncolumns = {query_id = "nr", text = "q"}')
    (summary,) = import_source("csv", parts, folder.to, folder.path / "m.toml", max_bad_share=1).tables
    assert (summary.n_good, summary.n_duplicate, summary.n_bad) == (1, 1, 1)
    assert summary.examples == ["2.csv, line 3: query_id must be not empty ('')"]
    assert folder.quarantine("queries")["source"].to_list() == [(parts / "2.csv").as_posix()]


def test_keys_that_point_nowhere_are_imported_and_noted(folder):
    folder.run("conversation_id,channel,started_at\na,chat,2026-03-01T10:00:00Z\n", name="conversations.csv")
    summary = folder.run("conversation_id,turn_index,speaker,text\nb,0,agent,x\n", name="turns.csv")
    assert folder.table("turns").height == 1
    assert any("is not in conversations" in n and "cxm validate" in n for n in summary.notes)


def test_a_file_that_is_named_after_no_table_asks_for_a_mapping(folder):
    with pytest.raises(CxmError, match=r"'querys' is no table; did you mean 'queries'.*--mapping"):
        folder.run(QUERIES + "a,one\n", name="querys.csv")


def test_columns_that_a_table_needs_are_named(folder):
    with pytest.raises(CxmError, match=r"turns needs `turn_index`, `speaker`.*mapping"):
        folder.run("conversation_id,text\na,x\n", name="turns.csv")


def test_source_columns_that_went_nowhere_are_noted(folder):
    summary = folder.run(
        "nr,q,secret\na,one,x\n", 'table = "queries"\ncolumns = {query_id = "nr", text = "q"}'
    )
    assert summary.notes == ["not read: `secret`"]


def test_a_call_that_cannot_work_is_one_line(folder):
    with pytest.raises(CxmError, match=r"unknown format 'cvs'; did you mean 'csv'"):
        import_source("cvs", folder.path, folder.to)
    (folder.path / "file").write_text("")
    with pytest.raises(CxmError, match="not a directory"):
        import_table("csv", folder.path / "x.csv", folder.path / "file", "queries")
    with pytest.raises(CxmError, match="max_bad_share"):
        folder.run(QUERIES, max_bad_share=2.0)
    with pytest.raises(CxmError, match="unknown table 'query'"):
        import_table("csv", folder.path / "x.csv", folder.to, "query")


def test_a_table_that_is_broken_or_in_parts_is_not_merged_into(folder):
    (folder.to / "queries").mkdir(parents=True)
    pl.DataFrame({"query_id": ["a"], "text": ["x"]}).write_parquet(folder.to / "queries" / "1.parquet")
    with pytest.raises(CxmError, match="folder of parts"):
        folder.run(QUERIES + "a,one\n", name="queries.csv")
    pl.DataFrame({"intent": ["a", "a"], "description": ["", ""]}).write_parquet(
        folder.to / "taxonomy.parquet"
    )
    with pytest.raises(CxmError, match="cxm validate"):
        folder.run("intent,description\nb,x\n", name="taxonomy.csv")


def test_the_summary_is_plain_values_and_reads_well(folder):
    summary = folder.run(CHATS, CHAT)
    assert json.loads(json.dumps(summary.as_dict()))["tables"][0]["n_read"] == 5
    assert "turns: 5 read: 4 good, 0 bad, 1 duplicate (4 new, 0 changed, 4 rows in all)" in str(summary)


def test_every_format_has_its_name_and_endings():
    assert list(FORMATS) == ["parquet", "csv", "jsonl"]
    for name, format in FORMATS.items():
        assert format.name == name
        assert all(suffix.startswith(".") for suffix in format.suffixes)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_real_table_goes_out_and_comes_back_the_same(tmp_path, format):
    data = Path(__file__).parents[4] / "shared" / "data" / "airline_support"
    if not data.exists():
        pytest.skip("needs ../shared/data/airline_support")
    old = store.scan(data, "conversations").collect().sort("conversation_id")
    out = old.with_columns(pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    writers = {"csv": out.write_csv, "jsonl": out.write_ndjson, "parquet": old.write_parquet}
    writers[format](tmp_path / f"conversations.{format}")
    (summary,) = import_source(format, tmp_path / f"conversations.{format}", tmp_path / "data").tables
    assert (summary.n_good, summary.n_bad) == (old.height, 0)
    assert store.scan(tmp_path / "data", "conversations").collect().equals(old)
