"""Which tool a dialogue calls for, if any: by likeness of words and meaning, and by labels.

Features of a (dialogue, tool) pair and how they are weighed belong here; what to call the tool with
is in `cxm.methods.tool_arguments`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import Context, is_courtesy, words
from cxm.methods.tool_arguments import ToolSchema, name_words

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]

# Of a (dialogue, tool) pair, and of a dialogue: whether it calls for a tool at all.
TOOL_FEATURES = ("request_likeness", "context_likeness", "spoken_name", "neighbours", "prior", "was_called")
CALL_FEATURES = ("is_after_result", "is_courtesy", "calling_contexts", "calling_last_turns", "best_likeness")
# Without labels likeness alone decides; a tool is called where it is at least this much like.
_PLAIN_TOOL_WEIGHTS = (0.5, 0.5, 0.3, 0.0, 0.0, -0.3)
_PLAIN_CALL_WEIGHTS = (-10.0, -10.0, 0.0, 0.0, 10.0)
_PLAIN_CALL_INTERCEPT = -2.0
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
    """Contexts with vectors `(n, d)` of their last request, their last few turns and the very last one."""

    contexts: Sequence[Context]
    requests: Vectors
    vectors: Vectors
    last_turns: Vectors

    def take(self, rows: Sequence[int]) -> Dialogues:
        """Some of the dialogues."""
        at = list(rows)
        contexts = [self.contexts[i] for i in at]
        return Dialogues(contexts, self.requests[at], self.vectors[at], self.last_turns[at])


@dataclass(frozen=True)
class ToolMemory:
    """Labelled dialogues: their vectors, the tool each called (None: none), whose they are; and weights."""

    vectors: Vectors
    last_turns: Vectors
    called: tuple[str | None, ...] = ()
    conversations: tuple[str, ...] = ()
    tool_weights: tuple[float, ...] = _PLAIN_TOOL_WEIGHTS
    call_weights: tuple[float, ...] = _PLAIN_CALL_WEIGHTS
    call_intercept: float = _PLAIN_CALL_INTERCEPT


def plain_memory(n_dimensions: int) -> ToolMemory:
    """What is known without labels: nothing but how to weigh likeness."""
    nothing = np.zeros((0, n_dimensions), dtype=np.float32)
    return ToolMemory(nothing, nothing)


def fit_tools(dialogues: Dialogues, called: Sequence[str | None], tools: Tools, seed: int) -> ToolMemory:
    """Weights by two logistic regressions: which tool, over pairs; and whether any is called.

    `called` names the right tool of each dialogue, None for none; rows with a tool that is not in
    `tools` are left out. With fewer than ten calls likeness alone counts.
    """
    known = [i for i, name in enumerate(called) if name is None or name in tools.names]
    known = [known[i] for i in np.sort(np.random.default_rng(seed).permutation(len(known))[:_MAX_LABELS])]
    names = tuple(called[i] for i in known)
    is_call = np.array([name is not None for name in names], dtype=bool)
    if is_call.sum() < _LEAST_LABELS:
        return plain_memory(tools.vectors.shape[1])
    from sklearn.linear_model import LogisticRegression

    rows = dialogues.take(known)
    owners = tuple(context.conversation_id for context in rows.contexts)
    memory = ToolMemory(rows.vectors, rows.last_turns, names, owners)
    features = tool_features(rows, tools, memory)
    if len(tools.names) > 1:
        is_right = np.array([[name == tool for tool in tools.names] for name in names])[is_call]
        pairs = features[is_call].reshape(-1, len(TOOL_FEATURES))
        fitted = LogisticRegression(C=1.0, max_iter=1000).fit(pairs, is_right.ravel())
        memory = dataclasses.replace(memory, tool_weights=_rounded(fitted.coef_[0]))
    if is_call.all():
        return dataclasses.replace(memory, call_weights=(0.0,) * len(CALL_FEATURES), call_intercept=1.0)
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(call_features(rows, features, memory), is_call)
    intercept = round(float(fitted.intercept_[0]), 6)
    return dataclasses.replace(memory, call_weights=_rounded(fitted.coef_[0]), call_intercept=intercept)


def _rounded(weights: NDArray[Any]) -> tuple[float, ...]:
    return tuple(round(float(weight), 6) for weight in weights)


def choose_tools(
    dialogues: Dialogues, tools: Tools, memory: ToolMemory, candidates: Sequence[Sequence[str] | None]
) -> list[str | None]:
    """The best tool of each dialogue among its candidates (None: all tools), None for no tool."""
    features = tool_features(dialogues, tools, memory)
    scores = np.round(features @ np.asarray(memory.tool_weights), 6)
    calling = call_features(dialogues, features, memory) @ np.asarray(memory.call_weights)
    is_call = np.round(calling + memory.call_intercept, 6) >= 0
    chosen: list[str | None] = []
    for row, allowed, calls in zip(scores, candidates, is_call, strict=True):
        options = [i for i, name in enumerate(tools.names) if allowed is None or name in allowed]
        best = max(options, key=lambda i: (row[i], -i), default=None)
        chosen.append(tools.names[best] if calls and best is not None else None)
    return chosen


def tool_features(dialogues: Dialogues, tools: Tools, memory: ToolMemory) -> Array:
    """`(n, n_tools, n_tool_features)`."""
    n, n_tools = len(dialogues.contexts), len(tools.names)
    features = np.zeros((n, n_tools, len(TOOL_FEATURES)))
    features[..., 0] = dialogues.requests @ tools.vectors.T
    features[..., 1] = dialogues.vectors @ tools.vectors.T
    features[..., 2] = _spoken_names(dialogues.contexts, tools)
    number: dict[str | None, int] = {name: i for i, name in enumerate(tools.names)}
    choices = np.array([number.get(name, -1) for name in memory.called], dtype=np.intp)
    is_call = choices >= 0
    near = _nearest(dialogues.contexts, dialogues.vectors, memory, memory.vectors, is_call)
    for row, (rows, weight) in enumerate(near):
        np.add.at(features[row, :, 3], choices[rows], weight)
    counts = np.bincount(choices[is_call], minlength=n_tools)
    features[..., 4] = np.log((counts + 1) / (counts.sum() + n_tools)) if n_tools else 0.0
    for row, context in enumerate(dialogues.contexts):
        results = "\n".join(turn.text for turn in context.turns if turn.speaker == "system")
        features[row, :, 5] = [name in results for name in tools.names]
    return features


def call_features(dialogues: Dialogues, features: Array, memory: ToolMemory) -> Array:
    """`(n, n_call_features)`; `features` are those of the pairs."""
    found = np.zeros((len(dialogues.contexts), len(CALL_FEATURES)))
    is_call = np.array([name is not None for name in memory.called], dtype=float)
    everybody = np.ones(len(memory.called), dtype=bool)
    for column, of, known in (
        (2, dialogues.vectors, memory.vectors),
        (3, dialogues.last_turns, memory.last_turns),
    ):
        for row, (rows, weight) in enumerate(_nearest(dialogues.contexts, of, memory, known, everybody)):
            found[row, column] = is_call[rows] @ weight
    for row, context in enumerate(dialogues.contexts):
        found[row, 0] = bool(context.turns) and context.turns[-1].speaker == "system"
        found[row, 1] = is_courtesy(context.last_request)
    if features.shape[1]:
        found[:, 4] = (features[..., :3] @ np.asarray(_PLAIN_TOOL_WEIGHTS[:3])).max(axis=1)
    return found


def _spoken_names(contexts: Sequence[Context], tools: Tools) -> Array:
    """Share of the weight of a tool's name that was spoken in the last turns; rare words weigh more."""
    holders = Counter(word for spoken in tools.name_words for word in spoken)
    weight = {word: math.log(1 + len(tools.names) / n) for word, n in holders.items()}
    shares = np.zeros((len(contexts), len(tools.names)))
    for row, context in enumerate(contexts):
        said = [turn for turn in context.turns if turn.speaker != "system"]
        spoken = {word for turn in said[-_SPOKEN_TURNS:] for word in words(turn.text)}
        for i, name in enumerate(tools.name_words):
            whole = sum(weight[word] for word in sorted(name))
            shares[row, i] = sum(weight[word] for word in sorted(name & spoken)) / whole if whole else 0.0
    return shares


def _nearest(
    contexts: Sequence[Context],
    vectors: Vectors,
    memory: ToolMemory,
    known: Vectors,
    is_eligible: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.intp], Array]]:
    """For each context the nearest eligible rows of the memory, of other conversations, with weights.

    Weights are squared likeness, with sum 1 (0 where nothing is like it).
    """
    owners = np.array(memory.conversations, dtype=object)
    eligible = np.flatnonzero(is_eligible)
    for context, vector in zip(contexts, vectors, strict=True):
        likeness = np.round(known[eligible] @ vector, 6)
        likeness[owners[eligible] == context.conversation_id] = 0
        nearest = np.argsort(-likeness, kind="stable")[:_NEIGHBOURS]
        weight = np.clip(likeness[nearest].astype(float), 0, None) ** 2
        yield eligible[nearest], weight / max(float(weight.sum()), 1e-9)


def memory_facts(memory: ToolMemory) -> dict[str, Any]:
    """What of the memory is JSON; its vectors are kept as arrays."""
    facts = dataclasses.asdict(memory)
    return {name: value for name, value in facts.items() if name not in ("vectors", "last_turns")}


def memory_from(facts: dict[str, Any], vectors: Vectors, last_turns: Vectors) -> ToolMemory:
    """The memory that `memory_facts` and its vectors were taken from."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
    }
    return ToolMemory(vectors, last_turns, **values)
