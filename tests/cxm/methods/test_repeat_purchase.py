from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cxm.methods.purchases import purchase_features
from cxm.methods.repeat_purchase import LOGISTIC, PRIOR, fit_window, from_parts, log_loss, to_parts

AT = datetime(2026, 6, 30, tzinfo=UTC)


def buyers(n: int, seed: int = 0) -> tuple[pl.LazyFrame, datetime]:
    """Customers who buy at random, each at their own pace, over 400 days."""
    generator = np.random.default_rng(seed)
    pace = generator.choice([1 / 20, 1 / 300], n)
    rows = [
        (f"c{i}", float(d))
        for i in range(n)
        for d in generator.uniform(0, 400, generator.poisson(400 * pace[i]))
    ]
    frame = pl.DataFrame(
        {
            "customer_id": [r[0] for r in rows],
            "occurred_at": [AT - timedelta(days=r[1]) for r in rows],
            "amount": 1.0,
            "currency": "EUR",
        }
    )
    return frame.lazy(), frame["occurred_at"].min()


def test_the_probability_of_staying_away_is_calibrated_on_planted_rhythms():
    transactions, first = buyers(300)
    model, found = fit_window(
        lambda at: purchase_features(transactions, at), transactions, first, AT, 60, 3, 7, (LOGISTIC,)
    )
    features = purchase_features(transactions, AT)
    probability = model.probability(features)
    is_slow = features["purchases_last_180_days"].to_numpy() < np.log1p(4)
    # A customer who buys every 20 days stays away for 60 with exp(-3), one of every 300 days with exp(-.2).
    assert probability[~is_slow].mean() == pytest.approx(np.exp(-3), abs=0.06)
    assert probability[is_slow].mean() == pytest.approx(np.exp(-0.2), abs=0.12)
    assert found is not None
    losses = {kind: log_loss(logit, found.outcome) for kind, logit in found.logits.items()}
    assert losses[LOGISTIC] < losses[PRIOR]
    facts, weights, booster = to_parts(model)
    assert np.array_equal(from_parts(facts, weights, booster).probability(features), probability)


def test_a_window_longer_than_history_allows_is_stretched():
    transactions, first = buyers(100)
    features = purchase_features(transactions, AT)
    model, _ = fit_window(lambda at: purchase_features(transactions, at), transactions, first, AT, 2000, 3, 7)
    assert model.window_days < 400
    assert (model.probability(features) <= 1).all()


def test_without_history_the_answer_is_the_uniform_prior():
    transactions, _ = buyers(3)
    features = purchase_features(transactions, AT)
    model, found = fit_window(lambda at: purchase_features(transactions, at), transactions, AT, AT, 30, 3, 7)
    assert model.kind == PRIOR
    assert set(model.probability(features)) == {0.5}
    assert found is None
