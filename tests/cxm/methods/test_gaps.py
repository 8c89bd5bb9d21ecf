"""Grouping and naming needs."""

from collections import Counter

import numpy as np
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods import gaps
from cxm.methods.gaps import count_words, group_needs, join_groups, telling_words


def test_like_needs_share_a_group() -> None:
    vectors = HashingEncoder().encode(["cancel my order", "cancel my order please", "blue screen flickers"])
    groups = group_needs(vectors, 7)
    assert groups[0] == groups[1] != groups[2]


def test_few_needs_are_no_trouble() -> None:
    assert group_needs(np.zeros((0, 4), dtype=np.float32), 7).tolist() == []
    assert group_needs(np.ones((1, 4), dtype=np.float32), 7).tolist() == [0]


def test_beyond_the_sample_needs_join_the_nearest_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "_MAX_CLUSTERED", 6)
    groups = group_needs(HashingEncoder().encode(["cancel my order", "blue screen flickers"] * 10), 7)
    assert groups[0] != groups[1]
    assert groups.tolist() == groups[:2].tolist() * 10


def test_a_group_is_named_by_what_sets_it_apart() -> None:
    inside = ["how do I cancel my order", "cancel the order now"]
    background = count_words([*inside, "how do I pay", "how do I order", "where is the order"])
    assert telling_words(inside, background, 5)[0] == "cancel"


def test_texts_without_a_word_in_common_are_about_nothing() -> None:
    texts = ["um, three. my bus is here", "er three, it is raining", "three, I found the key"]
    assert telling_words(texts, count_words(texts), 3) == []
    assert telling_words(["😀"], Counter(), 1) == []


def test_groups_about_the_same_thing_are_joined_through_others() -> None:
    telling = [
        ["magpie", "robot", "weeding"],
        ["late", "card"],
        ["guinea", "pig", "robot", "magpie"],
        ["late", "driver"],
        ["pig", "guinea"],
    ]
    assert join_groups(telling) == [0, 1, 0, 3, 0]
    assert join_groups([]) == []
