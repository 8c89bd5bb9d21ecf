import json

import numpy as np
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods.text_classifier import TextClassifier, fit_text_classifier

WORDS = {
    "refund": ["refund", "money back"],
    "delivery": ["parcel", "courier"],
    "login": ["password", "account"],
}


def make_rows(n, seed=0):
    generator = np.random.default_rng(seed)
    labels = [sorted(WORDS)[i] for i in generator.integers(0, 3, n)]
    texts = [f"about my {generator.choice(WORDS[label])} number {i}" for i, label in enumerate(labels)]
    return texts, HashingEncoder().encode(texts), labels


def test_it_learns_which_words_go_with_a_label():
    classifier = fit_text_classifier(*make_rows(120), seed=1)
    texts, vectors, labels = make_rows(60, seed=9)
    answers = np.array(classifier.classes)[classifier.probabilities(texts, vectors).argmax(axis=1)]
    assert (answers == labels).mean() > 0.95


def test_probabilities_sum_to_one_and_no_texts_give_no_rows():
    classifier = fit_text_classifier(*make_rows(60), seed=1)
    texts, vectors, _ = make_rows(5, seed=2)
    np.testing.assert_allclose(classifier.probabilities(texts, vectors).sum(axis=1), 1.0)
    assert classifier.probabilities([], np.zeros((0, 64))).shape == (0, 3)


def test_its_parts_are_plain_and_give_back_the_same_classifier():
    classifier = fit_text_classifier(*make_rows(60), seed=1)
    facts, arrays = classifier.to_parts()
    again = TextClassifier.from_parts(json.loads(json.dumps(facts)), arrays)
    texts, vectors, _ = make_rows(5, seed=2)
    np.testing.assert_array_equal(
        again.probabilities(texts, vectors), classifier.probabilities(texts, vectors)
    )
    assert again.out_of_fold is None


def test_the_order_of_rows_does_not_matter():
    texts, vectors, labels = make_rows(90)
    order = np.random.default_rng(3).permutation(90)
    straight = fit_text_classifier(texts, vectors, labels, seed=1)
    shuffled = fit_text_classifier(
        [texts[i] for i in order], vectors[order], [labels[i] for i in order], seed=1
    )
    np.testing.assert_array_equal(straight.out_of_fold[order], shuffled.out_of_fold)
    np.testing.assert_array_equal(straight.on_terms.weights, shuffled.on_terms.weights)


def test_held_out_probabilities_of_meaningless_labels_are_no_better_than_chance():
    texts, vectors, _ = make_rows(300)
    labels = np.random.default_rng(5).choice(["a", "b"], 300).tolist()
    classifier = fit_text_classifier(texts, vectors, labels, seed=1)
    right = np.array(classifier.classes)[classifier.out_of_fold.argmax(axis=1)] == labels
    assert 0.38 < right.mean() < 0.62
    assert classifier.out_of_fold.max(axis=1).mean() < 0.75


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["a"], ["x"]),
        (["", ""], ["x", "y"]),
        (["", "hello", ""], ["x", "y", "x"]),
        (["one", "two", "three", "four"], ["x", "x", "x", "y"]),
    ],
    ids=["one row", "two empty texts", "empty texts", "a class with one example"],
)
def test_few_and_empty_rows_work(texts, labels):
    classifier = fit_text_classifier(texts, np.zeros((len(texts), 3)), labels, seed=1)
    found = classifier.probabilities(["", "hello"], np.zeros((2, 3)))
    assert found.shape == (2, len(set(labels)))
    assert np.isfinite(found).all()
    assert np.isfinite(classifier.out_of_fold).all()


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        fit_text_classifier([], np.zeros((0, 3)), [], seed=1)
