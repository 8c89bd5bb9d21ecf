"""The probability that an article answers."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.answerability import answer_probability, fit_answerability, make_questions, match_features


def hits(*scores: tuple[int, list[float]]) -> pl.DataFrame:
    rows = [(query, rank, s) for query, row in scores for rank, s in enumerate(row, start=1)]
    return pl.DataFrame(rows, schema={"query": pl.Int64, "rank": pl.Int32, "score": pl.Float64}, orient="row")


def test_features_are_the_best_score_and_its_lead() -> None:
    features = match_features(hits((0, [0.9, 0.5, 0.3]), (2, [0.4])), 3)
    assert features == pytest.approx(np.array([[0.9, 0.5], [0.0, 0.0], [0.4, 0.4]]))


def test_a_clear_match_is_likelier_answered_than_a_vague_one() -> None:
    generator = np.random.default_rng(0)
    present = np.stack([generator.normal(0.6, 0.1, 200), generator.normal(0.3, 0.1, 200)], 1)
    absent = np.stack([generator.normal(0.3, 0.1, 200), generator.normal(0.1, 0.1, 200)], 1)
    curve = fit_answerability(present, absent)
    clear, vague = answer_probability(np.array([[0.7, 0.4], [0.2, 0.02]]), curve)
    assert clear > 0.9
    assert vague < 0.1


def test_without_examples_nothing_is_known() -> None:
    nothing = np.zeros((0, 2))
    assert answer_probability(np.ones((1, 2)), fit_answerability(nothing, nothing)).tolist() == [0.5]


def test_questions_are_made_of_words_of_their_article() -> None:
    body = "The filter must be cleaned every two months. Rinse it under warm water."
    rows = [{"article_id": f"a{i}", "title": "T", "body": body, "body_format": "text"} for i in range(9)]
    articles = pl.DataFrame([*rows, {"article_id": "b", "title": "", "body": "", "body_format": "text"}])
    made = make_questions(articles, 5, 3)
    assert made.height <= 5
    assert all(set(text.split()) <= set(body.split()) for text in made["text"])
    assert make_questions(articles.reverse(), 5, 3).equals(made)
    assert make_questions(articles.clear(), 5, 3).height == 0
