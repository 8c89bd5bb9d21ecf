"""Agents side by side: figures with intervals, and who is clearly apart from the others.

Nobody with few conversations is compared, and nobody is ranked: neighbours in a ranking differ by
chance. What a conversation scores is in `cxm.methods.scorecards`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.tables.results import STANDINGS

Floats = NDArray[np.float64]

_Z = 1.959963984540054
_UPPER = 0.975
_CLEAR = 0.05
# Fewer have no spread.
_FEWEST = 2


def compare_agents(quality: pl.DataFrame, conversations: pl.DataFrame, n_least: int) -> pl.DataFrame:
    """Rows of `agent_quality`, one for each agent of `conversations` (conversation_id, agent_id?).

    `quality`: as `scorecards.score_quality` gives it; conversations without a score are not counted.
    Agents with fewer than `n_least` get their count and no figure. The others are set against the
    conversations of all others: Welch's test, false discoveries among agents controlled (Benjamini &
    Hochberg 1995), apart from q <= .05 on. Intervals: Student's of means, Wilson's of shares.
    """
    score = pl.col("quality_score")
    agents = (
        conversations.drop_nulls("agent_id")
        .join(quality.drop_nulls("quality_score"), on="conversation_id", how="inner", validate="1:1")
        .sort("agent_id", "conversation_id")
        .group_by("agent_id", maintain_order=True)
        .agg(
            n_conversations=pl.len().cast(pl.Int32),
            mean=score.mean(),
            squares=((score - score.mean()) ** 2).sum(),
            critical=(pl.col("n_critical_errors") > 0).mean(),
            noncritical=(pl.col("n_noncritical_errors") > 0).mean(),
        )
    )
    n, mean, squares = (
        agents[name].cast(pl.Float64).to_numpy() for name in ("n_conversations", "mean", "squares")
    )
    is_compared = n >= max(n_least, _FEWEST)
    half = _student(n) * np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    difference, q_value = _against_others(n, mean, squares, is_compared)
    figures: dict[str, pl.Series] = {
        "quality_score": pl.Series(mean),
        "low": pl.Series(np.maximum(mean - half, 0)),
        "high": pl.Series(np.minimum(mean + half, 1)),
    }
    for kind in ("critical", "noncritical"):
        share = agents[kind].to_numpy()
        low, high = _wilson(share, n)
        figures[f"{kind}_error_share"] = pl.Series(share)
        figures[f"{kind}_error_low"], figures[f"{kind}_error_high"] = pl.Series(low), pl.Series(high)
    above, below, not_apart = STANDINGS
    standing = np.where(q_value > _CLEAR, not_apart, np.where(difference > 0, above, below))
    figures["q_value"] = pl.Series(q_value)
    figures["standing"] = pl.Series(standing.tolist(), dtype=pl.String)
    compared = pl.Series(is_compared, dtype=pl.Boolean)
    return agents.select("agent_id", "n_conversations").with_columns(
        compared.alias("is_compared"),
        *(
            series.zip_with(compared, pl.Series([None], dtype=series.dtype)).alias(name)
            for name, series in figures.items()
        ),
    )


def _student(n: Floats) -> Floats:
    from scipy.stats import t

    return np.asarray(t.ppf(_UPPER, np.maximum(n - 1, 1)))


def _wilson(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) of each share."""
    square = _Z**2 / np.maximum(n, 1)
    middle, half = share + square / 2, np.sqrt(square * (share * (1 - share) + square / 4))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return np.clip(np.minimum(low, share), 0, 1), np.clip(np.maximum(high, share), 0, 1)


def _against_others(
    n: Floats, mean: Floats, squares: Floats, is_compared: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(difference from the mean of everybody else's conversations, q-value); q 1 where not to be told."""
    from scipy.stats import false_discovery_control, ttest_ind_from_stats

    difference, q_value = np.zeros(len(n)), np.ones(len(n))
    rest = n.sum() - n
    if not is_compared.any() or (rest[is_compared] < _FEWEST).any():
        return difference, q_value
    # Sums of squares around the mean of the rest, by taking one agent out of the whole (Chan et al. 1979).
    grand = float((n * mean).sum() / n.sum())
    total = float(squares.sum() + (n * (mean - grand) ** 2).sum())
    rest_mean = (grand * n.sum() - n * mean) / np.maximum(rest, 1)
    rest_squares = np.maximum(total - squares - n * rest / n.sum() * (mean - rest_mean) ** 2, 0.0)
    difference = mean - rest_mean
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ttest_ind_from_stats(
            mean,
            np.sqrt(squares / np.maximum(n - 1, 1)),
            n,
            rest_mean,
            np.sqrt(rest_squares / np.maximum(rest - 1, 1)),
            rest,
            equal_var=False,
        ).pvalue
    q_value[is_compared] = false_discovery_control(np.nan_to_num(p[is_compared], nan=1.0))
    return difference, q_value
