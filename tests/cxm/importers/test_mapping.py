"""The mapping file: what is refused, and in which words."""

import pytest

from cxm.errors import CxmError
from cxm.importers.mapping import parse_mapping, read_mapping

TURNS = {
    "table": "turns",
    "columns": {"conversation_id": "id", "text": "t", "spoken_at": "s", "speaker": "w"},
}


def error_of(data):
    with pytest.raises(CxmError) as caught:
        parse_mapping(data, "mapping m.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("mapping m.toml: ")
    return message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"tabel": "turns"}, ["table"]),
        ({}, ["table = "]),
        ({"table": "turn"}, ["'turn'", "'turns'"]),
        ({"table": "turns", "delimitr": ";"}, ["'delimitr'", "'delimiter'"]),
        ({"table": "turns", "columns": {"txt": "a"}}, ["'txt'", "'text'"]),
        ({"table": "turns", "columns": {"text": {"erliest": "a"}}}, ["'erliest'", "'earliest'"]),
        ({"table": "turns", "columns": {"text": 5}}, ["columns"]),
        ({"table": "turns", "columns": {"text": {"source": "a", "first": "b"}}}, ["exactly one"]),
        ({"table": "turns", "constants": {"speeker": "a"}}, ["'speeker'", "'speaker'"]),
        ({**TURNS, "constants": {"text": "x"}}, ["'text'", "constants"]),
        ({**TURNS, "values": {"turn_index": {"a": 1}}}, ["turn_index", "columns"]),
        ({"table": "turns", "time_zone": "Europe/Berlim"}, ["Europe/Berlim", "Europe/Berlin"]),
        ({"table": "turns", "time_zone": "CEST-ish"}, ["CEST-ish"]),
        ({"table": "turns", "time_zone": {"spoken": "UTC"}}, ["'spoken'", "'spoken_at'"]),
        ({"table": "turns", "time_format": "epoch_second"}, ["epoch_seconds"]),
        ({"table": "turns", "decimal": ";"}, ["decimal"]),
        ({"table": "turns", "delimiter": ";;"}, ["delimiter", "one character"]),
        ({"table": "turns", "keep_further": True}, ["keep_further"]),
        ({"tables": []}, ["tables"]),
        ({"tables": [{"columns": {}}]}, ["tables.table"]),
        ({"table": "turns", "tables": [{"table": "turns"}]}, ["[[tables]]"]),
        ({"tables": [{"table": "turns"}], "time_format": {"begun": "iso"}}, ["'begun'"]),
        ({**TURNS, "columns": {"turn_index": {"number_within": "conversation"}}}, ["'conversation'"]),
        ({**TURNS, "columns": {"turn_index": {"order_by": "spoken_at"}}}, ["exactly one"]),
        ({**TURNS, "columns": {"conversation_id": {"first": "id"}}}, ["first"]),
    ],
)
def test_a_slip_is_one_line_with_the_key_and_the_closest_legal_name(data, says):
    message = error_of(data)
    assert all(word in message for word in says), message


def test_several_tables_inherit_the_times_they_have():
    data = {
        "time_zone": "Europe/Berlin",
        "time_format": {"started_at": "%d.%m.%Y", "spoken_at": "epoch_seconds"},
        "tables": [{"table": "conversations"}, {"table": "turns", "time_zone": "UTC"}],
    }
    conversations, turns = parse_mapping(data, "x").tables
    assert conversations.time_rule("time_format", "started_at") == "%d.%m.%Y"
    assert conversations.time_rule("time_format", "ended_at") is None
    assert turns.time_rule("time_format", "spoken_at") == "epoch_seconds"
    assert (conversations.time_zone, turns.time_zone) == ("Europe/Berlin", "UTC")


def test_a_mapping_file_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "m.toml"
    path.write_bytes(b'\xef\xbb\xbftable = "turns"\n')
    assert read_mapping(path).tables[0].table == "turns"


@pytest.mark.parametrize("content", [b"table = ", b"\xff\xfe", b'table = "turns"\ntable = "turns"'])
def test_a_file_that_is_not_toml_is_one_line(tmp_path, content):
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(CxmError, match="not TOML") as caught:
        read_mapping(path)
    assert "\n" not in str(caught.value)


def test_a_mapping_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CxmError, match="cannot be read"):
        read_mapping(tmp_path / "none.toml")
