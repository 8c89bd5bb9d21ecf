"""Known words in other spellings."""

import time

from cxm.methods.spellings import Spellings


def test_a_word_is_found_by_a_slip_or_its_sound_and_itself_first() -> None:
    words = Spellings(frozenset({"avalon", "lensfield", "gonville"}))
    assert words.find("avalon") == ("avalon",)
    assert words.find("avelon") == ("avalon",)
    assert words.find("gonvil") == ("gonville",)
    assert words.find("lensfeeld") == ("lensfield",)


def test_short_usual_and_far_words_are_nothing_else() -> None:
    words = Spellings(frozenset({"rice", "royal", "price"}), frozenset({"prices"}))
    assert words.find("ryce") == ()
    assert words.find("prices") == ()
    assert words.find("umbrella") == ()
    assert words.find("x" * 100_000) == ()


def test_a_hundred_thousand_words_are_not_read_through_for_each() -> None:
    words = Spellings(frozenset(f"{chr(97 + i % 26)}orth{i:06}" for i in range(20_000)))
    started = time.perf_counter()
    for i in range(2000):
        words.find(f"unlike{i}")
    assert time.perf_counter() - started < 2
