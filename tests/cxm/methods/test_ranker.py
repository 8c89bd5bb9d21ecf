"""The forest that ranks candidates, and its guard."""

import numpy as np

from cxm.methods.ranker import Candidates, fit_ranker, rank_scores, train_forest
from cxm.methods.retrieval import draw_folds


def hits(candidates: Candidates):
    def quality(scores, queries):
        found = []
        for query in queries:
            start, stop = candidates.starts[query], candidates.starts[query + 1]
            found.append(candidates.relevance[start + np.argmax(scores[start:stop])])
        return np.array(found, dtype=float)

    return quality


def made(n_queries: int, is_told: bool) -> Candidates:
    generator = np.random.default_rng(5)
    n = 8 * n_queries
    features, relevance = generator.random((n, 3)), np.zeros(n)
    relevance[8 * np.arange(n_queries) + generator.integers(0, 8, n_queries)] = 1
    if is_told:
        features[:, 1] += 0.5 * relevance
    plain = features[:, 0] if is_told else relevance.copy()
    return Candidates(features, relevance, np.arange(0, n + 1, 8).astype(np.intp), plain)


def test_a_ranker_is_kept_where_it_beats_plain_scores_unseen() -> None:
    candidates = made(150, is_told=True)
    fit = fit_ranker(candidates, draw_folds(np.arange(150), 5, 7), hits(candidates), 7)
    assert fit.booster
    assert fit.learned > fit.plain
    assert (rank_scores(fit.booster, candidates.features[:0])).shape == (0,)


def test_none_is_kept_where_plain_scores_are_better_or_queries_few() -> None:
    candidates = made(60, is_told=False)
    assert fit_ranker(candidates, draw_folds(np.arange(60), 5, 7), hits(candidates), 7).booster is None
    few = candidates.take(np.arange(5))
    assert fit_ranker(few, draw_folds(np.arange(5), 5, 7), hits(few), 7).booster is None


def test_training_is_repeatable() -> None:
    candidates = made(60, is_told=True)
    assert train_forest(candidates, 7) == train_forest(candidates, 7)
