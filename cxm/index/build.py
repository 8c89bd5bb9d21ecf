"""How a version of the index is made: only what changed is read and encoded again.

What is stored of articles, passages, sentences and words belongs here; keeping versions is in
`cxm.index.versions`, asking one in `cxm.index.search`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cxm.backends.encoder import Encoder
from cxm.index import dense, versions
from cxm.index.lexical import make_analyzer, word_rows, write_lexical
from cxm.index.search import Index
from cxm.methods.acronyms import find_acronyms
from cxm.methods.documents import sentences
from cxm.methods.passages import cut_articles, embedded_texts, section_path
from cxm.store import atomic_directory

_TEXTS_PER_CHUNK = 50_000
_SENTENCES = {"digest": pl.String, "text": pl.String}
_ARTICLES = ("article_id", "title", "section", "kind", "language", "updated_at", "digest")


def open_index(directory: Path, articles: pl.DataFrame, encoder: Encoder) -> Index:
    """The index of these articles; where `directory` holds another one, a new version of it is made.

    A version stands in `<directory>/<digest>`, `<directory>/CURRENT` names the newest. What an article
    has in common with the version before is taken from there.
    """
    articles = _with_all_columns(articles).sort("article_id")
    articles = articles.with_columns(versions.content_digests(articles))
    path = directory / versions.name_version(articles, encoder.digest)
    if not versions.is_whole(path, encoder.digest):
        _make(path, articles, encoder)
    versions.point_to(path)
    opened = Index.load(path, encoder)
    versions.remove_others(path)
    return opened


def _make(path: Path, articles: pl.DataFrame, encoder: Encoder) -> None:
    before = versions.current(path.parent)
    is_usable = before is not None and before != path and versions.is_whole(before, encoder.digest)
    previous = Index.load(before, encoder) if before is not None and is_usable else None
    with atomic_directory(path) as temporary:
        _build(temporary, articles, encoder, previous)
        versions.write_facts(temporary, encoder.digest)


def _with_all_columns(articles: pl.DataFrame) -> pl.DataFrame:
    optional: dict[str, Any] = {
        "section": pl.String,
        "language": pl.String,
        "updated_at": pl.Datetime("us", "UTC"),
    }
    absent = [
        pl.lit(None, dtype=dtype).alias(n) for n, dtype in optional.items() if n not in articles.columns
    ]
    return articles.with_columns(absent)


def _build(directory: Path, articles: pl.DataFrame, encoder: Encoder, previous: Index | None) -> None:
    passages, parts = _cut(articles, previous)
    _write(passages.drop("old_row"), directory / "passages.arrow")
    starts = _starts(passages["article_id"], articles["article_id"])
    np.save(directory / "starts.npy", starts)
    heads = articles.select(_ARTICLES).with_columns(
        pl.Series("title", passages["title"].gather(starts[:-1])),
        pl.Series("section", [section_path(*row) for row in articles.select("section", "title").iter_rows()]),
        path=pl.col("section"),
    )
    _write(heads, directory / "articles.arrow")
    is_large = passages.height > dense.MAX_EXACT
    old = None if previous is None else previous.vectors
    texts = pl.Series("text", embedded_texts(passages))
    _write_vectors(directory, "vectors", texts, passages["old_row"], old, encoder)
    if is_large:
        _write_graphs(directory, passages["article_id"], previous)
        # Beyond what is searched exactly, passages also stand for their sentences.
        parts = passages.select("article_id", "text", old_row=pl.lit(None, dtype=pl.Int64))
    else:
        old = None if previous is None or previous.is_large else previous.part_vectors
        _write_vectors(directory, "part_vectors", parts["text"], parts["old_row"], old, encoder)
    np.save(directory / "part_starts.npy", _starts(parts["article_id"], articles["article_id"]))
    _write(parts.select("text"), directory / "parts.arrow")
    write_words(directory, heads, parts["text"])
    write_lexical(directory / "lexical", passages)


def _write_graphs(directory: Path, owners: pl.Series, previous: Index | None) -> None:
    vectors = dense.read_vectors(directory / "vectors.npy")
    _, first = np.unique(np.load(directory / "vectors_rows.npy"), return_index=True)
    numbers = dense.graph_numbers(owners.gather(first).to_list(), len(vectors))
    before = previous.directory / "graphs" if previous is not None and previous.is_large else None
    dense.Graphs.write(directory / "graphs", vectors, numbers, before)


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_ipc(path, compression="uncompressed")


def _starts(owners: pl.Series, article_ids: pl.Series) -> Any:
    """Where each article's rows begin `(n_articles + 1,)`; owners come in the order of `article_ids`."""
    counts = article_ids.to_frame().join(
        owners.to_frame().group_by("article_id").len(), on="article_id", how="left", maintain_order="left"
    )
    return np.concatenate([[0], np.cumsum(counts["len"].fill_null(0).to_numpy())]).astype(np.int64)


def _cut(articles: pl.DataFrame, previous: Index | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages and sentences of all articles, each with the row of its vector in `previous`, if any.

    Articles with the same content are cut once, those that `previous` knows not at all.
    """
    contents = articles.unique("digest", maintain_order=True)
    known = None if previous is None else _known(previous, contents["digest"])
    new = (
        contents if known is None else contents.join(known[0], on="digest", how="anti", maintain_order="left")
    )
    # Under their digest as id, since it is contents that are cut.
    cut = cut_articles(new.with_columns(article_id="digest")).rename({"article_id": "digest"})
    rows: list[tuple[str, str]] = []
    for digest, index, title, text in cut.select("digest", "passage_index", "title", "text").iter_rows():
        # The title is an article's first sentence.
        rows += [(digest, part) for part in ([title] if not index else []) + sentences(text)]
    said = pl.DataFrame(rows, schema=_SENTENCES, orient="row")
    unread = pl.lit(None, dtype=pl.Int64).alias("old_row")
    passages, parts = cut.with_columns(unread), said.with_columns(unread)
    if known is not None:
        passages, parts = pl.concat([passages, known[0]]), pl.concat([parts, known[1]])
    ids = articles.select("article_id", "digest")
    return _spread(ids, passages), _spread(ids, parts)


def _spread(ids: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of each article's content, under its id, in their order."""
    joined = ids.join(rows.with_row_index("at"), on="digest", how="inner", maintain_order="left_right")
    return joined.sort("article_id", "at", maintain_order=True).drop("digest", "at")


def _known(previous: Index, digests: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages and sentences of the contents that `previous` holds, with the rows of their vectors."""
    kept = previous.articles.select("article_id", "digest").unique("digest", maintain_order=True)
    kept = kept.filter(pl.col("digest").is_in(digests.implode()))
    passages = previous.passages.with_columns(old_row=pl.Series(previous.rows, dtype=pl.Int64))
    passages = kept.join(passages, on="article_id", how="inner", maintain_order="left_right")
    owners = pl.Series("article_id", previous.article_ids).gather(previous.part_owners)
    is_same = previous.is_large
    parts = previous.parts.with_columns(owners, old_row=pl.Series(previous.part_rows, dtype=pl.Int64))
    parts = kept.join(parts, on="article_id", how="inner", maintain_order="left_right")
    columns = ["digest", *(name for name in passages.columns if name not in ("article_id", "digest"))]
    parts = parts.select("digest", "text", pl.lit(None, pl.Int64).alias("old_row") if is_same else "old_row")
    return passages.select(columns), parts


def _write_vectors(
    directory: Path,
    name: str,
    texts: pl.Series,
    old_rows: pl.Series,
    old: Any,
    encoder: Encoder,
) -> None:
    """The vector of each different text once, and which of them each text has."""
    frame = pl.DataFrame({"text": texts, "old_row": old_rows})
    unique = frame.group_by("text", maintain_order=True).agg(pl.col("old_row").drop_nulls().first())
    rows = frame.select("text").join(
        unique.select("text").with_row_index("row"), on="text", how="left", maintain_order="left"
    )
    np.save(directory / f"{name}_rows.npy", rows["row"].to_numpy().astype(np.int64))
    from_old = unique["old_row"].to_numpy(allow_copy=True)

    def parts() -> Iterator[tuple[int, Any]]:
        for start in range(0, unique.height, _TEXTS_PER_CHUNK):
            chunk = unique["text"][start : start + _TEXTS_PER_CHUNK]
            known = from_old[start : start + len(chunk)].astype(float)
            is_new = np.isnan(known) if old is not None else np.ones(len(chunk), dtype=bool)
            vectors = np.zeros((len(chunk), encoder.n_dimensions), dtype=np.float32)
            if old is not None and not is_new.all():
                vectors[~is_new] = old[known[~is_new].astype(np.int64)]
            vectors[is_new] = encoder.encode(chunk.filter(pl.Series(is_new)).to_list())
            yield start, vectors

    dense.write_vectors(directory / f"{name}.npy", (unique.height, encoder.n_dimensions), parts())


def write_words(directory: Path, heads: pl.DataFrame, texts: pl.Series) -> None:
    """The words of the base, their stems, and of every title, section and sentence the stems in order."""
    fields = {"title": heads["title"], "section": heads["section"], "part": texts}
    counted = [word_rows(s).group_by("word").len() for texts in fields.values() for s in _chunks(texts)]
    empty = pl.DataFrame(schema={"word": pl.String, "len": pl.UInt32})
    words = (
        pl.concat([empty, *counted]).group_by("word").agg(n=pl.col("len").sum().cast(pl.Int64)).sort("word")
    )
    analyzer = make_analyzer()
    stems = [" ".join(analyzer.analyze(word)) for word in words["word"]]
    words = words.with_columns(stem=pl.Series(stems, dtype=pl.String))
    words = words.with_columns(term=(pl.col("stem").rank("dense") - 1).cast(pl.Int32))
    _write(words, directory / "words.arrow")
    known = words.select("word", "term")
    for name, field in fields.items():
        terms, counts = [np.zeros(0, dtype=np.int32)], [np.zeros(1, dtype=np.int64)]
        for chunk in _chunks(field):
            found = word_rows(chunk).join(known, on="word", how="left", maintain_order="left")
            terms.append(found["term"].to_numpy().astype(np.int32))
            counts.append(np.bincount(found["row"].to_numpy(), minlength=len(chunk)).astype(np.int64))
        np.save(directory / f"{name}_terms.npy", np.concatenate(terms))
        np.save(directory / f"{name}_term_starts.npy", np.cumsum(np.concatenate(counts)))
    pairs = find_acronyms([*heads["title"].to_list(), *texts.filter(texts.str.contains("(", literal=True))])
    _write(pairs, directory / "acronyms.arrow")


def _chunks(texts: pl.Series) -> Iterator[pl.Series]:
    for start in range(0, len(texts), _TEXTS_PER_CHUNK):
        yield texts[start : start + _TEXTS_PER_CHUNK]
