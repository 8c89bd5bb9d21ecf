"""Amounts are read with their units, so that those of one kind can be compared."""

import polars as pl
import pytest

from cxm.methods.statements import read_statements


def amounts_of(*bodies: str) -> list[list[float]]:
    articles = pl.DataFrame(
        {
            "article_id": [f"a{i}" for i in range(len(bodies))],
            "title": [f"T{i}" for i in range(len(bodies))],
            "section": [""] * len(bodies),
            "body": list(bodies),
            "body_format": ["text"] * len(bodies),
            "kind": ["information"] * len(bodies),
        }
    )
    statements = read_statements(articles)
    return [
        statements.amounts.filter(pl.col("sentence") == sentence)["amount"].to_list()
        for sentence in range(len(statements.sentences))
    ]


def test_times_are_amounts_of_seconds_and_other_numbers_stand_as_they_are():
    found = amounts_of(
        "Return it within 2 weeks.", "Return it within 14 days.", "The fee is $1,200.50 a unit.", "Call us."
    )
    assert found[0] == found[1] == [14 * 86_400.0]
    assert found[2] == [pytest.approx(1200.5)]
    assert found[3] == []


def test_a_negated_number_is_an_amount_and_odd_digits_are_none():
    assert amounts_of("It does not take 3 hours.")[0] == [pytest.approx(3 * 3600)]
    assert amounts_of("Version 1.2.3 is out.")[0] == []


def test_the_number_of_a_step_is_no_amount_but_one_that_a_sentence_begins_with_is():
    found = amounts_of("Step 1: Restart the phone.", "4) Restart the box.", "14 days are given to return it.")
    assert found == [[], [], [14 * 86_400.0]]
