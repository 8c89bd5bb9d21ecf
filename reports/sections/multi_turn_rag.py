"""What agents should say or do next: how often an answer is ready, and examples."""

from __future__ import annotations

import polars as pl

from reports import words
from reports.figures import Figure, draw_bars
from reports.sections.section import Evidence, Grid, Story, draw_scores, say_score

_MOST_REPLIES = 8
_SAID = {
    "answered": "answer from an article",
    "tool": "tool call",
    "nothing_needed": "nothing needed",
    "needs_information": "customer must tell more",
    "no_article": "no article answers",
    "failed": "failed",
}


def tell(evidence: Evidence) -> Story:
    """How many points have an answer, what the others need, and how good the found articles are."""
    replies = evidence.result("prepared_replies")
    counts = {} if replies is None else _count_statuses(replies)
    total = sum(counts.values())
    if replies is None or not total:
        return Story("No point in a conversation to prepare a reply for.")
    finding = (
        f"Of {words.plural(total, 'reply', 'replies')} to prepare, an answer from an article is ready for "
        f"{words.percent(counts.get('answered', 0) / total, total)}"
    )
    if counts.get("tool"):
        finding += f" and a tool call for {words.percent(counts['tool'] / total, total)}"
    if counts.get("no_article"):
        finding += f"; no article answers {words.percent(counts['no_article'] / total, total)}"
    finding += "."
    quality = say_score(evidence, "The first five articles hold", "recall_at_5", "the articles needed")
    figures = (_draw(counts, total), *draw_scores(evidence))
    return Story(finding, figures, _grid(evidence, replies), quality=quality)


def _count_statuses(replies: pl.LazyFrame) -> dict[str, int]:
    return dict(replies.group_by("status").agg(pl.len()).sort("status").collect().iter_rows())


def _draw(counts: dict[str, int], total: int) -> Figure:
    rows = [
        {
            "label": said,
            "value": counts[status] / total,
            "text": f"{words.percent(counts[status] / total)}  ({words.integer(counts[status])})",
        }
        for status, said in _SAID.items()
        if counts.get(status)
    ]
    return draw_bars("replies", rows, "share of points", "What the prepared points need.")


def _grid(evidence: Evidence, replies: pl.LazyFrame) -> tuple[Grid, ...]:
    answered = replies.filter(pl.col("status").is_in(["answered", "tool"]))
    n_rows = answered.select(pl.len()).collect().item()
    shown = answered.sort("conversation_id", "turn_index").head(_MOST_REPLIES).collect()
    if shown.is_empty():
        return ()
    first = [ids[0] if len(ids) else None for ids in shown["article_ids"]]
    titles = evidence.name_rows("articles", "article_id", "title", [id_ for id_ in first if id_])
    rows = [
        (
            words.key(row["conversation_id"]),
            words.integer(row["turn_index"]),
            words.excerpt(row["reply"] or "–", 220),
            titles[id_] if id_ else "–",
            words.readable(row["tool_name"]) if row["tool_name"] else "–",
        )
        for id_, row in zip(first, shown.iter_rows(named=True), strict=True)
    ]
    header = ("Conversation", "Turn", "Prepared reply", "First article", "Tool")
    return (
        Grid("Prepared replies", header, rows, "prepared_replies.parquet", n_rows, numeric=(1,), narrow=(0,)),
    )
