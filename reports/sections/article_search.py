"""Whether the knowledge base answers: searches and what they find, and gaps."""

from __future__ import annotations

import polars as pl

from reports import words
from reports.figures import Figure, draw_bars
from reports.sections.section import MOST_ROWS, Evidence, Grid, Story, draw_scores, say_score

_MOST_QUERIES = 8


def tell(evidence: Evidence) -> Story:
    """How often the first article is right, and what no article answers."""
    hits = evidence.result("article_hits")
    queries = 0 if hits is None else hits.select(pl.col("query_id").n_unique()).collect().item()
    said = [say_score(evidence, "The first article is right for", "hit_at_1", "test queries")]
    if queries and not said[0]:
        said.append(f"Articles were found for {words.plural(queries, 'query', 'queries')}.")
    gaps = _gaps(evidence)
    if gaps.height:
        first = gaps.row(0, named=True)
        n = first["n_conversations"] + first["n_queries"]
        said.append(
            f"{words.plural(gaps.height, 'topic')} {words.verb(gaps.height, 'is', 'are')} not answered by "
            f"the knowledge base; the largest is “{words.excerpt(first['name'], 80)}” "
            f"({words.plural(n, 'conversation or query', 'conversations or queries')})."
        )
    finding = " ".join(sentence for sentence in said if sentence) or "No query to search for."
    grids = (*_gap_grid(gaps), *_hit_grid(evidence))
    return Story(finding, _draw_gaps(gaps) + draw_scores(evidence), grids, quality=_ranked_by(evidence))


def _ranked_by(evidence: Evidence) -> str:
    """Which way of ranking is used, and that plain fusion is where nothing learned beat it."""
    trials = evidence.result("model_comparison")
    if trials is None:
        return ""
    mine = trials.filter(task="article_search", metric="hit_at_1").collect()
    used = mine.filter(pl.col("model").str.contains("(used, ", literal=True))
    plain = mine.filter(pl.col("model").str.starts_with("fusion ("))
    if used.is_empty() or plain.is_empty():
        return ""
    name, _, queries = used["model"][0].removesuffix(")").partition(" (used, ")
    if name == "fusion":
        return "Ranked by plain fusion: nothing learned was better on queries it had not seen."
    better = f"{words.decimal(used['value'][0])} against {words.decimal(plain['value'][0])}"
    return f"Ranked by “{name}”, which beat plain fusion on {queries} that it had not seen ({better})."


def _gaps(evidence: Evidence) -> pl.DataFrame:
    gaps = evidence.result("knowledge_gaps")
    if gaps is None:
        return pl.DataFrame()
    size = pl.col("n_conversations") + pl.col("n_queries")
    found = gaps.with_columns(size=size).sort(["size", "gap_id"], descending=[True, False]).collect()
    # Names are customers' own words, and stand in the finding and the figure as well as in the grid.
    masked = evidence.workspace.redactor.mask_all(found["name"].to_list())
    return found.with_columns(name=pl.Series(masked, dtype=pl.String))


def _draw_gaps(gaps: pl.DataFrame) -> tuple[Figure, ...]:
    if gaps.height < 2:
        return ()
    rows = [
        {"label": words.readable(row["name"]), "value": row["size"], "text": words.integer(row["size"])}
        for row in gaps.head(MOST_ROWS).iter_rows(named=True)
    ]
    caption = "Topics that no article answers, by the conversations and queries in them."
    return (draw_bars("gaps", rows, "conversations and queries", caption, is_share=False),)


def _gap_grid(gaps: pl.DataFrame) -> tuple[Grid, ...]:
    if gaps.is_empty():
        return ()
    rows = [
        (
            words.excerpt(row["name"], 80),
            words.integer(row["n_conversations"]),
            words.integer(row["n_queries"]),
            words.percent(row["answer_probability"]),
            ", ".join(words.key(id_) for id_ in row["example_ids"][:3] if id_) or "–",
        )
        for row in gaps.head(MOST_ROWS).iter_rows(named=True)
    ]
    header = ("Topic", "Conversations", "Queries", "Chance of an answer", "Examples")
    file = "knowledge_gaps.parquet"
    return (Grid("Knowledge gaps", header, rows, file, gaps.height, numeric=(1, 2, 3), ids=(4,)),)


def _hit_grid(evidence: Evidence) -> tuple[Grid, ...]:
    hits, queries = evidence.result("article_hits"), evidence.table("queries")
    if hits is None or queries is None:
        return ()
    first = hits.filter(pl.col("rank") == 1)
    n_rows = first.select(pl.len()).collect().item()
    shown = (
        queries.sort("query_id")
        .join(first, on="query_id", how="inner", validate="1:1", maintain_order="left")
        .head(_MOST_QUERIES)
        .collect()
    )
    if shown.is_empty():
        return ()
    titles = evidence.name_rows("articles", "article_id", "title", shown["article_id"].to_list())
    rows = [
        (words.excerpt(row["text"], 120), titles[row["article_id"]], words.excerpt(row["passage"], 180))
        for row in shown.iter_rows(named=True)
    ]
    header = ("Query", "First article", "Its best passage")
    return (Grid("Queries and what they find", header, rows, "article_hits.parquet", n_rows),)
