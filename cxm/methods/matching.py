"""What speaks for each article of a query's pool, as features for a ranker.

A feature of a (query, article) pair belongs here. The pool comes from `cxm.index`, what is learned
from features is in `cxm.methods.ranker`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEATURES = (
    "cosine",
    "lexical",
    "title_cosine",
    "sentence_cosine",
    "sentences_cosine",
    "contrast",
    "section_contrast",
    "cosine_rank",
    "lexical_rank",
    "title_share",
    "section_share",
    "article_share",
    "sentence_share",
    "pair_share",
    "title_precision",
    "sentence_precision",
    "number_share",
    "place",
    "length",
)
_LIKE_ALL = 10
_TOP_SENTENCES = 3
_TOP_ARTICLES = 5
_RANK_OFFSET = 10.0
_TINY = 1e-6


def rows_of(starts: NDArray[Any], owners: NDArray[Any]) -> tuple[Ints, Ints]:
    """All rows of some owners, one after the other, and where those of each begin `(n + 1,)`."""
    sizes = starts[owners + 1] - starts[owners]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return np.repeat(starts[owners] - offsets[:-1], sizes) + np.arange(offsets[-1]), offsets


@dataclass(frozen=True)
class Field:
    """Texts as stems in order: text t has `terms[starts[t]:starts[t + 1]]`."""

    terms: NDArray[Any]
    starts: Ints

    def take(self, texts: Ints) -> Field:
        """Some of the texts, in the order given."""
        rows, starts = rows_of(self.starts, texts)
        return Field(np.asarray(self.terms[rows], dtype=np.int64), starts)

    @property
    def owners(self) -> Ints:
        """The text of each term."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True)
class Pool:
    """A query and the n articles looked at more closely for it, sorted by position.

    `vector` `(d,)` and `terms`, `weights` (idf), `is_number` `(n_terms,)` describe the query; -1 is a
    stem that the base does not hold. `cosine`, `lexical`, `passages` (the best one) and `leaves` (the
    section's last step, -1 for none) `(n,)`. Article i has the sentences
    `part_offsets[i]:part_offsets[i + 1]` of `parts`, `part_vectors` (at length 1) and `part`; its title is
    the first of them.
    """

    vector: NDArray[np.float32]
    articles: Ints
    cosine: NDArray[np.float32]
    lexical: NDArray[np.float32]
    passages: Ints
    parts: Ints
    part_offsets: Ints
    part_vectors: NDArray[np.float32]
    terms: Ints
    weights: Floats
    is_number: NDArray[np.bool_]
    title: Field
    section: Field
    part: Field
    leaves: Ints


def match_features(pool: Pool) -> Floats:
    """Columns of `FEATURES` for each article of a pool `(n, n_features)`."""
    n = len(pool.articles)
    if not n:
        return np.zeros((0, len(FEATURES)))
    starts, sizes = pool.part_offsets[:-1], np.diff(pool.part_offsets)
    cosines = products(pool.part_vectors, pool.vector)
    contrasts = _contrasts(pool, cosines)
    contrast = np.maximum.reduceat(contrasts, starts)
    best = first_best(cosines, pool.part_offsets)
    words = _word_features(pool)
    columns = {
        "cosine": pool.cosine,
        "lexical": pool.lexical,
        "title_cosine": cosines[starts],
        "sentence_cosine": cosines[best],
        "sentences_cosine": _mean_of_best(cosines, np.repeat(np.arange(n), sizes), n, _TOP_SENTENCES),
        "contrast": contrast,
        "section_contrast": _of_section(contrast, pool.leaves),
        "cosine_rank": _reciprocal_ranks(pool.cosine),
        "lexical_rank": _reciprocal_ranks(pool.lexical),
        **words,
        "place": (best - starts) / sizes,
        "length": np.log1p(sizes),
    }
    features: Floats = np.stack([np.asarray(columns[name], dtype=np.float64) for name in FEATURES], axis=1)
    return np.round(features, 6)


def _contrasts(pool: Pool, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of query and sentences without what the likeliest articles have in common.

    All that is near a query about one product names the product; what is left when that direction is
    taken out of both sides is what the query wants to know about it.
    """
    score = pool.cosine + pool.lexical
    likeliest = np.argsort(-np.round(score, 6), kind="stable")[:_LIKE_ALL]
    owners = np.repeat(np.arange(len(pool.articles)), np.diff(pool.part_offsets))
    common = pool.part_vectors[np.isin(owners, likeliest)].mean(axis=0)
    common = common / max(float(np.linalg.norm(common)), _TINY)
    along = products(pool.part_vectors, common)
    shared = float(pool.vector @ common)
    length = np.sqrt(np.maximum(1 - along**2, _TINY)) * np.sqrt(max(1 - shared**2, _TINY))
    found: NDArray[np.float32] = (cosines - shared * along) / length
    return found


def _of_section(contrast: NDArray[np.float32], leaves: Ints) -> Floats:
    """The mean of the best contrasts among articles with the same last step of the section.

    "Specifications" of other products say what a question about weight is about, also where the
    article meant says it in other words. 0 for articles without a section.
    """
    found = np.zeros(len(leaves))
    has = leaves >= 0
    if has.any():
        _, group = np.unique(leaves[has], return_inverse=True)
        found[has] = _mean_of_best(contrast[has], group, int(group.max()) + 1, _TOP_ARTICLES)[group]
    return found


def _word_features(pool: Pool) -> dict[str, Floats]:
    """Shares of the query's weight in words found in each field, in order and in numbers."""
    n, owners = len(pool.articles), np.repeat(np.arange(len(pool.articles)), np.diff(pool.part_offsets))
    unique, first = np.unique(pool.terms, return_index=True)
    weight, is_number = pool.weights[first], pool.is_number[first]
    total = max(float(weight.sum()), _TINY)
    held = {
        "title": _holds(pool.title, unique),
        "section": _holds(pool.section, unique),
        "part": _holds(pool.part, unique),
    }
    in_body = np.zeros((n, len(unique)), dtype=bool)
    np.logical_or.at(in_body, owners, held["part"])
    article = in_body | held["title"] | held["section"]
    sentence = held["part"] @ weight / total
    precision = sentence * held["part"].sum(axis=1) / np.maximum(np.diff(pool.part.starts), 1)
    title = held["title"] @ weight / total
    starts = pool.part_offsets[:-1]
    n_numbers = int(is_number.sum())
    return {
        "title_share": title,
        "section_share": held["section"] @ weight / total,
        "article_share": article @ weight / total,
        "sentence_share": np.maximum.reduceat(sentence, starts),
        "pair_share": np.maximum.reduceat(_pair_shares(pool), starts),
        "title_precision": held["title"].sum(axis=1) / np.maximum(np.diff(pool.title.starts), 1),
        "sentence_precision": np.maximum.reduceat(precision, starts),
        "number_share": article[:, is_number].sum(axis=1) / n_numbers if n_numbers else np.zeros(n),
    }


def _holds(field: Field, terms: Ints) -> NDArray[np.bool_]:
    """Whether each text holds each of the (sorted, distinct) terms `(n_texts, n_terms)`."""
    held = np.zeros((len(field.starts) - 1, len(terms)), dtype=bool)
    if len(terms) and len(field.terms):
        at = np.minimum(np.searchsorted(terms, field.terms), len(terms) - 1)
        found = (terms[at] == field.terms) & (field.terms >= 0)
        held[field.owners[found], at[found]] = True
    return held


def _pair_shares(pool: Pool) -> Floats:
    """Share of the weight of the query's neighbouring words that each sentence has as neighbours."""
    n_parts = len(pool.part.starts) - 1
    known = (pool.terms[:-1] >= 0) & (pool.terms[1:] >= 0)
    if not known.any() or len(pool.part.terms) < 2:
        return np.zeros(n_parts)
    base = int(max(pool.terms.max(), pool.part.terms.max())) + 1
    pairs, first = np.unique((pool.terms[:-1] * base + pool.terms[1:])[known], return_index=True)
    weight = (pool.weights[:-1] + pool.weights[1:])[known][first]
    total = max(float((pool.weights[:-1] + pool.weights[1:]).sum()), _TINY)
    owners = pool.part.owners
    said = pool.part.terms[:-1] * base + pool.part.terms[1:]
    at = np.minimum(np.searchsorted(pairs, said), len(pairs) - 1)
    found = (pairs[at] == said) & (owners[:-1] == owners[1:])
    held = np.zeros((n_parts, len(pairs)), dtype=bool)
    held[owners[:-1][found], at[found]] = True
    shares: Floats = held @ weight / total
    return shares


def _reciprocal_ranks(scores: NDArray[np.float32]) -> Floats:
    order = np.argsort(-np.round(scores, 6), kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(len(scores))
    return _RANK_OFFSET / (_RANK_OFFSET + ranks)


def products(vectors: NDArray[Any], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner products `(n,)` of rows with a vector, on this thread: for so few, others only get in the way."""
    found: NDArray[np.float32] = np.einsum("ij,j->i", np.asarray(vectors, dtype=np.float32), vector)
    return found


def first_best(values: NDArray[np.float32], offsets: Ints) -> Ints:
    """Where the greatest value of each run stands, the first of equals; runs are not empty."""
    if len(offsets) < 2:
        return np.empty(0, dtype=np.int64)
    rounded = np.round(values, 6)
    greatest = np.repeat(np.maximum.reduceat(rounded, offsets[:-1]), np.diff(offsets))
    at = np.flatnonzero(rounded == greatest)
    return at[np.searchsorted(at, offsets[:-1])]


def _mean_of_best(values: NDArray[np.float32], groups: Ints, n_groups: int, k: int) -> Floats:
    """The mean of the k greatest values of each group `(n_groups,)`, of all where there are fewer."""
    order = np.lexsort((-np.round(values, 6), groups))
    counts = np.bincount(groups, minlength=n_groups)
    place = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    best = order[place < k]
    sums = np.bincount(groups[best], values[best], minlength=n_groups)
    found: Floats = sums / np.maximum(np.minimum(counts, k), 1)
    return found
