"""Rankers of a search: learned where labels teach something, plain fusion where they do not."""

import numpy as np
import pytest

from cxm.methods.linear_ranker import PULL, centred, fit_weights, linear_scores, scales
from cxm.methods.matching import FEATURES
from cxm.methods.ranker import Candidates
from cxm.methods.retrieval import draw_folds
from cxm.methods.search_ranker import PLAIN, SearchRanker, learn_ranker

N_EACH = 12


def candidates(n_queries: int, tells: str, seed: int = 3, strength: float = 2.0) -> Candidates:
    """Candidates of which one is right; `tells` is the feature that says which, in a base of its own kind."""
    generator = np.random.default_rng(seed)
    mean, deviation, _ = scales()
    n = n_queries * N_EACH
    features = mean + deviation * generator.standard_normal((n, len(FEATURES)))
    relevance = np.zeros(n)
    right = np.arange(n_queries) * N_EACH + generator.integers(0, N_EACH, n_queries)
    relevance[right] = 1
    features[right, FEATURES.index(tells)] += strength * deviation[FEATURES.index(tells)]
    plain = features[:, FEATURES.index("cosine")] + features[:, FEATURES.index("lexical")]
    return Candidates(features, relevance, np.arange(0, n + 1, N_EACH).astype(np.intp), plain)


def folds_of(found: Candidates):
    return draw_folds(np.arange(found.n_queries), 5, 7)


def test_what_tells_in_this_base_is_learned() -> None:
    found = candidates(200, "number_share", strength=4.0)
    ranker, trials = learn_ranker(found, folds_of(found), 7)
    assert ranker.name.startswith("linear")
    quality = {trial.name: trial.hits.mean() for trial in trials}
    assert quality[ranker.name] > quality[PLAIN] + 0.3
    held = candidates(100, "number_share", seed=9, strength=4.0)
    scores = ranker.scores(held.features, held.plain, held.starts).reshape(-1, N_EACH)
    assert (held.relevance.reshape(-1, N_EACH)[np.arange(100), scores.argmax(1)] == 1).mean() > 0.6


def test_where_nothing_can_be_learned_plain_fusion_stays() -> None:
    found = candidates(80, "cosine")
    perfect = Candidates(found.features, found.relevance, found.starts, found.relevance.copy())
    ranker, trials = learn_ranker(perfect, folds_of(found), 7)
    assert ranker == SearchRanker()
    assert trials[0].hits.mean() == 1
    assert (ranker.scores(found.features, found.plain, found.starts) == found.plain).all()


@pytest.mark.parametrize("n", [0, 5])
def test_too_few_queries_decide_nothing(n: int) -> None:
    found = candidates(n, "cosine") if n else candidates(5, "cosine").take(np.empty(0, dtype=np.intp))
    assert learn_ranker(found, folds_of(found), 7) == (SearchRanker(), [])


def test_made_queries_choose_but_do_not_teach() -> None:
    found = candidates(200, "number_share", strength=4.0)
    _, trials = learn_ranker(found, folds_of(found), 7, is_labelled=False)
    assert "linear" not in [trial.name for trial in trials]


def test_the_same_queries_give_the_same_ranker() -> None:
    found = candidates(100, "title_share")
    one, two = (learn_ranker(found, folds_of(found), 7)[0] for _ in range(2))
    assert one == two


def test_weights_without_queries_are_those_of_other_bases_and_a_strong_pull_keeps_them() -> None:
    found = candidates(60, "place", strength=5.0)
    prior = scales()[2]
    assert (fit_weights(found.take(np.empty(0, dtype=np.intp))) == prior).all()
    moved = [np.abs(fit_weights(found, pull) - prior).sum() for pull in (PULL, 100 * PULL)]
    assert moved[0] > moved[1] > 0
    assert linear_scores(found.features, prior).shape == (60 * N_EACH,)


def test_centred_scores_have_one_scale_in_every_query() -> None:
    scores = centred(np.array([1.0, 2.0, 3.0, 100.0, 200.0, 300.0]), np.array([0, 3, 6]))
    assert np.allclose(scores[:3], scores[3:], atol=1e-4)
    assert centred(np.zeros(0), np.array([0])).size == 0
