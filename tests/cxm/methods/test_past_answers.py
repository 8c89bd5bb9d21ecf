"""What answered dialogues like this one before."""

import numpy as np
import pytest

from cxm.methods.dialogues import Context
from cxm.methods.past_answers import PastAnswers

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]
BETWEEN = [0.6, 0.8]


def vectors(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 2)


def found(past: PastAnswers, vector: list[float], conversation_id: str = "new") -> list[float]:
    row = past.find([Context(conversation_id, 1, ())], vectors(vector), ["a", "b", "c"]).toarray()[0]
    return [round(float(value), 4) for value in row]


PAST = PastAnswers(vectors(EAST, NORTH, BETWEEN), ["x", "y", "z"], [["a"], ["b", "gone"], ["a"]])


def test_an_article_is_as_near_as_the_likest_point_it_answered() -> None:
    assert found(PAST, EAST) == [1.0, 0.0, 0.0]
    assert found(PAST, NORTH) == [pytest.approx(0.64), 1.0, 0.0]


def test_a_conversations_own_points_do_not_speak_for_it() -> None:
    assert found(PAST, EAST, "x") == [pytest.approx(0.36), 0.0, 0.0]


def test_what_is_like_nothing_or_nothing_remembered_gives_nothing() -> None:
    assert found(PAST, [0.0, 0.0]) == [0.0, 0.0, 0.0]
    assert found(PAST, [-1.0, 0.0]) == [0.0, 0.0, 0.0]
    assert found(PastAnswers(vectors(), [], []), EAST) == [0.0, 0.0, 0.0]
    assert PAST.find([], vectors(), ["a"]).shape == (0, 1)


def test_many_contexts_get_what_each_gets_alone() -> None:
    many = vectors(*([EAST, NORTH, BETWEEN] * 400))
    contexts = [Context(f"n{i}", 1, ()) for i in range(len(many))]
    together = PAST.find(contexts, many, ["a", "b", "c"]).toarray().round(4)
    assert np.allclose(together, [found(PAST, list(map(float, v))) for v in many], atol=1e-4)


def test_what_answered_the_nearest_points_is_blended_and_never_ones_own() -> None:
    past = PastAnswers(vectors(EAST, EAST, BETWEEN), ["c0", "c1", "c2"], [["a"], ["b"], ["c"]])
    answers = np.eye(3, dtype=np.float32)
    blended = past.blend([Context("new", 1, ()), Context("c0", 1, ())], vectors(EAST, EAST), answers, 2)
    assert blended[0].argmax() == 0
    assert blended[1, 0] == 0
