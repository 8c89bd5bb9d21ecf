import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.criterion_matches import Turns
from cxm.methods.feelings import prototype_weights
from cxm.methods.phrases import Phrases
from cxm.methods.readings import read_conversations

ENCODER = HashingEncoder()
PHRASES = Phrases(["hello"], np.ones(1, dtype=np.float32))


def read(*conversations):
    rows = [
        {"turn_index": i, "speaker": speaker, "text": text, "owner": owner}
        for owner, turns in enumerate(conversations)
        for i, (speaker, text) in enumerate(turns)
    ]
    schema = {"turn_index": pl.Int32, "speaker": pl.String, "text": pl.String, "owner": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema)
    owner = frame["owner"].to_numpy().astype(np.intp)
    turns = Turns(frame.drop("owner"), ENCODER.encode(frame["text"].to_list()), owner, len(conversations))
    return read_conversations(turns, PHRASES, prototype_weights(ENCODER.encode))


def test_the_place_of_a_turn_counts_among_the_agents_own():
    found = read(
        [("customer", "hi"), ("agent", "hello"), ("customer", "x"), ("agent", "a"), ("agent", "bye")]
    )
    place, is_first, is_last, hello = found.turns.toarray()[:, -4:].T
    assert place.tolist() == [0, 0.5, 1]
    assert is_first.tolist() == [1, 0, 0]
    assert is_last.tolist() == [0, 0, 1]
    assert hello.tolist() == [1, 0, 0]


def test_an_angry_customer_is_told_from_a_calm_and_a_silent_one():
    worst = -6
    found = read(
        [("customer", "worst service, terrible")], [("customer", "my number is 12")], [("agent", "hm")]
    )
    angry, calm, silent = found.gist[:, worst]
    assert angry > calm > silent == 0


def test_a_conversation_without_turns_has_an_empty_gist():
    found = read([], [])
    assert not found.gist.any()
    assert found.turns.shape[0] == 0
