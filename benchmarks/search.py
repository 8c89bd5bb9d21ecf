"""How long a query waits, at a hundred thousand and a million passages; and CXMArena's recipe beside ours.

The recipe: `SentenceTransformer.encode` of pieces of 1,000 characters and exact inner products. faiss is
not installed: numpy's product over all vectors stands for its flat index, which computes the same.
Speed at size is measured on generated texts with random unit vectors, in a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm import runs
from cxm.backends.encoder import SentenceTransformerEncoder
from cxm.index import open_index
from cxm.methods.documents import plain_text
from cxm.methods.linear_ranker import scales
from cxm.methods.matching import match_features
from cxm.methods.search_ranker import SearchRanker
from cxm.tasks.article_search import TASK
from cxm.workspace import Workspace

_FOLDER = "emanual_tv"
_N_QUERIES = 200
_PASSAGES_EACH, _WORDS_EACH = 4, 60
_RECIPE_CHARACTERS = 1000
_VOCABULARY = 30_000


class RandomEncoder:
    """Random unit vectors, and a real encoder's for the queries it is asked to time."""

    n_dimensions = 384
    digest = "random-384"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        generator = np.random.default_rng(len(texts))
        vectors = generator.standard_normal((len(texts), self.n_dimensions), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def run() -> list[Figure]:
    """Waits in milliseconds of one query at a time, and ratios to the recipe in this run."""
    figures = [*_sized(100_000), *_sized(1_000_000)]
    if not (SHARED_DATA / _FOLDER).is_dir():
        return [*figures, absent("search against the recipe", _FOLDER)]
    return [*figures, *_against_the_recipe(SHARED_DATA / _FOLDER)]


def _sized(n_passages: int) -> list[Figure]:
    call = f"from benchmarks.search import measure; measure({n_passages})"
    done = subprocess.run([sys.executable, "-c", call], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    name = f"search, {found['passages']:,} passages"
    figures = [
        Figure(f"{name}: index made", found["made_s"], "s"),
        Figure(f"{name}: p50", found["p50"], "ms", "<=", 15 if n_passages <= 100_000 else 60),
        Figure(f"{name}: p99", found["p99"], "ms", "<=", 100),
    ]
    if n_passages <= 100_000:
        return [*figures, Figure(f"{name}: p50 with encoding", found["encoded"], "ms", "<=", 40)]
    return [*figures, Figure(f"{name}: resident", found["resident_gb"], "GB", "<", 1.5)]


def measure(n_passages: int) -> None:
    """Print, as JSON, what queries at this size take; making the index is another process's business."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        call = f"from benchmarks.search import make; make({n_passages}, {folder!r})"
        subprocess.run([sys.executable, "-c", call], check=True)
        made = time.perf_counter() - begin
        from cxm.index.search import Index
        from cxm.index.versions import current

        path = current(Path(folder) / "index")
        assert path is not None
        index = Index.load(path, RandomEncoder())
        generator = np.random.default_rng(1)
        texts = [" ".join(_words(generator, 8)) for _ in range(_N_QUERIES)]
        vectors = index.encoder.encode(texts)
        real = SentenceTransformerEncoder()
        ranker = SearchRanker("linear", tuple(scales()[2]))
        waits, encoded = [], []
        for i, text in enumerate(texts):
            begin = time.perf_counter()
            pool = next(index.pools([index.wording.reword(text)], vectors[i : i + 1]))
            ranker.scores(match_features(pool), pool.cosine, np.array([0, len(pool.articles)]))
            waits.append(time.perf_counter() - begin)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        for text in texts[: _N_QUERIES // 4]:
            begin = time.perf_counter()
            real.encode([text])
            encoded.append(time.perf_counter() - begin)
        # The first queries read what later ones find in memory.
        warm = 1000 * np.array(waits[_N_QUERIES // 10 :])
        found = {
            "passages": index.passages.height,
            "made_s": made,
            "p50": float(np.median(warm)),
            "p99": float(np.quantile(warm, 0.99)),
            "encoded": float(np.median(warm) + 1000 * np.median(encoded[5:])),
            "resident_gb": resident / 1e9,
        }
        print(json.dumps(found))


def make(n_passages: int, folder: str) -> None:
    """Make an index of articles of four passages each."""
    generator = np.random.default_rng(0)
    n_articles = n_passages // _PASSAGES_EACH
    said = [
        ". ".join(" ".join(_words(generator, _WORDS_EACH)).capitalize() for _ in range(_PASSAGES_EACH)) + "."
        for _ in range(n_articles)
    ]
    articles = pl.DataFrame(
        {
            "article_id": [f"a{i:07}" for i in range(n_articles)],
            "title": [" ".join(_words(generator, 4)) for _ in range(n_articles)],
            "body": said,
        }
    ).with_columns(body_format=pl.lit("text"), kind=pl.lit("information"))
    open_index(Path(folder) / "index", articles, RandomEncoder())


def _words(generator: Any, n: int) -> list[str]:
    """Words as frequent as words are: by Zipf's law."""
    ranks = (generator.pareto(1.0, n) + 1) % _VOCABULARY
    return [f"w{int(rank):x}z" for rank in ranks]


def _against_the_recipe(data: Path) -> list[Figure]:
    from sentence_transformers import SentenceTransformer

    articles = pl.read_parquet(data / "articles.parquet").sort("article_id")
    encoder = SentenceTransformerEncoder()
    shipped = SentenceTransformer(str(encoder._directory), device="cpu")
    encoder.encode(["a text"])
    shipped.encode(["a text"])
    begin = time.perf_counter()
    pieces, owners = [], []
    for row, (title, body, form) in enumerate(articles.select("title", "body", "body_format").iter_rows()):
        text = f"{title}\n{plain_text(body, form)}"
        cut = [text[i : i + _RECIPE_CHARACTERS] for i in range(0, len(text), _RECIPE_CHARACTERS)]
        pieces += cut
        owners += [row] * len(cut)
    vectors = shipped.encode(pieces, normalize_embeddings=True)
    recipe_s = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        open_index(Path(folder) / "index", articles, encoder)
        ours_s = time.perf_counter() - begin
        begin = time.perf_counter()
        open_index(Path(folder) / "index", articles, encoder)
        again_s = time.perf_counter() - begin
        workspace = Workspace(data, Path(folder) / "out")
        scores = {row["metric"]: row for row in runs.score(TASK, workspace).to_dicts()}
        gold = workspace.read("qrels").filter(pl.col("relevance") > 0, pl.col("split") == "test").collect()
        texts = dict(workspace.read("queries").collect().iter_rows())
    best = (
        vectors
        @ shipped.encode([texts[q] for q in gold["query_id"].unique().sort()], normalize_embeddings=True).T
    )
    found = [articles["article_id"][owners[row]] for row in best.argmax(axis=0).tolist()]
    right = gold.group_by("query_id").agg("article_id").sort("query_id")["article_id"].to_list()
    recipe_hit = float(np.mean([f in r for f, r in zip(found, right, strict=True)]))
    ours = scores["hit_at_1"]
    interval = f"[{ours['low']:.3f}, {ours['high']:.3f}] n={ours['n']}"
    note = f"{ours['value']:.3f} {interval}, recipe {recipe_hit:.3f}, BM25 {ours['baseline']:.3f}"
    return [
        Figure(
            "search: times as fast to index as the recipe", recipe_s / ours_s, "x", ">=", 1, f"{ours_s:.1f} s"
        ),
        Figure("search: again with nothing changed", recipe_s / again_s, "x", ">=", 2),
        Figure(f"{_FOLDER}: hit@1 above the recipe's", ours["value"] - recipe_hit, "", ">=", 0, note),
    ]
