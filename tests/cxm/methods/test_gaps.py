"""Grouping and naming needs."""

from collections import Counter

import numpy as np
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.methods import gaps
from cxm.methods.gaps import count_words, group_needs, join_groups, name_topic, telling_words


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


def test_a_word_that_many_other_needs_hold_tells_nothing() -> None:
    texts = ["it took a long time to write", "a long story, I'll ring off", "long ago, a robot"]
    others = ["how long does it take", "a long wait"] * 10
    assert telling_words(texts, count_words([*texts, *others]), 23) == []
    assert telling_words(texts, count_words([*texts, *["where is my parcel"] * 20]), 23) == ["long"]


def name(*texts: str) -> str:
    others = ["where is my parcel", "I want my money back", "can I pay later", "what is going on"] * 5
    return name_topic(texts, count_words([*texts, *others]), len(texts) + len(others))


def test_a_topic_is_named_by_the_phrases_its_needs_share() -> None:
    robot = ["I have a question. The Magpie weeding robot is stuck", "is the magpie weeding robot any good"]
    assert name(*robot, "The Magpie weeding robot lost its map!") == "Magpie weeding robot"
    tale = "Can I put coffee grounds on the {}, or is that an old wives' tale?"
    assert name(*(tale.format(plant) for plant in ("roses", "peas"))) == "old wives' tale, coffee grounds"


def test_what_is_heard_between_words_is_no_part_of_a_name() -> None:
    said = [
        "a wasps nest er under the um roof",
        "wasps nest under the roof",
        "there is wasps nest under the roof",
    ]
    assert name(*said) == "wasps nest under the roof"
    assert name("the wasps\x00nest", "a wasps\x00nest") == "nest, wasps"


def test_a_lonely_word_is_named_with_the_words_around_it() -> None:
    said = [f"{hello} what's going on with my stuff" for hello in ("Hi, I'd like to know", "Morning. So")]
    assert name(*said) == "what's going on with my stuff"
    assert name("my stuff", "stuff arrived", "all that stuff is mine") == "stuff"


def test_a_word_that_one_need_alone_has_is_in_no_name() -> None:
    assert (
        name("Rover the dog ate a cap", "my dog ate the cap, says Ines", "the dog ate one cap")
        == "dog ate, cap"
    )
    assert name("hello", "thank you", "😀") == ""
