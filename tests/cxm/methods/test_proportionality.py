import warnings

import numpy as np
import pytest

from cxm.methods.hazards import Spells
from cxm.methods.proportionality import proportional_p_values


def _customers(n=2000, seed=1):
    """The second term's ratio changes with tenure, the others' does not."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(n, 3))
    matrix[:, 1] = matrix[:, 1] > 0
    leaves = generator.weibull(1.0, n) * 500 * np.exp(-0.2 * matrix[:, 0])
    leaves = np.ceil(np.where(matrix[:, 1] > 0, generator.weibull(2.0, n) * 400, leaves))
    end = np.ceil(generator.uniform(50, 900, n))
    return matrix, np.minimum(leaves, end), leaves <= end


def test_the_test_agrees_with_lifelines_and_finds_the_term_that_changes():
    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    matrix, exits, event = _customers()
    frame = pd.DataFrame(matrix, columns=list("abc")).assign(t=exits, e=event)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = CoxPHFitter().fit(frame, "t", "e")
        theirs = proportional_hazard_test(fitted, frame, time_transform="rank").summary["p"].to_numpy()
    found = proportional_p_values(
        matrix, Spells(np.zeros(len(exits)), exits, event), fitted.params_.to_numpy()
    )
    assert found == pytest.approx(theirs, rel=0.05, abs=1e-3)
    assert found[1] < 1e-6


def test_late_entry_alone_makes_no_ratio_change():
    generator = np.random.default_rng(4)
    matrix = generator.normal(size=(4000, 1))
    exits = np.ceil(generator.exponential(400 * np.exp(-0.5 * matrix[:, 0])))
    entry = np.floor(generator.uniform(0, 300, 4000))
    kept = exits > entry
    spells = Spells(entry[kept], exits[kept], np.ones(kept.sum(), dtype=bool))
    assert proportional_p_values(matrix[kept], spells, np.array([0.5]))[0] > 0.01


def test_too_few_events_say_nothing():
    spells = Spells(np.zeros(5), np.arange(1.0, 6), np.array([True, True, False, False, False]))
    assert np.isnan(proportional_p_values(np.arange(5.0)[:, None], spells, np.zeros(1))).all()
