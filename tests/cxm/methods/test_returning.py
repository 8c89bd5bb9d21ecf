from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm.methods.returning import season_factor

_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def _shop(n_days, peak, seed=3):
    """Customers who come back at their own rates, all `peak` times as often from September to November."""
    generator = np.random.default_rng(seed)
    moments = [_BEGIN + timedelta(days=day, hours=12) for day in range(n_days)]
    season = np.array([peak if moment.month in (9, 10, 11) else 1.0 for moment in moments])
    rates = generator.gamma(1.0, 1 / 40, 400)
    bought = np.argwhere(generator.random((400, n_days)) < rates[:, None] * season)
    rows = [(f"c{i:03}", moments[day], 10.0) for i, day in bought.tolist()]
    names = ["customer_id", "occurred_at", "amount"]
    return (
        pl.DataFrame(rows, schema=names, orient="row").cast({"occurred_at": pl.Datetime("us", "UTC")}).lazy()
    )


def test_a_season_seen_a_year_ago_is_expected_again_and_a_flat_year_is_none():
    cut = datetime(2025, 9, 1, tzinfo=UTC)
    assert season_factor(_shop(609, peak=1.8), cut, 90) == pytest.approx(1.8, abs=0.25)
    assert season_factor(_shop(609, peak=1.0), cut, 90) == pytest.approx(1.0, abs=0.1)


def test_a_season_needs_a_year_and_a_half_and_reads_nothing_after_the_moment():
    shop = _shop(609, peak=1.8)
    assert season_factor(shop, datetime(2025, 3, 1, tzinfo=UTC), 90) == 1.0
    cut = datetime(2025, 8, 1, tzinfo=UTC)
    later = shop.filter((pl.col("occurred_at") <= cut) | (pl.col("customer_id") < "c100"))
    assert season_factor(later, cut, 500) == season_factor(
        shop.filter(pl.col("occurred_at") <= cut), cut, 500
    )
