"""Gold tables: labels people gave, apart from the inputs, each with a split.

A table belongs here if a task is scored against it (and may learn from its `train` rows).
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from cxm.tables import columns as c
from cxm.tables.inputs import CONVERSATION, CUSTOMER
from cxm.tables.table import Table, refers_to

POLARITIES = ("negative", "neutral", "positive")
ANSWERS = ("yes", "no", "not_applicable")
RELATIONS = ("similar", "contradictory")


class IntentLabels(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    intent = c.intent("The intent; one that is not in `taxonomy` means none of these.")
    split = c.split()


class SentimentLabels(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index()
    polarity = c.category(POLARITIES, "How the speaker feels.")
    split = c.split()


class QualityLabels(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    criterion = c.criterion(key=True)
    answer = c.category(ANSWERS, "The reviewer's answer.")
    evidence_turns = c.turn_indices("Turns that show it.", nullable=True)
    split = c.split()


class Qrels(dy.Schema):
    query_id = c.query_id(key=True)
    article_id = c.article_id(key=True)
    relevance = c.count("How well the article answers; 0: not at all.")
    split = c.split()


class ArticlePairLabels(dy.Schema):
    left_article_id = c.article_id(key=True)
    right_article_id = c.article_id(key=True)
    relation = c.category(RELATIONS, "How the two articles relate.")
    split = c.split()

    @dy.rule()
    def left_before_right(cls) -> pl.Expr:
        return pl.col("left_article_id") < pl.col("right_article_id")


class ReplyLabels(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index()
    article_ids = c.texts("Articles the reply needs; null or empty: none.", nullable=True)
    tool_name = c.tool_name("The tool the agent called.", nullable=True)
    reply = c.text("What the agent said.", nullable=True, may_be_empty=True)
    split = c.split()


class ChurnLabels(dy.Schema):
    customer_id = c.customer_id(key=True)
    duration_days = c.days("From joining to leaving, or to the end of observation.")
    is_churned = c.boolean("The customer left (false: still there when observation ended).")
    entry_days = c.days("Tenure when observation began (left truncation).", nullable=True)
    split = c.split()

    @dy.rule()
    def enters_before_end(cls) -> pl.Expr:
        return pl.col("entry_days") <= pl.col("duration_days")


class SegmentLabels(dy.Schema):
    customer_id = c.customer_id(key=True)
    segment = c.category(None, "The customer's true segment.")


GOLD_TABLES = (
    Table("intent_labels", "gold", IntentLabels, "Why customers contacted us.", (CONVERSATION,)),
    Table(
        "sentiment_labels",
        "gold",
        SentimentLabels,
        "How a turn feels.",
        (refers_to("turns", "conversation_id", "turn_index"),),
    ),
    Table(
        "quality_labels",
        "gold",
        QualityLabels,
        "Answers of human reviewers; only labelled pairs are scored.",
        (CONVERSATION, refers_to("scorecard", "criterion")),
    ),
    Table(
        "qrels",
        "gold",
        Qrels,
        "Which articles answer a query.",
        (refers_to("queries", "query_id"), refers_to("articles", "article_id")),
    ),
    Table(
        "article_pair_labels",
        "gold",
        ArticlePairLabels,
        "Known defects; every pair not listed is unrelated.",
        (
            refers_to("articles", left_article_id="article_id"),
            refers_to("articles", right_article_id="article_id"),
        ),
    ),
    Table("reply_labels", "gold", ReplyLabels, "What the next reply needed.", (CONVERSATION,)),
    Table("churn_labels", "gold", ChurnLabels, "Who left, and when.", (CUSTOMER,)),
    Table("segment_labels", "gold", SegmentLabels, "True segments, where known.", (CUSTOMER,)),
)
