"""What speaks for a tool in a dialogue, as features of (dialogue, tool) pairs, and for calling one at all.

What pairs are described by belongs here; how they are weighed and chosen by is in
`cxm.methods.tool_choice`. All features are of likeness, none of identity, so that what is learned
holds for tools that no label names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import Context, is_courtesy, words
from cxm.methods.retrieval import top
from cxm.methods.tool_arguments import ToolSchema, name_words
from cxm.methods.weighing import Weighing, context_vectors, first_need_texts

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]
Encode = Callable[[Sequence[str]], Vectors]

# Readings of a dialogue: the last request, the last few turns, all the customer said, what they came
# for, the agent's last turn ("shall I send you a label?") and the very last turn of anybody.
VIEWS = ("request", "context", "need", "first_need", "agent", "last")
_WEIGHINGS = {"request": Weighing(0.01), "context": Weighing(0.5), "need": Weighing(0.75, ("customer",))}
AGENTS = ("agent", "bot")
# Views by which past dialogues are near.
NEAR_BY = ("request", "context", "need", "agent", "first_need")
_LIKENESS = (*VIEWS, "best_of_customer", "best_of_agent")
_NEAR = tuple(f"called_by_{view}" for view in NEAR_BY)
PAIR_FEATURES = (
    *_LIKENESS,
    *_NEAR,
    *(f"{name}_gap" for name in (*_LIKENESS, *_NEAR)),
    "spoken_name",
    "was_called",
    "chance",
    "chance_gap",
)
CALL_FEATURES = (
    "is_after_result",
    "is_courtesy",
    *(f"calling_{view}" for view in ("context", "last", "agent")),
    "best_likeness",
    "chance_of_none",
)
# Likeness without labels: weights of request, context and agent, of the spoken name, of being called before.
PLAIN = {"request": 0.2, "context": 0.5, "agent": 0.6, "spoken_name": 0.5, "was_called": -0.3}
_NEIGHBOURS = 15
_SHARPNESS = 4
_SPOKEN_TURNS = 4
_MAX_TURNS = 12


@dataclass(frozen=True)
class Tools:
    """The tools to choose from, by name: vectors of what they are for, words of their names."""

    names: tuple[str, ...]
    vectors: Vectors
    name_words: tuple[frozenset[str], ...]

    @staticmethod
    def from_frame(tools: pl.DataFrame, encode: Encode) -> Tools:
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
    """Contexts with vectors `(n, d)` of each of `VIEWS`; zero where nothing is said."""

    contexts: Sequence[Context]
    views: dict[str, Vectors]

    @staticmethod
    def read(found: Sequence[Context], encode: Encode) -> Dialogues:
        """The readings of some contexts."""
        views = {name: context_vectors(found, encode, weighing) for name, weighing in _WEIGHINGS.items()}
        texts = {
            "first_need": first_need_texts(found),
            "agent": [last_text(context, AGENTS) for context in found],
            "last": [last_text(context, None) for context in found],
        }
        for name, said in texts.items():
            views[name] = encode(said)
            views[name][[i for i, text in enumerate(said) if not text]] = 0
        return Dialogues(found, views)

    def take(self, rows: Sequence[int]) -> Dialogues:
        """Some of the dialogues."""
        at = list(rows)
        return Dialogues(
            [self.contexts[i] for i in at], {name: view[at] for name, view in self.views.items()}
        )


def last_text(context: Context, speakers: Sequence[str] | None) -> str:
    """The last turn of some speakers (None: of anybody) that has a word; empty where there is none."""
    said = (turn for turn in reversed(context.turns) if speakers is None or turn.speaker in speakers)
    return next((turn.text for turn in said if words(turn.text)), "")


@dataclass(frozen=True)
class PastCalls:
    """Labelled dialogues: their vectors by view, the tool each called (None: none), whose they are."""

    views: dict[str, Vectors]
    called: tuple[str | None, ...] = ()
    conversations: tuple[str, ...] = ()

    def nearest(
        self, dialogues: Dialogues, view: str, eligible: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], Array]]:
        """For each dialogue the nearest eligible rows, of other conversations, with weights.

        Weights are a power of likeness, with sum 1 (0 where nothing is like it).
        """
        if not len(eligible):
            nobody = np.zeros(0, dtype=np.intp), np.zeros(0)
            yield from (nobody for _ in dialogues.contexts)
            return
        number = {name: i for i, name in enumerate(sorted(set(self.conversations)))}
        owners = np.array([number[name] for name in self.conversations])[eligible]
        own = np.array([number.get(context.conversation_id, -1) for context in dialogues.contexts])
        likeness = dialogues.views[view] @ self.views[view][eligible].T
        likeness[own[:, None] == owners] = 0
        for row, nearest in zip(likeness, top(likeness, _NEIGHBOURS), strict=True):
            weight = np.clip(np.round(row[nearest], 6).astype(float), 0, None) ** _SHARPNESS
            yield eligible[nearest], weight / max(float(weight.sum()), 1e-9)


def pair_features(
    dialogues: Dialogues, tools: Tools, past: PastCalls, chances: Array, encode: Encode
) -> Array:
    """`(n, n_tools, n_pair_features)`, by `PAIR_FEATURES`; at least one tool.

    `chances` `(n, n_tools + 1)`: log-probabilities of `cxm.methods.tool_classifier`, NaN where unknown.
    """
    contexts, n_tools = dialogues.contexts, len(tools.names)
    of = [dialogues.views[view] @ tools.vectors.T for view in VIEWS]
    of += [_best_turn(contexts, tools, encode, speakers) for speakers in (("customer",), AGENTS)]
    number: dict[str | None, int] = {name: i for i, name in enumerate(tools.names)}
    choices = np.array([number.get(name, -1) for name in past.called], dtype=np.intp)
    is_new = np.isnan(chances[:, :-1])
    is_new &= ~is_new.all()
    for view in NEAR_BY:
        called = np.zeros((len(contexts), n_tools))
        for row, (rows, weight) in enumerate(past.nearest(dialogues, view, np.flatnonzero(choices >= 0))):
            np.add.at(called[row], choices[rows], weight)
        of.append(_without(called, is_new))
    near = np.stack(of, axis=-1) if contexts else np.zeros((0, n_tools, len(of)))
    gaps = near - near.max(axis=1, keepdims=True)
    results = ["\n".join(turn.text for turn in c.turns if turn.speaker == "system") for c in contexts]
    was_called = np.array([[name in text for name in tools.names] for text in results], dtype=float)
    others = np.stack([_spoken_names(contexts, tools), was_called.reshape(len(contexts), n_tools)], axis=-1)
    of_tools = chances[:, :-1]
    learned = np.stack([of_tools, of_tools - np.fmax.reduce(of_tools, axis=1, keepdims=True)], axis=-1)
    return np.asarray(np.round(np.concatenate([near, gaps, others, learned], axis=-1), 5), dtype=np.float64)


def _without(called: Array, is_new: NDArray[np.bool_]) -> Array:
    """Shares of what was called nearby, as they are where no label names the tools that are new."""
    if not is_new.any():
        return called
    left = np.where(is_new, 0.0, called)
    return np.asarray(left / np.maximum(left.sum(axis=1, keepdims=True), 1e-9))


def plain_scores(features: Array) -> Array:
    """How like each tool is, without labels `(n, n_tools)`."""
    columns = [PAIR_FEATURES.index(name) for name in PLAIN]
    return np.asarray(np.round(features[..., columns] @ np.array(list(PLAIN.values())), 6))


def call_features(dialogues: Dialogues, features: Array, past: PastCalls, chances: Array) -> Array:
    """`(n, n_call_features)`, by `CALL_FEATURES`; `features` are those of the pairs, `chances` as there."""
    found = np.zeros((len(dialogues.contexts), len(CALL_FEATURES)))
    is_call = np.array([name is not None for name in past.called], dtype=float)
    everybody = np.arange(len(past.called))
    for column, view in enumerate(("context", "last", "agent"), start=2):
        for row, (rows, weight) in enumerate(past.nearest(dialogues, view, everybody)):
            found[row, column] = is_call[rows] @ weight
    for row, context in enumerate(dialogues.contexts):
        found[row, 0] = bool(context.turns) and context.turns[-1].speaker == "system"
        found[row, 1] = is_courtesy(context.last_request)
    if features.shape[1]:
        found[:, 5] = plain_scores(features).max(axis=1)
    none = np.exp(chances[:, -1])
    found[:, 6] = np.where(np.isnan(none), 0.0, np.round(chances[:, -1] - np.log1p(1e-6 - none), 5))
    return found


def _best_turn(
    contexts: Sequence[Context], tools: Tools, encode: Encode, speakers: Sequence[str]
) -> NDArray[np.float32]:
    """The likeness of the likest of the last turns of some speakers to each tool; 0 without a turn."""
    said = [
        [turn.text for turn in c.turns[-_MAX_TURNS:] if turn.speaker in speakers and words(turn.text)]
        for c in contexts
    ]
    texts = sorted({text for turns in said for text in turns})
    row = {text: i for i, text in enumerate(texts)}
    likeness = encode(texts) @ tools.vectors.T
    best = np.zeros((len(contexts), len(tools.names)), dtype=np.float32)
    for i, turns in enumerate(said):
        if turns:
            best[i] = likeness[[row[text] for text in turns]].max(axis=0)
    return best


def _spoken_names(contexts: Sequence[Context], tools: Tools) -> Array:
    """Share of the weight of a tool's name that was spoken in the last turns; rare words weigh more."""
    holders = Counter(word for spoken in tools.name_words for word in spoken)
    weight = {word: math.log(1 + len(tools.names) / n) for word, n in holders.items()}
    whole = [sum(weight[word] for word in sorted(name)) for name in tools.name_words]
    shares = np.zeros((len(contexts), len(tools.names)))
    for row, context in enumerate(contexts):
        said = [turn for turn in context.turns if turn.speaker != "system"]
        spoken = {word for turn in said[-_SPOKEN_TURNS:] for word in words(turn.text)}
        for i, name in enumerate(tools.name_words):
            held = sum(weight[word] for word in sorted(name & spoken))
            shares[row, i] = held / whole[i] if whole[i] else 0.0
    return shares
