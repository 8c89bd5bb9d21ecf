"""A query in the words of the base."""

from time import monotonic

from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.acronyms import find_acronyms, write_out
from cxm.methods.wording import Wording

COUNTS = {"barbecue": 9, "defective": 4, "lamp": 7, "lamps": 1, "fee": 3, "working": 2, "days": 2}
WORDING = Wording(
    COUNTS, frozenset(COUNTS), {"WD": "working days", "IT": "information technology"}, lambda w: w
)


def test_slips_are_mended_to_the_likeliest_word() -> None:
    assert WORDING.reword("My babeccue is defecive!") == "My barbecue is defective!"
    assert WORDING.reword("lamb") == "lamp"


def test_words_that_are_known_short_or_far_off_stay() -> None:
    for text in ("lamps", "fea", "xylophone", "1234x", ""):
        assert WORDING.reword(text) == text


def test_acronyms_are_spelt_out_and_long_forms_shortened() -> None:
    assert WORDING.reword("how many WD?") == "how many WD? working days"
    assert WORDING.reword("how many wd") == "how many wd working days"
    assert WORDING.reword("five working days") == "five working days WD"
    assert WORDING.reword("is it late") == "is it late"


def test_matches_are_where_words_of_the_query_stand() -> None:
    text = "The lamp and the barbecue."
    assert [text[a:b] for a, b in WORDING.matches("the babeccue lamp", text)] == ["lamp", "barbecue"]


@given(st.text())
def test_no_text_is_trouble(text: str) -> None:
    assert isinstance(WORDING.reword(text), str)
    assert all(0 <= a < b <= len(text) for a, b in WORDING.matches(text, text))


def test_acronyms_are_found_both_ways_round_and_only_where_letters_fit() -> None:
    found = find_acronyms(
        [
            "It takes five working days (WD). Use the Wireless Application Protocol (WAP).",
            "A GC (gift card) is valid. The rest (USA) is not. A word (X).",
        ]
    )
    assert found.select("short", "long").rows() == [
        ("GC", "gift card"),
        ("WAP", "wireless application protocol"),
        ("WD", "working days"),
    ]


def test_an_acronym_is_written_out_where_the_base_explains_it() -> None:
    texts = [
        "It takes 5 working days (WD).",
        "Allow 7 WD.",
        "Some (XY) letters.",
        "In any Fenn shop (FN shop).",
    ]
    acronyms = find_acronyms(texts)
    assert acronyms["short"].to_list() == ["FN shop", "WD"]
    assert write_out([*texts, "Ask in an FN shop."], acronyms) == [
        "It takes 5 working days.",
        "Allow 7 working days.",
        "Some (XY) letters.",
        "In any Fenn shop.",
        "Ask in an fenn shop.",
    ]


def test_long_words_in_brackets_do_not_hold_up_the_search_for_acronyms() -> None:
    texts = [
        "Install the APK (com_example_androidapplication-release.apk)",
        "PDF (" + "a" * 5000 + ".pdf)",
        "A " * 5000,
    ]
    start = monotonic()
    assert find_acronyms(texts).is_empty()
    assert monotonic() - start < 5
