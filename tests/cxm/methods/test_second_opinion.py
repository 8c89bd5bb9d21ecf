"""A second opinion changes relations, drops what is none, and is not needed."""

import polars as pl

from cxm.methods.second_opinion import judge_candidates

FINDINGS = pl.DataFrame(
    {
        "left_quote": ["a", "b", "c"],
        "right_quote": ["d", "e", "f"],
        "relation": ["similar", "contradictory", "similar"],
    }
)


def test_answers_decide_and_an_unreadable_one_changes_nothing():
    asked = []

    def ask(pairs):
        asked.extend(pairs)
        return ["Contradictory.", "unrelated", None]

    judged = judge_candidates(FINDINGS, ask)
    assert asked == [("a", "d"), ("b", "e"), ("c", "f")]
    assert judged["relation"].to_list() == ["contradictory", "similar"]


def test_without_findings_nobody_is_asked():
    assert judge_candidates(FINDINGS[:0], lambda pairs: 1 / 0).is_empty()
