"""Labels of conversations learned from all their views at once.

One kernel for the words of each voice, one for each vector; held-out rows say how much each counts. Beside
it a linear model of the same views, since each is right where the other is not. A classifier of single
texts is `cxm.methods.text_classifier`; the solvers are `cxm.methods.kernel_ridge` and `linear`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.conversations import Conversations
from cxm.methods.kernel_ridge import (
    UNTESTED,
    WIDTHS,
    Kernel,
    add_kernels,
    choose_scale,
    choose_weights,
    dot_kernel,
    fit_ridge,
    held_out_scores,
    near_kernel,
)
from cxm.methods.linear import Codes, Floats, choose_mix, fit_linear, mix_probabilities, spread_folds
from cxm.methods.neighbourhoods import NEIGHBOURS
from cxm.methods.term_weights import TermWeights, fit_term_weights
from cxm.methods.topics import find_topics

_FOLDS = 5
# Rows that weights are sought on, that the best found are judged on, and that a model holds: a kernel of
# the most takes 576 MB.
_SOUGHT_ON, _JUDGED_ON, _MOST_ROWS = 1_200, 4_800, 12_000
# With many rows fewer folds: a model of two thirds of them is nearly the one of all.
_FEW_FOLDS, _MANY_ROWS = 3, 3_000
# The linear model: inverse strength of its penalty, topics of words over all voices together.
_STRENGTH, _TOPICS = 10.0, 400
_CHUNK = 2_000
_WORDS, _VECTOR = "words:", "vector:"


@dataclass(frozen=True)
class ConversationClassifier:
    """Probabilities of `classes`: a softmax of `scale` times the scores of a kernel ridge regression, mixed
    by the powers of `mix` with those of a multinomial logistic regression.

    `terms` and `term_weights` `(n_terms, n_classes)` score the words of a voice, `examples` `(n, d)`
    and `coefficients` `(n, n_classes)` its vectors, by likeness to the labelled ones. `linear` holds the
    weights of the other model, `(n_terms, n_classes)` for words and `(d, n_classes)` for vectors; it is
    empty where rows are too few for it, and takes no part then.
    `out_of_fold` are the training rows' probabilities from models that did not see them; None after loading.
    """

    classes: list[str]
    width: float
    scale: float
    weights: dict[str, float]
    intercepts: NDArray[np.float32]
    coefficients: Kernel
    terms: dict[str, TermWeights]
    term_weights: dict[str, Kernel]
    examples: dict[str, Kernel]
    linear: dict[str, Kernel]
    linear_intercepts: NDArray[np.float32]
    mix: tuple[float, float]
    out_of_fold: Floats | None = None

    def probabilities(self, seen: Conversations) -> Floats:
        """Probabilities `(n, n_classes)`; each row sums to 1."""
        near = np.tile(self.intercepts, (len(seen), 1))
        straight = np.tile(self.linear_intercepts, (len(seen), 1))
        for voice, terms in self.terms.items():
            for rows in _chunks(len(seen)):
                found = terms.transform(seen.texts[voice][rows])
                near[rows] += found @ self.term_weights[voice]
                if self.linear:
                    straight[rows] += found @ self.linear[_WORDS + voice]
        for name, examples in self.examples.items():
            weight = self.weights[_VECTOR + name]
            for rows in _chunks(len(seen)):
                vectors = seen.vectors[name][rows]
                near[rows] += weight * (near_kernel(vectors, examples, self.width) @ self.coefficients)
                if self.linear:
                    straight[rows] += vectors @ self.linear[_VECTOR + name]
        return mix_probabilities((_logs(self.scale * near), _logs(straight)), self.mix)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same classifier."""
        facts = {
            "classes": self.classes,
            "width": self.width,
            "scale": self.scale,
            "weights": self.weights,
            "mix": list(self.mix),
            "words": {voice: terms.words for voice, terms in self.terms.items()},
            "characters": {voice: terms.characters for voice, terms in self.terms.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "intercepts": self.intercepts,
            "coefficients": self.coefficients,
            "linear_intercepts": self.linear_intercepts,
        }
        arrays |= {f"rarity.{voice}": terms.rarity for voice, terms in self.terms.items()}
        arrays |= {f"term_weights.{voice}": weights for voice, weights in self.term_weights.items()}
        arrays |= {f"examples.{name}": examples for name, examples in self.examples.items()}
        arrays |= {f"linear.{name}": weights for name, weights in self.linear.items()}
        return facts, arrays

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ConversationClassifier:
        """The classifier that `to_parts` took apart."""

        def named(prefix: str) -> dict[str, NDArray[Any]]:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        rarity = named("rarity.")
        return ConversationClassifier(
            classes=list(facts["classes"]),
            width=float(facts["width"]),
            scale=float(facts["scale"]),
            weights=dict(facts["weights"]),
            intercepts=arrays["intercepts"],
            coefficients=arrays["coefficients"],
            terms={
                voice: TermWeights(list(words), list(facts["characters"][voice]), rarity[voice])
                for voice, words in facts["words"].items()
            },
            term_weights=named("term_weights."),
            examples=named("examples."),
            linear=named("linear."),
            linear_intercepts=arrays["linear_intercepts"],
            mix=(float(facts["mix"][0]), float(facts["mix"][1])),
        )


def fit_conversation_classifier(
    seen: Conversations,
    labels: list[str],
    seed: int,
    n_folds: int = _FOLDS,
    folds: Codes | None = None,
    is_tested: NDArray[np.bool_] | None = None,
) -> ConversationClassifier:
    """Learn from labelled conversations; views that are empty everywhere are left out.

    `folds` `(n,)` keeps rows together that are not independent; without it classes are spread evenly. Rows
    that are not `is_tested` `(n,)` are always learned from; they choose nothing and get no held-out
    probabilities (NaN).

    Weights of the views and the width of the kernel are chosen by cross-validation on a sample, the
    best of them on a larger one (what mends a want of labels is in the way where they are many), the
    scale and the mix on all rows held out in turn. More than 12,000 rows are thinned out, the commonest
    classes first; the rows left out get the probabilities of the final model, which has not seen them.
    """
    classes, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    generator = np.random.default_rng(seed)
    kept = _most_even(codes, _MOST_ROWS, generator)
    used, used_codes = seen.rows(kept), codes[kept]
    terms, rows = {}, {}
    for voice, texts in used.texts.items():
        if any(texts):
            terms[voice], rows[voice] = fit_term_weights(texts)
    vectors = {name: found for name, found in used.vectors.items() if found.any()}
    if len(vectors) > 1 and np.allclose(vectors.get("need", 0), vectors.get("customer", 1), atol=1e-3):
        del vectors["need"]  # conversations of one turn: two views of the same
    if not terms and not vectors:
        vectors = dict([next(iter(used.vectors.items()))])
    samples = [np.flatnonzero(_most_even(used_codes, n, generator)) for n in (_SOUGHT_ON, _JUDGED_ON)]
    if folds is None:
        fold = spread_folds(used_codes, n_folds if len(used_codes) < _MANY_ROWS else _FEW_FOLDS, generator)
    else:
        fold = folds[kept]
    if is_tested is not None:
        fold = np.where(is_tested[kept], fold, UNTESTED)
    weights, width = _choose(rows, vectors, used_codes, len(classes), fold, samples)
    total = _total(rows, vectors, weights, width)
    judged = (np.bincount(used_codes)[used_codes] > 1) & (fold != UNTESTED)
    scores = held_out_scores(total, used_codes, len(classes), fold)
    scale = choose_scale(scores[judged], used_codes[judged])[0] if judged.any() else 1.0
    coefficients, intercepts = fit_ridge(total, used_codes, len(classes))
    del total
    rows = {voice: found for voice, found in rows.items() if weights[_WORDS + voice]}
    vectors = {name: found for name, found in vectors.items() if weights[_VECTOR + name]}
    near = _logs(scale * scores)
    if len(used_codes) < _SOUGHT_ON:
        # Of few rows the linear model knows less, and no more than they do how much to ask it.
        straight, mix = near, (1.0, 0.0)
        linear: dict[str, Kernel] = {}
        linear_intercepts = np.zeros(len(classes), dtype=np.float32)
    else:
        straight, linear, linear_intercepts = _fit_linear(rows, vectors, used_codes, len(classes), fold, seed)
        mix = choose_mix((near[judged], straight[judged]), used_codes[judged])
    classifier = ConversationClassifier(
        classes=classes.tolist(),
        width=width,
        scale=scale,
        weights=weights,
        intercepts=intercepts,
        coefficients=coefficients,
        terms={voice: terms[voice] for voice in rows},
        term_weights={
            voice: np.asarray(np.float32(weights[_WORDS + voice]) * (found.T @ coefficients))
            for voice, found in rows.items()
        },
        examples=vectors,
        linear=linear,
        linear_intercepts=linear_intercepts,
        mix=mix,
    )
    held_out = np.empty((len(seen), len(classes)))
    held_out[kept] = mix_probabilities((near, straight), mix)
    held_out[~kept] = classifier.probabilities(seen.rows(~kept))
    if is_tested is not None:
        held_out[~is_tested] = np.nan
    return replace(classifier, out_of_fold=held_out)


def _fit_linear(
    rows: Mapping[str, Any],
    vectors: Mapping[str, Kernel],
    codes: Codes,
    n_classes: int,
    fold: Codes,
    seed: int,
) -> tuple[Floats, dict[str, Kernel], NDArray[np.float32]]:
    """(held-out log-probabilities, weights of each view, intercepts) of logistic regression.

    It is fitted on the topics of each voice's words, which are a fraction of the terms, beside the vectors.
    """
    n_topics = _TOPICS // max(1, len(rows))
    topics = {_WORDS + voice: find_topics(found, n_topics, seed) for voice, found in rows.items()}
    parts = {name: rows[name.removeprefix(_WORDS)] @ directions for name, directions in topics.items()}
    parts |= {_VECTOR + name: found for name, found in vectors.items()}
    features = np.hstack([np.asarray(part, dtype=np.float32) for part in parts.values()])
    held_out = np.full((len(codes), n_classes), np.nan)
    for left_out in np.unique(fold[fold != UNTESTED]):
        train, test = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
        model = fit_linear(features[train], codes[train], n_classes, _STRENGTH)
        held_out[test] = model.log_probabilities(features[test])
    model = fit_linear(features, codes, n_classes, _STRENGTH)
    weights, start = {}, 0
    for name, part in parts.items():
        own = model.weights[:, start : start + part.shape[1]].T
        weights[name] = np.ascontiguousarray(topics[name] @ own if name in topics else own)
        start += part.shape[1]
    return held_out, weights, model.intercepts


def _logs(scores: NDArray[Any]) -> Floats:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(scores.astype(np.float64), axis=1))


def _choose(
    rows: Mapping[str, Any],
    vectors: Mapping[str, Kernel],
    codes: Codes,
    n_classes: int,
    fold: Codes,
    samples: list[NDArray[np.intp]],
) -> tuple[dict[str, float], float]:
    """(weights of the views, width of the Gaussian kernel) that predict held-out rows best.

    Sought for each width on the rows of the first sample; where the second has more, it decides between
    what was found, with and without what unlabelled neighbours say.
    """
    few, more = samples
    words = _word_kernels(rows, few)
    found = []
    for width in WIDTHS:
        kernels = words | _vector_kernels(vectors, few, width)
        tried, loss = choose_weights(kernels, codes[few], n_classes, fold[few])
        found.append((loss, tried, width))
    if len(more) == len(few):
        _, weights, width = min(found, key=lambda one: one[0])
        return weights, width
    words = _word_kernels(rows, more)
    best: tuple[float, dict[str, float], float] | None = None
    for _, weights, width in found:
        kernels = words | _vector_kernels(vectors, more, width)
        alone = weights | {name: 0.0 for name in weights if name == _VECTOR + NEIGHBOURS}
        for tried in (weights, alone) if any(alone.values()) and alone != weights else (weights,):
            scores = held_out_scores(add_kernels(kernels, tried), codes[more], n_classes, fold[more])
            tested = fold[more] != UNTESTED
            loss = choose_scale(scores[tested], codes[more][tested])[1]
            if best is None or loss < best[0]:
                best = (loss, tried, width)
    assert best is not None
    return best[1], best[2]


def _word_kernels(rows: Mapping[str, Any], sample: NDArray[np.intp]) -> dict[str, Kernel]:
    return {_WORDS + voice: dot_kernel(found[sample]) for voice, found in rows.items()}


def _vector_kernels(
    vectors: Mapping[str, Kernel], sample: NDArray[np.intp], width: float
) -> dict[str, Kernel]:
    sampled = {name: found[sample] for name, found in vectors.items()}
    return {_VECTOR + name: near_kernel(found, found, width) for name, found in sampled.items()}


def _total(
    rows: Mapping[str, Any], vectors: Mapping[str, Kernel], weights: Mapping[str, float], width: float
) -> Kernel:
    """The weighted sum of all kernels of views that count, one held at a time."""
    n_rows = next(iter((*rows.values(), *vectors.values()))).shape[0]
    total = np.zeros((n_rows, n_rows), dtype=np.float32)
    for voice, found in rows.items():
        if weight := weights[_WORDS + voice]:
            kernel = dot_kernel(found)
            total += np.multiply(kernel, np.float32(weight), out=kernel)
    for name, seen in vectors.items():
        if weight := weights[_VECTOR + name]:
            kernel = near_kernel(seen, seen, width)
            total += np.multiply(kernel, np.float32(weight), out=kernel)
    return total


def _most_even(codes: Codes, n_most: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which rows are kept so that at most `n_most` are, rows of rare classes before those of common ones."""
    kept = np.ones(len(codes), dtype=bool)
    if len(codes) <= n_most:
        return kept
    shuffled = generator.permutation(len(codes))
    nth = np.empty(len(codes), dtype=np.intp)
    seen = np.zeros(codes.max() + 1, dtype=np.intp)
    for row in shuffled:
        nth[row] = seen[codes[row]]
        seen[codes[row]] += 1
    kept[:] = False
    kept[np.lexsort((np.arange(len(codes)), nth))[:n_most]] = True
    return kept


def _chunks(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _CHUNK):
        yield slice(start, start + _CHUNK)
