"""Which of a taxonomy's intents a conversation has: by what intents are called, and by what was labelled.

Names and descriptions give prototypes (`cxm.methods.prototypes`), labels a classifier
(`cxm.methods.conversation_classifier`); here the two are mixed, made as sure as they are right, and taught
when to abstain. What labels are worth is compared in `cxm.methods.label_amounts`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.abstaining import apply_sureness, choose_threshold, fit_sureness
from cxm.methods.conversation_classifier import ConversationClassifier, fit_conversation_classifier
from cxm.methods.conversations import Conversations, Vectors
from cxm.methods.intent_scores import MIN_RANKS
from cxm.methods.linear import Floats, choose_mix, mix_probabilities
from cxm.methods.neighbourhoods import NEIGHBOURS, Neighbourhoods, fit_neighbourhoods
from cxm.methods.overlap import find_overlaps
from cxm.methods.prototypes import Prototypes, fit_prototypes

_LEAST = 1e-9


@dataclass(frozen=True)
class IntentModel:
    """Probabilities of `intents`; without a `classifier` their prototypes alone decide.

    `unseen_share`: the chance of an intent without an example. `mix`, `sureness` and `threshold` were
    chosen on held-out rows. `overlaps` are rows of `intent_overlaps`. `held_out` is the best guess for each
    labelled conversation by models that had not seen it; empty after loading.
    """

    intents: list[str]
    prototypes: Prototypes
    around: Neighbourhoods | None = None
    classifier: ConversationClassifier | None = None
    unseen_share: float = 0.0
    mix: tuple[float, float] = (1.0, 0.0)
    sureness: tuple[float, float] = (1.0, 0.0)
    threshold: float = 0.0
    overlaps: list[dict[str, Any]] = field(default_factory=list)
    held_out: dict[str, str] = field(default_factory=dict)

    def probabilities(self, seen: Conversations) -> Floats:
        """Probability of each intent, `(n, n_intents)`; rows sum to 1, or less where none is likely."""
        if self.classifier is None:
            return np.exp(self.prototypes.log_probabilities(seen))
        if NEIGHBOURS in self.classifier.examples:
            seen = self._placed(seen)
        return apply_sureness(mix_probabilities(self._parts(seen), self.mix), self.sureness)

    def guesses(self, seen: Conversations) -> dict[str, str]:
        """The best guess for each conversation; empty without intents."""
        best = self.probabilities(seen).argmax(axis=1) if self.intents and len(seen) else []
        return {id_: self.intents[i] for id_, i in zip(seen.ids, best, strict=True)} if len(best) else {}

    def _placed(self, seen: Conversations) -> Conversations:
        assert self.around is not None
        return seen.with_view(NEIGHBOURS, self.around.place(seen.joined()))

    def _parts(self, seen: Conversations, learned: Floats | None = None) -> tuple[Floats, Floats]:
        """Log-probabilities of all intents by the classifier and by their prototypes, `(n, n_intents)`.

        `learned` stands for the classifier's own probabilities.
        """
        assert self.classifier is not None
        learned = self.classifier.probabilities(seen) if learned is None else learned
        with_example = [self.intents.index(label) for label in self.classifier.classes]
        n_unseen = max(1, len(self.intents) - len(with_example))
        spread = np.full((len(learned), len(self.intents)), self.unseen_share / n_unseen)
        spread[:, with_example] = learned * (1 - self.unseen_share)
        return np.log(spread + _LEAST), self.prototypes.log_probabilities(seen)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same model."""
        facts: dict[str, Any] = {
            "intents": self.intents,
            "unseen_share": self.unseen_share,
            "mix": list(self.mix),
            "sureness": list(self.sureness),
            "threshold": self.threshold,
            "overlaps": self.overlaps,
            "learned": None,
        }
        arrays = {f"prototypes.{name}": array for name, array in self.prototypes.to_arrays().items()}
        if self.classifier is not None:
            facts["learned"], learned = self.classifier.to_parts()
            arrays |= {f"learned.{name}": array for name, array in learned.items()}
            if self.around is not None and NEIGHBOURS in self.classifier.examples:
                arrays |= {f"around.{name}": array for name, array in self.around.to_arrays().items()}
        return facts, arrays

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> IntentModel:
        """The model that `to_parts` took apart."""

        def named(prefix: str) -> dict[str, NDArray[Any]]:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        learned, around = facts["learned"], named("around.")
        return IntentModel(
            intents=list(facts["intents"]),
            prototypes=Prototypes.from_arrays(named("prototypes.")),
            around=Neighbourhoods.from_arrays(around) if around else None,
            classifier=ConversationClassifier.from_parts(learned, named("learned.")) if learned else None,
            unseen_share=float(facts["unseen_share"]),
            mix=(float(facts["mix"][0]), float(facts["mix"][1])),
            sureness=(float(facts["sureness"][0]), float(facts["sureness"][1])),
            threshold=float(facts["threshold"]),
            overlaps=list(facts["overlaps"]),
        )


def fit_intent_model(
    seen: Conversations,
    intents: list[str],
    descriptions: Vectors,
    labels: Mapping[str, str] | None,
    seed: int,
    untested: Collection[str] = (),
) -> IntentModel:
    """Learn from all that is `seen`, and from the `labels` (conversation -> intent) of some of it.

    `descriptions` are the vectors of the phrases for intents (`cxm.methods.descriptions`). A label that is
    none of `intents` is an example of none of these. `untested`: see `learn_labels`.
    """
    model = IntentModel(intents, fit_prototypes(seen, descriptions))
    if labels is None:
        return model
    model = replace(model, around=fit_neighbourhoods(seen.joined(), seed))
    return learn_labels(model, seen, descriptions, labels, seed, untested)


def learn_labels(
    model: IntentModel,
    seen: Conversations,
    descriptions: Vectors,
    labels: Mapping[str, str],
    seed: int,
    untested: Collection[str] = (),
) -> IntentModel:
    """The model with a classifier learned from these labels alone; as it is where none is of its intents.

    Conversations of `untested` are learned from and judge nothing: whatever made their vectors has seen
    their labels.
    """
    known = set(model.intents)
    inside = seen.rows(np.array([labels.get(id_) in known for id_ in seen.ids], dtype=bool))
    if not len(inside):
        return model
    outside = seen.rows(
        np.array([id_ in labels and labels[id_] not in known for id_ in seen.ids], dtype=bool)
    )
    inside, outside = model._placed(inside), model._placed(outside)
    of_rows = [labels[id_] for id_ in inside.ids]
    is_tested = ~inside.ids.is_in(list(untested)).to_numpy()
    classifier = fit_conversation_classifier(inside, of_rows, seed, is_tested=is_tested)
    learned = replace(model, classifier=classifier, unseen_share=_unseen_share(of_rows, model.intents))
    assert classifier.out_of_fold is not None
    tested = inside.rows(is_tested)
    parts = learned._parts(tested, classifier.out_of_fold[is_tested])
    numbers = {intent: i for i, intent in enumerate(model.intents)}
    codes = np.array([numbers[label] for label in of_rows], dtype=np.intp)
    # An intent with one example was never held out beside another: it can judge no mix.
    judged = (np.bincount(codes)[codes] > 1)[is_tested]
    truth = codes[is_tested]
    mix = choose_mix((parts[0][judged], parts[1][judged]), truth[judged])
    mixed = mix_probabilities(parts, mix)
    unlike = mix_probabilities(learned._parts(outside), mix)
    sureness = fit_sureness(mixed, truth, unlike)
    mixed, unlike = apply_sureness(mixed, sureness), apply_sureness(unlike, sureness)
    ids = tested.ids.to_list()
    best = mixed.argmax(axis=1).tolist() if len(ids) else []
    return replace(
        learned,
        mix=mix,
        sureness=sureness,
        threshold=choose_threshold(mixed, truth, unlike),
        overlaps=find_overlaps(mixed, truth, model.intents, ids, descriptions),
        held_out={id_: model.intents[i] for id_, i in zip(ids, best, strict=True)},
    )


def _unseen_share(labels: list[str], intents: list[str]) -> float:
    """Probability that the next conversation has an intent without an example.

    Good's (1953) estimate from intents seen once, at most the share of intents without an example.
    """
    counts = {label: labels.count(label) for label in set(labels)}
    estimate = max(1, sum(n == 1 for n in counts.values())) / (len(labels) + 1)
    return min(estimate, (len(intents) - len(counts)) / len(intents))


def rank_intents(
    ids: pl.Series, intents: list[str], probabilities: NDArray[np.float64], threshold: float, n_ranks: int
) -> pl.DataFrame:
    """Of each conversation the likeliest intents, at least three: conversation_id, rank, intent,
    probability, is_abstained (the best is less likely than `threshold`)."""
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
