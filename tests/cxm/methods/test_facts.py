"""What a sentence states: numbers with units, negations, opposites, names."""

import pytest

from cxm.methods.facts import NAMED, NEGATION, NUMBER, OPPOSITE, describe_terms, facts_of


def neutral(text: str) -> list[str]:
    return describe_terms([text])["neutral"].to_list()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Returns take 30 days", ("#time", "30 day", NUMBER)),
        ("Returns take two weeks", ("#time", "2 week", NUMBER)),
        ("The fee is $95", ("#$", "95", NUMBER)),
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


def test_texts_without_words_have_no_terms():
    assert describe_terms([]).is_empty()
    assert describe_terms(["", "😀", "—"]).is_empty()
    assert facts_of("") == []
