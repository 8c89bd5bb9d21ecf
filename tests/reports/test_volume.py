"""What contacts to expect: the same weekdays before, holidays aside; a surge is seen, chance is not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm.errors import CxmError
from reports.volume import expect_volume

MONDAY = datetime(2026, 7, 20, tzinfo=UTC)  # of 2026-W30
PERIOD = "2026-W30"
BY_WEEKDAY = [1.5, 1.2, 1.0, 1.0, 1.0, 0.7, 0.6]


def contacts(seed, factor=1.0, per_day=20, n_days=7, closed=None):
    draw = np.random.default_rng(seed)
    starts = []
    for day in range(-63, n_days):
        mean = per_day * BY_WEEKDAY[day % 7] * (factor if day >= 0 else 1.0)
        moment = MONDAY + timedelta(days=day)
        n = 0 if closed == moment.date() else draw.poisson(mean)
        starts += [moment + timedelta(minutes=int(m)) for m in draw.integers(0, 1440, n)]
    frame = pl.DataFrame({"started_at": starts}, schema={"started_at": pl.Datetime("us", "UTC")})
    return frame.with_columns(data_ends_at=pl.col("started_at").max())


def test_a_surge_lies_outside_of_what_is_to_be_expected():
    volume = expect_volume(contacts(1, factor=1.6), PERIOD)
    assert volume.n > volume.high
    assert volume.p_value < 1e-6
    assert volume.expected == pytest.approx(140, rel=0.1)


def test_quiet_weeks_lie_inside_nineteen_times_of_twenty():
    volumes = [expect_volume(contacts(seed), PERIOD) for seed in range(100)]
    assert sum(v.low <= v.n <= v.high for v in volumes) >= 88


def test_a_week_that_is_not_over_is_compared_on_its_days():
    volume = expect_volume(contacts(2, n_days=3), PERIOD)
    assert volume.n_days == 2  # the last day of the data may not be over
    assert volume.p_value > 0.01


def test_a_holiday_is_left_out_where_the_country_is_known():
    pytest.importorskip("holidays")
    period, holiday = "2026-W22", datetime(2026, 5, 25, tzinfo=UTC)  # Whit Monday
    frame = contacts(3, closed=(MONDAY + timedelta(days=0)).date())
    shift = MONDAY - holiday
    frame = frame.with_columns(pl.col("started_at", "data_ends_at") - shift)
    assert expect_volume(frame, period).n_days == 7
    volume = expect_volume(frame, period, "DE")
    assert volume.n_days == 6
    assert "25 May 2026" in volume.holidays[0]
    assert volume.p_value > 0.01
    with pytest.raises(CxmError, match="CXM_COUNTRY"):
        expect_volume(frame, period, "XX")


def test_too_little_to_expect_anything_gives_none():
    assert expect_volume(None, PERIOD) is None
    assert expect_volume(contacts(1), None) is None
    assert expect_volume(contacts(1, per_day=1), PERIOD) is None
    assert (
        expect_volume(contacts(1).filter(pl.col("started_at") > MONDAY - timedelta(days=14)), PERIOD) is None
    )
