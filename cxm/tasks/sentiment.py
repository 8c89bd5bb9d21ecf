"""How customers feel, turn by turn: polarity, score, the course of a conversation.

With labels a text classifier that also sees feeling cues; without, feeling words and prototype
sentences. The methods stand in `cxm.methods` (`lexicon`, `feelings`, `text_classifier`,
`satisfaction`); the questions asked of a conversation stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.methods.class_weights import choose_class_weights
from cxm.methods.feelings import FEELINGS, feeling_features, prototype_weights, unlabelled_feelings
from cxm.methods.satisfaction import SatisfactionModel, fit_satisfaction
from cxm.methods.text_classifier import TextClassifier, fit_text_classifier
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import calibration_error, encode, macro_f1, weighted_f1
from cxm.metrics.intervals import mean_of
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

# Turns scored at a time, so that memory stays bounded.
_CHUNK = 20_000
_FEWEST_SURVEYS = 100
_MOST_SURVEYS = 20_000
# Turns that make up the start and the end of a conversation.
_EDGE = 2
_METADATA = ("handle_seconds", "wait_seconds", "hold_seconds", "is_transferred", "is_resolved")
_COURSE = ("start_score", "end_score", "lowest_score", "mean_score", "n_scored")


@dataclass(frozen=True)
class SentimentParams(Params):
    """Parameters of `sentiment`."""

    speakers: str = param(
        "customer", "Whose turns are scored, e.g. `customer,agent`; speakers with train labels always are."
    )


# ------------------------------------------------------------------ the method


def fit(tables: Tables, train: pl.DataFrame | None, params: SentimentParams, services: Services) -> Model:
    """Learn from labelled turns; without any, only place the prototype sentences."""
    speakers = {name.strip() for name in params.speakers.split(",")} - {""}
    model = fit_without_labels(services.encoder)
    if train is not None:
        labelled = (
            tables["turns"]
            .join(train.lazy(), on=["conversation_id", "turn_index"], validate="1:1")
            .sort("conversation_id", "turn_index")
            .collect()
        )
        if labelled.height:
            speakers |= set(labelled["speaker"].unique())
            model = _fit_with_labels(labelled, model, params.seed, services.encoder)
    model.facts["speakers"] = sorted(speakers)
    satisfaction = _fit_satisfaction(tables, model, params.seed, services.encoder)
    if satisfaction:
        model.facts["satisfaction"] = [satisfaction.intercept, satisfaction.half_width]
        model.arrays["satisfaction_centre"] = satisfaction.centre
        model.arrays["satisfaction_scale"] = satisfaction.scale
        model.arrays["satisfaction_weights"] = satisfaction.weights
    return model


def fit_without_labels(encoder: Encoder) -> Model:
    """The model that needs no data: feeling words, and prototype sentences in the encoder's space."""
    return Model({"speakers": ["customer"]}, {"prototypes": prototype_weights(encoder.encode)})


def _fit_with_labels(labelled: pl.DataFrame, model: Model, seed: int, encoder: Encoder) -> Model:
    texts, labels = labelled["text"].to_list(), labelled["polarity"].to_list()
    prototypes = model.arrays["prototypes"]
    features = feeling_features(texts, encoder.encode(texts), prototypes)
    classifier = fit_text_classifier(texts, features, labels, seed)
    assert classifier.out_of_fold is not None
    facts, arrays = classifier.to_parts()
    weights = choose_class_weights(classifier.out_of_fold)
    return Model({"classifier": facts}, {**arrays, "prototypes": prototypes, "class_weights": weights})


def feel_texts(texts: Sequence[str], model: Model, encoder: Encoder) -> pl.DataFrame:
    """How each text feels, in order: score (P(positive) - P(negative)), polarity and its probability."""
    parts = [_feel(texts[start : start + _CHUNK], model, encoder) for start in range(0, len(texts), _CHUNK)]
    found = np.concatenate(parts) if parts else np.zeros((0, 4))
    return pl.DataFrame(
        {
            "score": found[:, 0].clip(-1, 1),
            "polarity": pl.Series([FEELINGS[int(code)] for code in found[:, 1]], dtype=pl.String),
            "probability": found[:, 2].clip(0, 1),
        }
    )


def _feel(texts: Sequence[str], model: Model, encoder: Encoder) -> NDArray[np.float64]:
    """Rows (score, code of the polarity, its probability)."""
    prototypes = model.arrays["prototypes"]
    vectors = encoder.encode(texts)
    probabilities = np.zeros((len(texts), len(FEELINGS)))
    weights = np.ones(len(FEELINGS))
    if "classifier" in model.facts:
        classifier = TextClassifier.from_parts(model.facts["classifier"], model.arrays)
        columns = [FEELINGS.index(name) for name in classifier.classes]
        features = feeling_features(texts, vectors, prototypes)
        probabilities[:, columns] = classifier.probabilities(texts, features)
        weights[columns] = model.arrays["class_weights"]
    else:
        probabilities = np.exp(unlabelled_feelings(texts, vectors, prototypes))
    codes = (probabilities * weights).argmax(axis=1)
    given = probabilities[np.arange(len(texts)), codes]
    return np.stack([probabilities[:, 2] - probabilities[:, 0], codes, given], axis=1)


def predict(tables: Tables, model: Model, params: SentimentParams, services: Services) -> Results:
    """Every turn of the chosen speakers, the course of each conversation, and missing csat."""
    turns = _score_turns(tables["turns"], model, services.encoder)
    course = _course(turns)
    names = list(TABLES["conversation_sentiment"].columns)
    results = {
        "turn_sentiment": turns.select(list(TABLES["turn_sentiment"].columns)),
        "conversation_sentiment": course.with_columns(aspect=pl.lit(None, dtype=pl.String)).select(names),
    }
    if "satisfaction" in model.facts and "conversations" in tables:
        results["predicted_satisfaction"] = _predict_satisfaction(tables, course, model)
    return results


def _score_turns(turns: pl.LazyFrame, model: Model, encoder: Encoder) -> pl.DataFrame:
    wanted = (
        turns.filter(pl.col("speaker").is_in(model.facts["speakers"]))
        .select("conversation_id", "turn_index", "speaker", "text")
        .sort("conversation_id", "turn_index")
        .collect()
    )
    feelings = feel_texts(wanted["text"].to_list(), model, encoder)
    return pl.concat([wanted, feelings], how="horizontal")


# ------------------------------------------------------------------ the course of a conversation


def _course(turns: pl.DataFrame) -> pl.DataFrame:
    """One row a conversation with a scored turn, from the customer's turns that hold words.

    Where there are none, all scored turns count.
    """
    of_customer = (pl.col("speaker") == "customer") & (pl.col("text").str.strip_chars() != "")
    counts = of_customer | ~of_customer.any().over("conversation_id")
    lowest = pl.col("turn_index").sort_by("score", "turn_index").first()
    return (
        turns.filter(counts)
        .sort("conversation_id", "turn_index")
        .group_by("conversation_id", maintain_order=True)
        .agg(
            start_score=pl.col("score").head(_EDGE).mean(),
            end_score=pl.col("score").tail(_EDGE).mean(),
            lowest_score=pl.col("score").min(),
            lowest_turn_index=lowest,
            mean_score=pl.col("score").mean(),
            n_scored=pl.len(),
        )
    )


def _satisfaction_features(conversations: pl.DataFrame, course: pl.DataFrame) -> NDArray[np.float64]:
    """Course and metadata of each conversation `(n, k)`, NaN where unknown."""
    joined = conversations.join(
        course, on="conversation_id", how="left", validate="1:1", maintain_order="left"
    )
    logged = [pl.col(name).cast(pl.Float64).log1p() for name in (*_METADATA[:3], "n_scored")]
    return (
        joined.with_columns(logged)
        .select(pl.col(*_COURSE, *_METADATA).cast(pl.Float64).fill_null(float("nan")))
        .to_numpy()
    )


def _fit_satisfaction(tables: Tables, model: Model, seed: int, encoder: Encoder) -> SatisfactionModel | None:
    """None where fewer than 100 surveys were answered, or none is missing."""
    if "conversations" not in tables:
        return None
    conversations = tables["conversations"].sort("conversation_id").collect()
    surveyed = conversations.filter(pl.col("csat").is_not_null())
    if surveyed.height < _FEWEST_SURVEYS or surveyed.height == conversations.height:
        return None
    generator = np.random.default_rng(seed)
    if surveyed.height > _MOST_SURVEYS:
        rows = generator.choice(surveyed.height, _MOST_SURVEYS, replace=False)
        surveyed = surveyed[np.sort(rows)]
    turns = tables["turns"].join(surveyed.lazy().select("conversation_id"), on="conversation_id", how="semi")
    course = _course(_score_turns(turns, model, encoder))
    features = _satisfaction_features(surveyed, course)
    return fit_satisfaction(features, surveyed["csat"].cast(pl.Float64).to_numpy(), generator)


def _predict_satisfaction(tables: Tables, course: pl.DataFrame, model: Model) -> pl.DataFrame:
    silent = tables["conversations"].filter(pl.col("csat").is_null()).sort("conversation_id").collect()
    intercept, half_width = model.facts["satisfaction"]
    satisfaction = SatisfactionModel(
        model.arrays["satisfaction_centre"],
        model.arrays["satisfaction_scale"],
        model.arrays["satisfaction_weights"],
        intercept,
        half_width,
    )
    found = satisfaction.predict(_satisfaction_features(silent, course))
    columns = {"csat": found[:, 0], "low": found[:, 1], "high": found[:, 2]}
    return pl.DataFrame({"conversation_id": silent["conversation_id"], **columns})


# ------------------------------------------------------------------ the naive method and the scores


def fit_majority(
    tables: Tables, train: pl.DataFrame | None, params: SentimentParams, services: Services
) -> Model:
    """The commonest polarity and its share; without labels neutral, of which nothing is known."""
    speakers = {name.strip() for name in params.speakers.split(",")} - {""}
    if train is None:
        return Model({"polarity": "neutral", "share": 1 / len(FEELINGS), "speakers": sorted(speakers)})
    of_labelled = tables["turns"].join(train.lazy(), on=["conversation_id", "turn_index"], how="semi")
    speakers |= set(of_labelled.select("speaker").unique().collect()["speaker"])
    counts = train["polarity"].value_counts().sort(["count", "polarity"], descending=[True, False])
    polarity, count = counts.row(0)
    return Model({"polarity": polarity, "share": count / train.height, "speakers": sorted(speakers)})


def predict_majority(tables: Tables, model: Model, params: SentimentParams, services: Services) -> Results:
    """The same polarity for every turn."""
    polarity, share = model.facts["polarity"], model.facts["share"]
    turns = tables["turns"].filter(pl.col("speaker").is_in(model.facts["speakers"])).collect()
    return {
        "turn_sentiment": turns.select(
            "conversation_id",
            "turn_index",
            score=pl.lit(float(FEELINGS.index(polarity) - 1)),
            polarity=pl.lit(polarity),
            probability=pl.lit(float(share)),
        )
    }


def score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: SentimentParams
) -> list[Estimate]:
    """Scores on the test rows; intervals over conversations."""
    if gold is None:
        return []
    key = ["conversation_id", "turn_index"]
    rows = (
        gold.filter(pl.col("split") == "test")
        .rename({"polarity": "truth"})
        .join(results["turn_sentiment"], on=key, how="left", validate="1:1")
        .sort(key)
    )
    units = rows["conversation_id"].to_numpy()
    answers = rows["polarity"].fill_null("missing").to_numpy()
    (truth, given), _ = encode(rows["truth"].to_numpy(), answers)
    right = truth == given
    has_answer = rows["polarity"].is_not_null().to_numpy()
    probability = rows["probability"].fill_null(0.0).to_numpy()

    def calibration(drawn: NDArray[Any]) -> float:
        known = drawn[has_answer[drawn]]
        return calibration_error(probability[known], right[known])

    return [
        *estimate("macro_f1", lambda drawn: macro_f1(truth[drawn], given[drawn]), units),
        *estimate("accuracy", mean_of(right), units),
        *estimate("weighted_f1", lambda drawn: weighted_f1(truth[drawn], given[drawn]), units),
        *estimate("calibration_error", calibration, units),
        *estimate("coverage", mean_of(has_answer), units),
    ]


TASK = Task(
    name="sentiment",
    title="Sentiment",
    question="How do customers feel, and where does a conversation turn?",
    needs=(("turns",),),
    uses=("conversations",),
    gold="sentiment_labels",
    writes=("turn_sentiment", "conversation_sentiment", "predicted_satisfaction"),
    metrics=("macro_f1", "accuracy", "weighted_f1", "calibration_error", "coverage"),
    method=Method(fit, predict),
    naive=Method(fit_majority, predict_majority),
    naive_name="majority polarity",
    score=score,
    params=SentimentParams,
)
