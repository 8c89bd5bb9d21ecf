"""Prototypes of intents: told from descriptions, refined on conversations without labels."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.conversations import describe_conversations, to_unit
from cxm.methods.prototypes import Prototypes, fit_prototypes

D = 32


@pytest.fixture
def made():
    """120 conversations of three intents: a greeting, the reason in some turn, thanks; a shared direction."""
    generator = np.random.default_rng(0)
    axes = np.eye(D, dtype=np.float32)
    vectors: dict[str, np.ndarray] = {}

    def vector(text: str) -> np.ndarray:
        if text not in vectors:
            noise = generator.normal(0, 0.05, D)
            topic = axes[int(text.split("#")[1])] if "#" in text else axes[10]
            vectors[text] = to_unit((2 * axes[20] + topic + noise)[None].astype(np.float32))[0]
        return vectors[text]

    def encode(texts):
        return np.array([vector(text) for text in texts], dtype=np.float32).reshape(len(texts), D)

    truth = np.arange(120) % 3
    rows = []
    for i, intent in enumerate(truth):
        reason_at = 1 + i % 3
        for at in range(5):
            text = f"the reason number {i} #{intent}" if at == reason_at else f"hello thanks bye {at} {i}"
            rows.append((f"c{i:03}", at, "customer", text))
    turns = pl.LazyFrame(rows, schema=["conversation_id", "turn_index", "speaker", "text"], orient="row")
    ids = pl.LazyFrame({"conversation_id": [f"c{i:03}" for i in range(120)]})
    seen = describe_conversations(ids, turns, encode)
    descriptions = encode(["first #0", "second #1", "third #2"])
    return seen, descriptions, truth


def test_intents_are_told_although_all_turns_have_a_direction_in_common(made):
    seen, descriptions, truth = made
    found = fit_prototypes(seen, descriptions)
    assert (found.log_probabilities(seen).argmax(axis=1) == truth).mean() > 0.95


def test_the_turn_with_the_reason_decides(made):
    seen, descriptions, truth = made
    turns = fit_prototypes(seen, descriptions).deciding_turns(seen, truth)
    assert (turns == 1 + np.arange(120) % 3).mean() > 0.95


def test_prototypes_load_back_to_the_same_probabilities(made):
    seen, descriptions, _ = made
    found = fit_prototypes(seen, descriptions)
    again = Prototypes.from_arrays(found.to_arrays())
    assert np.array_equal(again.log_probabilities(seen), found.log_probabilities(seen))


def test_a_conversation_without_a_word_is_as_likely_of_any_intent(made):
    seen, descriptions, _ = made
    found = fit_prototypes(seen, descriptions)
    silent = describe_conversations(
        pl.LazyFrame({"conversation_id": ["x"]}),
        pl.LazyFrame(
            schema={
                "conversation_id": pl.String,
                "turn_index": pl.Int32,
                "speaker": pl.String,
                "text": pl.String,
            }
        ),
        lambda texts: np.zeros((len(texts), D), dtype=np.float32),
    )
    assert np.exp(found.log_probabilities(silent)) == pytest.approx(1 / 3)
    assert found.deciding_turns(silent, np.zeros(1, dtype=np.intp)).tolist() == [-1]


def test_one_conversation_and_one_intent_are_enough():
    seen = describe_conversations(
        pl.LazyFrame({"conversation_id": ["x"]}),
        pl.LazyFrame({"conversation_id": ["x"], "turn_index": [0], "speaker": ["customer"], "text": ["hi"]}),
        lambda texts: np.ones((len(texts), D), dtype=np.float32) / np.sqrt(D),
    )
    found = fit_prototypes(seen, to_unit(np.ones((1, D), dtype=np.float32)))
    assert np.exp(found.log_probabilities(seen)).tolist() == [[1.0]]
