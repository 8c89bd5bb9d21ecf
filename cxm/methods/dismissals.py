"""Findings that a reviewer has set aside, and for how long they stay so.

A finding is dismissed for the two sentences that were seen; when one of them changes, it comes back.
Writing the table is the command line's, finding pairs is `cxm.methods.article_pairs`'.
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

_PAIR = ["left_article_id", "right_article_id"]


def sentences_digest(left_quote: str, right_quote: str) -> str:
    """Hex digest of two quoted sentences, whichever comes first and however they are spaced."""
    quotes = sorted(" ".join(quote.split()) for quote in (left_quote, right_quote))
    return blake2b("\x00".join(quotes).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def drop_dismissed(findings: pl.DataFrame, dismissed: pl.DataFrame) -> pl.DataFrame:
    """The findings without those dismissed for the same two sentences (ids in either order)."""
    is_turned = pl.col("left_article_id") > pl.col("right_article_id")
    known = dismissed.select(
        left_article_id=pl.when(is_turned).then("right_article_id").otherwise("left_article_id"),
        right_article_id=pl.when(is_turned).then("left_article_id").otherwise("right_article_id"),
        digest="sentences_digest",
    ).unique()
    digests = [
        sentences_digest(*quotes) for quotes in findings.select("left_quote", "right_quote").iter_rows()
    ]
    return (
        findings.with_columns(digest=pl.Series(digests, dtype=pl.String))
        .join(known, on=[*_PAIR, "digest"], how="anti", maintain_order="left")
        .drop("digest")
    )
