"""The encoder against `SentenceTransformer.encode` as shipped, and against its own cache."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from benchmarks.figure import SHARED_DATA, Figure, absent, median_seconds
from cxm.backends.cache import CachedEncoder
from cxm.backends.encoder import SentenceTransformerEncoder

_FOLDER = "airline_support"


def run() -> list[Figure]:
    """1,000 turns of real conversations, medians of five."""
    if not (SHARED_DATA / _FOLDER).is_dir():
        return [absent("encoder", _FOLDER)]
    from sentence_transformers import SentenceTransformer

    texts = pl.read_parquet(SHARED_DATA / _FOLDER / "turns.parquet")["text"].head(1000).to_list()
    encoder = SentenceTransformerEncoder()
    shipped = SentenceTransformer(str(encoder._directory), device="cpu")
    ours, theirs = encoder.encode(texts), shipped.encode(texts, normalize_embeddings=True)
    cosine = float((ours * theirs).sum(axis=1).min())
    seconds = median_seconds(lambda: encoder.encode(texts))
    shipped_seconds = median_seconds(lambda: shipped.encode(texts, normalize_embeddings=True))
    with tempfile.TemporaryDirectory() as directory:
        cached = CachedEncoder(encoder, Path(directory))
        cached.encode(texts)
        cached_seconds = median_seconds(lambda: cached.encode(texts))
    return [
        Figure("encoder: times as fast as shipped", shipped_seconds / seconds, "x", ">=", 1.6),
        Figure("encoder: least cosine to full precision", cosine, "", ">=", 0.999),
        Figure("encoder: times as fast from cache", shipped_seconds / cached_seconds, "x", ">=", 100),
    ]
