"""What every LightGBM model of ours has in common: the same data and seed give the same trees.

Objective, depth and rounds belong to the method that fits the model.
"""

from __future__ import annotations

from typing import Any


def reproducible(seed: int) -> dict[str, Any]:
    """LightGBM parameters that make training repeatable and silent."""
    return {
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,  # the tables are small: a second thread waits more than it works
        "verbosity": -1,
    }
