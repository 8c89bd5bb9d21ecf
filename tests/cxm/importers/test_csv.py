"""Delimited text as users hold it: marks, encodings, delimiters, quotes, and files that are none."""

import gzip
import json

import polars as pl
import pytest

from cxm.errors import CxmError, TooManyBadRows
from cxm.importers import import_source, import_table

QUERIES = [("q1", "how do I return a drill"), ("q2", "Kühlschrank, läuft nicht"), ("q3", "")]


def text_of(rows, delimiter=","):
    quoted = (f'{key}{delimiter}"{text}"' for key, text in rows)
    return "\n".join([f"query_id{delimiter}text", *quoted]) + "\n"


def import_bytes(tmp_path, content, mapping=None, table="queries", **options):
    source, to = tmp_path / f"{table}.csv", tmp_path / "data"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    path = None
    if mapping is not None:
        path = tmp_path / "m.toml"
        path.write_text(f'table = "{table}"\n{mapping}')
    options = {"max_bad_share": 1.0} | options
    return import_source("csv", source, to, path, **options).tables[0]


def rows_in(tmp_path, table="queries"):
    return pl.read_parquet(tmp_path / "data" / f"{table}.parquet").rows()


def quarantine_in(tmp_path, table="queries"):
    return pl.read_parquet(tmp_path / "data" / "quarantine" / f"{table}.parquet").to_dicts()


def error_of(tmp_path, content, mapping=None, **options):
    with pytest.raises(CxmError) as caught:
        import_bytes(tmp_path, content, mapping, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_unicode_with_or_without_a_mark_and_any_clear_delimiter_need_no_mapping(
    tmp_path, encoding, delimiter
):
    summary = import_bytes(tmp_path, text_of(QUERIES, delimiter).encode(encoding))
    assert (summary.n_read, summary.n_good) == (3, 3)
    assert rows_in(tmp_path) == QUERIES


def test_utf_16_without_a_mark_is_read_where_the_mapping_says_so(tmp_path):
    content = text_of(QUERIES).encode("utf-16-le")
    assert "`encoding`" in error_of(tmp_path, content)
    import_bytes(tmp_path, content, 'encoding = "utf-16-le"')
    assert rows_in(tmp_path) == QUERIES


def test_latin_1_is_asked_for_with_the_byte_and_the_line(tmp_path):
    content = text_of(QUERIES, ";").encode("latin-1")
    message = error_of(tmp_path, content)
    assert all(words in message for words in ("`encoding`", "latin-1", "0xfc", "line 3"))
    import_bytes(tmp_path, content, 'encoding = "latin-1"')
    assert rows_in(tmp_path) == QUERIES


def test_an_encoding_against_the_mark_or_unknown_is_refused(tmp_path):
    content = text_of(QUERIES).encode("utf-8-sig")
    assert "mark of utf-8" in error_of(tmp_path, content, 'encoding = "latin-1"')
    assert "'latin-1'" in error_of(tmp_path, text_of(QUERIES), 'encoding = "latin-l"')
    assert "no text encoding" in error_of(tmp_path, text_of(QUERIES), 'encoding = "unicode_escape"')
    assert "no text encoding" in error_of(tmp_path, text_of(QUERIES), 'encoding = "base64"')


def test_two_possible_delimiters_are_asked_for(tmp_path):
    content = "query_id;text,or more\nq1;a\n"
    message = error_of(tmp_path, content)
    assert "`delimiter`" in message
    assert "','" in message
    assert "';'" in message
    mapping = 'delimiter = ";"\n[columns]\nquery_id = "query_id"\ntext = "text,or more"'
    assert import_bytes(tmp_path, content, mapping).n_good == 1


def test_a_delimiter_inside_a_quoted_header_does_not_count(tmp_path):
    mapping = '[columns]\nquery_id = "query_id"\ntext = "text; all"'
    assert import_bytes(tmp_path, 'query_id,"text; all"\nq1,a\n', mapping).n_good == 1


def test_the_separator_line_of_spreadsheets_is_heeded(tmp_path):
    import_bytes(tmp_path, "sep=;\r\nquery_id;text\r\nq1;a,b\r\n")
    assert rows_in(tmp_path) == [("q1", "a,b")]


def test_a_file_of_one_column_keeps_every_character_of_its_rows(tmp_path):
    mapping = '[columns]\nquery_id = "question"\ntext = "question"'
    import_bytes(tmp_path, "question\nhello, you; there\n", mapping)
    assert rows_in(tmp_path) == [("hello, you; there",) * 2]


def test_a_wrong_delimiter_shows_in_the_error(tmp_path):
    mapping = '[columns]\nquery_id = "id"\ntext = "t"'
    assert "`delimiter`" in error_of(tmp_path, "id^t\nq1^a\n", mapping)


def test_quotes_line_breaks_and_blank_lines_keep_the_line_numbers_of_the_file(tmp_path):
    content = '\n\nquery_id,text\nq1,"one\ntwo ""quoted"""\n\n,lost\n,\nq2,"a\r\nb"\n'
    summary = import_bytes(tmp_path, content)
    assert (summary.n_read, summary.n_good, summary.n_bad) == (3, 2, 1)
    assert rows_in(tmp_path) == [("q1", 'one\ntwo "quoted"'), ("q2", "a\r\nb")]
    (bad,) = quarantine_in(tmp_path)
    assert bad["line"] == 7
    assert bad["column"] == "query_id"
    assert json.loads(bad["raw"]) == {"query_id": "", "text": "lost"}


def test_carriage_returns_alone_end_lines(tmp_path):
    import_bytes(tmp_path, "query_id,text\rq1,a\rq2,b\r")
    assert rows_in(tmp_path) == [("q1", "a"), ("q2", "b")]


def test_a_row_with_too_many_or_too_few_fields_is_set_aside_alone(tmp_path):
    summary = import_bytes(tmp_path, "query_id,text\nq1,a,b\nq2\nq3,c\n")
    assert rows_in(tmp_path) == [("q3", "c")]
    assert summary.reasons == {"has not as many fields as the header": 2}
    assert [(bad["line"], bad["raw"]) for bad in quarantine_in(tmp_path)] == [
        (2, '["q1", "a", "b"]'),
        (3, '["q2"]'),
    ]


def test_a_quote_that_never_closes_costs_one_row(tmp_path):
    rows = "".join(f"q{i},text {i}\n" for i in range(3, 50))
    summary = import_bytes(tmp_path, f'query_id,text\nq1,ok\nq2,"open\n{rows}')
    assert (summary.n_read, summary.n_good, summary.n_bad) == (49, 48, 1)
    (bad,) = quarantine_in(tmp_path)
    assert (bad["line"], bad["raw"]) == (3, 'q2,"open')


def test_text_after_a_closing_quote_costs_one_row(tmp_path):
    summary = import_bytes(tmp_path, 'query_id,text\nq1,"a" he said\nq2,5" drill\n')
    assert rows_in(tmp_path) == [("q2", '5" drill')]
    assert summary.n_bad == 1


def test_very_long_texts_and_odd_characters_come_through(tmp_path):
    texts = ["x" * 300_000, "😀\u2028\u0085", "<p>HTML &amp; all</p>", "=1+1", "  padded  "]
    rows = [(f"q{i}", text) for i, text in enumerate(texts)]
    import_bytes(tmp_path, text_of(rows))
    assert rows_in(tmp_path) == rows


def test_a_column_that_stands_twice_is_refused_only_if_it_is_read(tmp_path):
    content = "query_id,text,text\nq1,a,b\n"
    assert "more than once" in error_of(tmp_path, content)
    mapping = '[columns]\nquery_id = "query_id"\n[constants]\ntext = ""'
    assert import_bytes(tmp_path, content, mapping).n_good == 1


def test_a_column_the_file_does_not_have_is_named_with_the_closest(tmp_path):
    mapping = '[columns]\nquery_id = "Nummer"\ntext = "Fragee"'
    message = error_of(tmp_path, "Nummer,Frage\n1,a\n", mapping)
    assert "'Fragee'" in message
    assert "'Frage'" in message


def test_ids_are_text_whatever_they_look_like(tmp_path):
    import_bytes(tmp_path, "query_id,text\n007,a\n1e3,b\n")
    assert [row[0] for row in rows_in(tmp_path)] == ["007", "1e3"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "no header"),
        (b"\xef\xbb\xbf", "no header"),
        (b"query_id,text\n", "no rows"),
        (b"query_id,text\n\n,\n", "no rows"),
        (b'query_id,"text\nq1,a\n', "quotes"),
        (gzip.compress(b"query_id,text\nq1,a\n"), "gunzip"),
        (b"PK\x03\x04rest", "Excel"),
        (b"PAR1rest", "parquet"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary"),
        (bytes(range(1, 256)) * 20, "not UTF-8"),
    ],
)
def test_files_that_hold_no_rows_of_text_are_one_line(tmp_path, content, says):
    assert says in error_of(tmp_path, content)


def test_a_file_that_is_not_there_or_a_folder_without_exports_is_one_line(tmp_path):
    with pytest.raises(CxmError, match="no such file"):
        import_table("csv", tmp_path / "none.csv", tmp_path / "data", "queries")
    with pytest.raises(CxmError, match="no csv file"):
        import_source("csv", tmp_path, tmp_path / "data")


def test_a_broken_file_stops_at_the_set_share(tmp_path):
    content = "query_id,text\nq1,a,b\n" + "".join(f"q{i},a\n" for i in range(2, 12))
    assert import_bytes(tmp_path, content, max_bad_share=0.1).n_bad == 1
    with pytest.raises(TooManyBadRows):
        import_bytes(tmp_path, content, max_bad_share=0.09)
