"""Finding titles and sections in what is said."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.methods.names import NameFinder

TITLES = ["ASHLEY HOTEL", "A AND B GUEST HOUSE", "Acorn Guest House", "Lensfield Hotel", "Rice House"]


def finder(titles: list[str] = TITLES, section: str = "", texts: tuple[str, ...] = ()) -> NameFinder:
    articles = pl.DataFrame({"title": titles, "section": [section] * len(titles)})
    return NameFinder.from_articles(articles, pl.Series("text", list(texts), dtype=pl.String))


def named(text: str, **given) -> list[str]:
    names = finder(**given)
    return [" ".join(names.names[mention.name]) for mention in names.mentions(text)]


def test_a_title_is_found_in_other_case_with_a_slip_by_sound_and_run_together() -> None:
    assert named("Is the ashley hotel quiet?") == ["ashley hotel"]
    assert named("are rooms at the Lenfield Hotel quiet?") == ["lensfield hotel"]
    assert named("the ashly hotl please") == ["ashley hotel"]
    assert named("how about the akorn guesthouse") == ["acorn guest house"]


def test_a_telling_part_of_a_name_is_enough_and_a_common_word_is_not() -> None:
    assert named("is the lensfield any good") == ["lensfield hotel"]
    assert named("I want a hotel or a guest house") == []


def test_a_usual_word_is_no_slip_of_a_name() -> None:
    prices = ("the price of a room", "a good price")
    assert named("what price has the house", texts=prices) == []
    assert named("the acorn guest house at that price", texts=prices) == ["acorn guest house"]


def test_of_names_in_the_same_words_the_one_that_holds_more_of_them_is_meant() -> None:
    titles = ["Pizza Express", "Pizza Express Fen Ditton", "Curry Garden"]
    assert named("a table at pizza express fen ditton", titles=titles) == ["pizza express fen ditton"]
    assert named("a table at pizza express", titles=titles) == ["pizza express"]


def test_a_section_is_a_name_too_unless_too_many_share_it() -> None:
    assert named("the Ashley Hotel please", titles=["Parking", "Pets"], section="hotel > Ashley Hotel") == [
        "ashley hotel"
    ]
    assert named("hotels", titles=[f"Title {i}" for i in range(100)], section="Hotels") == []


def test_nothing_to_find_in_is_no_trouble() -> None:
    assert finder([]).mentions("hello") == ()
    assert finder(["", "😀"]).mentions("😀") == ()
    assert finder().mentions("") == ()


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_names_with_a_share_between_a_half_and_one(text: str) -> None:
    assert all(0.5 <= mention.strength <= 1 for mention in finder().mentions(text))
