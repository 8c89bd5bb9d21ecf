"""Embedding drift: whether customers write of other things, or otherwise, than in the weeks before.

The vectors of what customers said first, the week against the eight weeks before it: maximum mean
discrepancy with a permutation test. Columns are compared in `drift`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.workspace import Workspace
from reports import periods

REFERENCE_WEEKS = 8
LEAST_P = 0.01
_FEWEST_NOW, _FEWEST_BEFORE = 50, 200
_MOST_NOW, _MOST_BEFORE = 400, 800
_N_PERMUTATIONS = 999


@dataclass(frozen=True)
class EmbeddingDrift:
    """Squared maximum mean discrepancy (0 on average without drift) and its p; `n` texts of each side.

    `unlike` are the conversations of the week that the weeks before explain least.
    """

    n: int
    n_reference: int
    mmd: float
    p_value: float
    unlike: tuple[str, ...]

    @property
    def state(self) -> str:
        """`warn` where chance does so in less than one of a hundred weeks, else `ok`."""
        return "warn" if self.p_value < LEAST_P else "ok"


def find_embedding_drift(
    workspace: Workspace, contacts: pl.DataFrame | None, period: str | None
) -> EmbeddingDrift | None:
    """The week's first customer turns against those before.

    Evenly spread samples of at most 400 and 800. Reads vectors a task has made: None where sentiment,
    which encodes customers' turns, was not run with the encoder of the settings, or there are fewer
    than 50 and 200 texts.
    """
    manifest = workspace.manifest("sentiment") or {}
    if contacts is None or period is None or manifest.get("encoder") != workspace.services.encoder.digest:
        return None
    weeks = [period]
    for _ in range(REFERENCE_WEEKS):
        weeks.append(periods.week_before(weeks[-1]))
    keys = contacts.lazy().filter(pl.col("period").is_in(weeks)).select("conversation_id", "period")
    texts = (
        workspace.read("turns")
        .filter(pl.col("speaker") == "customer", pl.col("text").str.strip_chars() != "")
        .join(keys, on="conversation_id", how="inner", validate="m:1")
        .group_by("conversation_id", "period")
        .agg(pl.col("text").sort_by("turn_index").first())
        .sort("conversation_id")
        .collect()
    )
    now = _spread(texts.filter(pl.col("period") == period), _MOST_NOW)
    before = _spread(texts.filter(pl.col("period") != period), _MOST_BEFORE)
    if now.height < _FEWEST_NOW or before.height < _FEWEST_BEFORE:
        return None
    vectors = workspace.services.encoder.encode(pl.concat([now["text"], before["text"]]).to_list())
    mmd, p_value, witness = compare_samples(vectors, now.height, np.random.default_rng(7))
    order = np.argsort(-witness, kind="stable")[:8]
    unlike = tuple(now["conversation_id"].gather(order.tolist()))
    return EmbeddingDrift(now.height, before.height, mmd, p_value, unlike)


def _spread(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    return rows if rows.height <= most else rows.gather_every(-(-rows.height // most))


def compare_samples(
    vectors: NDArray[np.float32], n: int, rng: np.random.Generator
) -> tuple[float, float, NDArray[np.float64]]:
    """MMD squared of the first `n` vectors against the others, its p, and the witness of each of the first.

    Unbiased, with a Gaussian kernel as wide as the median distance (Gretton et al. 2012); p from 999
    permutations of which vector is on which side. The witness is how much nearer a vector lies to its
    own side than to the other.
    """
    points = vectors.astype(np.float64)
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0)
    width = float(np.median(distances[np.triu_indices(len(points), 1)])) or 1.0
    kernel = np.exp(-distances / width)
    np.fill_diagonal(kernel, 0.0)
    sides = np.zeros((_N_PERMUTATIONS + 1, len(points)))
    sides[0, :n] = 1.0
    for row in sides[1:]:
        row[rng.permutation(len(points))[:n]] = 1.0
    m = len(points) - n
    own = sides @ kernel
    within = (own * sides).sum(axis=1)
    across = own.sum(axis=1) - within
    rest = kernel.sum() - within - 2 * across
    statistic = within / (n * (n - 1)) + rest / (m * (m - 1)) - 2 * across / (n * m)
    p_value = float((statistic >= statistic[0] - 1e-12).mean())
    witness = kernel[:n, :n].sum(axis=1) / (n - 1) - kernel[:n, n:].sum(axis=1) / m
    return float(statistic[0]), p_value, witness
