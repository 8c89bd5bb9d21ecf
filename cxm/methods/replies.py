"""Replies made of what is there: sentences of articles, and what agents said before.

Choosing words to show belongs here; finding the articles is in `cxm.index`, choosing a tool in
`cxm.methods.tool_choice`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import words
from cxm.methods.documents import sentences

Vectors = NDArray[np.float32]
_IDENTIFIER = re.compile(r"_|[a-z][A-Z]|\w[.:/]\w")

QUOTES = {"query": pl.Int64, "article_id": pl.String, "quote": pl.String}
BANK = {
    "conversation_id": pl.String,
    "turn_index": pl.Int32,
    "request": pl.String,
    "reply": pl.String,
}
NEIGHBOURS = {"query": pl.Int64, "rank": pl.Int32, "row": pl.Int64, "score": pl.Float64}

_MAX_PASSAGES = 3
_MAX_QUOTES = 2
_CELLS_PER_BLOCK = 1 << 23
_RANK_COST = 0.05
_SATISFIED = 4  # csat of a customer who was content
_ALIKE = 0.7  # share of two replies' words that both have, from which on they say the same


def quote_sentences(
    hits: pl.DataFrame,
    requests: Vectors,
    encode: Callable[[Sequence[str]], Vectors],
    tool_names: Sequence[str] = (),
) -> pl.DataFrame:
    """The sentences of each query's best passages that are nearest to the request.

    `hits` has columns query, rank, article_id and passage, `requests` one vector a query. At
    most two sentences, in the order of the hits; a question is quoted only where nothing else stands,
    a sentence that names a tool never: it speaks to agents.
    """
    is_for_agents = _names_tool(tool_names)
    rows = [
        (query, rank, article_id, i, sentence)
        for query, rank, article_id, passage in hits.filter(pl.col("rank") <= _MAX_PASSAGES)
        .sort("query", "rank")
        .select("query", "rank", "article_id", "passage")
        .iter_rows()
        for i, sentence in enumerate(sentences(passage))
        if not is_for_agents(sentence)
    ]
    schema = ("query", "rank", "article_id", "place", "quote")
    if not rows:
        return pl.DataFrame(schema=QUOTES)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    vectors = encode(frame["quote"].to_list())
    nearness = np.einsum("ij,ij->i", vectors, requests[frame["query"].to_numpy()])
    merit = np.round(nearness - _RANK_COST * frame["rank"].to_numpy(), 6)
    frame = frame.with_columns(
        merit=pl.Series(merit), is_question=pl.col("quote").str.strip_chars_end("\"')]”’ ").str.ends_with("?")
    )
    ordered = frame.sort(
        "query", "is_question", "merit", "rank", "place", descending=[False, False, True, False, False]
    )
    distinct = ordered.unique(["query", "quote"], keep="first", maintain_order=True)
    best = distinct.group_by("query", maintain_order=True).head(_MAX_QUOTES)
    answers = best.filter(~pl.col("is_question") | pl.col("is_question").all().over("query"))
    return answers.sort("query", "rank", "place").select(list(QUOTES))


def _names_tool(tool_names: Sequence[str]) -> Callable[[str], bool]:
    """Tells whether a sentence holds a tool name such as `issue_refund`; plain words are no such name."""
    names = sorted(name for name in tool_names if _IDENTIFIER.search(name))
    found = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    return lambda sentence: bool(names) and found.search(sentence) is not None


def first_sentences(hits: pl.DataFrame) -> pl.DataFrame:
    """The first sentence of each query's best passage: columns of `QUOTES`."""
    best = hits.filter(pl.col("rank") == 1).sort("query").select("query", "article_id", "passage")
    rows = [(query, article_id, sentences(passage)[:1]) for query, article_id, passage in best.iter_rows()]
    quotes = [(query, article_id, first[0]) for query, article_id, first in rows if first]
    return pl.DataFrame(quotes, schema=QUOTES, orient="row")


def ended_well(conversations: pl.DataFrame) -> pl.DataFrame:
    """The conversations whose replies are worth repeating: resolved, or else the customer was satisfied.

    None of them was left open or rated below 4 of 5. Where nothing at all is known of how conversations
    ended, all count.
    """
    missing = [name for name in ("is_resolved", "csat") if name not in conversations.columns]
    known = conversations.with_columns(pl.lit(None).alias(name) for name in missing)
    if known.select(pl.all_horizontal(pl.col("is_resolved", "csat").is_null().all())).item():
        return conversations
    signs = [pl.col("is_resolved").cast(pl.Boolean), pl.col("csat").cast(pl.Float64) >= _SATISFIED]
    is_good = pl.any_horizontal(sign.fill_null(False) for sign in signs)
    is_bad = pl.any_horizontal(~sign.fill_null(True) for sign in signs)
    return conversations.filter(known.select((is_good & ~is_bad).alias("kept"))["kept"])


def build_reply_bank(turns: pl.DataFrame, max_replies: int, seed: int) -> pl.DataFrame:
    """What agents said right after a customer: columns of `BANK`; of more than `max_replies` a sample."""
    spoken = turns.filter((pl.col("speaker") != "system") & (pl.col("text").str.strip_chars() != ""))
    spoken = spoken.sort("conversation_id", "turn_index").with_columns(
        pl.col("speaker", "text").shift(1).over("conversation_id").name.prefix("previous_")
    )
    bank = spoken.filter((pl.col("speaker") == "agent") & (pl.col("previous_speaker") == "customer"))
    bank = bank.select(
        "conversation_id",
        "turn_index",
        pl.col("previous_text").alias("request"),
        pl.col("text").alias("reply"),
    )
    if bank.height > max_replies:
        drawn = np.random.default_rng(seed).permutation(bank.height)[:max_replies]
        bank = bank[np.sort(drawn).tolist()]
    return bank


def nearest_replies(
    requests: Vectors,
    conversation_ids: Sequence[str],
    bank: pl.DataFrame,
    bank_vectors: Vectors,
    k: int,
) -> pl.DataFrame:
    """The k nearest rows of the bank for each request, from other conversations, no two much alike.

    Two replies are much alike that share most of their words: names and numbers in them aside, they
    say the same. Columns of `NEIGHBOURS`; `row` is the position in `bank`. Exact, in bounded memory.
    """
    found: list[tuple[int, int, int, float]] = []
    if not bank.height or not k:
        return pl.DataFrame(schema=NEIGHBOURS)
    names = bank["conversation_id"].to_numpy()
    wordings = [frozenset(words(reply)) for reply in bank["reply"]]
    # Some of the nearest say the same; enough must be left.
    n_looked_at = min(bank.height, 8 * k)
    size = max(1, _CELLS_PER_BLOCK // bank.height)
    for start in range(0, len(requests), size):
        similarity = np.round(requests[start : start + size] @ bank_vectors.T, 6)
        for i, row in enumerate(similarity, start=start):
            row[names == conversation_ids[i]] = -np.inf
            best = np.sort(np.argpartition(-row, n_looked_at - 1)[:n_looked_at])
            seen: list[frozenset[str]] = []
            for j in best[np.argsort(-row[best], kind="stable")]:
                if len(seen) == k or not np.isfinite(row[j]):
                    break
                if not any(_is_alike(wordings[j], other) for other in seen):
                    seen.append(wordings[j])
                    found.append((i, len(seen), int(j), round(float(row[j]), 6)))
    return pl.DataFrame(found, schema=NEIGHBOURS, orient="row")


def _is_alike(left: frozenset[str], right: frozenset[str]) -> bool:
    return len(left & right) >= _ALIKE * len(left | right)
