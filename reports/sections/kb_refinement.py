"""What the knowledge base gets wrong: pairs that contradict or repeat each other, side by side."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cxm.methods.citations import cited_articles
from cxm.methods.survivors import cluster_duplicates
from cxm.tables.gold import RELATIONS
from reports import words
from reports.figures import BLUE, ORANGE, Figure, draw_histogram
from reports.sections.section import Evidence, Grid, Pair, Story, mark_differences, say_score

_MOST_CLUSTERS = 8
_MOST_PAIRS = {"contradictory": 6, "similar": 4}
_COLOURS = {"contradictory": ORANGE, "similar": BLUE}
_N_BINS = 20


def tell(evidence: Evidence) -> Story:
    """How many pairs repeat or contradict each other, and the surest of each."""
    results = evidence.result("article_findings")
    order = ["relation", pl.col("score").neg(), "left_article_id", "right_article_id"]
    findings = pl.DataFrame() if results is None else results.sort(order).collect()
    if findings.is_empty():
        return Story("No two articles were found that repeat or contradict each other.")
    count = {name: findings.filter(pl.col("relation") == name).height for name in RELATIONS}
    repeat = words.verb(count["similar"], "repeats itself", "repeat each other")
    clash = words.verb(count["contradictory"], "contradicts itself", "contradict each other")
    finding = (
        f"{words.plural(count['similar'], 'article pair')} {repeat}, "
        f"{words.plural(count['contradictory'], 'pair')} {clash}."
    )
    scores = [
        say_score(evidence, f"F1 of {name} pairs:", f"{name}_f1", "", is_share=False) for name in RELATIONS
    ]
    shown = pl.concat(
        findings.filter(pl.col("relation") == name).head(most) for name, most in _MOST_PAIRS.items()
    )
    ids = sorted({*findings["left_article_id"], *findings["right_article_id"]})
    updated, cited = _updates(evidence, ids), _citations(evidence)
    pairs = _pairs(evidence, shown, updated, cited)
    return Story(
        finding,
        _draw(findings),
        _clusters(evidence, findings, updated, cited),
        pairs=pairs,
        n_more_pairs=findings.height - len(pairs),
        quality=" ".join(filter(None, scores)),
    )


def _updates(evidence: Evidence, ids: list[str]) -> dict[str, datetime]:
    """When each article was last changed, where that is known."""
    articles = evidence.table("articles")
    if articles is None or "updated_at" not in articles.collect_schema():
        return {}
    known = articles.filter(pl.col("article_id").is_in(ids), pl.col("updated_at").is_not_null())
    return dict(known.select("article_id", "updated_at").collect().iter_rows())


def _citations(evidence: Evidence) -> dict[str, int] | None:
    """Conversations whose prepared reply quotes an article; None where no replies were prepared."""
    prepared = evidence.table("prepared_replies")
    if prepared is None:
        return None
    rows = prepared.select("conversation_id", "citations").collect()
    pairs = {(conversation, one) for conversation, text in rows.iter_rows() for one in cited_articles(text)}
    counts: dict[str, int] = {}
    for _, article in pairs:
        counts[article] = counts.get(article, 0) + 1
    return counts


def _clusters(
    evidence: Evidence, findings: pl.DataFrame, updated: dict[str, datetime], cited: dict[str, int] | None
) -> tuple[Grid, ...]:
    """Articles that repeat each other, with the one to keep."""
    clusters = cluster_duplicates(findings, updated, cited or {})
    if not clusters:
        return ()
    titles = evidence.name_rows("articles", "article_id", "title", [a for c in clusters for a in c])
    rows = tuple(
        (titles[cluster[0]], words.listed([titles[article] for article in cluster[1:5]]), str(len(cluster)))
        for cluster in clusters[:_MOST_CLUSTERS]
    )
    return (
        Grid(
            "Which of several to keep (what is cited most, then the newest)",
            ("keep", "merge into it", "articles"),
            rows,
            "article_findings.parquet",
            len(clusters),
            numeric=(2,),
        ),
    )


def _notes(left: str, right: str, updated: dict[str, datetime], cited: dict[str, int] | None) -> str:
    said = []
    times = [updated.get(article) for article in (left, right)]
    if times[0] and times[1] and times[0] != times[1]:
        newer = "left" if times[0] > times[1] else "right"
        said.append(f"The {newer} one is newer ({times[0]:%Y-%m-%d} against {times[1]:%Y-%m-%d}).")
    if cited is not None:
        counts = [cited.get(article, 0) for article in (left, right)]
        said.append(
            f"Prepared replies quote the left one in {words.plural(counts[0], 'conversation')}, "
            f"the right one in {words.integer(counts[1])}."
        )
    return " ".join(said)


def _pairs(
    evidence: Evidence, shown: pl.DataFrame, updated: dict[str, datetime], cited: dict[str, int] | None
) -> tuple[Pair, ...]:
    ids = [*shown["left_article_id"], *shown["right_article_id"]]
    titles = evidence.name_rows("articles", "article_id", "title", ids)
    pairs = []
    for row in shown.iter_rows(named=True):
        left, right = mark_differences(row["left_quote"], row["right_quote"])
        names = titles[row["left_article_id"]], titles[row["right_article_id"]]
        notes = _notes(row["left_article_id"], row["right_article_id"], updated, cited)
        pairs.append(Pair(row["relation"], words.percent(row["score"]), *names, left, right, notes))
    return tuple(pairs)


def _draw(findings: pl.DataFrame) -> tuple[Figure, ...]:
    binned = (
        findings.with_columns(bin=(pl.col("score") * _N_BINS).floor().clip(0, _N_BINS - 1))
        .group_by("bin", part="relation")
        .agg(n=pl.len())
        .sort("bin", "part")
    )
    rows = [
        {"start": row["bin"] / _N_BINS, "end": (row["bin"] + 1) / _N_BINS, "n": row["n"], "part": row["part"]}
        for row in binned.iter_rows(named=True)
    ]
    caption = "Pairs by how sure the finding is."
    return (draw_histogram("findings", rows, "confidence", "pairs", caption, parts=_COLOURS),)
