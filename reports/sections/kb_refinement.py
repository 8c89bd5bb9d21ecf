"""What the knowledge base gets wrong: pairs that contradict or repeat each other, side by side."""

from __future__ import annotations

import polars as pl

from cxm.tables.gold import RELATIONS
from reports import words
from reports.figures import BLUE, ORANGE, Figure, draw_histogram
from reports.sections.section import Evidence, Pair, Story, mark_differences, say_score

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
    pairs = _pairs(evidence, shown)
    return Story(
        finding,
        _draw(findings),
        pairs=pairs,
        n_more_pairs=findings.height - len(pairs),
        quality=" ".join(filter(None, scores)),
    )


def _pairs(evidence: Evidence, shown: pl.DataFrame) -> tuple[Pair, ...]:
    ids = [*shown["left_article_id"], *shown["right_article_id"]]
    titles = evidence.name_rows("articles", "article_id", "title", ids)
    pairs = []
    for row in shown.iter_rows(named=True):
        left, right = mark_differences(row["left_quote"], row["right_quote"])
        names = titles[row["left_article_id"]], titles[row["right_article_id"]]
        pairs.append(Pair(row["relation"], words.percent(row["score"]), *names, left, right))
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
