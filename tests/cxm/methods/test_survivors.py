"""Of duplicates the one cited most is kept, then the newest."""

from datetime import UTC, datetime

import polars as pl

from cxm.methods.survivors import cluster_duplicates


def test_connected_duplicates_are_one_cluster_with_the_survivor_first():
    findings = pl.DataFrame(
        {
            "left_article_id": ["a", "b", "x", "p"],
            "right_article_id": ["b", "c", "y", "q"],
            "relation": ["similar", "similar", "similar", "contradictory"],
        }
    )
    updated = {"x": datetime(2025, 1, 1, tzinfo=UTC), "y": datetime(2026, 1, 1, tzinfo=UTC)}
    assert cluster_duplicates(findings, updated, {"c": 2}) == [["c", "a", "b"], ["y", "x"]]
