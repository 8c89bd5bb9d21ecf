"""How much of what was said in a conversation stands in the knowledge base.

Where an agent says what an article says, the base had an answer, however the customer asked. Whether
an article fits the question itself is judged in `cxm.methods.adequacy`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxm.methods.matching import Field, Floats, Ints

_ORDER = 3


def grounded_shares(said: Field, owners: Ints, n_owners: int, base: Field) -> Floats:
    """For each owner `(n_owners,)` the share of its best sentence's runs of three words that the base has.

    `said` are sentences as stems of the base (-1 for others), `owners` `(n_sentences,)` whose they are.
    Sentences of fewer than five words say too little; an owner without a longer one gets 0.
    """
    shares = np.zeros(n_owners)
    known = np.unique(_runs(base)[0])
    runs, sentences = _runs(said)
    n_known = np.bincount(sentences[np.isin(runs, known)], minlength=len(owners))
    n_runs = np.diff(said.starts) - _ORDER + 1
    long = np.flatnonzero(n_runs >= _ORDER)
    np.maximum.at(shares, owners[long], n_known[long] / n_runs[long])
    return shares


def _runs(field: Field) -> tuple[NDArray[np.uint64], Ints]:
    """A number for each run of known words inside a text, and the text of each."""
    terms = np.asarray(field.terms, dtype=np.int64)
    texts = field.owners
    inside = texts[: 1 - _ORDER] == texts[_ORDER - 1 :]
    numbers = np.zeros(max(len(terms) - _ORDER + 1, 0), dtype=np.uint64)
    inside = inside[: len(numbers)]
    for shift in range(_ORDER):
        words = terms[shift : shift + len(numbers)]
        inside = inside & (words >= 0)
        # Runs are told apart by a 64-bit number; two alike by chance in a billion runs do no harm.
        numbers = numbers * np.uint64(0x9E3779B97F4A7C15) + words.astype(np.uint64)
    return numbers[inside], texts[: len(numbers)][inside]
