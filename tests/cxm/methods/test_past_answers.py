"""What answered dialogues like this one."""

import numpy as np

from cxm.methods.dialogues import Context
from cxm.methods.past_answers import PastAnswers

VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
PAST = PastAnswers(VECTORS, ["p", "q", "q"], [["a"], ["a", "b"], ["gone"]])


def test_an_article_is_as_likely_as_the_likest_point_it_answered() -> None:
    found = PAST.find([Context("c", 1, ())], VECTORS[:1], ["a", "b"]).toarray()
    np.testing.assert_allclose(found, [[1.0, 0.36]], atol=1e-6)


def test_a_conversations_own_points_do_not_speak_for_it() -> None:
    found = PAST.find([Context("p", 1, ())], VECTORS[:1], ["a", "b"]).toarray()
    np.testing.assert_allclose(found, [[0.36, 0.36]], atol=1e-6)


def test_without_past_points_nothing_is_said() -> None:
    nothing = PastAnswers(np.zeros((0, 2), dtype=np.float32), [], [])
    assert nothing.find([Context("c", 1, ())], VECTORS[:1], ["a", "b"]).nnz == 0
