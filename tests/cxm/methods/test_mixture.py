import numpy as np
import polars as pl
import pytest

from cxm.methods.mixture import (
    Candidate,
    choose,
    fit_mixture,
    from_arrays,
    name_segments,
    refit_agreement,
    to_arrays,
)


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
        }
    )


def test_planted_groups_are_recovered_and_stable(table):
    mixture, candidates = fit_mixture(table, 3, 8, 0.01, 5, 7)
    assert 3 <= len(mixture.names) <= 5
    assert len(set(mixture.names)) == len(mixture.names)
    assert {len(c) for c in candidates} <= set(range(3, 9))
    assert all(candidate.smallest_share >= 0.01 for candidate in candidates)
    assert np.mean(refit_agreement(table, mixture, 4, 5, 7)) > 0.8


def test_a_mixture_comes_back_from_its_arrays_to_the_same_membership(table):
    mixture, _ = fit_mixture(table, 3, 5, 0.01, 3, 7)
    again = from_arrays(mixture.names, to_arrays(mixture))
    assert np.array_equal(mixture.membership(table), again.membership(table))
    assert np.allclose(mixture.membership(table).sum(axis=1), 1)


def test_customers_alike_but_in_what_they_spent_lately_are_told_apart(table):
    alike = table.with_columns(
        recency_days=pl.col("recency_days").shuffle(1),
        frequency=pl.col("frequency").shuffle(2),
        monetary=pl.col("monetary").shuffle(3),
        recent_monetary=pl.when(pl.int_range(pl.len()) % 2 == 0).then(500.0).otherwise(0.0),
    )
    mixture, _ = fit_mixture(alike, 2, 8, 0.01, 3, 7)
    segments = alike.with_columns(segment=pl.Series(mixture.assign(alike)))
    assert (
        segments.group_by("segment").agg(pl.col("recent_monetary").n_unique())["recent_monetary"].max() == 1
    )


def test_of_fits_as_good_the_one_whose_components_stand_apart_is_chosen():
    def fitted(k: int, bic: float, icl: float) -> Candidate:
        return Candidate(bic, icl, 0.1, np.full(k, 1 / k), np.zeros((k, 4)), np.ones((k, 4)))

    apart, overlapping = fitted(3, 1000.0, 1020.0), fitted(4, 980.0, 1400.0)
    assert choose([apart, overlapping]) is apart
    assert choose([apart, fitted(4, 990.0, 1012.0)]) is apart
    assert len(choose([apart, fitted(4, 900.0, 940.0)])) == 4


def test_segments_are_ordered_by_their_spend(table):
    mixture, _ = fit_mixture(table, 3, 5, 0.01, 3, 7)
    assert (np.diff(mixture.means[:, 2]) <= 0).all()


def test_no_segment_is_smaller_than_the_floor(table):
    mixture, _ = fit_mixture(table, 3, 8, 0.2, 3, 7)
    counts = np.unique(mixture.assign(table), return_counts=True)[1]
    assert counts.min() >= 0.2 * table.height


def test_names_are_unique_whatever_the_centres():
    names = name_segments([(5.0, 5.0)] * 2 + [(1.0, 1.0)] * 3 + [(3.0, 3.0)] * 4 + [(5.0, 1.0)])
    assert len(set(names)) == 10
    assert names[0] == "higher-spend champions"
    assert names[-1] == "new"
