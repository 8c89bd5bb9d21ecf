"""The search index: built once, swapped in whole, unbreakable by what people type."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxm.backends.encoder import HashingEncoder
from cxm.index import HITS, Filter, Index, dense, open_index
from cxm.index import build as build_module
from cxm.index import search as search_module
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
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [second.directory.name]


def test_a_build_that_fails_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_index(tmp_path, SHOP, HashingEncoder()).directory

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "write_lexical", fail)
    with pytest.raises(KeyboardInterrupt):
        open_index(tmp_path, SHOP.head(1), HashingEncoder())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [old.name]


@pytest.mark.parametrize("rows", [[], [0], [5, 6, 7, 2, 2, 9, 0, 1]])
def test_rows_of_many_vectors_are_read_from_disk_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[int]
) -> None:
    monkeypatch.setattr(dense, "MAX_EXACT", 5)
    vectors = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float16)
    dense.write_vectors(tmp_path / "v.npy", vectors.shape, [(0, vectors)])
    mapped = dense.read_vectors(tmp_path / "v.npy")
    assert isinstance(mapped, np.memmap)
    taken = dense.take(mapped, np.array(rows, dtype=np.int64))
    assert not isinstance(taken, np.memmap)
    assert np.array_equal(taken, vectors[rows])


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_index(tmp_path, SHOP, HashingEncoder())
    texts = ["drill", "parcel on weekdays", "hours", ""]
    whole = opened.search(texts, 3)
    monkeypatch.setattr(search_module, "_CELLS_PER_BLOCK", 1)
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


class CountingEncoder(HashingEncoder):
    """Notes every text that it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts):
        self.texts += texts
        return super().encode(texts)


def hits_of(index: Index, text: str = "drill") -> list[tuple[str, float]]:
    return index.search([text], 4).select("article_id", "score").rows()


def test_only_what_changed_is_encoded_and_the_result_is_as_if_made_afresh(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    open_index(tmp_path / "store", SHOP, encoder)
    encoder.texts.clear()
    changed = SHOP.with_columns(
        body=pl.when(pl.col("article_id") == "a2").then(pl.lit("A drone brings it.")).otherwise("body")
    ).filter(pl.col("article_id") != "a3")
    upserted = open_index(tmp_path / "store", changed, encoder)
    assert set(encoder.texts) == {"Delivery\nA drone brings it.", "A drone brings it.", "Delivery"}
    fresh = open_index(tmp_path / "fresh", changed, HashingEncoder())
    assert upserted.passages.equals(fresh.passages)
    assert upserted.search(["drill", "drone"], 3).equals(fresh.search(["drill", "drone"], 3))
    for name in ("part_vectors.npy", "part_terms.npy", "words.arrow", "starts.npy"):
        assert (upserted.directory / name).read_bytes() == (fresh.directory / name).read_bytes()


def test_a_reader_keeps_its_version_while_another_is_written(tmp_path: Path) -> None:
    reader = open_index(tmp_path, SHOP, HashingEncoder())
    before = hits_of(reader)
    writer = open_index(tmp_path, SHOP.head(1), HashingEncoder())
    assert reader.directory.is_dir()
    assert next(reader.pools(["drill"])).articles.tolist() == [0, 1, 2, 3]
    assert hits_of(reader) == before
    old = reader.directory
    del reader
    open_index(tmp_path, SHOP.head(1), HashingEncoder())
    assert not old.exists()
    assert hits_of(writer, "drill")[0][0] == "a1"


def test_a_writer_killed_while_writing_leaves_the_index_usable(tmp_path: Path) -> None:
    whole = open_index(tmp_path, SHOP, HashingEncoder())
    script = (
        "import os, sys, polars as pl\n"
        "from pathlib import Path\n"
        "from cxm.backends.encoder import HashingEncoder\n"
        "from cxm.index import build\n"
        "build.write_lexical = lambda *_: os.kill(os.getpid(), 9)\n"
        "build.open_index(Path(sys.argv[1]), pl.read_parquet(sys.argv[2]), HashingEncoder())\n"
    )
    changed = tmp_path.parent / f"{tmp_path.name}.parquet"
    SHOP.head(2).write_parquet(changed)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), str(changed)])
    assert done.returncode == -9
    again = open_index(tmp_path, SHOP, HashingEncoder())
    assert again.directory == whole.directory
    assert hits_of(again) == hits_of(whole)
    assert open_index(tmp_path, SHOP.head(2), HashingEncoder()).article_ids == ["a1", "a2"]


def test_filters_hold_before_anything_is_ranked(tmp_path: Path) -> None:
    rows = {
        "article_id": [f"a{i:03}" for i in range(300)],
        "title": ["Drill"] * 300,
        "body": ["All about the drill."] * 300,
        "kind": ["issue" if i == 299 else "information" for i in range(300)],
        "section": ["Tools > Drills" if i % 100 == 0 else "Toolshed" for i in range(300)],
        "language": ["de-AT" if i == 7 else "en" for i in range(300)],
        "updated_at": [datetime(2026, 1, 1, tzinfo=UTC) if i < 5 else None for i in range(300)],
    }
    frame = checked(pl.DataFrame(rows).with_columns(body_format=pl.lit("text")), "articles")
    opened = open_index(tmp_path, frame, HashingEncoder())

    def found(**where) -> list[str]:
        pool = next(opened.pools(["drill"], where=Filter(**where)))
        return [opened.article_ids[a] for a in pool.articles]

    assert found(kind="issue") == ["a299"]
    assert found(section="tools") == ["a000", "a100", "a200"]
    assert found(language="de") == ["a007"]
    assert found(updated_since=datetime(2025, 6, 1)) == ["a000", "a001", "a002", "a003", "a004"]
    assert found(kind="issue", language="de") == []
    assert len(found()) == 100


def test_graphs_find_what_the_exact_search_finds_and_are_made_alike_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(1)
    made = articles(
        *(
            (f"a{i:04}", f"Title {i}", " ".join(f"w{j}" for j in generator.integers(0, 500, 12)))
            for i in range(600)
        )
    )
    texts = [made["body"][i] for i in range(0, 600, 40)]
    exact = [
        p.articles[np.argmax(p.cosine)]
        for p in open_index(tmp_path / "e", made, HashingEncoder()).pools(texts)
    ]
    monkeypatch.setattr(dense, "MAX_EXACT", 100)
    monkeypatch.setattr(dense, "_ROWS_PER_GRAPH", 250)
    opened = open_index(tmp_path / "g", made, HashingEncoder())
    assert opened.is_large
    graphs = sorted(opened.directory.glob("graphs/*"))
    again = sorted(open_index(tmp_path / "h", made, HashingEncoder()).directory.glob("graphs/*"))
    assert len([path for path in graphs if path.suffix == ".usearch"]) == 4
    assert [path.read_bytes() for path in graphs] == [path.read_bytes() for path in again]
    graph = [p.articles[np.argmax(p.cosine)] for p in opened.pools(texts)]
    assert np.mean(np.array(exact) == np.array(graph)) > 0.9
    few = next(opened.pools(texts[:1], where=Filter(kind="issue")))
    assert few.articles.tolist() == []


def test_a_changed_article_leaves_the_graphs_of_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "MAX_EXACT", 100)
    monkeypatch.setattr(dense, "_ROWS_PER_GRAPH", 100)
    made = articles(*((f"a{i:03}", f"Title {i}", f"Text w{i} about w{i // 7}") for i in range(390)))
    before = open_index(tmp_path, made, HashingEncoder())
    files = {path.name: path.stat().st_ino for path in before.directory.glob("graphs/*.usearch")}
    changed = articles(
        ("a0000", "A new one", "which comes first"),
        *(
            row if row[0] != "a007" else (row[0], row[1], "of another content")
            for row in made.select("article_id", "title", "body").iter_rows()
        ),
    )
    after = open_index(tmp_path, changed, HashingEncoder())
    kept = [path for path in after.directory.glob("graphs/*.usearch") if path.name in files]
    assert 2 <= len(kept) < len(files) == 4
    assert all(path.stat().st_ino == files[path.name] for path in kept)
    (pool,) = after.pools(["of another content"])
    assert after.article_ids[pool.articles[np.argmax(pool.cosine)]] == "a007"


def test_acronyms_and_slips_are_put_in_the_words_of_the_base(tmp_path: Path) -> None:
    base = articles(
        ("a", "Phones", "The Wireless Application Protocol (WAP) is old. Ask for the settings."),
        ("b", "Fees", "The annual fee is charged in May."),
    )
    wording = open_index(tmp_path, base, HashingEncoder()).wording
    assert wording.reword("what is WAP") == "what is WAP wireless application protocol"
    assert wording.reword("wireless application protocol?").endswith("WAP")
    assert wording.reword("anual fees") == "annual fees"


def test_a_hundred_thousand_equal_articles_are_read_once(tmp_path: Path) -> None:
    n = 100_000
    twins = pl.DataFrame({"article_id": [f"t{i:06}" for i in range(n)]}).with_columns(
        title=pl.lit("Twin"), body=pl.lit("The very same words about drills."), body_format=pl.lit("text")
    )
    encoder = CountingEncoder()
    begin = time.process_time()
    opened = open_index(tmp_path, checked(twins.with_columns(kind=pl.lit("issue")), "articles"), encoder)
    assert encoder.texts == [
        "Twin\nThe very same words about drills.",
        "Twin",
        "The very same words about drills.",
    ]
    assert next(opened.pools(["drills"])).articles.tolist() == list(range(100))
    assert time.process_time() - begin < 20
