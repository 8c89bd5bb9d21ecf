"""Recency, frequency and monetary of each customer, their quintile scores and the classical cells.

What is said of a single customer's purchases in a few numbers belongs here; grouping customers by
likeness is in `mixture`, richer features for prediction are in `purchases`.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.errors import CxmError
from cxm.methods.observation import days_before, days_between

N_SCORES = 5

# The classical cells over recency score (row, 1 to 5) and frequency score (column, 1 to 5).
_HIBERNATING, _AT_RISK, _CANNOT_LOSE = "hibernating", "at risk", "cannot lose them"
_SLEEPY, _ATTENTION, _LOYAL = "about to sleep", "need attention", "loyal"
_PROMISING, _NEW, _POTENTIAL, _CHAMPIONS = "promising", "new", "potential loyalists", "champions"
CELLS: tuple[tuple[str, ...], ...] = (
    (_HIBERNATING, _HIBERNATING, _AT_RISK, _AT_RISK, _CANNOT_LOSE),
    (_HIBERNATING, _HIBERNATING, _AT_RISK, _AT_RISK, _CANNOT_LOSE),
    (_SLEEPY, _SLEEPY, _ATTENTION, _LOYAL, _LOYAL),
    (_PROMISING, _POTENTIAL, _POTENTIAL, _LOYAL, _LOYAL),
    (_NEW, _POTENTIAL, _POTENTIAL, _CHAMPIONS, _CHAMPIONS),
)


def in_one_currency(transactions: pl.LazyFrame, currency: str | None) -> pl.LazyFrame:
    """The transactions in `currency`, or all where only one occurs (null counts as that one).

    Raises `CxmError` if there are several and none is picked, or the picked one does not occur.
    """
    codes = transactions.select(pl.col("currency").drop_nulls().unique().sort()).collect()
    found = codes["currency"].to_list()
    listed = ", ".join(found[:5]) or "none"
    if currency is None and len(found) > 1:
        raise CxmError(
            f"transactions.currency holds {len(found)} currencies ({listed}), which cannot be added:"
            f" pick one with --currency {found[0]}, or import the amounts in one currency"
        )
    if currency is not None and currency not in found:
        raise CxmError(f"no transaction is in currency {currency!r}; transactions.currency holds: {listed}")
    return transactions if currency is None else transactions.filter(pl.col("currency") == currency)


def total_amount(where: pl.Expr | None = None) -> pl.Expr:
    """Sum of `amount`, to a millionth: the last digits of a float sum depend on the order of rows."""
    amount = pl.col("amount") if where is None else pl.col("amount").filter(where)
    return amount.sum().round(6)


def rfm_table(transactions: pl.LazyFrame, end: datetime, period_days: int) -> pl.DataFrame:
    """Recency, frequency, monetary and recent monetary of who has a transaction by `end`, sorted by id.

    `recency_days` from the last transaction to `end`; number of transactions (`frequency`); their sum,
    refunds taken off (`monetary`); the same of the last `period_days` alone (`recent_monetary`); the mean
    gap between purchases, 30 days added to the whole so that one purchase has one (`mean_gap_days`); the
    median amount of a purchase (`usual_amount`).
    """
    bought, day = pl.col("amount") >= 0, pl.col("occurred_at")
    n = day.filter(bought).dt.date().n_unique().clip(lower_bound=1)
    span = days_between(day.filter(bought).min(), day.filter(bought).max()).fill_null(0.0)
    return (
        transactions.filter(pl.col("occurred_at") <= end)
        .group_by("customer_id")
        .agg(
            last=pl.col("occurred_at").max(),
            frequency=pl.len().cast(pl.Int32),
            monetary=total_amount(),
            recent_monetary=total_amount(pl.col("occurred_at") > days_before(end, period_days)),
            mean_gap_days=(span + 30) / n,
            usual_amount=pl.col("amount").filter(bought).median().fill_null(0.0),
        )
        .select(
            "customer_id",
            recency_days=days_between(pl.col("last"), pl.lit(end)),
            frequency="frequency",
            monetary="monetary",
            recent_monetary="recent_monetary",
            mean_gap_days="mean_gap_days",
            usual_amount="usual_amount",
        )
        .collect()
        .sort("customer_id")
    )


def _quintile(values: pl.Series, reference: pl.Series) -> NDArray[np.int32]:
    """1 to 5 by the mid-rank of a value among the reference: equal values score the same."""
    ordered = np.sort(reference.to_numpy())
    low = np.searchsorted(ordered, values.to_numpy(), side="left")
    high = np.searchsorted(ordered, values.to_numpy(), side="right")
    middle = (low + high) / 2 + 0.5
    return np.clip(np.ceil(N_SCORES * middle / max(len(ordered), 1) - 1e-9), 1, N_SCORES).astype(np.int32)


def add_scores(table: pl.DataFrame, reference: pl.DataFrame | None = None) -> pl.DataFrame:
    """The RFM table with `r_score`, `f_score`, `m_score` (1 to 5, 5 best) and `rfm_cell`.

    Quintiles are those of `reference`, by default the table itself.
    """
    reference = table if reference is None else reference
    recency = N_SCORES + 1 - _quintile(table["recency_days"], reference["recency_days"])
    frequency = _quintile(table["frequency"], reference["frequency"])
    return table.with_columns(
        r_score=pl.Series(recency, dtype=pl.Int32),
        f_score=pl.Series(frequency, dtype=pl.Int32),
        m_score=pl.Series(_quintile(table["monetary"], reference["monetary"]), dtype=pl.Int32),
        rfm_cell=pl.Series(
            [cell_name(r, f) for r, f in zip(recency, frequency, strict=True)], dtype=pl.String
        ),
    )


def cell_name(recency_score: float, frequency_score: float) -> str:
    """The classical cell of two scores (or mean scores, rounded half up), 1 to 5 each."""
    row, column = (int(np.clip(np.floor(s + 0.5), 1, N_SCORES)) - 1 for s in (recency_score, frequency_score))
    return CELLS[row][column]
