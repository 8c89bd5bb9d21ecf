"""Wordings of one property and of two, told apart by where they stand."""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.attributes import compare_forms, count_elsewhere
from cxm.methods.scopes import Scopes, read_scopes
from cxm.methods.statements import Statements, read_statements

_NO_NEIGHBOURS = pl.DataFrame(schema={"left": pl.Int32, "right": pl.Int32})
_WEIGHT = ("Its weight is # kilograms.", "On the scales it shows # kilograms.")
_LOAD = "It bears # kilograms."


def _read() -> tuple[Statements, Scopes]:
    """Twelve articles under one heading: the weight in one of two wordings, and the load in each."""
    bodies = [f"{_WEIGHT[i % 2]} {_LOAD}".replace("#", str(i + 2)) for i in range(12)]
    ids = [f"{i:02d}" for i in range(12)]
    statements = read_statements(
        pl.DataFrame(
            {
                "article_id": ids,
                "title": ids,
                "section": "Data",
                "body": bodies,
                "body_format": "text",
                "kind": "information",
            }
        )
    )
    return statements, read_scopes(statements)


def test_wordings_of_one_property_stand_apart_and_two_properties_together() -> None:
    statements, scopes = _read()
    one, two, load = (scopes.forms.index(text.lower()) for text in (*_WEIGHT, _LOAD))
    rows = pl.DataFrame({"form_one": [one, one], "form_two": [two, load], "is_slot": False})
    vectors = HashingEncoder().encode(scopes.forms)
    found = compare_forms(statements, scopes, _NO_NEIGHBOURS, vectors, rows)
    same, other = found["apart"].to_list()
    assert same > 1.5
    assert other < 0.1
    assert found["headings"].to_list() == [1, 1]


def test_a_row_is_not_counted_for_itself() -> None:
    rows = pl.DataFrame(
        {
            "form_one": [0, 0, 0],
            "form_two": [1, 1, 1],
            "agrees": [True, True, False],
            "differs": [False, False, True],
        }
    )
    counts = count_elsewhere(rows, _NO_NEIGHBOURS, np.eye(3, dtype=np.float32))
    assert np.expm1(counts["agree_exact"].to_numpy()).round().tolist() == [1, 1, 2]
    assert np.expm1(counts["differ_near"].to_numpy()).round().tolist() == [1, 1, 0]


def test_no_rows_are_no_error() -> None:
    statements, scopes = _read()
    rows = pl.DataFrame(schema={"form_one": pl.Int64, "form_two": pl.Int64, "is_slot": pl.Boolean})
    vectors = HashingEncoder().encode(scopes.forms)
    assert compare_forms(statements, scopes, _NO_NEIGHBOURS, vectors, rows).height == 0
