"""Input tables: what a contact center has.

A table belongs here if a user supplies it. Labels never sit here (`gold`), nor anything a task
writes (`results`).
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from cxm.tables import columns as c
from cxm.tables.table import Table, refers_to

CHANNELS = ("voice", "chat", "email", "messaging", "social")
SPEAKERS = ("customer", "agent", "bot", "system")
BODY_FORMATS = ("text", "markdown", "html")
ARTICLE_KINDS = ("information", "issue")


class Conversations(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    customer_id = c.customer_id(nullable=True)
    agent_id = c.identifier("The agent who answered; null for a bot or an unknown agent.", nullable=True)
    channel = c.category(CHANNELS, "How the customer reached us.")
    queue = c.category(None, "Queue or company addressed.", nullable=True)
    language = c.category(None, "Language tag, e.g. `en`.", nullable=True)
    started_at = c.time("First contact.")
    ended_at = c.time("End of the conversation.", nullable=True)
    handle_seconds = c.seconds("Talk, hold and after-contact work together.", nullable=True)
    hold_seconds = c.seconds("Time on hold.", nullable=True)
    acw_seconds = c.seconds("After-contact work.", nullable=True)
    wait_seconds = c.seconds("Wait until someone answered.", nullable=True)
    is_abandoned = c.boolean("The customer gave up before an answer.", nullable=True)
    is_transferred = c.boolean("Handed to another agent or queue.", nullable=True)
    is_bot_only = c.boolean("No human took part.", nullable=True)
    is_resolved = c.boolean("The matter was settled.", nullable=True)
    csat = c.count("Satisfaction as surveyed.", unit="1-5", low=1, high=5, nullable=True)
    nps = c.count("Likelihood to recommend as surveyed.", unit="0-10", low=0, high=10, nullable=True)
    ces = c.count("Ease of getting help as surveyed.", unit="1-7", low=1, high=7, nullable=True)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:
        return pl.col("ended_at") >= pl.col("started_at")


class Turns(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index("Position in the conversation, from 0.")
    speaker = c.category(SPEAKERS, "Who speaks; tool results are `system` turns.")
    text = c.text("What was said; may be empty.", may_be_empty=True)
    spoken_at = c.time("When it was said.", nullable=True)


class Articles(dy.Schema):
    article_id = c.article_id(key=True)
    title = c.text("Heading.", may_be_empty=True)
    body = c.text("Content in `body_format`.", may_be_empty=True)
    body_format = c.category(BODY_FORMATS, "How `body` is marked up.")
    kind = c.category(ARTICLE_KINDS, "`information` states facts, `issue` solves a problem.")
    section = c.category(None, "Path in the topic tree, e.g. `Shipping > Methods`.", nullable=True)
    language = c.category(None, "Language tag, e.g. `en`.", nullable=True)
    updated_at = c.time("Last change.", nullable=True)


class Taxonomy(dy.Schema):
    intent = c.intent("A reason for contact (contact driver).", key=True)
    parent = c.category(None, "The wider intent it belongs to.", nullable=True)
    description = c.text("What the intent means, in words.", may_be_empty=True)


class Tools(dy.Schema):
    tool_name = c.tool_name("The tool's name.", key=True)
    description = c.text("What the tool does.", may_be_empty=True)
    parameters = c.json_text("JSON Schema of the arguments, as text.")


class Scorecard(dy.Schema):
    criterion = c.criterion(key=True)
    question = c.text("The question a reviewer answers.")
    weight = c.measure("Share of the total score.", low=0)
    is_critical = c.boolean("A `no` fails the whole conversation.")


class Queries(dy.Schema):
    query_id = c.query_id(key=True)
    text = c.text("What the user searched for; may be empty.", may_be_empty=True)


class ReplyPoints(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index("The turn to prepare; its context is every turn with a smaller index.")
    tool_candidates = c.texts("Tools to choose from; null: all of `tools`.", nullable=True)


class Customers(dy.Schema):
    customer_id = c.customer_id(key=True)
    joined_at = c.time("When the customer relationship began.", nullable=True)


class Transactions(dy.Schema):
    transaction_id = c.identifier("The transaction.", key=True)
    customer_id = c.customer_id()
    occurred_at = c.time("When it happened.")
    amount = c.money("Money; 0 and negative (a refund) are allowed.")
    currency = c.category(None, "ISO 4217 code.", nullable=True)


class Events(dy.Schema):
    customer_id = c.customer_id()
    occurred_at = c.time("When it happened.")
    event = c.category(None, "Step on the web or in the app.")


class DismissedFindings(dy.Schema):
    left_article_id = c.article_id(key=True)
    right_article_id = c.article_id(key=True)
    reason = c.text("Why the reviewer dismissed the finding.", may_be_empty=True)
    sentences_digest = c.text("Digest of the two quotes the reviewer saw.", may_be_empty=True)


CONVERSATION = refers_to("conversations", "conversation_id")
CUSTOMER = refers_to("customers", "customer_id")

INPUT_TABLES = (
    Table("conversations", "input", Conversations, "One contact of a customer with us.", (CUSTOMER,)),
    Table("turns", "input", Turns, "What was said, turn by turn.", (CONVERSATION,)),
    Table("articles", "input", Articles, "The knowledge base."),
    Table("taxonomy", "input", Taxonomy, "The intents a conversation can have."),
    Table("tools", "input", Tools, "Functions an agent or bot can call."),
    Table("scorecard", "input", Scorecard, "The criteria of a quality review."),
    Table("queries", "input", Queries, "Searches in the knowledge base."),
    Table(
        "reply_points",
        "input",
        ReplyPoints,
        "The turns to prepare a reply for; absent: one after each conversation's last turn.",
    ),
    Table(
        "customers",
        "input",
        Customers,
        "Customers; every further column is a covariate.",
        keeps_further_columns=True,
    ),
    Table("transactions", "input", Transactions, "Purchases and refunds.", (CUSTOMER,)),
    Table("events", "input", Events, "Steps of customers on the web or in the app.", (CUSTOMER,)),
    Table("dismissed_findings", "input", DismissedFindings, "Findings a reviewer has set aside."),
)
