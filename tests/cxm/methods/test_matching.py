"""Features of a query's pool."""

from pathlib import Path

import numpy as np
import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.index import Index, open_index
from cxm.methods.matching import FEATURES, match_features
from cxm.store import checked

ROWS = [
    ("s1", "Data sheet: Fern drill", "Products > Fern drill > Specifications", "The Fern drill weighs 3 kg."),
    ("s2", "Moor drill at a glance", "Products > Moor drill > Specifications", "The Moor drill weighs 4 kg."),
    ("c1", "Fern drill care", "Products > Fern drill > Care", "Wipe the Fern drill dry. Oil it."),
    ("c2", "Moor drill care", "Products > Moor drill > Care", "Wipe the Moor drill dry. Oil it."),
    ("x", "", None, ""),
]


def base(tmp_path: Path) -> Index:
    frame = pl.DataFrame(ROWS, schema=["article_id", "title", "section", "body"], orient="row")
    frame = frame.with_columns(body_format=pl.lit("text"), kind=pl.lit("information"))
    return open_index(tmp_path, checked(frame, "articles"), HashingEncoder())


def features(opened: Index, query: str) -> dict[str, dict[str, float]]:
    pool = next(opened.pools([query]))
    rows = match_features(pool)
    return {
        opened.article_ids[a]: dict(zip(FEATURES, row, strict=True))
        for a, row in zip(pool.articles, rows, strict=True)
    }


def test_shares_say_how_much_of_a_query_a_field_holds(tmp_path: Path) -> None:
    found = features(base(tmp_path), "Fern drill 3")
    assert found["s1"]["article_share"] == 1
    assert found["s1"]["number_share"] == 1
    assert found["c1"]["number_share"] == 0
    assert found["c1"]["title_share"] > found["c2"]["title_share"] > 0
    assert found["s1"]["pair_share"] > found["s2"]["pair_share"]
    assert found["x"]["article_share"] == 0


def test_a_section_is_judged_by_its_articles_together(tmp_path: Path) -> None:
    found = features(base(tmp_path), "how much kg weighs it")
    assert found["s1"]["section_contrast"] == found["s2"]["section_contrast"]
    assert found["s1"]["section_contrast"] > found["c1"]["section_contrast"]
    assert found["x"]["section_contrast"] == 0


def test_features_are_finite_for_whatever_is_asked(tmp_path: Path) -> None:
    opened = base(tmp_path)
    for query in ("", "  ?! ", "zzz qqq", "drill", "😀 مرحبا", "3 3 3"):
        rows = match_features(next(opened.pools([query])))
        assert rows.shape == (5, len(FEATURES))
        assert np.isfinite(rows).all()


def test_an_empty_pool_has_no_features(tmp_path: Path) -> None:
    frame = checked(
        pl.DataFrame(ROWS[:1], schema=["article_id", "title", "section", "body"], orient="row").with_columns(
            body_format=pl.lit("text"), kind=pl.lit("information")
        ),
        "articles",
    ).clear()
    opened = open_index(tmp_path, frame, HashingEncoder())
    assert match_features(next(opened.pools(["drill"]))).shape == (0, len(FEATURES))
