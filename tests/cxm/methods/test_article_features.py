"""What articles are described by for a ranker."""

import numpy as np
import polars as pl

from cxm.methods.article_features import Base, group_articles


def test_articles_are_grouped_by_the_longest_path_they_share() -> None:
    sections = ["Hotels > Ashley", "Hotels > Ashley", "Hotels > Acorn", None, "Help"]
    group = group_articles(
        pl.DataFrame({"title": ["Pets", "Parking", "Pets", "Odd", "Other"], "section": sections})
    )
    assert group[0] == group[1]
    assert len({int(g) for g in group}) == 3  # of Ashley, of hotels, of no path at all
    assert group[3] == group[4]


def test_what_a_group_shares_is_left_out_of_centred_vectors() -> None:
    generator = np.random.default_rng(1)
    shared, own = np.eye(16)[0], generator.normal(size=(40, 16)) * 0.2
    own[:, 0] = 0
    vectors = (shared + own).astype(np.float32)
    articles = pl.DataFrame({"title": ["Place"] * 40, "section": ["Hotels"] * 40, "kind": ["issue"] * 40})
    base = Base.from_articles(articles, pl.Series("text", ["a?"] * 40), np.arange(41), vectors)
    centred = base.centred(np.arange(40))
    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-4)
    assert np.abs(centred[:, 0]).max() < 0.25 < np.abs(vectors[:, 0]).min()
    assert base.facts[0].tolist() == [np.log1p(1), 1, 1]


def test_an_empty_base_has_nothing() -> None:
    articles = pl.DataFrame(schema={"title": pl.String, "section": pl.String, "kind": pl.String})
    texts = pl.Series("text", [], dtype=pl.String)
    base = Base.from_articles(articles, texts, np.zeros(1, dtype=int), np.zeros((0, 4), dtype=np.float32))
    assert base.centres.shape == (0, 4)
