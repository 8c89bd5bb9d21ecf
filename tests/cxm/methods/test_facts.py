"""What a sentence states: numbers with units, negations, opposites, names."""

import polars as pl
import pytest

from cxm.methods.facts import NAMED, NEGATION, NUMBER, OPPOSITE, describe_terms, facts_of


def neutral(text: str) -> list[str]:
    return describe_terms([text])["neutral"].to_list()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Returns take 30 days", ("#time", "30 day", NUMBER)),
        ("Returns take two weeks", ("#time", "2 week", NUMBER)),
        ("Returns take 14 days", ("#time", "2 week", NUMBER)),
        ("It takes 48 hours", ("#time", "2 day", NUMBER)),
        ("Charge it for half an hour", ("#time", "30 minute", NUMBER)),
        ("It lasts two and a half hours", ("#time", "150 minute", NUMBER)),
        ("It lasts (two and a half days)", ("#time", "60 hour", NUMBER)),
        ("It takes twenty-four hours", ("#time", "1 day", NUMBER)),
        ("It costs $49.00", ("#$", "49", NUMBER)),
        ("It opens at 9am", ("#clock", "9am", NUMBER)),
        ("It takes 30min", ("#time", "30 minute", NUMBER)),
        ("The fee is $95", ("#$", "95", NUMBER)),
        ("The fee is 95 euros", ("#€", "95", NUMBER)),
        ("It is 25 per cent off", ("#%", "25", NUMBER)),
        ("You get a text at 80 and at 100 percent", ("#%", "80", NUMBER)),
        ("Plan 120 by 38 centimetres", ("#centimetre", "120", NUMBER)),
        ("It is sealed to IP54", ("#code ip", "54", NUMBER)),
        ("A job for two people", ("#person", "2", NUMBER)),
        ("It weighs 1,000 kilograms", ("#kilogram", "1000", NUMBER)),
        ("You cannot return it", ("return", "not ", NEGATION)),
        ("Don't press it", ("press", "not ", NEGATION)),
        ("It works without a key", ("key", "not ", NEGATION)),
        ("The option is disabled", ("±enable", "disable", OPPOSITE)),
        ("We deliver on Monday", ("±monday", "monday", NAMED)),
    ],
)
def test_a_fact_is_read_with_what_it_belongs_to(text, fact):
    assert fact in facts_of(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("You cannot return it within 30 days.", "You can return it within 14 days."),
        ("Do not press the button", "Press the button"),
        ("Activate it now", "Deactivate it now"),
        ("It is possible on Monday", "It is impossible on Friday"),
    ],
)
def test_sentences_that_differ_in_facts_alone_have_the_same_neutral_terms(left, right):
    assert neutral(left) == neutral(right)
    assert facts_of(left) != facts_of(right)


def test_days_and_weeks_are_different_values():
    assert facts_of("in 2 days") != facts_of("in 2 weeks")


def test_one_is_a_number_before_what_is_counted_elsewhere():
    read = describe_terms(["Two people lift it.", "One person lifts it.", "One of them lifts it."])
    assert read.filter(pl.col("kind") == NUMBER).select("text", "neutral", "value").rows() == [
        (0, "#person", "2"),
        (1, "#person", "1"),
    ]


def test_texts_without_words_have_no_terms():
    assert describe_terms([]).is_empty()
    assert describe_terms(["", "😀", "—"]).is_empty()
    assert facts_of("") == []
