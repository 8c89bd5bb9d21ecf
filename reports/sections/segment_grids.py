"""The tables under the segments: what marks them, who moved, ways to group side by side, cut points.

Each is left out where the task did not write what it shows. The finding and the chart stand in
`segmentation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from reports import words
from reports.sections.section import MOST_ROWS, Evidence, Grid, metric_label

_OURS, _CELLS, _TRAP = "gaussian_mixture", "rfm_cell", "k_means_2_raw"
_WAYS = {
    _OURS: "Gaussian mixture (used)",
    "k_means": "k-means",
    "agglomerative": "Agglomerative (Ward)",
    "birch": "BIRCH",
    "dbscan": "DBSCAN",
    _CELLS: "Classical RFM cells",
    _TRAP: "Two means of the raw numbers",
}
_SHARES = ("smallest_share", "spend_explained_share", "churn_explained_share")
_FIGURES = (
    "n_segments",
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "stability_ari",
    *_SHARES,
)


def profile_grid(evidence: Evidence) -> tuple[Grid, ...]:
    """What other tasks found of a segment's customers, and the customers nearest to its centre."""
    profiles = evidence.result("segment_profiles")
    if profiles is None:
        return ()
    order = ["monetary_share", "n_customers", "segment"]
    found = profiles.sort(order, descending=[True, True, False], nulls_last=True).collect()
    columns: list[tuple[str, str, Callable[[dict[str, Any]], str]]] = [
        ("contacts_per_customer", "Contacts a customer", lambda r: words.decimal(r["contacts_per_customer"])),
        ("top_driver", "Contacts stand out by", _say_driver),
        ("mean_end_score", "Sentiment at the end", lambda r: words.signed(r["mean_end_score"], 2)),
        ("mean_risk", "Risk of leaving", lambda r: words.percent(r["mean_risk"])),
        ("value_at_risk", "Value at risk", lambda r: words.money(r["value_at_risk"], evidence.currency)),
        ("representative_ids", "Typical customers", _say_customers),
    ]
    shown = [c for c in columns if c[0] in found.columns and found[c[0]].null_count() < found.height]
    if not shown:
        return ()
    rows = [
        (
            words.readable(row["segment"]),
            *("–" if row[name] is None else say(row) for name, _, say in shown),
        )
        for row in found.head(MOST_ROWS).iter_rows(named=True)
    ]
    header = ("Segment", *(title for _, title, _ in shown))
    texts = ("top_driver", "representative_ids")
    numeric = tuple(i + 1 for i, column in enumerate(shown) if column[0] not in texts)
    ids = tuple(i + 1 for i, column in enumerate(shown) if column[0] == "representative_ids")
    file = "segment_profiles.parquet"
    return (Grid("What marks each segment", header, rows, file, found.height, numeric, ids=ids),)


def _say_driver(row: dict[str, Any]) -> str:
    return f"{words.readable(row['top_driver'])} ({words.decimal(row['top_driver_lift'], 1)} times)"


def _say_customers(row: dict[str, Any]) -> str:
    return ", ".join(words.key(customer) for customer in row["representative_ids"]) or "–"


def migration_grid(evidence: Evidence) -> tuple[Grid, ...]:
    """Customers by the segment of a period ago (rows) and of now (columns)."""
    moves = evidence.result("segment_migration")
    if moves is None:
        return ()
    found = moves.collect()
    if found.is_empty():
        return ()
    names = sorted({*found["previous_segment"], *found["segment"]})[:MOST_ROWS]
    n = {(a, b): count for a, b, count in found.select("previous_segment", "segment", "n_customers").rows()}
    rows = [
        (words.readable(before), *(words.integer(n.get((before, now), 0)) for now in names))
        for before in names
    ]
    header = ("A period ago", *(words.readable(name) for name in names))
    title = "Who moved: customers by segment a period ago and now"
    file = "segment_migration.parquet"
    return (Grid(title, header, rows, file, len(rows), tuple(range(1, len(header)))),)


def _ways(evidence: Evidence) -> dict[str, dict[str, float]]:
    compared = evidence.result("model_comparison")
    if compared is None:
        return {}
    mine = compared.filter(pl.col("task") == evidence.task.name, pl.col("metric") != "bic").collect()
    found: dict[str, dict[str, float]] = {}
    for row in mine.iter_rows(named=True):
        found.setdefault(row["model"], {})[row["metric"]] = row["value"]
    return found


def comparison_grid(evidence: Evidence) -> tuple[Grid, ...]:
    """Ways to group the same customers: how neat, how stable, how useful in the period that followed."""
    ways = _ways(evidence)
    known = [name for name in _WAYS if name in ways]
    if _OURS not in known:
        return ()
    rows = [
        (_WAYS[name], *(_say_figure(metric, ways[name].get(metric)) for metric in _FIGURES)) for name in known
    ]
    header = ("Grouped by", *(metric_label(metric) for metric in _FIGURES))
    file = "model_comparison"
    return (Grid("Ways to group", header, rows, file, len(rows), tuple(range(1, len(header)))),)


def _say_figure(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    if metric in _SHARES:
        return words.percent(value)
    if metric in ("n_segments", "calinski_harabasz"):
        return words.integer(value)
    return words.decimal(value)


def say_why_not_silhouette(evidence: Evidence) -> str:
    """Why the neatest groups are not the best ones, where the data shows it; else empty."""
    ways = _ways(evidence)
    ours, trap = ways.get(_OURS, {}), ways.get(_TRAP, {})
    needed = ("silhouette", "smallest_share", "spend_explained_share", "n_customers")
    if any(metric not in way for way in (ours, trap) for metric in needed):
        return ""
    if trap["silhouette"] <= ours["silhouette"]:
        return ""
    n_all = round(trap["n_customers"])
    n = words.integer(trap["smallest_share"] * n_all)
    explained = [words.percent(way["spend_explained_share"]) for way in (trap, ours)]
    return (
        " The silhouette alone misleads: two means of the raw numbers reach "
        f"{words.decimal(trap['silhouette'])} by cutting off {n} of {words.plural(n_all, 'customer')}, and "
        f"explain {explained[0]} of what is spent in the next period; the segments "
        f"({words.decimal(ours['silhouette'])}) explain {explained[1]}."
    )


def cut_point_grid(evidence: Evidence) -> tuple[Grid, ...]:
    """From which values on a customer has which score of recency, frequency and monetary."""
    cuts = evidence.result("rfm_cut_points")
    if cuts is None:
        return ()
    found = cuts.sort("measure", "score").collect()
    labels = {
        "recency_days": "Days since last purchase",
        "frequency": "Purchases",
        "monetary": "Spend",
    }
    rows = []
    for measure, label in labels.items():
        of_one = found.filter(pl.col("measure") == measure)
        if of_one.height:
            rows.append((label, *(_say_range(row) for row in of_one.iter_rows(named=True))))
    if not rows:
        return ()
    header = ("Measure", "Score 1", "2", "3", "4", "Score 5")
    title = "Cut points of the scores, and customers with each"
    return (Grid(title, header, rows, "rfm_cut_points.parquet", len(rows), tuple(range(1, len(header)))),)


def _say_range(row: dict[str, Any]) -> str:
    if row["above"] is not None and row["above"] == row["up_to"]:
        return "–"
    digits = 0 if row["measure"] == "frequency" else 1
    ends = []
    if row["above"] is not None:
        ends.append(f"> {words.decimal(row['above'], digits)}")
    if row["up_to"] is not None:
        ends.append(f"≤ {words.decimal(row['up_to'], digits)}")
    return f"{' '.join(ends)} ({words.integer(row['n_customers'])})"
