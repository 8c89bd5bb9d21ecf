"""What labelled dialogues say of the tool that comes next: a classifier of tools, and of none at all.

How a dialogue is laid open to the classifier, and how its answer is laid beside a list of tools,
belongs here; what else speaks for a tool is in `cxm.methods.tool_features`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.conversation_classifier import ConversationClassifier, fit_conversation_classifier
from cxm.methods.conversations import Conversations, Pieces
from cxm.methods.dialogues import Context
from cxm.methods.retrieval import draw_folds
from cxm.methods.tool_features import AGENTS, Array, Dialogues, last_text

# The class of dialogues that call no tool.
_NONE = ""
_LEAST_CHANCE = 1e-6
_N_FOLDS = 5


def fit_tool_classifier(
    dialogues: Dialogues, called: Sequence[str | None], seed: int
) -> ConversationClassifier | None:
    """A classifier of which tool each dialogue called, None for none; None where nothing can be learned.

    Its `out_of_fold` are chances that no turn of the same conversation has spoken for.
    """
    labels = [name or _NONE for name in called]
    if len(set(labels)) < 2 or not any(context.last_request for context in dialogues.contexts):
        return None
    owners = np.array([context.conversation_id for context in dialogues.contexts])
    folds = draw_folds(owners, _N_FOLDS, seed)
    return fit_conversation_classifier(_laid_open(dialogues), labels, seed, folds=folds)


def tool_chances(
    classifier: ConversationClassifier | None, dialogues: Dialogues, names: Sequence[str]
) -> Array:
    """Log-probability of each tool, and last of none: `(n, n_tools + 1)`, NaN for what no label named."""
    if classifier is None:
        return np.full((len(dialogues.contexts), len(names) + 1), np.nan)
    return spread_chances(classifier.probabilities(_laid_open(dialogues)), classifier.classes, names)


def spread_chances(probabilities: Array, classes: Sequence[str], names: Sequence[str]) -> Array:
    """Probabilities `(n, n_classes)` as log-probabilities in the order of `names`, none last."""
    column = {name: i for i, name in enumerate(classes)}
    chances = np.full((len(probabilities), len(names) + 1), np.nan)
    for i, name in enumerate((*names, _NONE)):
        if name in column:
            chances[:, i] = np.log(np.maximum(probabilities[:, column[name]], _LEAST_CHANCE))
    return chances


def with_new_tools(chances: Array, share: float, seed: int) -> Array:
    """Chances as they would be if, of each dialogue, a random share of the tools were new.

    A ranker that learns from them knows what to make of tools that no label names; without, none was
    ever right, and it would never choose one. The chance of no tool stays as it is.
    """
    is_new = np.random.default_rng(seed).random(chances.shape) < share
    is_new[:, -1] = False
    left = np.where(is_new, np.nan, chances)
    total = np.nansum(np.exp(left), axis=1, keepdims=True)
    left[:, :-1] -= np.log(np.where(total > 0, total, 1.0))
    return left


def _laid_open(dialogues: Dialogues) -> Conversations:
    contexts = dialogues.contexts
    # What was requested last, and who spoke last, the vectors and the other features say better.
    texts = {
        "customer": [_said(context, ("customer",)) for context in contexts],
        "agent": [last_text(context, AGENTS) for context in contexts],
        "system": [_said(context, ("system",)) for context in contexts],
    }
    views = {name: vectors for name, vectors in dialogues.views.items() if name != "request"}
    ids = pl.Series([str(i) for i in range(len(contexts))], dtype=pl.String)
    return Conversations(ids, texts, views, _NO_PIECES)


def _said(context: Context, speakers: Sequence[str]) -> str:
    return "\n".join(turn.text for turn in context.turns if turn.speaker in speakers)


def _empty(dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.zeros(0, dtype=dtype)


_NO_PIECES = Pieces(_empty(np.intp), _empty(np.int32), _empty(np.int8), np.zeros((0, 0), dtype=np.float32))
