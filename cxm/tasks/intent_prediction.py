"""Why did the customer contact us?

With labels a linear classifier, without them the taxonomy's own words, without a taxonomy
drivers that are discovered. How texts become features and how drivers change over time is in
`cxm.methods`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.abstaining import apply_sureness, choose_threshold, fit_sureness
from cxm.methods.conversation_classifier import ConversationClassifier, fit_conversation_classifier
from cxm.methods.conversations import CUSTOMER, Conversations, describe_conversations, to_unit
from cxm.methods.deciding import explain
from cxm.methods.descriptions import phrase_intent
from cxm.methods.discovered import Discovered, discover, keep_names
from cxm.methods.discovery import distinctive_words
from cxm.methods.drivers import compare_periods, count_customers
from cxm.methods.intent_scores import MIN_RANKS, score_intents
from cxm.methods.languages import are_foreign
from cxm.methods.linear import choose_mix, mix_probabilities
from cxm.methods.neighbourhoods import NEIGHBOURS, Neighbourhoods, fit_neighbourhoods
from cxm.methods.overlap import find_overlaps
from cxm.methods.prototypes import Prototypes, fit_prototypes, what_is_common
from cxm.metrics import Estimate
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

_LEAST = 1e-9
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
    n_ranks: int = param(3, "Guesses written for each conversation (at least 3).", low=3)
    n_drivers: tuple[int, ...] = param(
        (8, 12, 16, 24, 32, 48, 64, 96, 128),
        "Numbers of drivers to try where there is no taxonomy; what says the same is merged.",
        low=1,
    )


# ------------------------------------------------------------------ fit


def _fit(tables: Tables, train: pl.DataFrame | None, params: IntentParams, services: Services) -> Model:
    if "taxonomy" not in tables:
        return _discover(tables, params, services)
    taxonomy = tables["taxonomy"].sort("intent").collect()
    intents = taxonomy["intent"].to_list()
    phrases = [phrase_intent(*row) for row in taxonomy.select("intent", "parent", "description").rows()]
    said = services.encoder.encode([phrase for ways in phrases for phrase in ways])
    descriptions = to_unit(said[0::3] + said[1::3] + said[2::3])
    labels = dict(train.select("conversation_id", "intent").iter_rows()) if train is not None else {}
    seen = _describe_some(tables, list(labels), params, services)
    prototypes = fit_prototypes(seen, descriptions)
    facts: dict[str, Any] = {"intents": intents, "threshold": 0.0, "learned": None, "overlaps": []}
    arrays = {"descriptions": descriptions, **_prefixed("prototypes.", prototypes.to_arrays())}
    if train is not None:
        around = fit_neighbourhoods(seen.joined(), params.seed)
        arrays |= _prefixed("around.", around.to_arrays())
        known = seen.rows(seen.ids.is_in(list(labels)).to_numpy())
        known = known.with_view(NEIGHBOURS, around.place(known.joined()))
        _learn(known, [labels[i] for i in known.ids], facts, arrays, params)
    if params.min_probability is not None:
        facts["threshold"] = params.min_probability
    facts["reads_others"] = bool(len(seen) and _foreign(seen).mean() >= _USUAL_SHARE)
    if intents:
        groups = _probabilities(Model(facts, arrays), seen).argmax(axis=1)
        facts["words"] = _words(seen, intents, groups)
    return Model(facts, arrays)


def _describe_some(
    tables: Tables, labelled: list[str], params: IntentParams, services: Services
) -> Conversations:
    """The labelled conversations and as many others, drawn by chance, as models learn from without labels."""
    conversations = tables["conversations"]
    ids = conversations.select("conversation_id").sort("conversation_id").collect()["conversation_id"]
    others = ids.filter(~ids.is_in(labelled))
    if len(others) > _MOST_OTHERS:
        drawn = np.random.default_rng(params.seed).permutation(len(others))[:_MOST_OTHERS]
        kept = pl.Series([*labelled, *others.gather(drawn)], dtype=pl.String)
        conversations = conversations.filter(pl.col("conversation_id").is_in(kept.implode()))
    return describe_conversations(conversations, tables["turns"], services.encoder.encode)


def _learn(
    seen: Conversations,
    labels: list[str],
    facts: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    params: IntentParams,
) -> None:
    """Add a classifier, an abstaining threshold and overlaps learned from labelled conversations."""
    intents = facts["intents"]
    known = set(intents)
    is_known = np.array([label in known for label in labels], dtype=bool)
    if not is_known.any():
        return
    inside, outside = seen.rows(is_known), seen.rows(~is_known)
    labels = [label for label in labels if label in known]
    classifier = fit_conversation_classifier(inside, labels, params.seed)
    held_out = classifier.out_of_fold
    assert held_out is not None
    facts["learned"], learned = classifier.to_parts()
    if NEIGHBOURS not in classifier.examples:
        for name in [name for name in arrays if name.startswith("around.")]:
            del arrays[name]
    arrays.update(_prefixed("learned.", learned))
    facts["unseen_share"] = _unseen_share(labels, intents)
    truth = np.array([intents.index(label) for label in labels])
    parts = _parts(held_out, classifier.classes, inside, facts, arrays)
    n_of = np.bincount(truth, minlength=len(intents))
    # An intent with one example was never held out beside another: it can judge no mix.
    judged = n_of[truth] > 1
    facts["mix"] = list(choose_mix((parts[0][judged], parts[1][judged]), truth[judged]))
    mixed = mix_probabilities(parts, facts["mix"])
    outside_parts = _parts(classifier.probabilities(outside), classifier.classes, outside, facts, arrays)
    unlike = mix_probabilities(outside_parts, facts["mix"])
    facts["sureness"] = sureness = fit_sureness(mixed, truth, unlike)
    mixed, unlike = apply_sureness(mixed, sureness), apply_sureness(unlike, sureness)
    facts["threshold"] = choose_threshold(mixed, truth, unlike)
    facts["overlaps"] = find_overlaps(mixed, truth, intents, inside.ids.to_list(), arrays["descriptions"])


def _parts(
    learned: NDArray[np.float64],
    classes: list[str],
    seen: Conversations,
    facts: dict[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-probabilities of all intents by the classifier and by their descriptions, `(n, n_intents)`."""
    intents = facts["intents"]
    with_example = [intents.index(label) for label in classes]
    unseen_share = facts["unseen_share"]
    n_unseen = max(1, len(intents) - len(with_example))
    spread = np.full((len(learned), len(intents)), unseen_share / n_unseen)
    spread[:, with_example] = learned * (1 - unseen_share)
    return np.log(spread + _LEAST), _prototypes(arrays).log_probabilities(seen)


def _prototypes(arrays: Mapping[str, NDArray[Any]]) -> Prototypes:
    return Prototypes.from_arrays(_named(arrays, "prototypes."))


def _unseen_share(labels: list[str], intents: list[str]) -> float:
    """Probability that the next conversation has an intent without an example.

    Good's (1953) estimate from intents seen once, at most the share of intents without an example.
    """
    counts = {label: labels.count(label) for label in set(labels)}
    estimate = max(1, sum(n == 1 for n in counts.values())) / (len(labels) + 1)
    return min(estimate, (len(intents) - len(counts)) / len(intents))


def _words(seen: Conversations, intents: list[str], groups: NDArray[np.intp]) -> dict[str, dict[str, float]]:
    """Of each intent the words that tell it from others, by the conversations that were given it."""
    return dict(
        zip(intents, distinctive_words(seen.texts[CUSTOMER], groups, len(intents), _WORDS_KEPT), strict=True)
    )


def _discover(tables: Tables, params: IntentParams, services: Services) -> Model:
    seen = _describe_some(tables, [], params, services)
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
    if model.facts["learned"] is None:
        return np.exp(_prototypes(model.arrays).log_probabilities(seen))
    learned = _named(model.arrays, "learned.")
    classifier = ConversationClassifier.from_parts(model.facts["learned"], learned)
    if NEIGHBOURS in classifier.examples:
        around = Neighbourhoods.from_arrays(_named(model.arrays, "around."))
        seen = seen.with_view(NEIGHBOURS, around.place(seen.joined()))
    parts = _parts(classifier.probabilities(seen), classifier.classes, seen, model.facts, model.arrays)
    slope, offset = model.facts["sureness"]
    return apply_sureness(mix_probabilities(parts, model.facts["mix"]), (slope, offset))


def _named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _rank(
    ids: pl.Series, intents: list[str], probabilities: NDArray[np.float64], threshold: float, n_ranks: int
) -> pl.DataFrame:
    k = min(max(n_ranks, MIN_RANKS), len(intents))
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    top = np.take_along_axis(probabilities, order, axis=1)
    n = len(ids)
    return pl.DataFrame(
        {
            "conversation_id": np.repeat(ids.to_numpy(), k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), n),
            "intent": np.array(intents, dtype=object)[order.ravel()] if n * k else [],
            "probability": np.clip(top.ravel(), 0, 1),
            "is_abstained": np.repeat(top[:, 0] < threshold if k else np.zeros(n, bool), k),
        },
        schema_overrides={"conversation_id": pl.String, "intent": pl.String, "probability": pl.Float64},
    )


def _predict_some(
    conversations: pl.LazyFrame,
    turns: pl.LazyFrame,
    model: Model,
    params: IntentParams,
    services: Services,
) -> pl.DataFrame:
    """Rows of `predicted_intents` for these conversations."""
    seen = describe_conversations(conversations, turns, services.encoder.encode)
    intents = model.facts["intents"]
    probabilities = _probabilities(model, seen) if intents else np.zeros((len(seen), 0))
    ranked = _rank(seen.ids, intents, probabilities, model.facts.get("threshold", 0), params.n_ranks)
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
    turn_index = _prototypes(model.arrays).deciding_turns(seen, chosen)
    decided = best.select("conversation_id", "intent", turn_index=pl.Series(turn_index, dtype=pl.Int32))
    why = explain(decided, turns, model.facts["words"]).with_columns(rank=pl.lit(1, dtype=pl.Int32))
    return ranked.join(why, on=["conversation_id", "rank"], how="left", validate="1:1", maintain_order="left")


def _predict(tables: Tables, model: Model, params: IntentParams, services: Services) -> Results:
    ids = tables["conversations"].select("conversation_id").sort("conversation_id").collect()
    turns = tables["turns"].collect().lazy()
    parts = [
        _predict_some(ids[start : start + _AT_ONCE].lazy(), turns, model, params, services)
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
    ranked = _rank(ids["conversation_id"], model.facts["intents"], shares, 0.0, params.n_ranks)
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
