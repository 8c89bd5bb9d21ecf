"""Directions in which the words of texts vary together: a few hundred numbers for thousands of terms.

Latent semantic analysis, used beside the encoder's vectors. Terms and their weights are in
`cxm.methods.term_weights`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def find_topics(rows: Any, n_topics: int, seed: int) -> NDArray[np.float32]:
    """Unit directions `(n_terms, k)`, k at most `n_topics`, of sparse weighted rows `(n_texts, n_terms)`.

    The leading right singular vectors (Deerwester et al. 1990) by a randomised method (Halko et al. 2011);
    too few rows or terms give k = 0. Coordinates of rows are `rows @ directions`.
    """
    from sklearn.utils.extmath import randomized_svd

    k = min(n_topics, min(rows.shape) - 1)
    if k < 1:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    directions = randomized_svd(rows, k, n_iter=4, random_state=seed)[2].T
    return np.ascontiguousarray(directions, dtype=np.float32)
