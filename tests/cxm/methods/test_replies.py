"""Quotes and past replies."""

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.replies import (
    build_reply_bank,
    ended_well,
    first_sentences,
    nearest_replies,
    quote_sentences,
)

ENCODE = HashingEncoder().encode


def hits(*rows: tuple[int, int, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=["query", "rank", "article_id", "passage"], orient="row")
    return frame.with_columns(score=pl.lit(0.5))


def test_the_sentence_nearest_to_the_request_is_quoted() -> None:
    found = hits((0, 1, "a", "Is parking free? Parking is free for guests. The pool opens at nine."))
    quotes = quote_sentences(found, ENCODE(["parking free"]), ENCODE)
    assert "Parking is free for guests." in quotes["quote"].to_list()
    assert not any(quote.endswith("?") for quote in quotes["quote"])


def test_a_question_is_quoted_where_nothing_else_stands() -> None:
    quotes = quote_sentences(hits((0, 1, "a", "Is parking free?")), ENCODE(["parking"]), ENCODE)
    assert quotes["quote"].to_list() == ["Is parking free?"]


def test_what_an_article_tells_agents_about_a_tool_is_not_said_to_customers() -> None:
    passage = "Internal note: issue_refund is the right tool for a refund. A refund takes three days."
    found = hits((0, 1, "a", passage))
    quotes = quote_sentences(found, ENCODE(["refund tool"]), ENCODE, ["issue_refund", "refund"])
    assert quotes["quote"].to_list() == ["A refund takes three days."]


def test_no_hit_and_no_words_give_no_quote() -> None:
    assert quote_sentences(hits((0, 1, "a", "")), ENCODE(["x"]), ENCODE).height == 0
    assert first_sentences(hits((0, 1, "a", ""))).height == 0


def bank() -> pl.DataFrame:
    rows = [
        (conversation, i, speaker, text)
        for conversation, answer in (("c1", "Try a restart."), ("c2", "try a restart"), ("c3", "Call us."))
        for i, (speaker, text) in enumerate([("customer", "My screen is blue"), ("agent", answer)])
    ]
    schema = {"conversation_id": pl.String, "turn_index": pl.Int32, "speaker": pl.String, "text": pl.String}
    return build_reply_bank(pl.DataFrame(rows, schema=schema, orient="row"), 100, 7)


def test_replies_come_from_other_conversations_each_wording_once() -> None:
    known = bank()
    vectors = ENCODE(known["request"].to_list())
    near = nearest_replies(ENCODE(["My screen is blue"]), ["c1"], known, vectors, 3)
    assert [known["conversation_id"][row] for row in near["row"]] == ["c2", "c3"]
    assert near["rank"].to_list() == [1, 2]


def test_only_an_agents_answer_to_a_customer_is_kept() -> None:
    rows = [
        ("c", 0, "agent", "Hello"),
        ("c", 1, "customer", "Hi"),
        ("c", 2, "system", "{}"),
        ("c", 3, "agent", "Yes?"),
    ]
    turns = pl.DataFrame(rows, schema=["conversation_id", "turn_index", "speaker", "text"], orient="row")
    assert build_reply_bank(turns, 10, 7)["reply"].to_list() == ["Yes?"]


def test_an_empty_bank_suggests_nothing() -> None:
    empty = bank().clear()
    assert nearest_replies(ENCODE(["x"]), ["c"], empty, np.zeros((0, 64), dtype=np.float32), 3).height == 0


def test_replies_that_differ_in_a_name_or_number_are_one() -> None:
    rows = [
        ("c1", "Thank you Ann, your order 4711 will arrive on Monday, as soon as it leaves us."),
        ("c2", "Thank you Bob, your order 1234 will arrive on Monday, as soon as it leaves us."),
        ("c3", "I have sent you a new one."),
    ]
    known = pl.DataFrame(
        [(c, 1, "where is it", reply) for c, reply in rows], schema=list(bank().schema), orient="row"
    )
    near = nearest_replies(ENCODE(["where is it"]), ["x"], known, ENCODE(known["request"].to_list()), 3)
    assert [known["conversation_id"][row] for row in near["row"]] == ["c1", "c3"]


def test_only_conversations_that_ended_well_lend_their_replies() -> None:
    known = pl.DataFrame(
        {
            "conversation_id": ["both", "unrated", "unhappy", "open", "only_csat", "unknown"],
            "is_resolved": [True, True, True, False, None, None],
            "csat": [5, None, 3, 5, 4, None],
        }
    )
    assert ended_well(known)["conversation_id"].to_list() == ["both", "unrated", "only_csat"]
    assert ended_well(known.drop("csat"))["conversation_id"].to_list() == ["both", "unrated", "unhappy"]


def test_where_nothing_is_known_of_endings_all_conversations_count() -> None:
    ids = pl.DataFrame({"conversation_id": ["a", "b"]})
    assert ended_well(ids).height == 2
    assert ended_well(ids.with_columns(csat=pl.lit(None, dtype=pl.Int32))).height == 2
    assert ended_well(ids.clear()).height == 0
