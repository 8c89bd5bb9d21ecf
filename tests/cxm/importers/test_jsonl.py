"""JSON Lines: broken lines, nested records, lists of turns."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from cxm.errors import CxmError
from cxm.importers import import_source, import_table

TICKETS = """
time_format = "epoch_milliseconds"
[[tables]]
table = "conversations"
[tables.columns]
conversation_id = "id"
customer_id = "customer.id"
started_at = "created"
csat = "survey.score"
[tables.constants]
channel = "email"

[[tables]]
table = "turns"
each = "messages"
[tables.columns]
conversation_id = "id"
turn_index = {number_within = "conversation_id"}
speaker = "messages.from.role"
text = "messages.body"
spoken_at = "messages.at"
[tables.values.speaker]
requester = "customer"
assignee = "agent"
"""


def write(tmp_path, *records, name="tickets.jsonl"):
    path = tmp_path / name
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path.write_text("\n".join(lines) + "\n")
    return path


def ticket(number, *messages, **fields):
    sent = [
        {"from": {"role": role}, "body": body, "at": 1754000000000 + 1000 * i}
        for i, (role, body) in enumerate(messages)
    ]
    return {"id": number, "created": 1754000000000, "messages": sent, **fields}


def import_tickets(tmp_path, *records, mapping=TICKETS):
    (tmp_path / "m.toml").write_text(mapping)
    source = write(tmp_path, *records)
    return import_source("jsonl", source, tmp_path / "data", tmp_path / "m.toml", max_bad_share=1.0)


def table(tmp_path, name):
    return pl.read_parquet(tmp_path / "data" / f"{name}.parquet")


def test_nested_tickets_become_conversations_and_turns(tmp_path):
    summary = import_tickets(
        tmp_path,
        ticket(2, ("requester", "Hi"), ("assignee", "Hello"), customer={"id": 77}),
        ticket(1, ("requester", "Hi"), ("requester", "Hi"), survey={"score": 5}),
        ticket(3, messages=[]),
    )
    conversations, turns = table(tmp_path, "conversations"), table(tmp_path, "turns")
    assert conversations["conversation_id"].to_list() == ["1", "2", "3"]
    assert conversations["customer_id"].to_list() == [None, "77", None]
    assert conversations["csat"].to_list() == [5, None, None]
    assert turns.select("conversation_id", "turn_index", "speaker", "text").rows() == [
        ("1", 0, "customer", "Hi"),
        ("1", 1, "customer", "Hi"),
        ("2", 0, "customer", "Hi"),
        ("2", 1, "agent", "Hello"),
    ]
    assert turns["spoken_at"][0] == datetime(2025, 7, 31, 22, 13, 20, tzinfo=UTC)
    assert [t.n_read for t in summary.tables] == [3, 4]


def test_a_broken_line_is_set_aside_with_its_text(tmp_path):
    summary = import_table("jsonl", write(tmp_path, {"query_id": "a", "text": ""}, '{"query_id": ', "[1]", "",
                                          {"query_id": None, "text": "x"}), tmp_path / "data", "queries",
                           max_bad_share=1.0).tables[0]  # fmt: skip
    assert (summary.n_read, summary.n_good, summary.n_bad) == (4, 1, 3)
    bad = pl.read_parquet(tmp_path / "data" / "quarantine" / "queries.parquet")
    assert bad.select("line", "reason", "raw").rows() == [
        (2, "is not JSON", '{"query_id": '),
        (3, "is not a JSON object", "[1]"),
        (5, "query_id: is null", '{"query_id": null, "text": "x"}'),
    ]


def test_one_bad_message_does_not_cost_its_ticket(tmp_path):
    summary = import_tickets(
        tmp_path, ticket(1, ("requester", "Hi"), ("robot", "Beep"), ("assignee", {"a": 1}))
    )
    assert [(t.n_good, t.n_bad) for t in summary.tables] == [(1, 0), (1, 2)]
    assert set(summary.tables[1].reasons) == {
        "speaker: must be one of: customer, agent, bot, system",
        "text: is a list or an object, not text",
    }


def test_messages_that_are_no_list_are_a_bad_row(tmp_path):
    summary = import_tickets(tmp_path, ticket(1, ("requester", "Hi")), ticket(2, messages="none"))
    assert summary.tables[1].reasons == {"messages: is not a list": 1}


def test_a_path_no_row_has_is_an_error_where_it_is_needed_and_else_a_note(tmp_path):
    summary = import_tickets(tmp_path, ticket(1, ("requester", "Hi")))
    assert "conversations.csat: no row has 'survey.score'" in "\n".join(summary.notes)
    with pytest.raises(CxmError, match=r"no row has 'messages\.txt'"):
        import_tickets(
            tmp_path, ticket(1, ("requester", "Hi")), mapping=TICKETS.replace("messages.body", "messages.txt")
        )


def test_two_fields_of_a_row_can_be_two_turns_and_the_empty_one_is_skipped(tmp_path):
    mapping = """
    [[tables]]
    table = "turns"
    columns = {conversation_id = "id", text = "question"}
    constants = {turn_index = 0, speaker = "customer"}
    [[tables]]
    table = "turns"
    columns = {conversation_id = "id", text = "answer"}
    constants = {turn_index = 1, speaker = "agent"}
    skip_where_empty = ["text"]
    """
    records = [{"id": "a", "question": "Q", "answer": "A"}, {"id": "b", "question": "", "answer": None}]
    (summary,) = import_tickets(tmp_path, *records, mapping=mapping).tables
    assert (summary.n_read, summary.n_good, summary.n_skipped) == (3, 3, 1)
    assert table(tmp_path, "turns").select("conversation_id", "turn_index", "speaker", "text").rows() == [
        ("a", 0, "customer", "Q"),
        ("a", 1, "agent", "A"),
        ("b", 0, "customer", ""),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[{"query_id": "a"}]', "jq"),
        ('{\n  "query_id": "a"\n}', "jq"),
        ("\n\n", "blank"),
        ("hello", "not JSON Lines"),
        ("5\n6", "not JSON Lines"),
    ],
)
def test_json_that_is_not_one_object_a_line_is_one_line_with_the_remedy(tmp_path, content, says):
    with pytest.raises(CxmError, match=says) as caught:
        import_table("jsonl", write(tmp_path, content), tmp_path / "data", "queries")
    assert "\n" not in str(caught.value)


def test_odd_json_never_breaks_the_import(tmp_path):
    odd = ['{"query_id": "\\ud800", "text": ""}', "[" * 100_000, '{"query_id": ' + "9" * 5000 + "}",
           '{"query_id": NaN, "text": "a"}', '{"query_id": Infinity, "text": 1e999}']  # fmt: skip
    source = write(tmp_path, {"query_id": "a", "text": "ok"}, *odd)
    (summary,) = import_table("jsonl", source, tmp_path / "data", "queries", max_bad_share=1.0).tables
    assert summary.n_read == 6
    assert summary.n_read == summary.n_good + summary.n_bad
    assert "a" in table(tmp_path, "queries")["query_id"].to_list()


def test_unknown_fields_without_a_mapping_are_named(tmp_path):
    source = write(tmp_path, {"query_id": "a", "txt": "ok"}, name="queries.jsonl")
    with pytest.raises(CxmError, match=r"'txt' is no column of queries; did you mean 'text'"):
        import_source("jsonl", source, tmp_path / "data")
