"""What is told of a conversation as a covariate of its customer: how it ended, why it came, how it went.

From its turns, and from what other tasks found where they ran; nothing of a conversation depends on another.
How long it counts, and from when on, is in `experience` and `purchases`.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cxm.methods.lexicon import FEELING_CUES, feeling_cues

TOLD: dict[str, type[pl.DataType]] = {
    "ends_badly": pl.Boolean,
    "driver": pl.String,
    "answer_quality": pl.Float64,
    "met_contradiction": pl.Boolean,
}
# The tables all of it is read from, where they are there.
SOURCES = (
    "turns", "turn_sentiment", "predicted_intents", "quality_answers", "prepared_replies", "article_findings",
)  # fmt: skip
_ID = "conversation_id"


def contact_facts(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame | None:
    """`conversation_id` and of `TOLD` what the tables can tell; None without any of them.

    `ends_badly`: the customer's last turn with words is negative (`turns`, `turn_sentiment`). `driver`: the
    intent, null where none was sure (`predicted_intents`). `answer_quality`: share of criteria that apply
    answered yes (`quality_answers`). `met_contradiction`: the best article for it contradicts another
    (`prepared_replies`, `article_findings`).
    """
    found = []
    if "turns" in tables:
        found.append(ends_of_conversations(tables["turns"], tables.get("turn_sentiment")))
    if "predicted_intents" in tables:
        sure = tables["predicted_intents"].filter((pl.col("rank") == 1) & ~pl.col("is_abstained"))
        found.append(sure.select(_ID, driver="intent").collect())
    if "quality_answers" in tables:
        given = tables["quality_answers"].filter(pl.col("answer").is_in(["yes", "no"]))
        quality = (pl.col("answer") == "yes").mean()
        found.append(given.group_by(_ID).agg(answer_quality=quality).collect())
    if "prepared_replies" in tables and "article_findings" in tables:
        found.append(_contradictions(tables["prepared_replies"], tables["article_findings"]))
    if not found:
        return None
    facts = found[0]
    for further in found[1:]:
        facts = facts.join(further, _ID, "full", coalesce=True, validate="1:1")
    return facts.sort(_ID)


def with_told(contacts: pl.DataFrame, told: pl.DataFrame | None) -> pl.DataFrame:
    """Contacts in their order with all of `TOLD`, null where nothing is told."""
    if told is not None:
        contacts = contacts.join(told, _ID, "left", validate="m:1", maintain_order="left")
    absent = {n: pl.lit(None, dtype=dtype) for n, dtype in TOLD.items() if n not in contacts.columns}
    return contacts.with_columns(**absent)


def _contradictions(replies: pl.LazyFrame, findings: pl.LazyFrame) -> pl.DataFrame:
    pairs = findings.filter(pl.col("relation") == "contradictory").collect()
    articles = pl.concat([pairs["left_article_id"], pairs["right_article_id"]]).unique()
    best = pl.col("article_ids").list.first()
    is_met = best.is_in(articles.to_list()).fill_null(False).any()
    return replies.group_by(_ID).agg(met_contradiction=is_met).collect()


def ends_of_conversations(turns: pl.LazyFrame, felt: pl.LazyFrame | None = None) -> pl.DataFrame:
    """`conversation_id`, `ends_badly`: whether the customer's last turn with words is negative.

    By `felt` (`conversation_id`, `turn_index`, `polarity`) where it knows the turn, else by feeling words.
    """
    last = (
        turns.filter((pl.col("speaker") == "customer") & (pl.col("text").str.strip_chars() != ""))
        .select("conversation_id", "turn_index", "text")
        .sort("conversation_id", "turn_index")
        .group_by("conversation_id", maintain_order=True)
        .last()
    )
    keys = ["conversation_id", "turn_index"]
    known = pl.lit(None, dtype=pl.String).alias("polarity")
    if felt is not None:
        polarity = felt.select(*keys, "polarity").with_columns(pl.col("turn_index").cast(pl.Int32))
        last = last.with_columns(pl.col("turn_index").cast(pl.Int32))
        found = last.join(polarity, keys, "left", validate="1:1", maintain_order="left").collect()
    else:
        found = last.with_columns(known).collect()
    balance = feeling_cues(found["text"].to_list())[:, FEELING_CUES.index("balance")]
    by_words = pl.Series(balance < 0)
    return found.select("conversation_id", ends_badly=pl.coalesce(pl.col("polarity") == "negative", by_words))
