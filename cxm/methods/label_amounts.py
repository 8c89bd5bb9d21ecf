"""What labels are worth: intents of the same conversations, told by models that were given more and more.

The steps of FEET (Lee et al. 2024, arXiv:2411.01322): an encoder as it is without labels, with a few an
intent, with all, and fine-tuned. The models themselves are in `cxm.methods.intent_model`; how an encoder
is fine-tuned is in `cxm.backends.fine_tuning`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import Conversations, Vectors
from cxm.methods.intent_model import IntentModel, learn_labels
from cxm.metrics import estimate
from cxm.metrics.intervals import mean_of

FEW = 8
# The names of the models compared.
NO_LABELS, FEW_LABELS, ALL_LABELS, FINE_TUNED = "no labels", f"{FEW} an intent", "all labels", "fine-tuned"
_SHARE, _MOST_JUDGES = 1 / 3, 2_000


def draw_judges(labels: Mapping[str, str], seed: int) -> list[str]:
    """The labelled conversations that judge all models: a third drawn by chance, at most 2,000, sorted."""
    ids = sorted(labels)
    n = min(int(len(ids) * _SHARE), _MOST_JUDGES)
    return sorted(ids[i] for i in np.random.default_rng(seed).permutation(len(ids))[:n].tolist())


def compare_amounts(
    model: IntentModel,
    seen: Conversations,
    descriptions: Vectors,
    labels: Mapping[str, str],
    judges: Sequence[str],
    seed: int,
) -> list[dict[str, Any]]:
    """Rows of `model_comparison` (without `task`) for no labels, few and all; no judge gives none.

    `model` has learned from all `labels`, its guesses for the judges are of models that had not seen them.
    """
    if not judges:
        return []
    judged = seen.rows(seen.ids.is_in(list(judges)).to_numpy())
    bare = IntentModel(model.intents, model.prototypes, model.around)
    few = _draw_few({id_: label for id_, label in labels.items() if id_ not in set(judges)}, seed)
    some = learn_labels(bare, seen, descriptions, few, seed)
    return [
        *describe_model(NO_LABELS, are_right(bare.guesses(judged), labels, judges), 0),
        *describe_model(FEW_LABELS, are_right(some.guesses(judged), labels, judges), len(few)),
        *describe_model(ALL_LABELS, are_right(model.held_out, labels, judges), len(labels)),
    ]


def _draw_few(labels: Mapping[str, str], seed: int) -> dict[str, str]:
    """At most `FEW` labels of each intent, drawn by chance."""
    ids = sorted(labels)
    of_intent: dict[str, list[str]] = {}
    for i in np.random.default_rng(seed).permutation(len(ids)).tolist():
        of_intent.setdefault(labels[ids[i]], []).append(ids[i])
    return {id_: label for label, drawn in of_intent.items() for id_ in drawn[:FEW]}


def are_right(
    guesses: Mapping[str, str], labels: Mapping[str, str], judges: Sequence[str]
) -> NDArray[np.bool_]:
    """Whether each judge's guess is its label, `(n_judges,)`."""
    return np.array([guesses.get(id_) == labels[id_] for id_ in judges], dtype=bool)


def describe_model(
    name: str, is_right: NDArray[np.bool_], n_labels: int, is_used: bool | None = None
) -> list[dict[str, Any]]:
    """Rows of `model_comparison` (without `task`): accuracy with its interval, the labels it took, and where
    that was asked whether it is used."""
    found = estimate("accuracy", mean_of(is_right), np.arange(len(is_right)))
    rows = [(e.metric, e.value, e.low, e.high, e.n) for e in found]
    facts = {"n_labels": n_labels} if is_used is None else {"n_labels": n_labels, "is_used": is_used}
    rows += [(name_, float(value), None, None, e.n) for e in found for name_, value in facts.items()]
    columns = ("metric", "value", "low", "high", "n")
    return [{"model": name, **dict(zip(columns, row, strict=True))} for row in rows]


def is_gain(is_right: NDArray[np.bool_], before: NDArray[np.bool_]) -> bool:
    """Whether the same judges are right more often than before, by more than the gain's standard error."""
    gains = is_right.astype(float) - before
    return bool(len(gains) and gains.mean() > gains.std() / np.sqrt(len(gains)))
