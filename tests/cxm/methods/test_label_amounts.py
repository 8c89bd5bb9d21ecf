"""What labels are worth is judged by labels that nobody learned from."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.conversations import describe_conversations
from cxm.methods.intent_model import fit_intent_model
from cxm.methods.label_amounts import FEW, compare_amounts, draw_judges, is_gain

WORDS = {"refund": "money back please", "delivery": "parcel never came", "account": "password locked"}


@pytest.fixture
def labelled(encoder):
    """90 conversations, a third of each intent in words that no description knows."""
    rows = [(f"c{i:02}", list(WORDS)[i % 3]) for i in range(90)]
    turns = pl.DataFrame(
        {
            "conversation_id": [id_ for id_, _ in rows],
            "turn_index": 0,
            "speaker": "customer",
            "text": [f"{WORDS[intent]} {id_}" for id_, intent in rows],
        }
    )
    seen = describe_conversations(turns.select("conversation_id").lazy(), turns.lazy(), encoder.encode)
    return seen, dict(rows), encoder.encode(["one", "two", "three"])


def test_few_labels_tell_what_names_do_not(labelled):
    seen, labels, descriptions = labelled
    model = fit_intent_model(seen, sorted(WORDS), descriptions, labels, 7)
    judges = draw_judges(labels, 7)
    rows = compare_amounts(model, seen, descriptions, labels, judges, 7)
    accuracy = {row["model"]: row["value"] for row in rows if row["metric"] == "accuracy"}
    assert accuracy["no labels"] < 0.9 < accuracy["8 an intent"]
    assert accuracy["all labels"] > 0.9
    n_labels = {row["model"]: row["value"] for row in rows if row["metric"] == "n_labels"}
    assert n_labels == {"no labels": 0, "8 an intent": 3 * FEW, "all labels": 90}
    assert {row["n"] for row in rows} == {len(judges)} == {30}


def test_a_wrong_label_of_a_judge_is_seen_by_nobody(labelled):
    seen, labels, descriptions = labelled
    judges = draw_judges(labels, 7)
    model = fit_intent_model(seen, sorted(WORDS), descriptions, labels, 7)
    spoilt = labels | {judges[0]: "refund" if labels[judges[0]] != "refund" else "account"}
    n_right = [
        {row["model"]: row["value"] * row["n"] for row in rows if row["metric"] == "accuracy"}["8 an intent"]
        for known in (labels, spoilt)
        for rows in [compare_amounts(model, seen, descriptions, known, judges, 7)]
    ]
    assert n_right[0] - n_right[1] == pytest.approx(1)


def test_without_labels_nothing_is_compared(labelled):
    seen, _, descriptions = labelled
    model = fit_intent_model(seen, sorted(WORDS), descriptions, None, 7)
    assert draw_judges({}, 7) == []
    assert compare_amounts(model, seen, descriptions, {}, [], 7) == []


def test_conversations_whose_labels_made_their_vectors_judge_nothing(labelled):
    seen, labels, descriptions = labelled
    untested = sorted(labels)[:60]
    model = fit_intent_model(seen, sorted(WORDS), descriptions, labels, 7, untested)
    assert sorted(model.held_out) == sorted(labels)[60:]
    assert model.guesses(seen) == labels
    assert np.isfinite(model.probabilities(seen)).all()


def test_a_gain_must_exceed_its_error():
    before = np.zeros(100, dtype=bool)
    assert is_gain(np.arange(100) < 10, before)
    assert not is_gain(np.arange(100) < 3, (np.arange(100) >= 3) & (np.arange(100) < 5))
    assert not is_gain(before, before)
    assert not is_gain(before[:0], before[:0])
