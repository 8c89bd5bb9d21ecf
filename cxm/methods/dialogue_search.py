"""Which articles the next turn of a dialogue needs: signals, dialogue state and past answers, ranked.

How a search over dialogues is put together and learned belongs here. The index is handed in; what a
pair is described by is in `article_features`, how turns are weighed in `weighing`, how the ranker is
fitted and guarded in `ranker`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.answerability import ANSWER_FUSION
from cxm.methods.article_features import FEATURES, Base, Readings, expand, pair_features, state_boost
from cxm.methods.dialogue_state import State, follow
from cxm.methods.dialogues import Context
from cxm.methods.languages import are_foreign
from cxm.methods.names import NameFinder
from cxm.methods.past_answers import PastAnswers
from cxm.methods.ranker import Candidates, Fit, fit_ranker, rank_scores
from cxm.methods.retrieval import Fusion, choose, draw_folds, fuse, top
from cxm.methods.weighing import (
    ASKED_AND_FOUND,
    SPOKEN,
    Weighing,
    context_vectors,
    first_need_texts,
    search_texts,
)
from cxm.metrics.ranking import ndcg_at, recall_at

Vectors = NDArray[np.float32]

# How turns are weighed, how signals are; the first of each stands where no labels speak for another.
WEIGHINGS = (*(Weighing(decay, ASKED_AND_FOUND) for decay in (0.1, 0.25, 0.75)), Weighing(0.25, SPOKEN))
FUSIONS = tuple(
    Fusion(dense, named, past) for dense in (0.8, 0.5) for named in (0.3, 0.1, 1.0) for past in (0.0, 1.0)
)
_REQUEST, _SPOKEN = Weighing(0.01), Weighing(0.75)
_N_FOLDS = 5
_POOL = 150
_POOLS_PER_BLOCK = 512
_MAX_TRAIN_POINTS = 4000
_FEW, _MANY = 5, 20
# A base with this share of passages in other languages than English is read in these, too.
_USUAL_SHARE, _MOST_LOOKED_AT, _READ = 0.05, 1000, 500

HITS = {
    "query": pl.Int64,
    "rank": pl.Int32,
    "article_id": pl.String,
    "passage": pl.String,
    "score": pl.Float64,
}


class SearchIndex(Protocol):
    """What is asked of an index over articles (`cxm.index.Index`)."""

    @property
    def article_ids(self) -> list[str]:
        """Sorted."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts; zero for a text without a word."""

    def signals(self, queries: Sequence[str], vectors: Vectors | None = None) -> Iterator[Any]:
        """Blocks of signals for all articles."""

    def search(self, queries: Sequence[str], k: int, fusion: Fusion) -> pl.DataFrame:
        """The k best articles by fused signals: columns query, article_id, score among others."""


@dataclass(frozen=True)
class Known:
    """What does not depend on labels: the index, its articles as features need them, their names."""

    index: SearchIndex
    base: Base
    finder: NameFinder
    texts: pl.Series

    @staticmethod
    def of(
        index: SearchIndex, articles: pl.DataFrame, texts: pl.Series, starts: Any, vectors: Vectors
    ) -> Known:
        """From an index, its articles in order, the texts and vectors of their passages."""
        base = Base.from_articles(articles, texts, starts, vectors)
        return Known(index, base, NameFinder.from_articles(articles, texts), texts)


def are_readable(known: Known, contexts: Sequence[Context]) -> NDArray[np.bool_]:
    """Whether each customer writes in a language of the base, `(n_contexts,)`; if not, no quote is a reply.

    Told apart are English and others: a base with other passages reads everything.
    """
    looked_at = known.texts.gather_every(max(1, len(known.texts) // _MOST_LOOKED_AT)).to_list()
    if looked_at and are_foreign(looked_at).mean() >= _USUAL_SHARE:
        return np.ones(len(contexts), dtype=bool)
    # All that was said: a last turn may be nothing but a name.
    said = [
        " ".join(turn.text for turn in context.turns if turn.speaker == "customer") for context in contexts
    ]
    return ~are_foreign([text[:_READ] for text in said])


@dataclass(frozen=True)
class Learned:
    """What labelled points taught: how to weigh, what answered them, and a ranker where it pays."""

    weighing: Weighing = WEIGHINGS[0]
    fusion: Fusion = FUSIONS[0]
    past: PastAnswers | None = None
    booster: str | None = None


@dataclass(frozen=True)
class Pool:
    """The articles worth a closer look for one dialogue, and what is to be seen of them.

    `match`: how well an article's meaning and words match, whatever was named or answered before;
    `passages`: the best passage of each.
    """

    row: int
    articles: NDArray[np.intp]
    plain: NDArray[np.float64]
    match: NDArray[np.float64]
    features: NDArray[np.float64]
    passages: NDArray[np.intp]


@dataclass(frozen=True)
class Paid:
    """How the ranker paid; and best matches of train points, with and without their own articles."""

    ranker: Fit
    present: NDArray[np.float64]
    absent: NDArray[np.float64]


# ------------------------------------------------------------------ answer


def rank_articles(
    known: Known, learned: Learned, found: Sequence[Context], k: int
) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """The k best articles of each context with their best passage (columns of `HITS`); and its best match.

    The match `(n_contexts,)` says whether anything answers at all: see `cxm.methods.answerability`.
    """
    matches = np.zeros(len(found))
    parts = [pl.DataFrame(schema=HITS)]
    pools = _pools(known, learned, found, max(_POOL, k))
    while block := list(itertools.islice(pools, _POOLS_PER_BLOCK)):
        parts.append(_hits(known, learned, block, k))
        for pool in block:
            matches[pool.row] = pool.match.max()
    return pl.concat(parts), matches


def _hits(known: Known, learned: Learned, pools: Sequence[Pool], k: int) -> pl.DataFrame:
    if learned.booster is not None:
        scores = rank_scores(learned.booster, np.vstack([pool.features for pool in pools]))
    else:
        scores = np.concatenate([pool.plain for pool in pools])
    rows: list[tuple[int, int, str, int, float]] = []
    for pool, mine in zip(pools, np.split(scores, np.cumsum([len(p.articles) for p in pools])), strict=False):
        for rank, i in enumerate(top(mine[None].astype(np.float32), k)[0], start=1):
            article_id = known.index.article_ids[pool.articles[i]]
            rows.append((pool.row, rank, article_id, int(pool.passages[i]), round(float(mine[i]), 6)))
    table = pl.DataFrame(rows, schema={**HITS, "passage": pl.Int64}, orient="row")
    return table.with_columns(passage=known.texts.gather(table["passage"]))


def _pools(known: Known, learned: Learned, found: Sequence[Context], size: int) -> Iterator[Pool]:
    """A pool for each context; none where there are no articles."""
    encode, ids = known.index.encode, known.index.article_ids
    need = context_vectors(found, encode, learned.weighing)
    state = follow(found, known.finder)
    past = learned.past or PastAnswers(need[:0], (), ())
    same = past.find(found, need, ids)
    readings = _read(known, past, found, need, state)
    for signals in known.index.signals(search_texts(found, learned.weighing), need):
        named = state_boost(known.finder, state, signals.rows)
        answered = same[signals.rows].toarray()
        plain = fuse(signals.cosine, signals.lexical, named, learned.fusion, answered)
        match = fuse(signals.cosine, signals.lexical, None, ANSWER_FUSION).astype(float)
        best = top(plain, size)
        for i, row in enumerate(range(*signals.rows.indices(len(found)))):
            pool: NDArray[np.intp] = np.union1d(best[i], np.flatnonzero(answered[i])).astype(np.intp)
            if not len(pool):
                continue
            by_passage = signals.by_passage[i]
            scores = (signals.lexical[i, pool], answered[i, pool], plain[i, pool])
            expanded = expand(known.base, by_passage)
            features = pair_features(known.base, known.finder, readings, row, pool, expanded, scores)
            nearest = known.base.nearest(pool, by_passage)
            yield Pool(row, pool, plain[i, pool].astype(float), match[i, pool], features, nearest)


def _read(known: Known, past: PastAnswers, found: Sequence[Context], need: Vectors, state: State) -> Readings:
    encode = known.index.encode
    views = (
        need,
        context_vectors(found, encode, _REQUEST),
        context_vectors(found, encode, _SPOKEN),
        encode(first_need_texts(found)),
    )
    answers = answer_vectors(known, past)
    few, many = (past.blend(found, need, answers, k) for k in (_FEW, _MANY))
    return Readings(views, few, many, state)


def answer_vectors(known: Known, past: PastAnswers) -> Vectors:
    """What answered each past point, as a centred vector `(n_points, d)`: its articles' nearest passages."""
    base = known.base
    position = {article_id: i for i, article_id in enumerate(known.index.article_ids)}
    found = np.zeros((len(past.articles), base.centres.shape[1]), dtype=np.float32)
    for point, ids in enumerate(past.articles):
        pool = np.array(sorted(position[a] for a in ids if a in position), dtype=np.intp)
        if not len(pool):
            continue
        passages, _ = base.passages(pool)
        near = np.asarray(base.vectors[passages], dtype=np.float32) @ past.vectors[point]
        found[point] = base.centred(base.nearest(pool, near, passages)).mean(axis=0)
    return found


# ------------------------------------------------------------------ learn


def learn_search(
    known: Known, found: Sequence[Context], right: Sequence[Sequence[str]], seed: int
) -> tuple[Learned, Paid]:
    """How to search, from points and the articles each needs (all known, none empty); and how it paid.

    Weighing and fusion with the best recall at 5, then a ranker over the pools by nDCG at 10; both
    only where they pay on held-out conversations. Points of one conversation never speak for each other.
    """
    drawn = np.random.default_rng(seed).permutation(len(found))[:_MAX_TRAIN_POINTS]
    at = np.sort(drawn).tolist()
    points, wanted = [found[i] for i in at], [set(right[i]) for i in at]
    folds = draw_folds(np.array([context.conversation_id for context in points]), _N_FOLDS, seed)
    weighing, fusion = _tune(known, points, wanted, folds)
    vectors = context_vectors(found, known.index.encode, weighing)
    names = [context.conversation_id for context in found]
    learned = Learned(weighing, fusion, PastAnswers(vectors, names, right))
    pools = list(_pools(known, learned, points, _POOL))
    ids = [[known.index.article_ids[a] for a in pool.articles] for pool in pools]
    is_right = [np.array([a in wanted[p.row] for a in own]) for p, own in zip(pools, ids, strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(pool.articles) for pool in pools])]).astype(np.intp)
    candidates = Candidates(
        np.vstack([np.zeros((0, len(FEATURES))), *(pool.features for pool in pools)]),
        np.concatenate([np.zeros(0), *is_right]),
        starts,
        np.concatenate([np.zeros(0), *(pool.plain for pool in pools)]),
    )
    best_first = {pool.row: dict.fromkeys(sorted(wanted[pool.row]), 1) for pool in pools}

    def quality(scores: NDArray[np.float64], queries: NDArray[np.intp]) -> NDArray[np.float64]:
        single = scores.astype(np.float32)
        ranked = [top(single[None, starts[q] : starts[q + 1]], 10)[0] for q in queries]
        found_ids = [[ids[q][i] for i in best] for q, best in zip(queries, ranked, strict=True)]
        relevance = [best_first[pools[q].row] for q in queries]
        return np.array([ndcg_at(*pair, 10) for pair in zip(found_ids, relevance, strict=True)])

    fit = fit_ranker(candidates, folds[[pool.row for pool in pools]], quality, seed)
    others = [pool.match[~own] for pool, own in zip(pools, is_right, strict=True)]
    present = np.array([pool.match.max() for pool in pools])
    absent = np.array([match.max(initial=0.0) for match in others])
    return dataclasses.replace(learned, booster=fit.booster), Paid(fit, present, absent)


def _tune(
    known: Known, found: Sequence[Context], wanted: Sequence[set[str]], folds: NDArray[np.intp]
) -> tuple[Weighing, Fusion]:
    """Weighing and fusion with the best recall at 5 on train points; the default unless others help."""
    index = known.index
    quality = np.zeros((len(WEIGHINGS), len(FUSIONS), len(found)))
    owners = [context.conversation_id for context in found]
    state = follow(found, known.finder)
    for w, weighing in enumerate(WEIGHINGS if found else ()):
        vectors = context_vectors(found, index.encode, weighing)
        past = PastAnswers(vectors, owners, [sorted(ids) for ids in wanted])
        same = past.find(found, vectors, index.article_ids)
        for signals in index.signals(search_texts(found, weighing), vectors):
            boosts = state_boost(known.finder, state, signals.rows), same[signals.rows].toarray()
            for f, fusion in enumerate(FUSIONS):
                ranked = top(fuse(signals.cosine, signals.lexical, boosts[0], fusion, boosts[1]), 5)
                for row, best in enumerate(ranked, start=signals.rows.start):
                    quality[w, f, row] = recall_at([index.article_ids[a] for a in best], wanted[row], 5)
    w, f = divmod(choose(np.concatenate(quality), folds), len(FUSIONS))
    return WEIGHINGS[w], FUSIONS[f]
