"""Whether what a reply says stands in the articles it cites.

The check knows only the reply, its citations and the articles, not how the reply was made, so that
it holds for any method. Choosing quotes is in `cxm.methods.replies`.
"""

from __future__ import annotations

import json

import polars as pl

from cxm.methods.documents import plain_text, sentences

CHECKED = {"conversation_id": pl.String, "sentence": pl.String, "is_supported": pl.Boolean}


def check_citations(prepared: pl.DataFrame, articles: pl.LazyFrame) -> pl.DataFrame:
    """Each sentence of each reply, and whether it stands verbatim in an article cited for that reply.

    `prepared` has conversation_id, reply (may be null) and citations. Columns of `CHECKED`.
    """
    cited = [cited_articles(citations) for citations in prepared["citations"]]
    wanted = sorted({article_id for ids in cited for article_id in ids})
    columns = ("article_id", "body", "body_format")
    rows = articles.filter(pl.col("article_id").is_in(wanted)).select(columns).collect()
    texts = {article_id: plain_text(body, body_format) for article_id, body, body_format in rows.iter_rows()}
    checked = []
    for conversation_id, reply, ids in zip(
        prepared["conversation_id"], prepared["reply"], cited, strict=True
    ):
        for sentence in sentences(plain_text(reply or "")):
            is_supported = any(sentence in texts.get(article_id, "") for article_id in ids)
            checked.append((conversation_id, sentence, is_supported))
    return pl.DataFrame(checked, schema=CHECKED, orient="row")


def cited_articles(citations: str | None) -> list[str]:
    """The articles named in the JSON of `citations`; what is no such JSON cites nothing."""
    try:
        found = json.loads(citations or "[]")
    except ValueError:
        return []
    items = found if isinstance(found, list) else []
    return [str(item["article_id"]) for item in items if isinstance(item, dict) and "article_id" in item]
