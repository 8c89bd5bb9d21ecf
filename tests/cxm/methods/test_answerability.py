"""The probability that an article answers."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.answerability import (
    answer_probability,
    best_scores,
    compare_without,
    fit_answerability,
    make_questions,
    n_needed,
)

HITS = pl.DataFrame(
    [(0, "a", 0.9), (0, "b", 0.5), (2, "a", 0.4), (2, "c", 0.1)],
    schema={"query": pl.Int64, "article_id": pl.String, "score": pl.Float64},
    orient="row",
)
OWN = pl.Series([["a", "x"], ["a"], ["c"]], dtype=pl.List(pl.String))


def test_a_query_without_hits_scores_nothing():
    assert best_scores(HITS, 3).tolist() == [0.9, 0.0, 0.4]
    assert best_scores(HITS.clear(), 0).tolist() == []


def test_a_query_is_compared_with_and_without_its_own_articles():
    present, absent = compare_without(HITS, OWN)
    assert present.tolist() == [0.9, 0.0, 0.4]
    assert absent.tolist() == [0.5, 0.0, 0.4]
    assert n_needed(OWN) == 3
    assert n_needed(OWN.clear()) == 1


def test_a_clear_match_is_likelier_answered_than_a_vague_one():
    generator = np.random.default_rng(0)
    curve = fit_answerability(generator.normal(0.6, 0.1, 200), generator.normal(0.3, 0.1, 200))
    clear, vague = answer_probability(np.array([0.7, 0.2]), curve)
    assert clear > 0.9
    assert vague < 0.1


@pytest.mark.parametrize(("present", "absent"), [([], []), ([0.1, 0.2], [0.8, 0.9])])
def test_examples_that_teach_nothing_leave_it_open(present, absent):
    curve = fit_answerability(np.array(present), np.array(absent))
    assert answer_probability(np.ones(1), curve).tolist() == [0.5]


def test_questions_are_made_of_words_of_their_article():
    body = "The filter must be cleaned every two months. Rinse it under warm water."
    rows = [{"article_id": f"a{i}", "title": "T", "body": body, "body_format": "text"} for i in range(9)]
    articles = pl.DataFrame([*rows, {"article_id": "b", "title": "", "body": "", "body_format": "text"}])
    made = make_questions(articles, 5, 3)
    assert made.height <= 5
    assert all(set(text.split()) <= set(body.split()) for text in made["text"])
    assert make_questions(articles.reverse(), 5, 3).equals(made)
    assert make_questions(articles.clear(), 5, 3).height == 0
