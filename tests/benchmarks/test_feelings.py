import numpy as np
import pytest

from benchmarks import feelings
from cxm.backends.encoder import SentenceTransformerEncoder
from cxm.methods.feelings import FEELINGS, WEIGHED


@pytest.fixture(scope="module")
def turns():
    return feelings.simulate_turns()


def test_the_shipped_sentences_are_made_anew_to_the_byte(turns):
    shipped = (feelings.DATA / feelings.TURNS).read_text(encoding="utf-8")
    assert feelings.sentences_text(turns) == shipped, "run `python -m benchmarks.feelings`"


def test_the_shipped_sentences_are_as_many_of_each_polarity(turns):
    rows = feelings.sentences_text(turns).splitlines()[1:]
    counts = [sum(row.startswith(feeling) for row in rows) for feeling in FEELINGS]
    assert sum(counts) == len(rows)
    assert len(set(counts)) == 1


@pytest.mark.slow
def test_the_shipped_weights_are_made_anew(turns):
    made = feelings.weights_text(turns, SentenceTransformerEncoder())
    shipped = (feelings.DATA / feelings.WEIGHTS).read_text(encoding="utf-8")
    cues, values = feelings.read_weights(made)
    assert cues == list(WEIGHED) == feelings.read_weights(shipped)[0]
    np.testing.assert_allclose(values, feelings.read_weights(shipped)[1], atol=feelings.CLOSE)
