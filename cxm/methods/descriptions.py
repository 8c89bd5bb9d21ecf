"""Labels from their descriptions: what can be said of a text before anyone has labelled one.

A classifier that learns from labels is in `cxm.methods.text_classifier`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Cosines of MiniLM-like encoders spread over some tenths; this makes one of them about e-fold.
_TEMPERATURE = 0.06


def readable_name(name: str) -> str:
    """`ReportAutomobileAccident` or `report_automobile-accident` as words."""
    return re.sub(r"[\s_\-/>]+", " ", _CAMEL.sub(" ", name)).strip().lower()


def describe_intent(intent: str, parent: str | None, description: str) -> str:
    """The sentence that stands for an intent: description, else its name, with its parent."""
    words = description.strip() or readable_name(intent)
    return f"{readable_name(parent)}: {words}" if parent else words


def nearest_descriptions(
    text_vectors: Sequence[NDArray[np.float32]], description_vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Probabilities `(n_texts, n_labels)` by cosine, averaged over the views of a text.

    `text_vectors`: one or more arrays `(n_texts, d)` of unit (or zero) vectors.
    """
    cosine = np.mean([view @ description_vectors.T for view in text_vectors], axis=0).astype(np.float64)
    scaled = cosine / _TEMPERATURE
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    probabilities: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return probabilities
