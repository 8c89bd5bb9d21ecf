import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.criteria import read_criteria
from cxm.methods.criterion_matches import (
    MATCH_FEATURES,
    Turns,
    match_criteria,
    segment_max,
    set_relative,
    typical_matches,
)

ENCODER = HashingEncoder()


def make_turns(*conversations):
    rows = [
        {"turn_index": i, "speaker": speaker, "text": text, "owner": owner}
        for owner, turns in enumerate(conversations)
        for i, (speaker, text) in enumerate(turns)
    ]
    schema = {"turn_index": pl.Int32, "speaker": pl.String, "text": pl.String, "owner": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema)
    owner = frame["owner"].to_numpy().astype(np.intp)
    return Turns(frame.drop("owner"), ENCODER.encode(frame["text"].to_list()), owner, len(conversations))


CRITERIA = read_criteria(
    pl.DataFrame(
        {
            "criterion": ["last", "offer"],
            "question": ["Did the agent's last reply say goodbye?", "Did the agent offer refund money?"],
        }
    ),
    ENCODER.encode,
)


def test_the_turn_looked_at_is_the_nearest_or_the_last_reply():
    turns = make_turns(
        [
            ("agent", "hello"),
            ("agent", "offer refund money?"),
            ("customer", "yes"),
            ("agent", "bye"),
            ("customer", "x"),
        ]
    )
    matches = match_criteria(turns, CRITERIA, {})
    assert matches.focus.tolist() == [[3, 1]]
    assert matches.values[0, 1, MATCH_FEATURES.index("guideline")] > 0.99


def test_conversations_without_an_agent_have_no_focus_and_no_match():
    matches = match_criteria(make_turns([("customer", "hi")], [], [("agent", " ")]), CRITERIA, {})
    assert (matches.focus == -1).all()
    assert not matches.values.any()


def test_a_mixture_of_spoken_and_silent_conversations_keeps_them_apart():
    alone = match_criteria(make_turns([("agent", "offer refund")]), CRITERIA, {})
    mixed = match_criteria(make_turns([("customer", "hi")], [("agent", "offer refund")], []), CRITERIA, {})
    np.testing.assert_allclose(mixed.values[1], alone.values[0], atol=1e-6)
    assert not mixed.values[[0, 2]].any()
    assert mixed.focus.tolist() == [[-1, -1], [1, 1], [-1, -1]]


def test_relative_features_are_centred_and_bounded():
    turns = make_turns(*[[("agent", f"offer {word}")] for word in ("refund", "money", "tea", "a walk")])
    matches = match_criteria(turns, CRITERIA, {})
    relative = set_relative(matches, typical_matches(matches)).values[
        :, 1, MATCH_FEATURES.index("relative_guideline")
    ]
    assert abs(relative.mean()) < 1e-5
    assert np.abs(relative).max() <= 3


def test_segment_maxima_of_missing_segments_are_the_given_value():
    found = segment_max(np.array([[1.0], [3.0], [2.0]]), np.array([0, 0, 2]), 3, empty=-1.0)
    assert found.ravel().tolist() == [3.0, -1.0, 2.0]
