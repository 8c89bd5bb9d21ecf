"""BG/NBD: how often a customer without a contract still buys, and whether they are still there at all.

Of each customer only three numbers count: repeat purchases, when the last one was, how long they have
been watched. Models that read more of a customer, and are judged out of time, stand in `repeat_purchase`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MIN_CUSTOMERS = 20
_MAX_ROWS = 50_000
_BOUND = 12.0


@dataclass(frozen=True)
class BgNbd:
    """Fader, Hardie & Lee (2005), Marketing Science 24(2): purchases are Poisson at a rate from a gamma
    `(r, alpha)`, and after each a customer leaves with a chance from a beta `(a, b)`.

    Time is in the unit `alpha` was fitted in; `x` repeat purchases `(n,)`, the last at `t_x`, watched
    for `t` since the first.
    """

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """P(still a customer at `t`), `(n,)`; 1 without a repeat purchase: leaving follows one."""
        odds = self.a / (self.b + np.maximum(x, 1) - 1)
        odds = odds * np.exp((self.r + x) * (np.log(self.alpha + t) - np.log(self.alpha + t_x)))
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def stays_away(self, x: Floats, t_x: Floats, t: Floats, ahead: float) -> Floats:
        """P(no purchase in the next `ahead`), `(n,)`: gone already, or there and not buying."""
        pause = np.exp((self.r + x) * (np.log(self.alpha + t) - np.log(self.alpha + t + ahead)))
        return np.asarray(1 - self.alive(x, t_x, t) * (1 - pause))

    def expected_purchases(self, x: Floats, t_x: Floats, t: Floats, ahead: float) -> Floats:
        """Purchases expected in the next `ahead`, `(n,)` (equation 10 of the paper).

        Where customers are all alike its series exceeds a float; then, of who is there, the rate goes on.
        """
        from scipy.special import hyp2f1

        share = ahead / (self.alpha + t + ahead)
        with np.errstate(all="ignore"):
            series = hyp2f1(self.r + x, self.b + x, self.a + self.b + x - 1, share)
            never = np.exp((self.r + x) * np.log1p(-share))
            total = (self.a + self.b + x - 1) / (self.a - 1) * (1 - never * series)
        steady = (self.r + x) / (self.alpha + t) * ahead
        return np.asarray(np.where(np.isfinite(total), total, steady) * self.alive(x, t_x, t))


def log_likelihood(model: BgNbd, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Log likelihood of each customer, `(n,)` (equation 7 of the paper)."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    either = np.where(x > 0, np.logaddexp(stays, left), stays)
    return np.asarray(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + either)


def fit_bg_nbd(x: Floats, t_x: Floats, t: Floats) -> BgNbd | None:
    """The model of greatest likelihood; None with fewer than 20 customers or no repeat purchase.

    Customers alike are counted once, at most 50,000 kinds, evenly spaced over all. Time is scaled
    so that the longest watch is 1 while fitting.
    """
    from scipy.optimize import minimize

    if len(x) < _MIN_CUSTOMERS or not (x > 0).any():
        return None
    scale = max(float(t.max()), 1e-9)
    kinds, weight = np.unique(np.column_stack([x, t_x / scale, t / scale]), axis=0, return_counts=True)
    chosen = np.unique(np.linspace(0, len(kinds) - 1, min(len(kinds), _MAX_ROWS)).astype(int))
    x, t_x, t = kinds[chosen].T
    weight = weight[chosen]

    def loss(logs: Floats) -> float:
        values = log_likelihood(BgNbd(*np.exp(logs).tolist()), x, t_x, t)
        return -float(np.average(values, weights=weight))

    found = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4)
    r, alpha, a, b = np.exp(found.x).tolist()
    # At exactly 1 the expected purchases have no value, though a limit.
    return BgNbd(r, alpha * scale, a if abs(a - 1) > 1e-6 else 1 + 1e-6, b)


def repeat_table(purchases: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, `x`, `t_x`, `t` in days from `customer_id`, `ago` (days before now) of each purchase.

    Purchases of the same day are one.
    """
    days = pl.col("ago").floor()
    return (
        purchases.group_by("customer_id")
        .agg(
            x=(days.n_unique() - 1).cast(pl.Float64),
            t_x=days.max() - days.min(),
            t=pl.col("ago").max(),
        )
        .sort("customer_id")
    )
