"""Sparse matrices of counts: how they are made, and products of chosen rows.

What several methods need of them belongs here; what a matrix means stands where it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 16_384


def count_cells(
    rows: NDArray[Any], columns: NDArray[Any], values: NDArray[Any], shape: tuple[int, int] | None = None
) -> Any:
    """A CSR matrix of float64 with `values` `(n,)` added up in the cells `(rows[i], columns[i])`; its shape
    is that of the largest indices where none is given."""
    from scipy.sparse import coo_array

    return coo_array((values.astype(np.float64), (rows, columns)), shape=shape).tocsr()


def multiply_rows(left: Any, right: Any, one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.float64]:
    """Product of row `one[i]` of `left` and row `two[i]` of `right`, `(n,)`; no rows give `(0,)`."""
    blocks = [
        np.asarray(left[one[i : i + _ROWS]].multiply(right[two[i : i + _ROWS]]).sum(axis=1)).ravel()
        for i in range(0, len(one), _ROWS)
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0)
