"""When and from which numbers segments are learned, and how much they say of the period after them.

Chosen by what would have been most useful a period earlier, never by how neat the groups look. The
mixture itself is in `mixture`; other ways to group customers are in `clusterings`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.clusterings import Labels, sample_rows
from cxm.methods.mixture import (
    NUMBERS,
    RHYTHM,
    SHAPES,
    Candidate,
    Mixture,
    Settings,
    fit_mixture,
    scale,
)
from cxm.methods.observation import days_before
from cxm.methods.rfm import rfm_table, total_amount

_FEWEST = 500
_MOST = 5_000
_N_STARTS = 3
# Of the customers of now, to learn from those of before.
_ENOUGH = 0.5
# How somebody buys is told apart more lastingly, and few parameters more surely: either may explain
# a little less.
_CLOSE = 0.9


@dataclass(frozen=True)
class NextPeriod:
    """What customers did in a period: `spend` as signed log(1 + amount), `is_gone` without a purchase."""

    spend: NDArray[np.float64]
    is_gone: NDArray[np.float64]


def next_period(
    transactions: pl.LazyFrame, customers: pl.DataFrame, start: datetime, end: datetime
) -> NextPeriod:
    """What the `customers`, in their order, did after `start` until `end`.

    Spend is net of refunds, on log scale: a few very large customers would decide any share otherwise.
    """
    did = (
        transactions.filter((pl.col("occurred_at") > start) & (pl.col("occurred_at") <= end))
        .group_by("customer_id")
        .agg(spend=total_amount(), has_bought=(pl.col("amount") >= 0).any())
        .collect()
    )
    found = customers.select("customer_id").join(
        did, "customer_id", "left", validate="1:1", maintain_order="left"
    )
    amount = found["spend"].fill_null(0.0).to_numpy()
    is_gone = ~found["has_bought"].fill_null(False).to_numpy().astype(bool)
    return NextPeriod(np.sign(amount) * np.log1p(np.abs(amount)), is_gone.astype(np.float64))


def explained_share(values: NDArray[np.float64], labels: Labels) -> float:
    """Share of the variance that lies between groups (eta squared); NaN where nothing varies."""
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total <= 1e-12:
        return float("nan")
    codes = np.unique(labels, return_inverse=True)[1]
    n = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(n, 1)
    return float((n * (means - values.mean()) ** 2).sum() / total)


def usefulness(after: NextPeriod, labels: Labels) -> float:
    """Mean of the shares of spend and of who is gone that the groups explain; 0 where nothing varies."""
    shares = [explained_share(after.spend, labels), explained_share(after.is_gone, labels)]
    return float(np.mean(np.nan_to_num(shares)))


@dataclass(frozen=True)
class Choice:
    """The numbers a mixture is made of, and the shape of its covariances."""

    numbers: tuple[str, ...] = NUMBERS
    shape: str = SHAPES[0]


def choose_numbers(
    transactions: pl.LazyFrame, moment: datetime, period_days: int, settings: Settings
) -> Choice:
    """The numbers and shape whose segments of a period before `moment` explain most of what followed.

    First the numbers, then the shape; the earlier in `RHYTHM, NUMBERS` and in `SHAPES` of those within a
    tenth of the best. With fewer than 500 customers then: the classical numbers. On up to 5,000 customers.
    """
    cut = days_before(moment, period_days)
    before = rfm_table(transactions, cut, period_days)
    if before.height < _FEWEST:
        return Choice()
    before = before[sample_rows(before.height, _MOST, settings.seed)]
    after = next_period(transactions, before, cut, moment)
    settings = replace(settings, n_starts=min(settings.n_starts, _N_STARTS), n_batches=1)

    def useful(choice: Choice) -> float:
        mixture, _ = fit_mixture(before, settings, choice.numbers, choice.shape)
        return usefulness(after, np.array(mixture.assign(before)))

    plain = {n: useful(Choice(n)) for n in (RHYTHM, NUMBERS)}
    numbers = _first_close(plain)
    shapes = {SHAPES[0]: plain[numbers]} | {s: useful(Choice(numbers, s)) for s in SHAPES[1:]}
    return Choice(numbers, _first_close(shapes))


def learning_moment(end: datetime, period_days: int) -> datetime:
    """The last whole period since 1970 at `end`: what is learned then is kept until the next.

    Learned anew each week, segments would come and go with little in the data that did.
    """
    start = datetime(1970, 1, 1, tzinfo=UTC)
    period = timedelta(days=period_days)
    return start + (end - start) // period * period


def learn_segments(
    transactions: pl.LazyFrame, table: pl.DataFrame, end: datetime, period_days: int, settings: Settings
) -> tuple[Mixture, list[Candidate], pl.DataFrame]:
    """The mixture for the customers of `table` at `end`, all candidates, and the table it was learned on.

    That is the table of the learning moment, unless there were too few customers then, or the segments
    learned would now break the settings' floor.
    """
    moment = learning_moment(end, period_days)
    before = rfm_table(transactions, moment, period_days)
    if before.height >= max(_FEWEST, _ENOUGH * table.height):
        choice = choose_numbers(transactions, moment, period_days, settings)
        mixture, candidates = fit_mixture(before, settings, choice.numbers, choice.shape)
        counts = np.bincount(mixture.components.assign(scale(table, mixture.scaling)), minlength=1)
        is_whole = len(counts) == len(mixture.names) and counts.min() >= settings.min_share * table.height
        if is_whole and counts.min() > 0:
            return mixture, candidates, before
    choice = choose_numbers(transactions, end, period_days, settings)
    return *fit_mixture(table, settings, choice.numbers, choice.shape), table


def _first_close(shares: dict[Any, float]) -> Any:
    best = max(shares.values())
    return next(key for key, share in shares.items() if share >= _CLOSE * best)
