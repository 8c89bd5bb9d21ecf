"""How customers feel, turn by turn: polarity, score, the course of a conversation.

With labels a text classifier that also sees feeling cues; without, and for messages unlike those
labelled, feeling words and prototype sentences. The methods stand in `cxm.methods` (`lexicon`,
`feelings`, `text_classifier`, `familiarity`, `course`, `aspects`, `satisfaction`); the questions asked
of a conversation stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.methods.aspects import aspects_of
from cxm.methods.circumstances import COURSE, HANDLING, describe
from cxm.methods.class_weights import choose_class_weights
from cxm.methods.course import follow_course
from cxm.methods.familiarity import Familiarity, fit_familiarity
from cxm.methods.feelings import FEELINGS, feeling_features, prototype_weights, unlabelled_feelings
from cxm.methods.languages import are_foreign
from cxm.methods.satisfaction import SatisfactionModel, compare_satisfaction, fit_satisfaction
from cxm.methods.text_classifier import TextClassifier, fit_text_classifier
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import calibration_error, encode, macro_f1, weighted_f1
from cxm.metrics.intervals import mean_of
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

# Turns scored at a time, so that memory stays bounded.
_CHUNK = 20_000
_MOST_LABELLED = 60_000
_FEWEST_SURVEYS = 100
_MOST_SURVEYS = 20_000
# Labelled turns in other languages from which these are taken to be learnt.
_FEWEST_FOREIGN = 50
# Powers of the method without labels and of the classifier's vectors, where words are unfamiliar; found
# on train rows of messages to airlines and reviews of clothes, each judged by labels of the other.
_UNFAMILIAR = (0.7, 0.5)
# Texts looked at, and the share of unfamiliar ones from which all are taken to be from elsewhere.
_MOST_ASKED, _ELSEWHERE = 2_000, 0.25
_OTHER_LANGUAGE = r"^(?:[a-df-z][a-z]|e[a-mo-z])(?:[-_].*)?$"  # a code of two letters, not "en"


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
        (facts, arrays), compared = satisfaction
        model.facts["satisfaction"] = facts
        model.facts["compared"] = compared
        model.arrays.update(arrays)
    return model


def fit_without_labels(encoder: Encoder) -> Model:
    """The model that needs no data: feeling words, and prototype sentences in the encoder's space."""
    return Model({"speakers": ["customer"]}, {"prototypes": prototype_weights(encoder.encode)})


def _fit_with_labels(labelled: pl.DataFrame, model: Model, seed: int, encoder: Encoder) -> Model:
    generator = np.random.default_rng(seed)
    if labelled.height > _MOST_LABELLED:
        rows = generator.choice(labelled.height, _MOST_LABELLED, replace=False)
        labelled = labelled[np.sort(rows)]
    texts, labels = labelled["text"].to_list(), labelled["polarity"].to_list()
    written = prototype_weights(encoder.encode, simulated=False)
    vectors = encoder.encode(texts)
    classifier = fit_text_classifier(texts, feeling_features(texts, vectors, written), labels, seed)
    assert classifier.out_of_fold is not None
    familiarity = fit_familiarity(vectors, generator)
    facts, arrays = classifier.to_parts()
    arrays |= model.arrays | {"written_prototypes": written}
    arrays["class_weights"] = choose_class_weights(classifier.out_of_fold)
    arrays["references"] = familiarity.references
    learnt = {
        "classifier": facts,
        "least_familiar": familiarity.least,
        "n_foreign": int(are_foreign(texts).sum()),
    }
    return Model(learnt, arrays)


def feel_texts(texts: Sequence[str], model: Model, encoder: Encoder) -> pl.DataFrame:
    """How each text feels, in order: score (P(positive) - P(negative)), polarity and its probability."""
    is_elsewhere = _are_from_elsewhere(texts, model, encoder)
    parts = [
        _feel(texts[start : start + _CHUNK], model, encoder, is_elsewhere)
        for start in range(0, len(texts), _CHUNK)
    ]
    found = np.concatenate(parts) if parts else np.zeros((0, 3))
    names = np.array(FEELINGS, dtype=object)
    return pl.DataFrame(
        {
            "score": found[:, 0].clip(-1, 1),
            "polarity": pl.Series(names[found[:, 1].astype(int)].tolist(), dtype=pl.String),
            "probability": found[:, 2].clip(0, 1),
        }
    )


def _are_from_elsewhere(texts: Sequence[str], model: Model, encoder: Encoder) -> bool:
    """Whether the texts are of another kind than those labelled: a quarter of some are unfamiliar.

    A few odd ones among many are still best judged by all that was learnt.
    """
    if "classifier" not in model.facts or not len(texts):
        return False
    some = texts[:: -(-len(texts) // _MOST_ASKED)]
    return bool((~_familiarity(model).is_familiar(encoder.encode(some))).mean() >= _ELSEWHERE)


def _familiarity(model: Model) -> Familiarity:
    return Familiarity(model.arrays["references"], model.facts["least_familiar"])


def _feel(texts: Sequence[str], model: Model, encoder: Encoder, is_elsewhere: bool) -> NDArray[np.float64]:
    """Rows (score, code of the polarity, its probability)."""
    prototypes = model.arrays["prototypes"]
    vectors = encoder.encode(texts)
    weights = np.ones((len(texts), len(FEELINGS)))
    if "classifier" in model.facts:
        probabilities, familiar = _classify(texts, vectors, model, is_elsewhere)
        weights[np.ix_(np.flatnonzero(familiar), _columns(model))] = model.arrays["class_weights"]
    else:
        probabilities = np.exp(unlabelled_feelings(texts, vectors, prototypes))
    codes = (probabilities * weights).argmax(axis=1)
    given = probabilities[np.arange(len(texts)), codes]
    return np.stack([probabilities[:, 2] - probabilities[:, 0], codes, given], axis=1)


def _classify(
    texts: Sequence[str], vectors: NDArray[np.float32], model: Model, is_elsewhere: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(probabilities of `FEELINGS`, which texts are judged as those labelled).

    Of others, if they come from elsewhere, the words learnt say nothing: the classifier's answer by
    vectors alone is mixed with the method without labels.
    """
    from scipy.special import softmax

    classifier = TextClassifier.from_parts(model.facts["classifier"], model.arrays)
    features = feeling_features(texts, vectors, model.arrays["written_prototypes"])
    probabilities = np.zeros((len(texts), len(FEELINGS)))
    columns = _columns(model)
    probabilities[:, columns] = classifier.probabilities(texts, features)
    familiar = _familiarity(model).is_familiar(vectors) | (not is_elsewhere)
    other = np.flatnonzero(~familiar)
    if len(other):
        prototypes = model.arrays["prototypes"]
        felt = unlabelled_feelings([texts[int(i)] for i in other], vectors[other], prototypes)[:, columns]
        by_vectors = classifier.on_vectors.log_probabilities(features[other])
        mixed = _UNFAMILIAR[0] * felt + _UNFAMILIAR[1] * by_vectors
        probabilities[np.ix_(other, columns)] = softmax(mixed, axis=1)
    return probabilities, familiar


def _columns(model: Model) -> NDArray[np.intp]:
    return np.array([FEELINGS.index(name) for name in model.facts["classifier"]["classes"]], dtype=np.intp)


def predict(tables: Tables, model: Model, params: SentimentParams, services: Services) -> Results:
    """Every turn of the chosen speakers, the course of each conversation, and missing csat."""
    turns = _score_turns(tables, model, services.encoder)
    course = follow_course(turns)
    with_aspect = course.with_columns(aspect=aspects_of(course, turns))
    results = {
        "turn_sentiment": turns.select(list(TABLES["turn_sentiment"].columns)),
        "conversation_sentiment": with_aspect.select(list(TABLES["conversation_sentiment"].columns)),
    }
    if "satisfaction" in model.facts and "conversations" in tables:
        results["predicted_satisfaction"] = _predict_satisfaction(tables, course, model)
        schema = TABLES["model_comparison"].empty().schema
        results["model_comparison"] = pl.DataFrame(model.facts["compared"], schema=schema)
    return results


def _score_turns(tables: Tables, model: Model, encoder: Encoder) -> pl.DataFrame:
    """Scored turns, with `is_other_language` and `is_read` (it has words, in a language that is known)."""
    wanted = (
        tables["turns"]
        .filter(pl.col("speaker").is_in(model.facts["speakers"]))
        .select("conversation_id", "turn_index", "speaker", "text")
        .sort("conversation_id", "turn_index")
        .collect()
    )
    # What many say in the same words is read once.
    texts = wanted.select("text").unique(maintain_order=True)
    said = texts["text"].to_list()
    felt = pl.concat([texts, feel_texts(said, model, encoder)], how="horizontal").with_columns(
        is_other_language=pl.Series(are_foreign(said), dtype=pl.Boolean)
    )
    turns = wanted.join(felt, on="text", how="left", validate="m:1", maintain_order="left")
    if "conversations" in tables:
        language = tables["conversations"].select("conversation_id", "language").collect()
        turns = turns.join(
            language, on="conversation_id", how="left", validate="m:1", maintain_order="left"
        ).with_columns(
            is_other_language=pl.col("is_other_language")
            | pl.col("language").str.to_lowercase().str.contains(_OTHER_LANGUAGE).fill_null(False)
        )
    if model.facts.get("n_foreign", 0) >= _FEWEST_FOREIGN:
        turns = turns.with_columns(is_other_language=pl.lit(False))
    unread = pl.col("is_other_language")
    return turns.with_columns(
        score=pl.when(unread).then(0.0).otherwise("score"),
        polarity=pl.when(unread).then(pl.lit("neutral")).otherwise("polarity"),
        probability=pl.when(unread).then(1 / len(FEELINGS)).otherwise("probability"),
        is_read=~unread & (pl.col("text").str.strip_chars() != ""),
    )


# ------------------------------------------------------------------ satisfaction


def _customers(tables: Tables) -> pl.DataFrame | None:
    return tables["customers"].collect() if "customers" in tables else None


def _fit_satisfaction(
    tables: Tables, model: Model, seed: int, encoder: Encoder
) -> tuple[tuple[dict[str, Any], dict[str, NDArray[Any]]], list[dict[str, Any]]] | None:
    """(parts of the model, how well it does with and without the circumstances, on surveys held out).

    None where fewer than 100 surveys were answered, or none is missing.
    """
    if "conversations" not in tables:
        return None
    conversations = tables["conversations"].sort("conversation_id").collect()
    answered = conversations.filter(pl.col("csat").is_not_null())
    if answered.height < _FEWEST_SURVEYS or answered.height == conversations.height:
        return None
    generator = np.random.default_rng(seed)
    if answered.height > _MOST_SURVEYS:
        rows = generator.choice(answered.height, _MOST_SURVEYS, replace=False)
        answered = answered[np.sort(rows)]
    surveyed = answered.lazy().select("conversation_id")
    turns = tables["turns"].join(surveyed, on="conversation_id", how="semi")
    course = follow_course(_score_turns({**tables, "turns": turns}, model, encoder))
    ids = pl.col("conversation_id")
    described = describe(conversations, course, _customers(tables)).filter(
        conversations.select(ids.is_in(answered["conversation_id"].implode())).to_series()
    )
    csat = answered["csat"].cast(pl.Float64).to_numpy()
    units = answered.select(pl.coalesce("customer_id", "conversation_id")).to_series().to_numpy()
    handled = (*COURSE, *HANDLING)
    variants = {
        "whether it was resolved": described.select("is_resolved"),
        "feeling of turns": described.select(COURSE),
        "feeling and handling": described.select(handled),
        "feeling, handling and what was known before": described,
    }
    fitted = {
        name: fit_satisfaction(columns, csat, units, np.random.default_rng(seed))
        for name, columns in variants.items()
    }
    compared = [{"task": "sentiment", **row} for row in compare_satisfaction(fitted, csat, units)]
    return list(fitted.values())[-1].to_parts(), compared


def _predict_satisfaction(tables: Tables, course: pl.DataFrame, model: Model) -> pl.DataFrame:
    conversations = tables["conversations"].sort("conversation_id").collect()
    silent = conversations["csat"].is_null()
    described = describe(conversations, course, _customers(tables)).filter(silent)
    satisfaction = SatisfactionModel.from_parts(model.facts["satisfaction"], model.arrays)
    found = satisfaction.predict(described)
    columns = {"csat": found[:, 0], "low": found[:, 1], "high": found[:, 2]}
    return pl.DataFrame({"conversation_id": conversations["conversation_id"].filter(silent), **columns})


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
    uses=("conversations", "customers"),
    gold="sentiment_labels",
    writes=("turn_sentiment", "conversation_sentiment", "predicted_satisfaction", "model_comparison"),
    metrics=("macro_f1", "accuracy", "weighted_f1", "calibration_error", "coverage"),
    method=Method(fit, predict),
    naive=Method(fit_majority, predict_majority),
    naive_name="majority polarity",
    score=score,
    params=SentimentParams,
)
