"""Why did the customer contact us?

With labels a linear classifier, without them the taxonomy's own words, without a taxonomy
drivers that are discovered. How texts become features and how drivers change over time is in
`cxm.methods`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.backends.fine_tuning import Weights
from cxm.methods.conversations import CUSTOMER, Conversations, Vectors, describe_conversations, to_unit
from cxm.methods.deciding import explain
from cxm.methods.descriptions import phrase_intent
from cxm.methods.dialogues import customer_needs
from cxm.methods.discovered import Discovered, discover, keep_names
from cxm.methods.discovery import distinctive_words
from cxm.methods.drivers import compare_periods, count_customers
from cxm.methods.intent_model import IntentModel, fit_intent_model, rank_intents
from cxm.methods.intent_scores import score_intents
from cxm.methods.label_amounts import (
    FINE_TUNED,
    are_right,
    compare_amounts,
    describe_model,
    draw_judges,
    is_gain,
)
from cxm.methods.languages import are_foreign
from cxm.methods.prototypes import Prototypes, what_is_common
from cxm.metrics import Estimate
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

log = logging.getLogger(__name__)

# A folder with this share of conversations in other languages than English is learned from as it is.
_USUAL_SHARE, _READ = 0.05, 500
_WORDS_KEPT = 100  # of each intent, for explanations
_MOST_OTHERS = 12_000  # conversations without a label that are learned from
_AT_ONCE = 10_000  # conversations predicted at once: more vectors would be a matter of gigabytes


@dataclass(frozen=True)
class IntentParams(Params):
    """Parameters of `intent_prediction`."""

    min_probability: float | None = param(
        None,
        "Abstain below this probability (none: chosen on train rows by cross-validation).",
        low=0,
        high=1,
    )
    fine_tune: bool = param(
        False,
        "Fine-tune the encoder on train labels (minutes; all texts are encoded anew); used only where it is"
        " right more often for labels held out.",
    )
    n_ranks: int = param(3, "Guesses written for each conversation (at least 3).", low=3)
    n_drivers: tuple[int, ...] = param(
        (8, 12, 16, 24, 32, 48, 64, 96, 128),
        "Numbers of drivers to try where there is no taxonomy; what says the same is merged.",
        low=1,
    )


# ------------------------------------------------------------------ fit


@dataclass(frozen=True)
class _Learned:
    """A model, and what it was learned from."""

    model: IntentModel
    seen: Conversations
    descriptions: Vectors


def _fit(tables: Tables, train: pl.DataFrame | None, params: IntentParams, services: Services) -> Model:
    if "taxonomy" not in tables:
        return _discover(tables, params, services)
    labels = dict(train.select("conversation_id", "intent").iter_rows()) if train is not None else None
    learned = _learn(tables, labels, params, services.encoder)
    intents, seen = learned.model.intents, learned.seen
    known = {id_: label for id_, label in (labels or {}).items() if label in set(intents)}
    judges = draw_judges(known, params.seed)
    compared = compare_amounts(learned.model, seen, learned.descriptions, known, judges, params.seed)
    weights: Weights = {}
    if params.fine_tune:
        learned, weights, rows = _fine_tune(tables, labels, known, judges, learned, params, services.encoder)
        compared += rows
    facts, arrays = learned.model.to_parts()
    if params.min_probability is not None:
        facts["threshold"] = params.min_probability
    facts["compared"] = [{"task": "intent_prediction", **row} for row in compared]
    facts["reads_others"] = bool(len(seen) and _foreign(seen).mean() >= _USUAL_SHARE)
    if intents:
        groups = learned.model.probabilities(learned.seen).argmax(axis=1)
        facts["words"] = _words(seen, intents, groups)
    return Model(facts, {**arrays, **_prefixed("encoder.", weights)})


def _learn(
    tables: Tables,
    labels: dict[str, str] | None,
    params: IntentParams,
    encoder: Encoder,
    untested: Collection[str] = (),
) -> _Learned:
    """The model of the taxonomy's intents, by this encoder; `untested` as in `learn_labels`."""
    taxonomy = tables["taxonomy"].sort("intent").collect()
    phrases = [phrase_intent(*row) for row in taxonomy.select("intent", "parent", "description").rows()]
    said = encoder.encode([phrase for ways in phrases for phrase in ways])
    descriptions = to_unit(said[0::3] + said[1::3] + said[2::3])
    seen = _describe_some(tables, list(labels or {}), params, encoder)
    intents = taxonomy["intent"].to_list()
    model = fit_intent_model(seen, intents, descriptions, labels, params.seed, untested)
    return _Learned(model, seen, descriptions)


def _fine_tune(
    tables: Tables,
    labels: dict[str, str] | None,
    known: dict[str, str],
    judges: list[str],
    frozen: _Learned,
    params: IntentParams,
    encoder: Encoder,
) -> tuple[_Learned, Weights, list[dict[str, Any]]]:
    """What is learned by a fine-tuned encoder, its weights, rows of `model_comparison`.

    The encoder is moved by all labels but the judges'; where these are not right more often by it, what the
    `frozen` one taught stays, and no weights.
    """
    moving = {id_: label for id_, label in known.items() if id_ not in set(judges)}
    needs = customer_needs(tables["turns"].filter(pl.col("conversation_id").is_in(list(moving))).collect())
    texts = dict(needs.iter_rows())
    ids = sorted(texts)
    log.info("intent_prediction: fine-tuning the encoder on %s labels", f"{len(ids):,}")
    weights = encoder.fine_tune([texts[i] for i in ids], [moving[i] for i in ids], params.seed)
    if not (weights and judges):
        log.warning("intent_prediction: fine_tune is not used: it needs two labels of each of two intents")
        return frozen, {}, []
    tuned = _learn(tables, labels, params, encoder.with_weights(weights), untested=moving)
    before, after = (are_right(one.model.held_out, known, judges) for one in (frozen, tuned))
    is_used = is_gain(after, before)
    log.info(
        "intent_prediction: %.3f of %s labels held out right by the fine-tuned encoder, %.3f without it: %s",
        *(after.mean(), f"{len(judges):,}", before.mean(), "used" if is_used else "not used"),
    )
    rows = describe_model(FINE_TUNED, after, len(known), is_used)
    return (tuned, weights, rows) if is_used else (frozen, {}, rows)


def _describe_some(
    tables: Tables, labelled: list[str], params: IntentParams, encoder: Encoder
) -> Conversations:
    """The labelled conversations and as many others, drawn by chance, as models learn from without labels."""
    conversations = tables["conversations"]
    ids = conversations.select("conversation_id").sort("conversation_id").collect()["conversation_id"]
    others = ids.filter(~ids.is_in(labelled))
    if len(others) > _MOST_OTHERS:
        drawn = np.random.default_rng(params.seed).permutation(len(others))[:_MOST_OTHERS]
        kept = pl.Series([*labelled, *others.gather(drawn)], dtype=pl.String)
        conversations = conversations.filter(pl.col("conversation_id").is_in(kept.implode()))
    return describe_conversations(conversations, tables["turns"], encoder.encode)


def _words(seen: Conversations, intents: list[str], groups: NDArray[np.intp]) -> dict[str, dict[str, float]]:
    """Of each intent the words that tell it from others, by the conversations that were given it."""
    return dict(
        zip(intents, distinctive_words(seen.texts[CUSTOMER], groups, len(intents), _WORDS_KEPT), strict=True)
    )


def _discover(tables: Tables, params: IntentParams, services: Services) -> Model:
    seen = _describe_some(tables, [], params, services.encoder)
    known = seen.rows(np.array([text != "" for text in seen.texts[CUSTOMER]], dtype=bool))
    if not len(known):
        return Model({"intents": [], "discovered": {"drivers": []}})
    found = discover(known, params.n_drivers, params.seed)
    intents = [driver.intent for driver in found.drivers]
    words = _words(known, intents, found.strengths(known).argmax(axis=1))
    facts, arrays = found.to_parts()
    common, common_whole = what_is_common(seen)
    need = to_unit(found.wholes[:, : common.shape[1]])
    prototypes = Prototypes(need, common, common_whole, found.wholes)
    named = _prefixed("discovered.", arrays) | _prefixed("prototypes.", prototypes.to_arrays())
    return Model({"intents": intents, "discovered": facts, "words": words}, named)


def _settle(model: Model, earlier: Model) -> Model:
    """The model with the names that an earlier run gave to the drivers it found."""
    if not (model.facts.get("discovered") and earlier.facts.get("discovered")):
        return model
    found = keep_names(_found(model), _found(earlier))
    intents = [driver.intent for driver in found.drivers]
    words = {new: model.facts["words"][old] for new, old in zip(intents, model.facts["intents"], strict=True)}
    return replace(model, facts={"intents": intents, "discovered": found.to_parts()[0], "words": words})


def _found(model: Model) -> Discovered:
    return Discovered.from_parts(model.facts["discovered"], _named(model.arrays, "discovered."))


# ------------------------------------------------------------------ predict


def _probabilities(model: Model, seen: Conversations) -> NDArray[np.float64]:
    """Probability of each of the model's intents, `(n, n_intents)`."""
    if "discovered" in model.facts:
        return _found(model).strengths(seen)
    return IntentModel.from_parts(model.facts, model.arrays).probabilities(seen)


def _named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _predict_some(
    conversations: pl.LazyFrame,
    turns: pl.LazyFrame,
    model: Model,
    params: IntentParams,
    encoder: Encoder,
) -> pl.DataFrame:
    """Rows of `predicted_intents` for these conversations."""
    seen = describe_conversations(conversations, turns, encoder.encode)
    intents = model.facts["intents"]
    probabilities = _probabilities(model, seen) if intents else np.zeros((len(seen), 0))
    ranked = rank_intents(seen.ids, intents, probabilities, model.facts.get("threshold", 0), params.n_ranks)
    is_unread = _foreign(seen) & (not model.facts.get("reads_others", True))
    unread = pl.Series(np.repeat(is_unread, ranked.height // max(1, len(seen))), dtype=pl.Boolean)
    ranked = ranked.with_columns(is_abstained=pl.col("is_abstained") | unread, is_other_language=unread)
    return _explained(ranked, seen, model, turns)


def _foreign(seen: Conversations) -> NDArray[np.bool_]:
    """Whether the customer of each conversation surely speaks another language than English."""
    return are_foreign([text[:_READ] for text in seen.texts[CUSTOMER]])


def _explained(ranked: pl.DataFrame, seen: Conversations, model: Model, turns: pl.LazyFrame) -> pl.DataFrame:
    """The guesses, the first of each conversation with the turn and the words that decided."""
    intents = model.facts["intents"]
    best = ranked.filter(pl.col("rank") == 1)
    if not best.height:
        return TABLES["predicted_intents"].empty()
    number = {intent: i for i, intent in enumerate(intents)}
    chosen = np.array([number[intent] for intent in best["intent"]], dtype=np.intp)
    prototypes = Prototypes.from_arrays(_named(model.arrays, "prototypes."))
    turn_index = prototypes.deciding_turns(seen, chosen)
    decided = best.select("conversation_id", "intent", turn_index=pl.Series(turn_index, dtype=pl.Int32))
    why = explain(decided, turns, model.facts["words"]).with_columns(rank=pl.lit(1, dtype=pl.Int32))
    return ranked.join(why, on=["conversation_id", "rank"], how="left", validate="1:1", maintain_order="left")


def _predict(tables: Tables, model: Model, params: IntentParams, services: Services) -> Results:
    ids = tables["conversations"].select("conversation_id").sort("conversation_id").collect()
    turns = tables["turns"].collect().lazy()
    weights = _named(model.arrays, "encoder.")
    encoder = services.encoder.with_weights(weights) if weights else services.encoder
    parts = [
        _predict_some(ids[start : start + _AT_ONCE].lazy(), turns, model, params, encoder)
        for start in range(0, max(ids.height, 1), _AT_ONCE)
    ]
    ranked = pl.concat(parts)
    results: Results = {"predicted_intents": ranked}
    best = ranked.filter(pl.col("rank") == 1)
    if "discovered" in model.facts:
        results["discovered_taxonomy"] = pl.DataFrame(
            model.facts["discovered"]["drivers"],
            schema=TABLES["discovered_taxonomy"].empty().schema,
            orient="row",
        )
        results["discovered_drivers"] = best.select("conversation_id", "intent", strength="probability")
    else:
        results["intent_overlaps"] = pl.DataFrame(
            model.facts["overlaps"], schema=TABLES["intent_overlaps"].empty().schema
        )
        if model.facts["compared"]:
            schema = TABLES["model_comparison"].empty().schema
            results["model_comparison"] = pl.DataFrame(model.facts["compared"], schema=schema)
    results["driver_changes"] = _driver_changes(tables, best.filter(~pl.col("is_abstained")))
    return results


def _driver_changes(tables: Tables, best: pl.DataFrame) -> pl.DataFrame:
    conversations = tables["conversations"].select("conversation_id", "started_at", "handle_seconds", "csat")
    rows = conversations.collect().join(
        best.select("conversation_id", "intent"), on="conversation_id", how="inner", validate="1:1"
    )
    active = None
    if "customers" in tables:
        active = count_customers(tables["customers"], tables["conversations"])
    return compare_periods(rows, active)


# ------------------------------------------------------------------ the naive method


def _fit_majority(
    tables: Tables, train: pl.DataFrame | None, params: IntentParams, services: Services
) -> Model:
    """Intents by how often they were labelled; without labels in order of their names."""
    if "taxonomy" not in tables:
        return Model({"intents": [], "shares": []})
    intents = tables["taxonomy"].select("intent").sort("intent").collect()["intent"].to_list()
    labels = train["intent"].to_list() if train is not None else []
    counts = np.array([labels.count(intent) for intent in intents], dtype=float) + 1e-9
    return Model({"intents": intents, "shares": (counts / counts.sum()).tolist()})


def _predict_majority(tables: Tables, model: Model, params: IntentParams, services: Services) -> Results:
    ids = tables["conversations"].select("conversation_id").sort("conversation_id").collect()
    shares = np.tile(np.array(model.facts["shares"], dtype=float), (ids.height, 1))
    ranked = rank_intents(ids["conversation_id"], model.facts["intents"], shares, 0.0, params.n_ranks)
    columns = TABLES["predicted_intents"].empty().schema
    unexplained = [pl.lit(None, dtype=columns[n]).alias(n) for n in columns if n not in ranked.columns]
    return {"predicted_intents": ranked.with_columns(unexplained)}


# ------------------------------------------------------------------ score


def _score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: IntentParams
) -> list[Estimate]:
    if gold is None or "taxonomy" not in tables:
        return []
    taxonomy = tables["taxonomy"].select("intent", "parent").collect()
    return score_intents(results["predicted_intents"], gold.filter(pl.col("split") == "test"), taxonomy)


TASK = Task(
    name="intent_prediction",
    title="Intent prediction",
    question="Why did the customer contact us?",
    needs=(("conversations", "turns", "taxonomy"), ("conversations", "turns")),
    uses=("customers",),
    gold="intent_labels",
    writes=(
        "predicted_intents",
        "discovered_taxonomy",
        "discovered_drivers",
        "intent_overlaps",
        "driver_changes",
        "model_comparison",
    ),
    metrics=(
        "accuracy",
        "macro_f1",
        "accuracy_at_3",
        "out_of_scope_recall",
        "out_of_scope_precision",
        "mcc",
        "calibration_error",
        "coverage",
    ),
    params=IntentParams,
    method=Method(_fit, _predict, _settle),
    naive=Method(_fit_majority, _predict_majority),
    naive_name="the most frequent intent of the train rows",
    score=_score,
)
