"""Result tables: what tasks and reports write.

A table belongs here if one of our own steps makes it. Every task lists the tables it writes.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from cxm.tables import columns as c
from cxm.tables.gold import ANSWERS, POLARITIES, RELATIONS
from cxm.tables.inputs import Taxonomy
from cxm.tables.table import Table

STANDINGS = ("above", "below", "not_apart")
CALIBRATIONS = ("calibrated", "uncalibrated", "too_few_labels", "one_answer", "no_labels")
REPLY_STATUSES = ("answered", "tool", "nothing_needed", "needs_information", "no_article", "failed")


class PredictedIntents(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    rank = c.rank("1 is the best guess, also when `is_abstained`.")
    intent = c.intent()
    probability = c.share("Probability of this intent.")
    is_abstained = c.boolean("The task answers: none of these.")
    deciding_turn_index = c.count(
        "The turn that says it best; at rank 1, where something was said.", nullable=True
    )
    deciding_words = c.texts(
        "The words of that turn that tell this intent, most telling first.", nullable=True
    )
    is_other_language = c.boolean(
        "Not English, in a folder that is: abstained, for it is not known.", nullable=True
    )


class DiscoveredDrivers(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    intent = c.intent("The nearest discovered driver.")
    strength = c.share("How clearly the conversation belongs to it.")


class IntentOverlaps(dy.Schema):
    left_intent = c.intent(key=True)
    right_intent = c.intent(key=True)
    confusion_share = c.share("Share of the two intents' labelled rows that are confused.")
    similarity = c.measure("Cosine of the two descriptions.", low=-1.01, high=1.01)
    example_ids = c.texts("Conversations that show it.")


class DriverChanges(dy.Schema):
    period = c.period()
    intent = c.intent(key=True)
    n_conversations = c.count("Conversations of this driver in the period.")
    share = c.share("Their share of all conversations of the period.")
    previous_share = c.share("The share in the period before.", nullable=True)
    rate_per_1000 = c.measure("Per 1,000 active customers.", nullable=True, low=0)
    p_value = c.share("Two-proportion test against the period before.", nullable=True)
    q_value = c.share("p after false-discovery control.", nullable=True)
    volume_effect = c.measure("Change in contacts due to total volume.", nullable=True)
    mix_effect = c.measure("Change in contacts due to the mix.", nullable=True)
    handle_seconds = c.seconds("Handle time spent on the driver.", nullable=True)
    csat_gap = c.measure("Mean csat against all conversations.", nullable=True)


class ArticleHits(dy.Schema):
    query_id = c.query_id(key=True)
    rank = c.rank()
    article_id = c.article_id()
    passage = c.text("The best passage of the article.", may_be_empty=True)
    score = c.measure("Higher is better; comparable within a query.")


class KnowledgeGaps(dy.Schema):
    gap_id = c.identifier("The gap.", key=True)
    name = c.text("Its own distinctive words.")
    n_conversations = c.count("Conversations in it.")
    n_queries = c.count("Queries in it.")
    answer_probability = c.share("Probability that an article answers, on average.")
    example_ids = c.texts("Conversations or queries that show it.")


class ArticleFindings(dy.Schema):
    left_article_id = c.article_id(key=True)
    right_article_id = c.article_id(key=True)
    relation = c.category(RELATIONS, "How the two articles relate.")
    left_quote = c.text("Sentence of the left article.", may_be_empty=True)
    right_quote = c.text("Sentence of the right article.", may_be_empty=True)
    score = c.share("Confidence.")

    @dy.rule()
    def left_before_right(cls) -> pl.Expr:
        return pl.col("left_article_id") < pl.col("right_article_id")


class QualityAnswers(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    criterion = c.criterion(key=True)
    answer = c.category(ANSWERS, "The given answer.")
    probability = c.share("Probability of the given answer.")
    evidence_turns = c.turn_indices("Turns that show it.")
    explanation = c.text("Why, in a sentence.", may_be_empty=True)


class ConversationQuality(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    quality_score = c.share(
        "Weighted share of yes among the criteria that apply; 0 with a critical error.", nullable=True
    )
    is_failed = c.boolean("It has a critical error.")
    n_applicable = c.count("Criteria answered yes or no.")
    n_critical_errors = c.count("Critical criteria answered no.")
    n_noncritical_errors = c.count("Other criteria answered no.")


class AgentQuality(dy.Schema):
    agent_id = c.identifier("The agent.", key=True)
    n_conversations = c.count("Conversations with a quality score.")
    is_compared = c.boolean("There are enough of them; else the figures are null.")
    quality_score = c.share("Mean score.", nullable=True)
    low = c.share("Lower end of its 95 % interval.", nullable=True)
    high = c.share("Upper end of its 95 % interval.", nullable=True)
    critical_error_share = c.share("Share of conversations with a critical error.", nullable=True)
    critical_error_low = c.share("Lower end of its 95 % interval.", nullable=True)
    critical_error_high = c.share("Upper end of its 95 % interval.", nullable=True)
    noncritical_error_share = c.share("Share of conversations with another error.", nullable=True)
    noncritical_error_low = c.share("Lower end of its 95 % interval.", nullable=True)
    noncritical_error_high = c.share("Upper end of its 95 % interval.", nullable=True)
    q_value = c.share(
        "Welch's test of the score against all others' conversations, after false-discovery control.",
        nullable=True,
    )
    standing = c.category(STANDINGS, "Against all others: apart from q <= .05 on.", nullable=True)


class CriterionAgreement(dy.Schema):
    criterion = c.criterion(key=True)
    n_labels = c.count("Reviewers' answers compared.")
    kappa = c.measure("Cohen's kappa of held-out answers and reviewers'.", nullable=True, low=-1, high=1)
    low = c.measure("Lower end of its 95 % interval.", nullable=True, low=-1, high=1)
    high = c.measure("Upper end of its 95 % interval.", nullable=True, low=-1, high=1)
    calibration = c.category(
        CALIBRATIONS, "`calibrated` from kappa .4 on; `one_answer`: reviewers never differ, so none is told."
    )
    n_repeated = c.count("Conversations answered again, written differently.")
    repeated_share = c.share("Share of their answers that stayed the same.", nullable=True)


class PreparedReplies(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index("The turn that was prepared.")
    article_ids = c.texts("Distinct articles, best first.")
    reply = c.text("Quoted sentences.", nullable=True)
    citations = c.json_text("List of {article_id, quote} behind each sentence of the reply.")
    tool_name = c.tool_name("Top choice; null: no tool.", nullable=True)
    tool_arguments = c.json_text("Arguments found in the dialogue.", nullable=True)
    missing_arguments = c.texts("Required arguments nobody gave: to be asked for.", nullable=True)
    status = c.category(REPLY_STATUSES, "What the agent should do.")


class SuggestedReplies(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index("The turn that was prepared.")
    rank = c.rank()
    reply = c.text("What an agent said in the nearest past situation.")
    source_conversation_id = c.identifier("Where it was said.")
    source_turn_index = c.turn_index("Where it was said.", key=False)
    score = c.measure("Similarity of the two situations.")


class TurnSentiment(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    turn_index = c.turn_index()
    score = c.measure("-1 negative to 1 positive.", unit="-1 to 1", low=-1, high=1)
    polarity = c.category(POLARITIES, "The given polarity.")
    probability = c.share("Probability of the given polarity.")
    is_other_language = c.boolean(
        "Not English, and no labels in it were learnt from: said neutral, for it is not known.", nullable=True
    )


class ConversationSentiment(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    start_score = c.measure("Score of the first scored turns.", unit="-1 to 1", low=-1, high=1)
    end_score = c.measure("Score of the last scored turns.", unit="-1 to 1", low=-1, high=1)
    shift = c.measure("End less start.", unit="-2-2", nullable=True, low=-2, high=2)
    lowest_score = c.measure("The lowest score.", unit="-1 to 1", low=-1, high=1)
    lowest_turn_index = c.turn_index("The turn with the lowest score.", key=False)
    aspect = c.category(
        None,
        "Agent, product or driver: what the strongest feeling is about; null: none strong.",
        nullable=True,
    )


class PredictedSatisfaction(dy.Schema):
    conversation_id = c.conversation_id(key=True)
    csat = c.measure("Predicted csat, never mixed with surveyed ones.", unit="1-5", low=1, high=5)
    low = c.measure("Lower end of the 80 % prediction interval.", low=1, high=5)
    high = c.measure("Upper end of the 80 % prediction interval.", low=1, high=5)


class ChurnRisk(dy.Schema):
    customer_id = c.customer_id(key=True)
    horizon_days = c.count("Length of the look ahead.", unit="days", low=1, key=True)
    probability = c.share("Probability of leaving within the horizon.")
    expected_value = c.measure("Spend expected over the horizon.", unit="currency", nullable=True)
    value_at_risk = c.measure("probability x expected_value.", unit="currency", nullable=True)
    top_reasons = c.json_text("List of {covariate, effect} that moved the risk most.")


class HazardRatios(dy.Schema):
    term = c.identifier("Covariate or level.", key=True)
    hazard_ratio = c.measure("Factor on the hazard of leaving.", low=0)
    low = c.measure("Lower end of the 95 % interval.", low=0)
    high = c.measure("Upper end of the 95 % interval.", low=0)
    p_value = c.share("Wald test against 1.")
    proportional_p_value = c.share(
        "Test that the ratio is the same at every tenure (Grambsch & Therneau).", nullable=True
    )


class ChurnCalibration(dy.Schema):
    horizon_days = c.count("Length of the look ahead.", unit="days", low=1, key=True)
    bin = c.count("Tenth of the customers by risk, 1 the lowest.", low=1, high=10, key=True)
    n = c.count("Customers in it.")
    probability = c.share("Mean probability, out of fold.")
    frequency = c.share("Share that left, weighted against censoring.")
    low = c.share("Lower end of its 95 % interval.")
    high = c.share("Upper end of its 95 % interval.")


class SurvivalCurves(dy.Schema):
    covariate = c.identifier("What the groups differ in; `everyone` for all.", key=True)
    level = c.identifier("The group.", key=True)
    tenure_days = c.count("Days since joining.", unit="days", key=True)
    survival = c.share("Share still there (Kaplan-Meier).")
    low = c.share("Lower end of its 95 % interval.")
    high = c.share("Upper end of its 95 % interval.")
    n_at_risk = c.count("Customers watched at that tenure.")


class CustomerSegments(dy.Schema):
    customer_id = c.customer_id(key=True)
    recency_days = c.days("Days from the last purchase to the end of observation.")
    frequency = c.count("Number of transactions.", low=1)
    monetary = c.measure("Their sum.", unit="currency")
    r_score = c.count("Recency score, 5 is best.", low=1, high=5)
    f_score = c.count("Frequency score, 5 is best.", low=1, high=5)
    m_score = c.count("Monetary score, 5 is best.", low=1, high=5)
    rfm_cell = c.category(None, "The classical cell.")
    segment = c.category(None, "Name of the mixture component.")
    membership = c.json_text("Probability of each segment.")


class SegmentProfiles(dy.Schema):
    segment = c.category(None, "The segment.", key=True)
    n_customers = c.count("Customers in it.")
    customer_share = c.share("Their share of all customers.")
    monetary_share = c.share("Their share of all spend.", nullable=True)
    median_recency_days = c.days("Median recency.")
    median_frequency = c.measure("Median number of transactions.", low=0)
    median_monetary = c.measure("Median spend.", unit="currency")
    representative_ids = c.texts("Customers nearest to its centre.", nullable=True)
    contacts_per_customer = c.measure("Conversations of a customer, on average.", nullable=True, low=0)
    top_driver = c.category(None, "The driver that most sets it apart.", nullable=True)
    top_driver_lift = c.measure("Its share here over its share of all.", nullable=True, low=0)
    mean_end_score = c.measure("Mean sentiment at the end.", unit="-1 to 1", nullable=True, low=-1, high=1)
    mean_risk = c.share("Mean probability of leaving.", nullable=True)
    expected_value = c.measure("Sum of expected spend.", unit="currency", nullable=True)
    value_at_risk = c.measure("Sum of value at risk.", unit="currency", nullable=True)


class RfmCutPoints(dy.Schema):
    measure = c.category(None, "recency_days, frequency or monetary.", key=True)
    score = c.count("The score, 5 is best.", low=1, high=5, key=True)
    above = c.measure("Values above this, up to `up_to`.", nullable=True)
    up_to = c.measure("Null: no end.", nullable=True)
    n_customers = c.count("Customers with this score.")


class SegmentMigration(dy.Schema):
    previous_segment = c.category(None, "Segment a period ago.", key=True)
    segment = c.category(None, "Segment now.", key=True)
    n_customers = c.count("Customers who moved (or stayed).")


class ModelComparison(dy.Schema):
    task = c.category(None, "The task.", key=True)
    model = c.category(None, "The model.", key=True)
    metric = c.category(None, "The metric.", key=True)
    value = c.measure("Its value.")
    low = c.measure("Lower end of the 95 % interval.", nullable=True)
    high = c.measure("Upper end of the 95 % interval.", nullable=True)
    n = c.count("Rows counted.", nullable=True)


class Scores(dy.Schema):
    task = c.category(None, "The task.", key=True)
    metric = c.category(None, "The metric.", key=True)
    value = c.measure("Its value.")
    low = c.measure("Lower end of the 95 % interval.", nullable=True)
    high = c.measure("Upper end of the 95 % interval.", nullable=True)
    n = c.count("Rows counted.")
    baseline = c.measure("What the naive method gets on the same rows.", nullable=True)
    params_hash = c.text("Digest of the parameters.")
    data_hash = c.text("Digest of the tables it was made from.")


class PeriodFigures(dy.Schema):
    period = c.period()
    name = c.category(None, "Name of the figure.", key=True)
    value = c.measure("Its value.")
    low = c.measure("Lower end of the 95 % interval.", nullable=True)
    high = c.measure("Upper end of the 95 % interval.", nullable=True)
    n = c.count("Rows counted.")


def _result(name: str, schema: type[dy.Schema], doc: str) -> Table:
    return Table(name, "result", schema, doc, keeps_further_columns=True)


RESULT_TABLES = (
    _result("predicted_intents", PredictedIntents, "Why customers contacted us, best guesses first."),
    _result("discovered_taxonomy", Taxonomy, "Intents found without labels."),
    _result("discovered_drivers", DiscoveredDrivers, "The discovered driver of each conversation."),
    _result("intent_overlaps", IntentOverlaps, "Intents that are easily confused."),
    _result("driver_changes", DriverChanges, "Drivers of this period against the last."),
    _result("article_hits", ArticleHits, "Articles found for a query."),
    _result("knowledge_gaps", KnowledgeGaps, "What no article answers."),
    _result("article_findings", ArticleFindings, "Articles that repeat or contradict each other."),
    _result("quality_answers", QualityAnswers, "Every criterion answered for every conversation."),
    _result(
        "conversation_quality", ConversationQuality, "What each conversation scores; errors counted apart."
    ),
    _result("agent_quality", AgentQuality, "Agents side by side, those with enough conversations."),
    _result("criterion_agreement", CriterionAgreement, "How far each criterion's answers can be trusted."),
    _result("prepared_replies", PreparedReplies, "What the agent should say or do next."),
    _result("suggested_replies", SuggestedReplies, "What agents said in like situations that ended well."),
    _result("turn_sentiment", TurnSentiment, "How each turn feels."),
    _result("conversation_sentiment", ConversationSentiment, "The course of a conversation's sentiment."),
    _result("predicted_satisfaction", PredictedSatisfaction, "Csat where no survey was answered."),
    _result("churn_risk", ChurnRisk, "Who is about to leave, and what that is worth."),
    _result("churn_backtest", ChurnRisk, "The same, predicted in the past and scored on what followed."),
    _result("hazard_ratios", HazardRatios, "What makes customers leave."),
    _result("churn_calibration", ChurnCalibration, "Whether what is said to happen happens as often."),
    _result("survival_curves", SurvivalCurves, "How many customers are still there, by tenure and group."),
    _result("customer_segments", CustomerSegments, "Who the customers are."),
    _result("segment_profiles", SegmentProfiles, "What marks each segment."),
    _result("segment_migration", SegmentMigration, "Who moved between segments."),
    _result("rfm_cut_points", RfmCutPoints, "Where the scores of recency, frequency and monetary begin."),
    _result("model_comparison", ModelComparison, "Candidate models side by side."),
    _result("scores", Scores, "How well each task does, beside a naive method."),
    _result("kpis", PeriodFigures, "Key figures of each week."),
    _result("score_history", PeriodFigures, "Scores as they stood each week."),
    _result("kpi_history", PeriodFigures, "Key figures as they were reported each week."),
)
