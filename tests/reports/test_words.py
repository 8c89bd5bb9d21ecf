from hypothesis import given
from hypothesis import strategies as st

from reports import words


def test_shares_are_percent_with_a_decimal_only_where_it_means_something():
    assert words.percent(0.312) == "31\u00a0%"
    assert words.percent(0.061) == "6.1\u00a0%"
    assert words.percent(0.3123, n=5000) == "31.2\u00a0%"
    assert words.percent(0) == "0\u00a0%"
    assert words.percent(1, n=5000) == "100\u00a0%"


def test_durations_are_said_in_the_two_largest_units():
    assert words.duration(45) == "45\u00a0s"
    assert words.duration(3.25) == "3.2\u00a0s"
    assert words.duration(250) == "4\u00a0min\u00a010\u00a0s"
    assert words.duration(120) == "2\u00a0min"
    assert words.duration(4320) == "1\u00a0h\u00a012\u00a0min"


def test_money_keeps_its_currency_and_sensible_digits():
    assert words.money(1234.4, "GBP") == "1,234\u00a0GBP"
    assert words.money(1_230_000) == "1.23 million"
    assert words.money(9.5, "EUR") == "9.50\u00a0EUR"


def test_changes_carry_a_sign_unless_there_is_none():
    assert words.difference(0.5, 0.458, "share") == "+4.2\u00a0points"
    assert words.difference(90, 120, "count") == "−30 (−25\u00a0%)"
    assert words.difference(60, 90, "seconds") == "−30\u00a0s"
    assert words.difference(0.5, 0.5, "share") == "unchanged"
    assert words.signed(-0.001) == "0.0"


def test_labels_from_data_read_like_words():
    assert words.readable("lost_or_stolen_card") == "lost or stolen card"
    assert words.readable("___") == "___"
    assert words.readable("") == "(empty)"


def test_lists_and_numbers_agree_with_their_nouns():
    assert words.plural(1, "query", "queries") == "1 query"
    assert words.plural(1200, "query", "queries") == "1,200 queries"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed([]) == ""


@given(st.text(), st.integers(10, 60))
def test_an_excerpt_of_any_text_is_one_line_within_its_limit_and_never_empty(text, limit):
    cut = words.excerpt(text, limit)
    assert 0 < len(cut) <= limit
    assert not any(ord(character) < 32 for character in cut)
