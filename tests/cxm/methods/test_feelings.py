import numpy as np
import pytest

from cxm.backends.encoder import HashingEncoder, SentenceTransformerEncoder
from cxm.methods.feelings import FEELINGS, feeling_features, prototype_weights, unlabelled_feelings


def test_probabilities_sum_to_one_and_no_texts_give_no_rows():
    encoder = HashingEncoder()
    prototypes = prototype_weights(encoder.encode)
    found = unlabelled_feelings(["great", ""], encoder.encode(["great", ""]), prototypes)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1.0)
    assert unlabelled_feelings([], encoder.encode([]), prototypes).shape == (0, 3)
    assert feeling_features([], encoder.encode([]), prototypes).shape[0] == 0


@pytest.mark.parametrize(
    ("text", "feeling"),
    [
        ("third call and still no refund", "negative"),
        ("you lost my suitcase", "negative"),
        ("what time does the shop open", "neutral"),
        ("my order number is 48213", "neutral"),
        ("you made my day, that was so kind", "positive"),
        ("that was easy, cheers", "positive"),
        ("no problem", "positive"),
        ("not bad", "positive"),
        ("thanks for nothing", "negative"),
        ("Oh great, my flight is cancelled again 🙄", "negative"),
        ("👍", "positive"),
        ("❤️", "positive"),
        ("😡", "negative"),
        ("...", "neutral"),
        ("", "neutral"),
    ],
)
@pytest.mark.slow
def test_feelings_are_understood_without_labels(text, feeling):
    encoder = SentenceTransformerEncoder()
    prototypes = prototype_weights(encoder.encode)
    found = unlabelled_feelings([text], encoder.encode([text]), prototypes)
    assert FEELINGS[int(found.argmax())] == feeling
