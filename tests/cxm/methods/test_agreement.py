"""Sentences that should agree: learned from those that do, without a label."""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.article_comparison import Comparison, compare_articles

_N = 40
_WORDINGS = ("The {name} weighs {v} kilograms.", "Put on the scales, the {name} weighs {v} kilograms in all.")


def _base(wrong: int | None) -> pl.DataFrame:
    """Products whose weight is stated twice in two wordings, and a load once; one weight is misstated."""
    rows = []
    for i in range(_N):
        name = f"Heron{chr(97 + i // 26)}{chr(97 + i % 26)} drill"
        weight, load, cable = 3 + i, 100 + 7 * i % 60, 2 + i % 5
        first, second = _WORDINGS[i % 2], _WORDINGS[1 - i % 2]
        told = weight + 9 if i == wrong else weight
        bodies = {
            "Data": f"Key figures of the {name}. {first.format(name=name, v=weight)} Its cable is {cable} metres long.",
            "Use": f"Daily work with the {name}. Do not hang more than {load} kilograms on the {name}. "
            + second.format(name=name, v=told),
        }
        rows += [
            {
                "article_id": f"{i:03d}-{leaf}",
                "title": f"{name}: {leaf}",
                "section": f"Tools > {name} > {leaf}",
                "body": body,
                "body_format": "text",
                "kind": "information",
            }
            for leaf, body in bodies.items()
        ]
    return pl.DataFrame(rows)


def _compare(articles: pl.DataFrame) -> Comparison:
    return compare_articles(articles, HashingEncoder().encode, 30, 1.2, 20_000)


def test_a_value_that_differs_where_agreement_is_the_rule_is_doubted_most() -> None:
    conflicts = _compare(_base(wrong=17)).conflicts
    first = conflicts.sort("doubt", descending=True).row(0, named=True)
    assert {"20", "29"} == {
        w for side in ("left", "right") for w in first[f"conflict_{side}"].split() if w.isdigit()
    }
    assert first["doubt"] > 0.5


def test_two_properties_with_one_unit_are_not_doubted() -> None:
    conflicts = _compare(_base(wrong=None)).conflicts
    assert conflicts["doubt"].max() < 0.5


def test_a_base_too_small_to_learn_from_doubts_nothing() -> None:
    conflicts = _compare(_base(wrong=1).head(4)).conflicts
    assert np.all(conflicts["doubt"].to_numpy() == 0)


def test_the_same_base_in_another_order_gives_the_same() -> None:
    base = _base(wrong=17)
    one, other = _compare(base), _compare(base.sample(fraction=1, shuffle=True, seed=1))
    assert one.conflicts.equals(other.conflicts)
