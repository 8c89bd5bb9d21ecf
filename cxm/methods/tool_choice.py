"""Which tool a dialogue calls for, if any: by likeness of words and meaning, and by labels.

How pairs of a dialogue and a tool are ranked, and whether any is called, belongs here; what a pair
is described by is in `cxm.methods.tool_features`, what to call it with in `tool_arguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversation_classifier import ConversationClassifier
from cxm.methods.dialogues import Context
from cxm.methods.ranker import Candidates, Fit, fit_ranker, rank_scores
from cxm.methods.retrieval import draw_folds
from cxm.methods.tool_classifier import (
    fit_tool_classifier,
    spread_chances,
    tool_chances,
    with_new_tools,
)
from cxm.methods.tool_features import (
    CALL_FEATURES,
    PAIR_FEATURES,
    VIEWS,
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
_PLAIN_CALL = {"is_after_result": -10.0, "is_courtesy": -10.0, "best_likeness": 10.0}
_PLAIN_CALL_WEIGHTS = tuple(_PLAIN_CALL.get(name, 0.0) for name in CALL_FEATURES)
_PLAIN_CALL_INTERCEPT = -5.0
_LEAST_LABELS = 10
_MAX_LABELS = 2000
_PER_BLOCK = 256
_N_FOLDS = 5
# That share of the tools is taken for new in each dialogue, so that the ranker learns what to make of them.
_NEW_SHARE = 0.05
_CLASSIFIER = "tool_classifier"


@dataclass(frozen=True)
class ToolModel:
    """What is known of past calls, a ranker of tools (None: likeness alone), and when to call one."""

    past: PastCalls
    classifier: ConversationClassifier | None = None
    booster: str | None = None
    call_weights: tuple[float, ...] = _PLAIN_CALL_WEIGHTS
    call_intercept: float = _PLAIN_CALL_INTERCEPT

    def facts(self) -> dict[str, Any]:
        """What of it is JSON."""
        return {
            "called": list(self.past.called),
            "conversations": list(self.past.conversations),
            "classifier": self.classifier.to_parts()[0] if self.classifier else None,
            "call_weights": list(self.call_weights),
            "call_intercept": self.call_intercept,
        }

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """Its vectors and weights, by name, in half precision."""
        found = {f"tool_{name}": view for name, view in self.past.views.items()}
        if self.classifier:
            parts = self.classifier.to_parts()[1]
            found |= {f"{_CLASSIFIER}.{name}": array for name, array in parts.items()}
        return {name: array.astype(np.float16) for name, array in found.items()}

    @staticmethod
    def load(facts: dict[str, Any], arrays: dict[str, NDArray[Any]], booster: str | None) -> ToolModel:
        """The model that `facts` and `arrays` were taken from."""
        views = {name: arrays[f"tool_{name}"].astype(np.float32) for name in VIEWS}
        past = PastCalls(views, tuple(facts["called"]), tuple(facts["conversations"]))
        classifier = None
        if facts["classifier"]:
            start = f"{_CLASSIFIER}."
            parts = {
                name.removeprefix(start): array.astype(np.float32)
                for name, array in arrays.items()
                if name.startswith(start)
            }
            classifier = ConversationClassifier.from_parts(facts["classifier"], parts)
        return ToolModel(past, classifier, booster, tuple(facts["call_weights"]), facts["call_intercept"])


def plain_model() -> ToolModel:
    """What is known without labels: nothing but how to weigh likeness."""
    return ToolModel(PastCalls({name: np.zeros((0, 0), dtype=np.float32) for name in VIEWS}))


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
    past = PastCalls(rows.views, names, owners)
    classifier = fit_tool_classifier(rows, names, seed)
    if classifier is None or classifier.out_of_fold is None:
        chances = tool_chances(None, rows, tools.names)
    else:
        chances = spread_chances(classifier.out_of_fold, classifier.classes, tools.names)
    chances = with_new_tools(chances, _NEW_SHARE, seed)
    described = list(_described(rows, chances, tools, past, encode))
    pairs = np.concatenate([pairs for _, pairs, _ in described])
    right = [tools.names.index(name) for name in names if name]
    of_calls = [owner for owner, name in zip(owners, names, strict=True) if name]
    fit = _fit_ranker(pairs[is_call], right, of_calls, seed)
    weights, intercept = _fit_calling(np.vstack([calling for *_, calling in described]), is_call)
    return ToolModel(past, classifier, fit.booster, weights, intercept), fit


def _fit_ranker(features: Array, right: Sequence[int], owners: Sequence[str], seed: int) -> Fit:
    """The ranker from the pairs `(n, n_tools, n_features)` of dialogues that call the tools `right`."""
    n_tools = features.shape[1]
    wanted = np.array(right)
    candidates = Candidates(
        features.reshape(-1, len(PAIR_FEATURES)),
        np.asarray(np.arange(n_tools) == wanted[:, None], dtype=float).ravel(),
        (np.arange(len(wanted) + 1) * n_tools).astype(np.intp),
        plain_scores(features).ravel(),
    )

    def is_right(scores: Array, queries: NDArray[np.intp]) -> Array:
        best = np.round(scores, 6).reshape(-1, n_tools).argmax(axis=1)
        return np.asarray(best == wanted[queries], dtype=float)

    return fit_ranker(candidates, draw_folds(np.array(owners), _N_FOLDS, seed), is_right, seed)


def _fit_calling(features: Array, is_call: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    """Logistic regression of whether a tool is called: weights of `CALL_FEATURES` and intercept."""
    if is_call.all():
        return (0.0,) * features.shape[1], 1.0
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(features, is_call)
    weights = tuple(round(float(weight), 6) for weight in fitted.coef_[0])
    return weights, round(float(fitted.intercept_[0]), 6)


def _described(
    dialogues: Dialogues, chances: Array, tools: Tools, past: PastCalls, encode: Encode
) -> Iterator[tuple[Dialogues, Array, Array]]:
    """The dialogues some at a time, with the features of their pairs and of whether to call."""
    for start in range(0, len(dialogues.contexts), _PER_BLOCK):
        rows = slice(start, start + _PER_BLOCK)
        part = dialogues.take(range(len(dialogues.contexts))[rows])
        pairs = pair_features(part, tools, past, chances[rows], encode)
        yield part, pairs, call_features(part, pairs, past, chances[rows])


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
    chances = tool_chances(model.classifier, dialogues, tools.names)
    for part, features, calling in _described(dialogues, chances, tools, model.past, encode):
        scores = plain_scores(features)
        if model.booster is not None:
            flat = rank_scores(model.booster, features.reshape(-1, len(PAIR_FEATURES)))
            scores = np.round(flat.reshape(scores.shape), 6)
        is_call = np.round(calling @ np.asarray(model.call_weights) + model.call_intercept, 6) >= 0
        for i, context in enumerate(part.contexts):
            allowed = candidates[len(chosen)]
            options = set(tools.names if allowed is None else allowed)
            ranked = (tools.names[j] for j in np.argsort(-scores[i], kind="stable"))
            best = (n for n in ranked if n in options and not is_refused(n, context))
            chosen.append(next(best, None) if is_call[i] else None)
    return chosen
