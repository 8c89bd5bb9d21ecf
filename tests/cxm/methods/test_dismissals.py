"""A dismissed finding stays away while its sentences are unchanged."""

import polars as pl

from cxm.methods.dismissals import drop_dismissed, sentences_digest

FINDINGS = pl.DataFrame(
    {"left_article_id": ["a"], "right_article_id": ["b"], "left_quote": ["One."], "right_quote": ["Two."]}
)


def dismissed(left: str, right: str, digest: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"left_article_id": [left], "right_article_id": [right], "sentences_digest": [digest]}
    )


def test_the_digest_does_not_depend_on_side_or_spacing():
    assert sentences_digest("One  thing.", "Two.") == sentences_digest("Two.", " One thing.")
    assert sentences_digest("One.", "Two.") != sentences_digest("One.", "Three.")


def test_a_finding_is_dropped_for_the_same_sentences_in_either_order_of_ids():
    digest = sentences_digest("One.", "Two.")
    assert drop_dismissed(FINDINGS, dismissed("a", "b", digest)).is_empty()
    assert drop_dismissed(FINDINGS, dismissed("b", "a", digest)).is_empty()


def test_a_finding_comes_back_when_a_sentence_has_changed():
    digest = sentences_digest("One.", "Two before.")
    assert drop_dismissed(FINDINGS, dismissed("a", "b", digest)).equals(FINDINGS)
