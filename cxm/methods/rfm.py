"""Recency, frequency and monetary of each customer, their quintile scores and the classical cells.

What is said of a single customer's purchases in a few numbers belongs here; grouping customers by
likeness is in `mixture`, richer features for prediction are in `purchases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.errors import CxmError
from cxm.methods.observation import days_before, days_between

N_SCORES = 5
# Each measure and the column of its score.
MEASURES = {"recency_days": "r_score", "frequency": "f_score", "monetary": "m_score"}
# In mean gaps: of purchases at random moments, so long a pause is one in twenty (-ln .05, a Poisson process).
_LONG_PAUSE = 3.0

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
    """Recency, frequency, monetary and what rhythm is told from, of who has a transaction by `end`.

    `recency_days` from the last purchase to `end` (from the last refund where there is no purchase);
    number of transactions (`frequency`); their sum, refunds taken off (`monetary`); the same of the last
    `period_days` alone (`recent_monetary`); days with a purchase, 1 at least (`n_purchase_days`), and from
    the first purchase to the last (`span_days`); the median amount of a purchase (`usual_amount`). Sorted
    by id.
    """
    bought, day = pl.col("amount") >= 0, pl.col("occurred_at")
    span = days_between(day.filter(bought).min(), day.filter(bought).max())
    return (
        transactions.filter(day <= end)
        .group_by("customer_id")
        .agg(
            last=pl.coalesce(day.filter(bought).max(), day.max()),
            frequency=pl.len().cast(pl.Int32),
            monetary=total_amount(),
            recent_monetary=total_amount(day > days_before(end, period_days)),
            n_purchase_days=day.filter(bought).dt.date().n_unique().clip(lower_bound=1).cast(pl.Int32),
            span_days=span.fill_null(0.0),
            usual_amount=pl.col("amount").filter(bought).median().fill_null(0.0),
        )
        .with_columns(recency_days=days_between(pl.col("last"), pl.lit(end)))
        .drop("last")
        .collect(engine="streaming")
        .sort("customer_id")
    )


def usual_gap(table: pl.DataFrame) -> float:
    """Mean days between purchases of customers who bought again, averaged over them; 30 without any."""
    again = table.filter(pl.col("n_purchase_days") > 1)
    mean = again.select((pl.col("span_days") / (pl.col("n_purchase_days") - 1)).mean()).item()
    return 30.0 if mean is None else float(mean)


def add_rhythm(table: pl.DataFrame, usual_gap_days: float) -> pl.DataFrame:
    """The RFM table with `mean_gap_days` and by what share a pause exceeds three of them, `overdue_share`.

    One gap of the usual length is added to a customer's own: who bought once has one, too.
    """
    gap = (pl.col("span_days") + usual_gap_days) / pl.col("n_purchase_days")
    pause = (pl.col("recency_days") + 1) / (_LONG_PAUSE * (pl.col("mean_gap_days") + 1))
    return table.with_columns(mean_gap_days=gap).with_columns(overdue_share=(pause - 1).clip(lower_bound=0))


# ------------------------------------------------------------------ scores and cells

Cuts = dict[str, list[float]]


def plan_cuts(table: pl.DataFrame, given: Mapping[str, Sequence[float] | None] | None = None) -> Cuts:
    """The four cut points of each measure between its five scores; those `given` stay as they are.

    A value scores one more for each cut point it lies above. Cut points are the quintiles by mid-rank:
    equal values score the same, whatever their number; all are 0 for an empty table.
    """
    given = given or {}
    return {name: list(given.get(name) or _quintiles(table[name])) for name in MEASURES}


def _quintiles(values: pl.Series) -> list[float]:
    """Of each score but the last, the greatest value; a whole number below all where a score has none."""
    distinct, n = np.unique(values.cast(pl.Float64).to_numpy(), return_counts=True)
    if not len(distinct):
        return [0.0] * (N_SCORES - 1)
    middle = np.cumsum(n) - n / 2 + 0.5
    score = np.clip(np.ceil(N_SCORES * middle / n.sum() - 1e-9), 1, N_SCORES)
    upto = np.searchsorted(score, np.arange(1, N_SCORES), side="right")
    return [float(distinct[i - 1] if i else np.ceil(distinct[0]) - 1) for i in upto]


def parse_cuts(given: str | None, name: str) -> list[float] | None:
    """Four ascending numbers of a parameter like `7,30,90,180`; `CxmError` with its `name` if it is not."""
    if given is None:
        return None
    try:
        cuts = [float(part) for part in given.split(",")]
    except ValueError:
        cuts = []
    if len(cuts) != N_SCORES - 1 or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        flag = name.replace("_", "-")
        raise CxmError(f"{name} is {given!r}; give four ascending numbers, e.g. --{flag} 7,30,90,180")
    return cuts


def _score(values: pl.Series, cuts: Sequence[float]) -> NDArray[np.int32]:
    return (1 + np.searchsorted(cuts, values.to_numpy(), side="left")).astype(np.int32)


def add_scores(table: pl.DataFrame, cuts: Cuts | None = None) -> pl.DataFrame:
    """The RFM table with `r_score`, `f_score`, `m_score` (1 to 5, 5 best) and `rfm_cell`.

    Without `cuts`, the table's own quintiles. A long recency is bad: its scores run the other way.
    """
    cuts = cuts or plan_cuts(table)
    recency = N_SCORES + 1 - _score(table["recency_days"], cuts["recency_days"])
    frequency = _score(table["frequency"], cuts["frequency"])
    return table.with_columns(
        r_score=pl.Series(recency, dtype=pl.Int32),
        f_score=pl.Series(frequency, dtype=pl.Int32),
        m_score=pl.Series(_score(table["monetary"], cuts["monetary"]), dtype=pl.Int32),
        rfm_cell=pl.Series(
            [cell_name(r, f) for r, f in zip(recency, frequency, strict=True)], dtype=pl.String
        ),
    )


def cut_point_rows(scores: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """One row a measure and score: `above` < value <= `up_to` (null: no end), and how many customers."""
    rows = []
    for (measure, column), sign in zip(MEASURES.items(), (-1, 1, 1), strict=True):
        ends = [None, *cuts[measure], None]
        for i in range(N_SCORES):
            score = i + 1 if sign > 0 else N_SCORES - i
            n = scores.filter(pl.col(column) == score).height
            rows.append((measure, score, ends[i], ends[i + 1], n))
    schema = {"measure": pl.String, "score": pl.Int32, "above": pl.Float64, "up_to": pl.Float64}
    return pl.DataFrame(rows, schema=schema | {"n_customers": pl.Int32}, orient="row")


def cell_name(recency_score: float, frequency_score: float) -> str:
    """The classical cell of two scores (or mean scores, rounded half up), 1 to 5 each."""
    row, column = (int(np.clip(np.floor(s + 0.5), 1, N_SCORES)) - 1 for s in (recency_score, frequency_score))
    return CELLS[row][column]
