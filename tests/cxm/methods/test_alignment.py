"""Sentences of different articles that say nearly the same."""

import numpy as np
import polars as pl

from cxm.methods.alignment import align_sentences, find_candidates, find_neighbours
from cxm.methods.statements import Statements, read_statements

FILLER = ["Plants like sun and some water.", "Our shop in town opens early.", "A lamp needs a fresh bulb."]


def read(*bodies: str) -> Statements:
    return read_statements(
        pl.DataFrame(
            {
                "article_id": [f"a{i}" for i in range(len(bodies))],
                "title": "",
                "section": None,
                "body": bodies,
                "body_format": "text",
                "kind": "information",
            },
            schema_overrides={"section": pl.String},
        )
    )


def aligned(*bodies: str) -> list[tuple[str, str, int]]:
    statements = read(*bodies, *FILLER)
    rows = align_sentences(statements, find_candidates(statements, 10), 2.0)
    texts = statements.sentences
    return [(texts[a], texts[b], n) for a, b, n in rows.select("left", "right", "n_facts").iter_rows()]


def test_a_sentence_with_another_number_is_aligned_and_differs_in_one_fact():
    left, right = "Standard parcels arrive within 3 days.", "Standard parcels arrive within 9 days."
    assert aligned(left, right) == [(left, right, 1)]


def test_a_sentence_with_its_heading_before_it_is_aligned_without_a_differing_fact():
    left, right = "Parcels Standard parcels arrive within 3 days.", "Standard parcels arrive within 3 days."
    assert aligned(left, right) == [(left, right, 0)]


def test_one_of_two_occurrences_negated_is_a_differing_fact():
    left = "You can use the search, install apps and use the camera."
    right = "You cannot use the search, install apps and use the camera."
    assert aligned(left, right) == [(left, right, 1)]


def test_sentences_on_other_matters_are_not_aligned():
    assert aligned("Standard parcels arrive within 3 days.", "Your membership ends in autumn.") == []


def test_a_wrapped_line_is_one_sentence_and_a_title_in_the_body_none():
    statements = read("The parcel arrives\nwithin three days.")
    assert statements.sentences == ["The parcel arrives within three days."]


def test_many_variants_of_one_sentence_make_pairs_in_proportion():
    bodies = [f"The red box number {i} stands in the yard behind our house." for i in range(2000)]
    assert find_candidates(read(*bodies), 60).height <= 50 * len(bodies)


def test_neighbours_are_found_once_each_and_never_with_themselves():
    vectors = np.eye(4, dtype=np.float32)
    vectors[1] = vectors[0]
    assert find_neighbours(vectors, 3, 0.9).rows() == [(0, 1)]
    assert find_neighbours(np.zeros((0, 4), dtype=np.float32)).is_empty()


def test_no_articles_give_no_statements():
    statements = read()
    assert statements.sentences == []
    assert find_candidates(statements, 10).is_empty()
