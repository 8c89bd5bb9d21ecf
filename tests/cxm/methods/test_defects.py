"""Planted defects are what they are said to be."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.defects import alter_fact, plant_defects, reword
from cxm.methods.facts import facts_of


def articles(n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "article_id": [f"a{i:02d}" for i in range(n)],
            "title": [f"Matter {i}" for i in range(n)],
            "section": ["Shop"] * n,
            "body": [f"<p>Box {i} can be returned within {i + 3} days.</p>" for i in range(n)],
            "body_format": ["html"] * n,
            "kind": ["information"] * n,
        }
    )


@pytest.mark.parametrize(
    "sentence",
    ["Returns take 30 days.", "You can return it.", "You cannot return it.", "The option is disabled."],
)
def test_an_altered_sentence_states_another_fact(sentence):
    for seed in range(5):
        altered = alter_fact(sentence, np.random.default_rng(seed))
        assert altered is not None
        assert facts_of(altered) != facts_of(sentence)


def test_a_sentence_without_a_fact_cannot_be_altered():
    assert alter_fact("Hello there friend", np.random.default_rng(0)) is None


def test_rewording_keeps_numbers():
    reworded = reword("The parcel arrives within 3 days at home.", ["parcel"], np.random.default_rng(1))
    assert "3 days" in reworded


def test_planted_pairs_name_articles_of_the_base_in_order_and_the_same_seed_plants_the_same():
    planted, labels = plant_defects(articles(20), 8, 8, np.random.default_rng(3))
    again, labels_again = plant_defects(articles(20).reverse(), 8, 8, np.random.default_rng(3))
    ids = set(planted["article_id"])
    assert set(labels["left_article_id"]) | set(labels["right_article_id"]) <= ids
    assert (labels["left_article_id"] < labels["right_article_id"]).all()
    assert set(labels["relation"]) == {"similar", "contradictory"}
    assert planted.equals(again)
    assert labels.equals(labels_again)


@pytest.mark.parametrize("n", [0, 1])
def test_a_base_of_fewer_than_two_articles_gets_no_defects(n):
    planted, labels = plant_defects(articles(n), 5, 5, np.random.default_rng(0))
    assert planted.height == n
    assert labels.is_empty()
