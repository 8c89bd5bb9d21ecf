"""The search index: built once, swapped in whole, unbreakable by what people type."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxm import index as index_module
from cxm.backends.encoder import HashingEncoder
from cxm.index import HITS, open_index
from cxm.methods.retrieval import Fusion
from cxm.store import checked


def articles(*rows: tuple[str, str, str], body_format: str = "text") -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=["article_id", "title", "body"], orient="row")
    return checked(
        frame.with_columns(body_format=pl.lit(body_format), kind=pl.lit("information")), "articles"
    )


SHOP = articles(
    ("a1", "Returns", "You can return a drill within 30 days. Bring the receipt."),
    ("a2", "Delivery", "We deliver parcels on weekdays. A parcel takes two days."),
    ("a3", "Opening hours", "The store opens at nine and closes at six."),
    ("a4", "", ""),
)


def test_words_of_the_query_find_the_article_that_holds_them(tmp_path: Path) -> None:
    hits = open_index(tmp_path, SHOP, HashingEncoder()).search(["returning drills"], 4)
    assert hits.schema == HITS
    assert hits["article_id"][0] == "a1"
    assert "drill" in hits["passage"][0]
    assert hits["rank"].to_list() == [1, 2, 3, 4]


def test_every_query_gets_k_distinct_articles_or_all_there_are(tmp_path: Path) -> None:
    opened = open_index(tmp_path, SHOP, HashingEncoder())
    hits = opened.search(["parcel", "", "\x00", "😀 مرحبا"], 20)
    for query in range(4):
        assert hits.filter(query=query)["article_id"].n_unique() == 4


def test_a_query_without_words_ranks_by_id(tmp_path: Path) -> None:
    hits = open_index(tmp_path, SHOP, HashingEncoder()).search(["  ?! "], 4)
    assert hits["article_id"].to_list() == ["a1", "a2", "a3", "a4"]
    assert hits["score"].to_list() == [0.0] * 4


@pytest.mark.parametrize(
    "text", ["+", "a:b", "(", '"', "*", "AND", "x OR", "title:drill^3", "[1 TO", "\\", "/a/"]
)
def test_operators_in_a_query_are_only_text(tmp_path: Path, text: str) -> None:
    assert open_index(tmp_path, SHOP, HashingEncoder()).search([text], 2).height == 2


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_no_query_breaks_the_search(tmp_path: Path, text: str) -> None:
    hits = open_index(tmp_path, SHOP, HashingEncoder()).search([text], 3)
    assert hits["score"].is_finite().all()


def test_an_empty_base_finds_nothing(tmp_path: Path) -> None:
    opened = open_index(tmp_path, SHOP.clear(), HashingEncoder())
    assert opened.search(["drill", ""], 5).height == 0
    assert opened.search_words(["drill"], 5).height == 0


def test_equal_articles_rank_by_id_and_rows_may_come_in_any_order(tmp_path: Path) -> None:
    twins = articles(*((f"t{i}", "Twin", "The very same words about drills.") for i in range(30)))
    one = open_index(tmp_path / "one", twins, HashingEncoder()).search(["drills"], 20)
    two = open_index(tmp_path / "two", twins.reverse(), HashingEncoder()).search(["drills"], 20)
    assert one["article_id"].to_list() == sorted(twins["article_id"])[:20]
    assert one.equals(two)


def test_the_index_is_built_once_and_again_when_articles_change(tmp_path: Path) -> None:
    first = open_index(tmp_path, SHOP, HashingEncoder()).directory
    made = (first / "vectors.npy").stat().st_mtime_ns
    assert open_index(tmp_path, SHOP.reverse(), HashingEncoder()).directory == first
    assert (first / "vectors.npy").stat().st_mtime_ns == made
    second = open_index(tmp_path, SHOP.head(2), HashingEncoder())
    assert second.article_ids == ["a1", "a2"]
    assert [path.name for path in tmp_path.iterdir()] == [second.directory.name]


def test_a_build_that_fails_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_index(tmp_path, SHOP, HashingEncoder()).directory

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(index_module, "_write_lexical", fail)
    with pytest.raises(KeyboardInterrupt):
        open_index(tmp_path, SHOP.head(1), HashingEncoder())
    assert [path.name for path in tmp_path.iterdir()] == [old.name]


def test_vectors_are_read_from_disk_not_into_memory(tmp_path: Path) -> None:
    assert isinstance(open_index(tmp_path, SHOP, HashingEncoder()).vectors, np.memmap)


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_index(tmp_path, SHOP, HashingEncoder())
    texts = ["drill", "parcel on weekdays", "hours", ""]
    whole = opened.search(texts, 3)
    monkeypatch.setattr(index_module, "_CELLS_PER_BLOCK", 1)
    assert opened.search(texts, 3).equals(whole)


def test_the_best_passage_speaks_for_a_long_article(tmp_path: Path) -> None:
    filler = " ".join(f"Sentence number {i} is about nothing at all." for i in range(60))
    long = articles(("long", "Manual", filler + " The gasket must be greased yearly."), ("z", "Z", "Zebra."))
    hits = open_index(tmp_path, long, HashingEncoder()).search(
        ["grease the gasket yearly"], 1, Fusion(dense=1.0)
    )
    assert hits["article_id"].to_list() == ["long"]
    assert "gasket" in hits["passage"][0]


def test_markup_is_not_searched(tmp_path: Path) -> None:
    html = articles(("h", "Page", "<p class='drill'>Parcels</p><script>drill()</script>"), body_format="html")
    opened = open_index(tmp_path, html, HashingEncoder())
    assert opened.lexical("drill").tolist() == [0.0]
    assert opened.lexical("parcel")[0] > 0


def test_a_damaged_index_is_built_again(tmp_path, encoder):
    articles = pl.DataFrame(
        {
            "article_id": ["a", "b"],
            "title": ["Drill", "Saw"],
            "body": ["Charge the drill.", "Oil the saw."],
            "body_format": ["text"] * 2,
            "kind": ["information"] * 2,
            "section": [None, None],
        },
        schema_overrides={"section": pl.String},
    )
    whole = open_index(tmp_path / "index", articles, encoder).search(["oil"], 2)
    vectors = next((tmp_path / "index").glob("*/vectors.npy"))
    vectors.write_bytes(vectors.read_bytes()[:40])
    assert open_index(tmp_path / "index", articles, encoder).search(["oil"], 2).equals(whole)
