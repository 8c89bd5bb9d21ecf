"""Wordings of one property grouped by meaning, headings and values, for subjects whose values were not seen."""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.properties import SAME, Groups, compare_properties, group_forms
from cxm.methods.scopes import Scopes, read_scopes
from cxm.methods.statements import Statements, read_statements

_WEIGHT = ("The {name} weighs {v} kilograms.", "Put on the scales, the {name} comes to {v} kilograms.")
_LOAD = "Do not hang more than {v} kilograms on the {name}."


def _read(n: int = 30) -> tuple[Statements, Scopes]:
    """Products whose weight stands in two articles in two wordings, beside a load that is another figure."""
    rows = []
    for i in range(n):
        name = f"Heron{chr(97 + i // 26)}{chr(97 + i % 26)} drill"
        weight = {"name": name, "v": 3 + i}
        bodies = (
            f"{_WEIGHT[i % 2].format(**weight)} {_LOAD.format(name=name, v=200 + i)}",
            _WEIGHT[1 - i % 2].format(**weight),
        )
        for page, body in zip(("Data", "Use"), bodies, strict=True):
            row = {"article_id": f"{i:03d}{page}", "title": page, "section": f"Tools > {name} > {page}"}
            rows.append(row | {"body": body, "body_format": "text", "kind": "information"})
    statements = read_statements(pl.DataFrame(rows))
    return statements, read_scopes(statements)


def _group(statements: Statements, scopes: Scopes) -> Groups:
    return group_forms(statements, scopes, HashingEncoder().encode(scopes.forms))


def test_wordings_with_equal_values_are_one_property_and_another_figure_is_not() -> None:
    statements, scopes = _read()
    assert len(scopes.forms) == 3
    one, two, load = (
        scopes.forms.index(text.format(name="product", v="#").lower()) for text in (*_WEIGHT, _LOAD)
    )
    rows = pl.DataFrame({"form_one": [one, one, two], "form_two": [two, load, load], "about": [3, 3, -1]})
    same, other, third = compare_properties(_group(statements, scopes), rows).to_list()
    assert same == SAME
    assert max(other, third) < 0


def test_what_a_subject_says_itself_does_not_decide() -> None:
    statements, scopes = _read()
    groups = _group(statements, scopes)
    # Of a single fold's subjects nothing is known, of all others everything.
    assert groups.members.shape == (5, 3)
    assert all(evidence.agreed.sum() == evidence.agreed.T.sum() for evidence in groups.evidence)
    assert {int(evidence.agreed.sum()) for evidence in groups.evidence} == {48}


def test_without_forms_or_groups_nothing_is_said() -> None:
    none = pl.DataFrame(schema={"form_one": pl.Int32, "form_two": pl.Int32, "about": pl.Int32})
    assert compare_properties(None, none).len() == 0
    rows = pl.DataFrame({"form_one": [0], "form_two": [1], "about": [0]})
    assert compare_properties(None, rows).to_list() == [0.0]
    empty = read_statements(
        pl.DataFrame(
            schema=dict.fromkeys(("article_id", "title", "section", "body", "body_format", "kind"), pl.String)
        )
    )
    groups = group_forms(empty, read_scopes(empty), np.zeros((0, 384), dtype=np.float32))
    assert compare_properties(groups, none).len() == 0
