import numpy as np
import polars as pl
import pytest

from cxm.methods.mixture import (
    SHAPES,
    Candidate,
    Components,
    Settings,
    choose,
    fit_mixture,
    from_arrays,
    to_arrays,
)
from cxm.metrics.classification import adjusted_rand_index


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    generator = np.random.default_rng(1)
    group = np.repeat([0, 1, 2, 3], 120)
    recency = np.array([5, 60, 400, 20])[group] * generator.lognormal(0, 0.15, 480)
    monetary = np.array([5000, 300, 20, 90])[group] * generator.lognormal(0, 0.2, 480)
    frequency = np.array([40, 8, 1, 3])[group]
    return pl.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(480)],
            "recency_days": recency,
            "frequency": pl.Series(frequency, dtype=pl.Int32),
            "monetary": monetary,
            "recent_monetary": np.where(recency < 90, monetary / 3, 0.0),
            "n_purchase_days": pl.Series(frequency, dtype=pl.Int32),
            "span_days": 20.0 * (frequency - 1),
        }
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_planted_groups_are_recovered_whatever_the_shape(table, shape):
    mixture, candidates = fit_mixture(table, Settings(largest=8, n_starts=5), shape=shape)
    assert 3 <= len(mixture.names) <= 5
    assert len(set(mixture.names)) == len(mixture.names)
    assert {len(c) for c in candidates} <= set(range(3, 9))
    assert all(candidate.smallest_share >= 0.01 for candidate in candidates)
    planted = np.repeat([0, 1, 2, 3], 120)
    assert adjusted_rand_index(planted, np.array(mixture.assign(table))) > 0.85


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mixture_comes_back_from_its_arrays_to_the_same_membership(table, shape):
    mixture, _ = fit_mixture(table, Settings(largest=5, n_starts=3), shape=shape)
    again = from_arrays(mixture.names, to_arrays(mixture), shape=shape)
    assert np.array_equal(mixture.membership(table), again.membership(table))
    assert np.allclose(mixture.membership(table).sum(axis=1), 1)


def test_membership_is_that_of_the_densities_of_normal_distributions():
    from scipy.stats import multivariate_normal

    covariances = np.array([[[1.0, 0.3], [0.3, 2.0]], [[0.5, 0.0], [0.0, 0.5]]])
    components = Components(np.array([0.25, 0.75]), np.array([[0.0, 1.0], [2.0, -1.0]]), covariances)
    points = np.random.default_rng(0).normal(size=(20, 2))
    parts = zip(components.weights, components.means, covariances, strict=True)
    density = np.stack([w * multivariate_normal(m, c).pdf(points) for w, m, c in parts], axis=1)
    assert np.allclose(components.membership(points), density / density.sum(axis=1, keepdims=True))


def test_customers_alike_but_in_what_they_spent_lately_are_told_apart(table):
    alike = table.with_columns(
        recency_days=pl.col("recency_days").shuffle(1),
        frequency=pl.col("frequency").shuffle(2),
        monetary=pl.col("monetary").shuffle(3),
        recent_monetary=pl.when(pl.int_range(pl.len()) % 2 == 0).then(500.0).otherwise(0.0),
    )
    mixture, _ = fit_mixture(alike, Settings(2, 8, n_starts=3))
    lately = (pl.col("recent_monetary") > 0).mean()
    shares = alike.group_by(pl.Series("segment", mixture.assign(alike))).agg(lately, n=pl.len())
    mixed = pl.min_horizontal("recent_monetary", 1 - pl.col("recent_monetary")) * pl.col("n")
    # Half of the customers would be, were the recent spend not looked at.
    assert shares.select(mixed.sum() / pl.col("n").sum()).item() < 0.15


def test_the_lowest_icl_is_chosen_that_resamples_surely_find_again():
    def fitted(k: int, icl: float) -> Candidate:
        return Candidate(
            icl, icl, 0.1, Components(np.full(k, 1 / k), np.zeros((k, 2)), np.tile(np.eye(2), (k, 1, 1)))
        )

    few, some, many = fitted(3, 1000.0), fitted(4, 980.0), fitted(5, 900.0)
    agreement = {3: [0.99] * 9, 4: [0.9] * 9, 5: [0.8, 0.9] * 9}
    assert choose([few, some, many], lambda c, batch: agreement[len(c)]) is some
    unsure = {3: [0.5] * 9, 4: [0.7] * 9, 5: [0.6] * 9}
    assert choose([few, some, many], lambda c, batch: unsure[len(c)]) is some


def test_segments_are_ordered_by_their_spend(table):
    mixture, _ = fit_mixture(table, Settings(largest=5, n_starts=3))
    assert (np.diff(mixture.components.means[:, 2]) <= 0).all()


def test_no_segment_is_smaller_than_the_floor(table):
    mixture, _ = fit_mixture(table, Settings(3, 8, 0.2, 3))
    counts = np.unique(mixture.assign(table), return_counts=True)[1]
    assert counts.min() >= 0.2 * table.height
