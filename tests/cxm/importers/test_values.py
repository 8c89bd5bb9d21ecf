"""Raw cells into declared dtypes: numbers, truth values, lists, texts."""

import polars as pl
import pytest

from cxm.importers.times import Unclear
from cxm.importers.values import Conventions, cast_cells, cells_of, text_cells, text_of
from cxm.tables import TABLES

AMOUNT = TABLES["transactions"].columns["amount"]
CSAT = TABLES["conversations"].columns["csat"]
RESOLVED = TABLES["conversations"].columns["is_resolved"]
CUSTOMER = TABLES["conversations"].columns["customer_id"]
TEXT = TABLES["turns"].columns["text"]
PARAMETERS = TABLES["tools"].columns["parameters"]
CANDIDATES = TABLES["reply_points"].columns["tool_candidates"]
EVIDENCE = TABLES["quality_labels"].columns["evidence_turns"]


def cast(column, *values, **conventions):
    is_text = all(value is None or isinstance(value, str) for value in values)
    cells = text_cells(pl.Series(values, dtype=pl.String)) if is_text else cells_of(list(values))
    found, reasons = cast_cells(cells, column, Conventions(**conventions))
    assert found.dtype == column.dtype
    return found.to_list(), reasons.to_list()


def test_plain_numbers_need_no_decimal_sign():
    texts = ["1", "-2.5", "+3", ".5", "1e3", " 7 ", "", None]
    assert cast(AMOUNT, *texts) == ([1, -2.5, 3, 0.5, 1000, 7, None, None], [None] * 8)


@pytest.mark.parametrize("text", ["12,5", "1,234", "1.234,50", "1,234.50", "1 234,5"])
def test_a_number_with_a_comma_asks_for_the_decimal_sign(text):
    with pytest.raises(Unclear) as caught:
        cast(AMOUNT, "1.5", text)
    assert (caught.value.key, caught.value.index) == ("decimal", 1)


def test_a_point_before_three_digits_is_doubtful_only_where_commas_are_free():
    assert cast(AMOUNT, "12.345")[0] == [12.345]
    with pytest.raises(Unclear):
        cast(AMOUNT, "12.345", is_comma_free=True)
    assert cast(AMOUNT, "12.5", is_comma_free=True)[0] == [12.5]


def test_numbers_follow_the_decimal_sign_given():
    values, reasons = cast(AMOUNT, "1.234,5", "12,5", "7", "1 234", "1.5", "1,2,3", decimal=",")
    assert values == [1234.5, 12.5, 7, 1234, None, None]
    assert reasons == [None] * 4 + ["is not a number"] * 2
    assert cast(AMOUNT, "1,234.5", "1.5", "12,5", decimal=".")[0] == [1234.5, 1.5, None]


def test_a_typed_number_keeps_its_point_whatever_the_decimal_sign():
    assert cast(AMOUNT, 12.5, "12,5", decimal=",")[0] == [12.5, 12.5]


def test_what_is_no_finite_number_is_bad_and_a_typed_nan_is_a_gap():
    assert cast(AMOUNT, "abc", "nan", "inf", "1_0", "1e999")[1] == ["is not a number"] * 5
    assert cast(AMOUNT, float("nan"), float("inf")) == ([None, None], [None, "is not a number"])
    assert cast(CUSTOMER, float("nan"), 17850.0, 7) == ([None, "17850", "7"], [None] * 3)


def test_whole_numbers_may_be_written_with_a_zero_fraction():
    values, reasons = cast(CSAT, "4", "4.0", "4.5", "99999999999")
    assert values == [4, 4, None, None]
    assert reasons == [None, None, "is not a whole number", "does not fit 32 bits"]


def test_truth_values_in_the_usual_words():
    values, reasons = cast(RESOLVED, "TRUE", "no", "1", "0.0", "", "Ja")
    assert values == [True, False, True, False, None, None]
    assert reasons == [None] * 5 + ["is not true or false"]
    assert cast(RESOLVED, True, 0)[0] == [True, False]


def test_an_empty_text_is_no_value_where_null_is_legal_and_stays_where_text_may_be_empty():
    assert cast(CUSTOMER, "", empty_is_null=False)[0] == [None]
    assert cast(TEXT, "", " ")[0] == ["", " "]


def test_objects_are_text_only_where_json_is_wanted():
    assert cast(PARAMETERS, {"type": "object"})[0] == ['{"type": "object"}']
    assert cast(TEXT, {"a": 1}, "b")[1] == ["is a list or an object, not text", None]


def test_lists_from_json_or_json_text():
    assert cast(CANDIDATES, ["a", "b"], '["c"]', None)[0] == [["a", "b"], ["c"], None]
    assert cast(EVIDENCE, [1, 2], "[3]")[0] == [[1, 2], [3]]
    assert cast(CANDIDATES, "a, b", '{"a": 1}', '[["x"]]')[1] == [
        "is not a JSON list",
        "is not a JSON list",
        "is not a list of texts",
    ]
    assert cast(EVIDENCE, "[true]", '["1"]', "[1.5]")[1] == ["is not a list of whole numbers"] * 3


def test_an_unpaired_surrogate_is_a_bad_row_not_a_crash():
    assert cast(TEXT, "ok", "bad \ud800", 1)[1] == [None, "is not Unicode (an unpaired surrogate)", None]


def test_typed_values_become_text_without_loss():
    assert [text_of(v) for v in (1.5, 10**20, True, b"ab")] == [
        ("1.5", "number"),
        ("100000000000000000000", "number"),
        ("true", "boolean"),
        ("ab", "text"),
    ]
