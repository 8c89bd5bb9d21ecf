"""Finding titles and sections in a dialogue."""

import polars as pl

from cxm.methods.dialogues import Context, Turn
from cxm.methods.names import NameFinder

TITLES = ["ASHLEY HOTEL", "A AND B GUEST HOUSE", "Acorn Guest House", "Lensfield Hotel"]


def finder(titles: list[str] = TITLES, section: str = "") -> NameFinder:
    ids = [f"a{i}" for i in range(len(titles))]
    passages = pl.DataFrame({"article_id": ids, "title": titles, "section": [section] * len(ids)})
    return NameFinder.from_passages(passages, ids)


def said(*texts: str) -> Context:
    return Context("c", len(texts), tuple(Turn("customer", text) for text in texts))


def test_a_title_is_found_in_other_case_and_with_a_slip() -> None:
    found = finder().find(
        [said("Is the ashley hotel quiet?"), said("are rooms at the Lenfield Hotel quiet?")]
    )
    assert found.toarray().argmax(axis=1).tolist() == [0, 3]


def test_a_common_word_alone_names_nothing() -> None:
    assert finder().find([said("I want a hotel or a guest house")]).nnz == 0


def test_what_was_named_last_counts_most() -> None:
    row = finder().find([said("the Ashley Hotel?", "no, the Acorn Guest House", "is it quiet?")]).toarray()[0]
    assert row[2] > row[0] > 0


def test_a_section_is_a_name_too_unless_too_many_share_it() -> None:
    few = finder(["Parking", "Pets"], "hotel > Ashley Hotel")
    assert few.find([said("the Ashley Hotel please")]).nnz == 2
    many = finder([f"Title {i}" for i in range(100)], "Hotels")
    assert many.find([said("hotels")]).nnz == 0


def test_nothing_to_find_in_is_no_trouble() -> None:
    assert finder([]).find([said("hello")]).shape == (1, 0)
    assert finder().find([]).shape == (0, 4)
    assert finder(["", "😀"]).find([said("😀"), said("")]).nnz == 0
