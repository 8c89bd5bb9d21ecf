"""Drift is seen where it is, not where two samples differ by chance."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm.workspace import Workspace
from reports.drift import expect_accuracy, find_drift

MONDAY = datetime(2026, 7, 20, tzinfo=UTC)
PERIOD = "2026-W30"


def contacts(seed, n=150, weeks=9, shift=0.0, channels=(0.5, 0.3, 0.2)):
    draw = np.random.default_rng(seed)
    rows = []
    for week in range(weeks):
        is_now = week == weeks - 1
        shares = channels if is_now else (0.5, 0.3, 0.2)
        start = MONDAY - timedelta(weeks=weeks - 1 - week)
        for i in range(n):
            rows.append(
                {
                    "conversation_id": f"{week}-{i}",
                    "period": start.strftime("%G-W%V"),
                    "started_at": start,
                    "channel": str(draw.choice(["voice", "chat", "email"], p=shares)),
                    "handle_seconds": float(draw.gamma(3, 100) * np.exp(shift * is_now)),
                    "csat": int(draw.integers(1, 6)),
                }
            )
    return pl.DataFrame(rows)


@pytest.fixture
def nothing(tmp_path):
    (tmp_path / "data").mkdir()
    return Workspace(tmp_path / "data", tmp_path / "out")


def test_a_shifted_column_and_another_mix_are_found_and_named(nothing):
    found = {
        drift.column: drift
        for drift in find_drift(nothing, contacts(1, shift=0.8, channels=(0.1, 0.3, 0.6)), PERIOD)
    }
    assert found["channel"].state == "fail"
    assert found["channel"].most[0] in ("voice", "email")
    assert found["handle_seconds"].state == "fail"
    assert 0 < found["handle_seconds"].js_distance < 1


def test_twenty_quiet_weeks_raise_at_most_one_alarm(nothing):
    alarms = [d for seed in range(20) for d in find_drift(nothing, contacts(seed), PERIOD) if d.state != "ok"]
    assert len(alarms) <= 1


def test_the_index_of_two_like_samples_is_about_what_chance_makes(nothing):
    ratios = [d.psi / d.noise for seed in range(20) for d in find_drift(nothing, contacts(seed), PERIOD)]
    assert 0.7 < float(np.mean(ratios)) < 1.4


def test_too_few_rows_are_not_compared(nothing):
    assert find_drift(nothing, contacts(1, n=20), PERIOD) == []
    assert find_drift(nothing, contacts(1, weeks=1), PERIOD) == []
    assert find_drift(nothing, None, PERIOD) == []
    assert find_drift(nothing, contacts(1), None) == []


def test_a_constant_column_does_not_drift(nothing):
    frame = contacts(1).with_columns(channel=pl.lit("voice"), handle_seconds=pl.lit(5.0))
    assert all(
        drift.state == "ok" and drift.psi == pytest.approx(0, abs=0.02)
        for drift in find_drift(nothing, frame, PERIOD)
    )


def test_expected_accuracy_is_the_mean_probability_beside_the_measured_one(make_world):
    workspace = make_world()
    frame = workspace.read("conversations").select("conversation_id", "started_at").collect()
    frame = frame.with_columns(period=pl.col("started_at").dt.strftime("%G-W%V"))
    score = {"task": "intent_prediction", "metric": "accuracy", "value": 0.7, "n": 90}
    found = {e.task: e for e in expect_accuracy(workspace, frame, PERIOD, [score])}
    intents = found["intent_prediction"]
    assert (intents.expected, intents.n, intents.measured) == (pytest.approx(0.6), 20, 0.7)
    assert intents.expected_before == pytest.approx(0.6)
    assert found["sentiment"].measured is None
