"""How far answers can be trusted: kappa against reviewers, and answers given twice."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cxm.methods.criteria import content_words
from cxm.methods.criterion_agreement import measure_agreement, write_differently


def measure(rows, n_least=30):
    criterion, truth, answer = (np.array(column) for column in zip(*rows, strict=True))
    return measure_agreement(criterion, truth, answer, np.arange(len(rows)).astype(str), n_least)


def test_kappa_is_sklearn_s_and_lies_in_its_interval():
    generator = np.random.default_rng(0)
    truth = generator.choice(["yes", "no", "not_applicable"], 200)
    answer = np.where(generator.random(200) < 0.7, truth, "yes")
    found = measure([("a", t, a) for t, a in zip(truth, answer, strict=True)])["a"]
    assert np.isclose(found["kappa"], cohen_kappa_score(truth, answer))
    assert found["low"] < found["kappa"] < found["high"]
    assert (found["calibration"], found["n_labels"]) == ("calibrated", 200)


def test_answers_by_chance_are_uncalibrated_however_often_they_agree():
    generator = np.random.default_rng(1)
    truth, answer = (np.where(generator.random(300) < 0.9, "yes", "no") for _ in range(2))
    assert (truth == answer).mean() > 0.75
    assert (
        measure([("a", t, a) for t, a in zip(truth, answer, strict=True)])["a"]["calibration"]
        == "uncalibrated"
    )


def test_few_labels_and_reviewers_who_never_differ_give_no_figure():
    found = measure(
        [("few", "yes", "no")] * 29 + [("never", "no", "no")] * 40 + [("alone", "no", "yes")] * 40
    )
    assert {name: row["calibration"] for name, row in found.items()} == {
        "few": "too_few_labels",
        "never": "one_answer",
        "alone": "one_answer",
    }
    assert all(row["kappa"] is None for row in found.values())


@given(st.lists(st.text()))
def test_writing_differently_keeps_the_words(texts):
    again = write_differently(pl.Series("text", texts, pl.String)).to_list()
    for text, other in zip(texts, again, strict=True):
        assert bool(text.strip()) == bool(other.strip())
        if text.isascii():
            assert content_words(text) == content_words(other)
