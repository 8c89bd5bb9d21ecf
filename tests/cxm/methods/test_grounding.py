"""What of a conversation stands in the base."""

import numpy as np

from cxm.methods.grounding import grounded_shares
from cxm.methods.matching import Field


def field(*texts: list[int]) -> Field:
    starts = np.cumsum([0, *(len(text) for text in texts)]).astype(np.int64)
    return Field(np.array([term for text in texts for term in text], dtype=np.int64), starts)


BASE = field([1, 2, 3, 4, 5, 6], [7, 8, 9])


def test_a_sentence_of_the_base_is_wholly_grounded_and_another_not_at_all() -> None:
    said = field([1, 2, 3, 4, 5], [6, 5, 4, 3, 2], [1, 2, 3, -1, 5, 6], [9, 9])
    owners = np.array([0, 1, 2, 3])
    assert grounded_shares(said, owners, 5, BASE).tolist() == [1.0, 0.0, 0.25, 0.0, 0.0]


def test_the_best_sentence_speaks_for_a_conversation() -> None:
    said = field([6, 5, 4, 3, 2], [1, 2, 3, 4, 5])
    assert grounded_shares(said, np.array([0, 0]), 1, BASE).tolist() == [1.0]


def test_runs_do_not_cross_sentences_and_nothing_said_is_no_trouble() -> None:
    assert grounded_shares(field([5, 6, 7, 8, 5]), np.array([0]), 1, BASE).tolist() == [0.0]
    empty = np.zeros(0, dtype=np.int64)
    assert grounded_shares(field(), empty, 2, BASE).tolist() == [0.0, 0.0]
    assert grounded_shares(field([1, 2, 3, 4, 5]), np.array([0]), 1, field()).tolist() == [0.0]
