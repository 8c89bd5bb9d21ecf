"""Which tool a dialogue calls for, if any: by likeness of words and meaning, and by labels.

How pairs of a dialogue and a tool are ranked, and whether any is called, belongs here; what a pair
is described by is in `cxm.methods.tool_features`, what to call it with in `tool_arguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import Context
from cxm.methods.ranker import Candidates, Fit, fit_ranker, rank_scores
from cxm.methods.retrieval import draw_folds
from cxm.methods.tool_features import (
    NEAR_BY,
    PAIR_FEATURES,
    Array,
    Dialogues,
    Encode,
    PastCalls,
    Tools,
    call_features,
    pair_features,
    plain_scores,
)

# Without labels a tool is called where the likest is at least this much like what is said.
_PLAIN_CALL_WEIGHTS = (-10.0, -10.0, 0.0, 0.0, 0.0, 10.0)
_PLAIN_CALL_INTERCEPT = -5.0
_LEAST_LABELS = 10
_MAX_LABELS = 2000
_PER_BLOCK = 256
_N_FOLDS = 5
_VIEWS_KEPT = tuple(sorted({*NEAR_BY, "last"}))


@dataclass(frozen=True)
class ToolModel:
    """What is known of past calls, a ranker of tools (None: likeness alone), and when to call one."""

    past: PastCalls
    booster: str | None = None
    call_weights: tuple[float, ...] = _PLAIN_CALL_WEIGHTS
    call_intercept: float = _PLAIN_CALL_INTERCEPT

    def facts(self) -> dict[str, Any]:
        """What of it is JSON."""
        return {
            "called": list(self.past.called),
            "conversations": list(self.past.conversations),
            "call_weights": list(self.call_weights),
            "call_intercept": self.call_intercept,
        }

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """Its vectors, by name."""
        return {f"tool_{name}": view.astype(np.float16) for name, view in self.past.views.items()}

    @staticmethod
    def load(facts: dict[str, Any], arrays: dict[str, NDArray[Any]], booster: str | None) -> ToolModel:
        """The model that `facts` and `arrays` were taken from."""
        views = {name: arrays[f"tool_{name}"].astype(np.float32) for name in _VIEWS_KEPT}
        past = PastCalls(views, tuple(facts["called"]), tuple(facts["conversations"]))
        return ToolModel(past, booster, tuple(facts["call_weights"]), facts["call_intercept"])


def plain_model() -> ToolModel:
    """What is known without labels: nothing but how to weigh likeness."""
    return ToolModel(PastCalls({name: np.zeros((0, 0), dtype=np.float32) for name in _VIEWS_KEPT}))


def fit_tools(
    dialogues: Dialogues, called: Sequence[str | None], tools: Tools, encode: Encode, seed: int
) -> tuple[ToolModel, Fit]:
    """A ranker over pairs, where it beats likeness on held-out conversations; and when to call any tool.

    `called` names the right tool of each dialogue, None for none; rows with a tool that is not in
    `tools` are left out. With fewer than ten calls likeness alone counts.
    """
    known = [i for i, name in enumerate(called) if name is None or name in tools.names]
    known = [known[i] for i in np.sort(np.random.default_rng(seed).permutation(len(known))[:_MAX_LABELS])]
    names = tuple(called[i] for i in known)
    is_call = np.array([name is not None for name in names], dtype=bool)
    if is_call.sum() < _LEAST_LABELS:
        return plain_model(), Fit(None, 0.0, 0.0, 0)
    rows = dialogues.take(known)
    owners = tuple(context.conversation_id for context in rows.contexts)
    past = PastCalls({name: rows.views[name] for name in _VIEWS_KEPT}, names, owners)
    calls = rows.take(np.flatnonzero(is_call).tolist())
    fit = _fit_ranker(calls, [name for name in names if name], tools, past, encode, seed)
    weights, intercept = _fit_calling(rows, is_call, tools, past, encode)
    return ToolModel(past, fit.booster, weights, intercept), fit


def _fit_ranker(
    calls: Dialogues, names: Sequence[str], tools: Tools, past: PastCalls, encode: Encode, seed: int
) -> Fit:
    n_tools = len(tools.names)
    features = pair_features(calls, tools, past, encode)
    right = np.array([tools.names.index(name) for name in names])
    candidates = Candidates(
        features.reshape(-1, len(PAIR_FEATURES)),
        np.asarray(np.arange(n_tools) == right[:, None], dtype=float).ravel(),
        (np.arange(len(names) + 1) * n_tools).astype(np.intp),
        plain_scores(features).ravel(),
    )
    folds = draw_folds(np.array([context.conversation_id for context in calls.contexts]), _N_FOLDS, seed)

    def is_right(scores: Array, queries: NDArray[np.intp]) -> Array:
        best = np.round(scores, 6).reshape(-1, n_tools).argmax(axis=1)
        return np.asarray(best == right[queries], dtype=float)

    return fit_ranker(candidates, folds, is_right, seed)


def _fit_calling(
    rows: Dialogues, is_call: NDArray[np.bool_], tools: Tools, past: PastCalls, encode: Encode
) -> tuple[tuple[float, ...], float]:
    """Logistic regression of whether a tool is called: weights of `CALL_FEATURES` and intercept."""
    features = np.vstack(
        [call_features(part, pairs, past) for part, pairs in _blocks(rows, tools, past, encode)]
    )
    if is_call.all():
        return (0.0,) * features.shape[1], 1.0
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(features, is_call)
    weights = tuple(round(float(weight), 6) for weight in fitted.coef_[0])
    return weights, round(float(fitted.intercept_[0]), 6)


def _blocks(dialogues: Dialogues, tools: Tools, past: PastCalls, encode: Encode) -> Any:
    """The dialogues some at a time, with the features of their pairs."""
    for start in range(0, len(dialogues.contexts), _PER_BLOCK):
        part = dialogues.take(range(start, min(start + _PER_BLOCK, len(dialogues.contexts))))
        yield part, pair_features(part, tools, past, encode)


def choose_tools(
    dialogues: Dialogues,
    tools: Tools,
    model: ToolModel,
    candidates: Sequence[Sequence[str] | None],
    encode: Encode,
    is_refused: Callable[[str, Context], bool] = lambda name, context: False,
) -> list[str | None]:
    """The best tool of each dialogue among its candidates (None: all tools), None for no tool.

    One that `is_refused` for a dialogue is passed over.
    """
    chosen: list[str | None] = []
    if not tools.names:
        return [None] * len(dialogues.contexts)
    for part, features in _blocks(dialogues, tools, model.past, encode):
        scores = plain_scores(features)
        if model.booster is not None:
            flat = rank_scores(model.booster, features.reshape(-1, len(PAIR_FEATURES)))
            scores = np.round(flat.reshape(scores.shape), 6)
        calling = call_features(part, features, model.past) @ np.asarray(model.call_weights)
        is_call = np.round(calling + model.call_intercept, 6) >= 0
        for i, context in enumerate(part.contexts):
            allowed = candidates[len(chosen)]
            options = set(tools.names if allowed is None else allowed)
            ranked = (tools.names[j] for j in np.argsort(-scores[i], kind="stable"))
            best = (n for n in ranked if n in options and not is_refused(n, context))
            chosen.append(next(best, None) if is_call[i] else None)
    return chosen
