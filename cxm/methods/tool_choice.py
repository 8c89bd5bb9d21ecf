"""Which tool a dialogue calls for, if any: by likeness of words and meaning, and by labels.

Features of a (dialogue, tool) pair and how they are weighed belong here; what to call the tool with
is in `cxm.methods.tool_arguments`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import Context, is_courtesy, words
from cxm.methods.tool_arguments import ToolSchema, name_words

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]

FEATURES = (
    "request_likeness",
    "context_likeness",
    "spoken_name",
    "neighbours",
    "prior",
    "is_none",
    "courtesy",
)
# Without labels: likeness counts; no tool is called where none is at least this much like the dialogue.
_PLAIN_WEIGHTS = (0.5, 0.5, 0.3, 0.0, 0.0, 0.2, 2.0)
_LEAST_LABELS = 10
_MAX_LABELS = 2000
_NEIGHBOURS = 15
_SPOKEN_TURNS = 4


@dataclass(frozen=True)
class Tools:
    """The tools to choose from, by name: vectors of what they are for, words of their names."""

    names: tuple[str, ...]
    vectors: Vectors
    name_words: tuple[frozenset[str], ...]

    @staticmethod
    def from_frame(tools: pl.DataFrame, encode: Callable[[Sequence[str]], Vectors]) -> Tools:
        """The tools of the table, sorted by name."""
        rows = tools.sort("tool_name").select("tool_name", "description", "parameters").rows()
        texts = [tool_text(*row) for row in rows]
        spoken = tuple(frozenset(name_words(name)) for name, *_ in rows)
        return Tools(tuple(name for name, *_ in rows), encode(texts), spoken)


def tool_text(name: str, description: str, parameters: str) -> str:
    """A tool in words: name, description, and its parameters with theirs."""
    schema = ToolSchema.parse(parameters)
    parts = []
    for parameter, rules in sorted((schema.properties if schema else {}).items()):
        meaning = rules.get("description")
        parts.append(" ".join(name_words(parameter)) + (f": {meaning}" if isinstance(meaning, str) else ""))
    return "\n".join(part for part in (" ".join(name_words(name)), description, *parts) if part)


@dataclass(frozen=True)
class Dialogues:
    """Contexts with the vectors of their last request and of their last turns, both `(n, d)`."""

    contexts: Sequence[Context]
    requests: Vectors
    vectors: Vectors


@dataclass(frozen=True)
class ToolMemory:
    """Labelled dialogues: their vectors, the tool each called (None: none), and whose they are."""

    vectors: Vectors
    called: tuple[str | None, ...]
    conversations: tuple[str, ...]
    weights: tuple[float, ...]


def plain_memory(n_dimensions: int) -> ToolMemory:
    """What is known without labels: nothing but how to weigh likeness."""
    nothing = np.zeros((0, n_dimensions), dtype=np.float32)
    return ToolMemory(nothing, (), (), _PLAIN_WEIGHTS)


def fit_tools(dialogues: Dialogues, called: Sequence[str | None], tools: Tools, seed: int) -> ToolMemory:
    """Weights of the features by logistic regression over (dialogue, tool) pairs.

    `called` names the right tool of each dialogue, None for none; rows with a tool that is not in
    `tools` are left out. With fewer than ten labels likeness alone counts.
    """
    known = [i for i, name in enumerate(called) if name is None or name in tools.names]
    known = [known[i] for i in np.sort(np.random.default_rng(seed).permutation(len(known))[:_MAX_LABELS])]
    if len(known) < _LEAST_LABELS or not any(called[i] for i in known):
        return plain_memory(tools.vectors.shape[1])
    from sklearn.linear_model import LogisticRegression

    found = [dialogues.contexts[i] for i in known]
    rows = Dialogues(found, dialogues.requests[known], dialogues.vectors[known])
    owners = tuple(context.conversation_id for context in found)
    memory = ToolMemory(rows.vectors, tuple(called[i] for i in known), owners, _PLAIN_WEIGHTS)
    features = tool_features(rows, tools, memory)
    is_right = np.zeros(features.shape[:2], dtype=bool)
    is_right[np.arange(len(known)), _choices(memory, tools)] = True
    pairs = features.reshape(-1, len(FEATURES))
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(pairs, is_right.ravel())
    weights = tuple(round(float(weight), 6) for weight in fitted.coef_[0])
    return dataclasses.replace(memory, weights=weights)


def _choices(memory: ToolMemory, tools: Tools) -> NDArray[np.intp]:
    """The number of the tool each labelled dialogue called; none is the last, one not known here -1."""
    number: dict[str | None, int] = {name: i for i, name in enumerate((*tools.names, None))}
    return np.array([number.get(name, -1) for name in memory.called], dtype=np.intp)


def score_tools(dialogues: Dialogues, tools: Tools, memory: ToolMemory) -> Array:
    """How much each tool, and last calling none, fits each dialogue: `(n, n_tools + 1)`."""
    scores: Array = tool_features(dialogues, tools, memory) @ np.asarray(memory.weights)
    return np.round(scores, 6)


def choose_tools(scores: Array, tools: Tools, candidates: Sequence[Sequence[str] | None]) -> list[str | None]:
    """The best tool of each dialogue among its candidates (None: all tools), None for no tool."""
    chosen: list[str | None] = []
    for row, allowed in zip(scores, candidates, strict=True):
        options = [i for i, name in enumerate(tools.names) if allowed is None or name in allowed]
        best = max(options, key=lambda i: (row[i], -i), default=None)
        chosen.append(None if best is None or row[best] < row[-1] else tools.names[best])
    return chosen


def tool_features(dialogues: Dialogues, tools: Tools, memory: ToolMemory) -> Array:
    """`(n, n_tools + 1, n_features)`; the last place of the second axis stands for no tool."""
    n, n_tools = len(dialogues.contexts), len(tools.names)
    features = np.zeros((n, n_tools + 1, len(FEATURES)))
    features[:, :n_tools, 0] = dialogues.requests @ tools.vectors.T
    features[:, :n_tools, 1] = dialogues.vectors @ tools.vectors.T
    features[:, :n_tools, 2] = _spoken_names(dialogues.contexts, tools)
    choices = _choices(memory, tools)
    features[:, :, 3] = _neighbour_shares(dialogues, memory, choices, n_tools + 1)
    counts = np.bincount(choices[choices >= 0], minlength=n_tools + 1)
    features[:, :, 4] = np.log((counts + 1) / (counts.sum() + n_tools + 1))
    features[:, -1, 5] = 1.0
    features[:, -1, 6] = [is_courtesy(context.last_request) for context in dialogues.contexts]
    return features


def _spoken_names(contexts: Sequence[Context], tools: Tools) -> Array:
    """Share of the weight of a tool's name that was spoken in the last turns; rare words weigh more."""
    holders = Counter(word for spoken in tools.name_words for word in spoken)
    weight = {word: math.log(1 + len(tools.names) / n) for word, n in holders.items()}
    shares = np.zeros((len(contexts), len(tools.names)))
    for row, context in enumerate(contexts):
        spoken = {word for turn in context.turns[-_SPOKEN_TURNS:] for word in words(turn.text)}
        for i, name in enumerate(tools.name_words):
            whole = sum(weight[word] for word in sorted(name))
            shares[row, i] = sum(weight[word] for word in sorted(name & spoken)) / whole if whole else 0.0
    return shares


def _neighbour_shares(
    dialogues: Dialogues, memory: ToolMemory, choices: NDArray[np.intp], n_choices: int
) -> Array:
    """Share of each choice among the nearest labelled dialogues of other conversations."""
    shares = np.zeros((len(dialogues.contexts), n_choices))
    is_known = choices >= 0
    owners = np.array(memory.conversations, dtype=object)[is_known]
    vectors, choices = memory.vectors[is_known], choices[is_known]
    for row, context in enumerate(dialogues.contexts):
        likeness = np.round(vectors @ dialogues.vectors[row], 6)
        likeness[owners == context.conversation_id] = 0
        nearest = np.argsort(-likeness, kind="stable")[:_NEIGHBOURS]
        weight = np.clip(likeness[nearest], 0, None) ** 2
        np.add.at(shares[row], choices[nearest], weight / max(float(weight.sum()), 1e-9))
    return shares


def memory_facts(memory: ToolMemory) -> dict[str, Any]:
    """What of the memory is JSON; its vectors are kept as an array."""
    return {
        "weights": list(memory.weights),
        "called": list(memory.called),
        "conversations": list(memory.conversations),
    }


def memory_from(facts: dict[str, Any], vectors: Vectors) -> ToolMemory:
    """The memory that `memory_facts` and its vectors were taken from."""
    owners, weights = tuple(facts["conversations"]), tuple(facts["weights"])
    return ToolMemory(vectors, tuple(facts["called"]), owners, weights)
