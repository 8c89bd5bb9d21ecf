"""Of several articles that repeat each other, the one to keep.

Finding which repeat each other is `cxm.methods.article_pairs`'; merging them is left to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


def cluster_duplicates(
    findings: pl.DataFrame, updated: Mapping[str, datetime], cited: Mapping[str, int]
) -> list[list[str]]:
    """Articles connected by similar pairs, three or more or just two, the one to keep first.

    Kept is what is cited most, then what was changed last, then the first id. The largest cluster
    comes first; no similar pair gives none.
    """
    parent: dict[str, str] = {}

    def root(article: str) -> str:
        parent.setdefault(article, article)
        while parent[article] != article:
            parent[article] = parent[parent[article]]
            article = parent[article]
        return article

    pairs = findings.filter(pl.col("relation") == "similar").select("left_article_id", "right_article_id")
    for left, right in pairs.sort("left_article_id", "right_article_id").iter_rows():
        one, other = sorted((root(left), root(right)))
        parent[other] = one
    clusters: dict[str, list[str]] = {}
    for article in sorted(parent):
        clusters.setdefault(root(article), []).append(article)
    for members in clusters.values():
        members.sort()
        members.sort(key=lambda a: (cited.get(a, 0), updated.get(a, _UNKNOWN)), reverse=True)
    return sorted(clusters.values(), key=lambda members: (-len(members), min(members)))
