"""Labels learned from all views of a conversation."""

import numpy as np
import polars as pl
import pytest

from cxm.methods import conversation_classifier
from cxm.methods.conversation_classifier import ConversationClassifier, fit_conversation_classifier
from cxm.methods.conversations import describe_conversations, to_unit
from cxm.methods.neighbourhoods import NEIGHBOURS

SAYINGS = {
    "refund": ["I want my money back", "please refund the order", "give me a refund", "money for the kettle"],
    "delivery": ["where is my parcel", "the delivery is late", "my parcel got lost", "courier did not come"],
    "account": ["I cannot log in", "reset my password", "my login is locked", "password does not work"],
}


@pytest.fixture
def labelled(encoder):
    """180 conversations of one turn, a third of each intent, and their labels."""
    rows = [(f"c{i:03}", name, texts[i % 4]) for i in range(60) for name, texts in SAYINGS.items()]
    ids = [f"{id_}-{name}" for id_, name, _ in rows]
    turns = pl.DataFrame(
        {
            "conversation_id": ids,
            "turn_index": 0,
            "speaker": "customer",
            "text": [f"{text}, {id_}" for id_, _, text in rows],
        }
    )
    seen = describe_conversations(turns.select("conversation_id").lazy(), turns.lazy(), encoder.encode)
    return seen, [id_.split("-")[1] for id_ in seen.ids]


@pytest.fixture
def many(monkeypatch):
    """So few rows count as many."""
    monkeypatch.setattr(conversation_classifier, "_SOUGHT_ON", 60)
    monkeypatch.setattr(conversation_classifier, "_JUDGED_ON", 120)


@pytest.mark.usefixtures("many")
def test_with_many_labels_a_linear_model_takes_part_and_comes_back_from_its_parts(labelled):
    seen, labels = labelled
    fitted = fit_conversation_classifier(seen, labels, seed=1)
    assert fitted.linear
    assert fitted.out_of_fold is not None
    guess = np.array(fitted.classes)[fitted.out_of_fold.argmax(axis=1)]
    assert (guess == np.array(labels)).mean() > 0.95
    again = ConversationClassifier.from_parts(*fitted.to_parts())
    assert np.allclose(again.probabilities(seen), fitted.probabilities(seen), atol=1e-6)
    assert np.allclose(again.probabilities(seen).sum(axis=1), 1)


def test_with_few_labels_it_does_not(labelled):
    seen, labels = labelled
    fitted = fit_conversation_classifier(seen, labels, seed=1)
    assert (fitted.linear, fitted.mix) == ({}, (1.0, 0.0))


@pytest.mark.usefixtures("many")
def test_neighbours_that_say_nothing_are_left_out_where_labels_are_many(labelled):
    seen, labels = labelled
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(len(seen), 8)).astype(np.float32)
    wrong = generator.permutation(len(labels))[:36]
    labels = ["account" if i in wrong else label for i, label in enumerate(labels)]
    fitted = fit_conversation_classifier(seen.with_view(NEIGHBOURS, to_unit(noise)), labels, seed=1)
    assert NEIGHBOURS not in fitted.examples
