"""A linear classifier of texts: one logistic regression on vectors, one on words, mixed and calibrated.

What learns a label from a text alone belongs here; which texts and labels, and what a probability
decides, belongs in the task. Word and character weights stand in `cxm.methods.term_weights`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.linear import (
    Codes,
    Floats,
    LinearModel,
    choose_mix,
    fit_linear,
    mix_probabilities,
    spread_folds,
)
from cxm.methods.term_weights import TermWeights, fit_term_weights

# Inverse strengths of the penalty; searched only where a fit is cheap.
_STRENGTHS = (1.0, 3.0, 10.0, 30.0)
_DEFAULT_STRENGTH = 10.0
_CHEAP = 60_000  # rows x classes


@dataclass(frozen=True)
class TextClassifier:
    """Calibrated probabilities of `classes` from texts and their vectors.

    `mix` holds the two powers to which the parts' probabilities are raised before they are
    multiplied: their weight and the temperature in one. `out_of_fold` `(n_rows, n_classes)` are
    the training rows' probabilities from models that did not see them; None after loading.
    """

    classes: list[str]
    prior: Floats
    mix: tuple[float, float]
    terms: TermWeights
    on_vectors: LinearModel
    on_terms: LinearModel
    out_of_fold: Floats | None = None

    def probabilities(self, texts: Sequence[str], vectors: NDArray[Any]) -> Floats:
        """Probabilities `(n_texts, n_classes)`; each row sums to 1. No texts give no rows."""
        if len(self.classes) == 1 or not len(texts):
            return np.tile(self.prior, (len(texts), 1))
        parts = (
            self.on_vectors.log_probabilities(np.asarray(vectors, dtype=np.float32)),
            self.on_terms.log_probabilities(self.terms.transform(texts)),
        )
        return mix_probabilities(parts, self.mix)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same classifier."""
        facts: dict[str, Any] = {
            "classes": self.classes,
            "mix": list(self.mix),
            "words": self.terms.words,
            "characters": self.terms.characters,
        }
        arrays: dict[str, NDArray[Any]] = {
            "prior": self.prior,
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
            prior=arrays["prior"],
            mix=(float(facts["mix"][0]), float(facts["mix"][1])),
            terms=TermWeights(list(facts["words"]), list(facts["characters"]), arrays["rarity"]),
            on_vectors=LinearModel(arrays["vector_weights"], arrays["vector_intercepts"]),
            on_terms=LinearModel(arrays["term_weights"], arrays["term_intercepts"]),
        )


def fit_text_classifier(
    texts: Sequence[str], vectors: NDArray[Any], labels: Sequence[str], seed: int, n_folds: int = 3
) -> TextClassifier:
    """Learn `labels` from `texts` and `vectors` `(n_texts, d)`; the order of rows does not matter.

    The penalties (where cheap), the weight of the two parts and the temperature are chosen by the
    log-likelihood of held-out rows of the training set. A class with one example is learnt but
    takes no part in that choice; without two of any class the parts count alike. Raises
    `ValueError` without rows.
    """
    if not len(texts):
        raise ValueError("a text classifier needs at least one labelled text")
    order = np.array(sorted(range(len(texts)), key=lambda row: (texts[row], labels[row])), dtype=np.intp)
    ordered = [texts[row] for row in order]
    dense = np.asarray(vectors, dtype=np.float32)[order]
    classes, codes = np.unique(np.asarray([labels[row] for row in order], dtype=str), return_inverse=True)
    n_classes = len(classes)
    prior = (np.bincount(codes, minlength=n_classes) + 1) / (len(codes) + n_classes)
    terms, term_rows = fit_term_weights(ordered)
    features = {"vectors": dense, "terms": term_rows}

    fold = spread_folds(codes, n_folds, np.random.default_rng(seed))
    held_out, fitted = {}, {}
    for part, matrix in features.items():
        strength, held_out[part] = _choose_strength(matrix, codes, n_classes, fold)
        fitted[part] = fit_linear(matrix, codes, n_classes, strength)
    parts = (held_out["vectors"], held_out["terms"])
    judged = np.bincount(codes)[codes] > 1
    mix = choose_mix((parts[0][judged], parts[1][judged]), codes[judged])
    unordered = np.empty_like(order)
    unordered[order] = np.arange(len(order))
    out_of_fold = np.where(judged[:, None], mix_probabilities(parts, mix), prior)[unordered]
    return TextClassifier(
        classes=classes.tolist(),
        prior=prior,
        mix=mix,
        terms=terms,
        on_vectors=fitted["vectors"],
        on_terms=fitted["terms"],
        out_of_fold=out_of_fold,
    )


def _choose_strength(features: Any, codes: Codes, n_classes: int, fold: Codes) -> tuple[float, Floats]:
    """The penalty that predicts held-out rows best, and their log-probabilities under it."""
    is_cheap = len(codes) * n_classes <= _CHEAP
    judged = np.flatnonzero(np.bincount(codes)[codes] > 1)
    best: tuple[float, float, Floats] | None = None
    for strength in _STRENGTHS if is_cheap and len(judged) else (_DEFAULT_STRENGTH,):
        held_out = np.empty((len(codes), n_classes))
        for left_out in np.unique(fold):
            train, test = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
            model = fit_linear(features[train], codes[train], n_classes, strength)
            held_out[test] = model.log_probabilities(features[test])
        loss = -float(held_out[judged, codes[judged]].mean()) if len(judged) else 0.0
        if best is None or loss < best[0]:
            best = (loss, strength, held_out)
    assert best is not None
    return best[1], best[2]
