"""A linear classifier of texts: logistic regressions on vectors and on words, added up and calibrated.

What learns a label from a text alone belongs here; which texts and labels, and what a probability
decides, belongs in the task. Word and character weights stand in `cxm.methods.term_weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.linear import Codes, Floats, LinearModel, fit_linear, spread_folds
from cxm.methods.term_weights import TermWeights, fit_term_weights

Fit = Callable[[Any, Codes, int, float], LinearModel]

# Inverse strengths of the penalty, climbed from the default; not where fits are dear.
_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
_DEFAULT_STRENGTH = 3.0
_CHEAP = 60_000  # rows x classes
# Terms that a label has this often more or less than others count as much more or less telling.
_SMOOTHING = 1.0
_LONGEST_PHRASE, _MOST_PHRASES = 3, 60_000


@dataclass(frozen=True)
class TextClassifier:
    """Calibrated probabilities of `classes` from texts and their vectors.

    The parts' scores are added up with the weights and offsets that held-out rows chose; these are
    in the two models already. `out_of_fold` `(n_rows, n_classes)` are the training rows'
    probabilities from models that did not see them; None after loading.
    """

    classes: list[str]
    terms: TermWeights
    on_vectors: LinearModel
    on_terms: LinearModel
    out_of_fold: Floats | None = None

    def probabilities(self, texts: Sequence[str], vectors: NDArray[Any]) -> Floats:
        """Probabilities `(n_texts, n_classes)`; each row sums to 1. No texts give no rows."""
        from scipy.special import softmax

        scores = self.on_vectors.scores(np.asarray(vectors, dtype=np.float32))
        return np.asarray(softmax(scores + self.on_terms.scores(self.terms.transform(texts)), axis=1))

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same classifier."""
        facts: dict[str, Any] = {
            "classes": self.classes,
            "words": self.terms.words,
            "characters": self.terms.characters,
        }
        arrays: dict[str, NDArray[Any]] = {
            "rarity": self.terms.rarity,
            "vector_weights": self.on_vectors.weights,
            "vector_intercepts": self.on_vectors.intercepts,
            "term_weights": self.on_terms.weights,
            "term_intercepts": self.on_terms.intercepts,
        }
        return facts, arrays

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextClassifier:
        """The classifier that `to_parts` took apart."""
        return TextClassifier(
            classes=list(facts["classes"]),
            terms=TermWeights(list(facts["words"]), list(facts["characters"]), arrays["rarity"]),
            on_vectors=LinearModel(arrays["vector_weights"], arrays["vector_intercepts"]),
            on_terms=LinearModel(arrays["term_weights"], arrays["term_intercepts"]),
        )


def fit_text_classifier(
    texts: Sequence[str], vectors: NDArray[Any], labels: Sequence[str], seed: int, n_folds: int = 3
) -> TextClassifier:
    """Learn `labels` from `texts` and `vectors` `(n_texts, d)`; the order of rows does not matter.

    Three parts: vectors, terms, and terms of which the telling ones are penalised less. Their
    penalties (where cheap), weights and an offset of each class are chosen by the log-likelihood of
    held-out rows of the training set. A class with one example is learnt but takes no part in that
    choice; without two of any class the parts count alike. Raises `ValueError` without rows.
    """
    if not len(texts):
        raise ValueError("a text classifier needs at least one labelled text")
    order = np.array(sorted(range(len(texts)), key=lambda row: (texts[row], labels[row])), dtype=np.intp)
    ordered = [texts[row] for row in order]
    dense = np.asarray(vectors, dtype=np.float32)[order]
    classes, codes = np.unique(np.asarray([labels[row] for row in order], dtype=str), return_inverse=True)
    n_classes = len(classes)
    terms, term_rows = fit_term_weights(ordered, _LONGEST_PHRASE, _MOST_PHRASES)
    parts: tuple[tuple[Any, Fit], ...] = (
        (dense, fit_linear),
        (term_rows, fit_linear),
        (term_rows, fit_telling),
    )
    fold = spread_folds(codes, n_folds, np.random.default_rng(seed))
    held_out, fitted = [], []
    for matrix, fit in parts:
        strength, scores = _choose_strength(matrix, fit, codes, n_classes, fold)
        held_out.append(scores)
        fitted.append(fit(matrix, codes, n_classes, strength))
    judged = np.bincount(codes)[codes] > 1
    found = np.stack(held_out)
    powers, offsets = choose_sum(found[:, judged], codes[judged])
    prior = (np.bincount(codes, minlength=n_classes) + 1) / (len(codes) + n_classes)
    out_of_fold = np.where(judged[:, None], _softmax(np.tensordot(powers, found, 1) + offsets), prior)
    unordered = np.empty_like(order)
    unordered[order] = np.arange(len(order))
    nothing = np.zeros(n_classes)
    return TextClassifier(
        classes=classes.tolist(),
        terms=terms,
        on_vectors=_add(fitted[:1], powers[:1], offsets),
        on_terms=_add(fitted[1:], powers[1:], nothing),
        out_of_fold=out_of_fold[unordered],
    )


def fit_telling(features: Any, codes: Codes, n_classes: int, strength: float) -> LinearModel:
    """As `fit_linear`, each feature `>= 0` first multiplied by how unevenly the classes have it.

    That is the root mean square over classes of its log-ratio (Wang & Manning 2012: naive Bayes
    features), and the weights found are given for the features as they are.
    """
    from scipy.sparse import diags_array

    ratios = []
    for code in range(n_classes):
        of_class = np.asarray(features[codes == code].sum(axis=0), dtype=np.float64).ravel() + _SMOOTHING
        others = np.asarray(features[codes != code].sum(axis=0), dtype=np.float64).ravel() + _SMOOTHING
        ratios.append(np.log(of_class / of_class.sum()) - np.log(others / others.sum()))
    telling = np.sqrt((np.array(ratios) ** 2).mean(axis=0)).astype(np.float32)
    model = fit_linear(features @ diags_array(telling, dtype=np.float32), codes, n_classes, strength)
    return LinearModel(model.weights * telling, model.intercepts)


def choose_sum(parts: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """(weight of each part, offset of each class) under which held-out labels are most likely.

    `parts` `(n_parts, n_rows, n_classes)` are scores; without rows the parts count alike.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    n_parts, n_rows, n_classes = parts.shape
    start = np.concatenate([np.full(n_parts, 1 / n_parts), np.zeros(n_classes)])
    if not n_rows or n_classes < 2:
        return start[:n_parts], start[n_parts:]
    rows = np.arange(n_rows)

    def loss(tried: Floats) -> tuple[float, Floats]:
        scores = np.tensordot(tried[:n_parts], parts, 1) + tried[n_parts:]
        total = logsumexp(scores, axis=1)
        error = np.exp(scores - total[:, None])
        error[rows, codes] -= 1
        slope = np.concatenate([np.tensordot(parts, error, 2), error.sum(axis=0)]) / n_rows
        # With few rows the likelihood alone would run to extremes.
        drawn = tried - start
        fit = float((total - scores[rows, codes]).mean()) + float((drawn**2).sum()) / n_rows
        return fit, slope + 2 * drawn / n_rows

    bounds = [(0.0, 5.0)] * n_parts + [(-3.0, 3.0)] * n_classes
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:n_parts], found[n_parts:]


def _add(models: Sequence[LinearModel], powers: Floats, offsets: Floats) -> LinearModel:
    weights = sum(power * model.weights for power, model in zip(powers, models, strict=True))
    intercepts = sum(power * model.intercepts for power, model in zip(powers, models, strict=True)) + offsets
    return LinearModel(np.asarray(weights, dtype=np.float32), np.asarray(intercepts, dtype=np.float32))


def _softmax(scores: Floats) -> Floats:
    from scipy.special import softmax

    return np.asarray(softmax(scores, axis=1))


def _choose_strength(
    features: Any, fit: Fit, codes: Codes, n_classes: int, fold: Codes
) -> tuple[float, Floats]:
    """The penalty that predicts held-out rows best, and their log-probabilities under it."""
    is_cheap = len(codes) * n_classes <= _CHEAP
    judged = np.flatnonzero(np.bincount(codes)[codes] > 1)
    at = _STRENGTHS.index(_DEFAULT_STRENGTH)
    tried: dict[int, tuple[float, Floats]] = {}

    def loss(place: int) -> float:
        if place not in range(len(_STRENGTHS)):
            return float("inf")
        if place not in tried:
            held_out = np.empty((len(codes), n_classes))
            for left_out in np.unique(fold):
                train, test = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
                model = fit(features[train], codes[train], n_classes, _STRENGTHS[place])
                held_out[test] = model.log_probabilities(features[test])
            tried[place] = (-float(held_out[judged, codes[judged]].mean()) if len(judged) else 0.0, held_out)
        return tried[place][0]

    loss(at)
    while is_cheap and len(judged) and min(loss(at - 1), loss(at + 1)) < loss(at):
        at += 1 if loss(at + 1) < loss(at - 1) else -1
    return _STRENGTHS[at], tried[at][1]
