"""From articles to everything a judge needs of their pairs: the way through the methods, in order.

The steps stand in their own modules (`statements`, `scopes`, `alignment`, `contexts`, `conflicts`,
`article_pairs`, `restatements`); here is only what follows what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.alignment import (
    MIN_COSINE,
    RANKED_SCHEMA,
    align_sentences,
    expand_forms,
    find_candidates,
    find_neighbours,
    find_scope_neighbours,
)
from cxm.methods.article_pairs import PAIR_FEATURES, describe_pairs, pair_occurrences
from cxm.methods.attributes import LIKE_COSINE, LIKE_FORMS
from cxm.methods.conflicts import CONFLICT_FEATURES, describe_conflicts
from cxm.methods.conflicts import PAIR as ARTICLES
from cxm.methods.contexts import measure_context
from cxm.methods.properties import group_forms
from cxm.methods.restatements import find_restatements
from cxm.methods.scopes import read_scopes
from cxm.methods.statements import read_statements

_LIKE_FORMS = 12
# Encoders read a figure better than the sign for one.
_ANY_FIGURE = "25"


@dataclass(frozen=True)
class Comparison:
    """Pairs of articles with their features, and the sentences of each that may conflict.

    `articles`: ids, features and the sentences of the heaviest agreement, sorted by ids;
    `conflicts`: owner (a row of `articles`), features and the sentences; `restated`: other words for
    some sentences.
    """

    articles: pl.DataFrame
    conflicts: pl.DataFrame
    restated: dict[str, list[str]]


def compare_articles(
    articles: pl.DataFrame,
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
    max_articles: int,
    min_shared: float,
    max_dense: int,
) -> Comparison:
    """All pairs of `articles` that have a sentence in common, as good as, or in one scope.

    `encode` gives unit vectors `(n, d)`; it is not asked where there are more than `max_dense`
    forms. A sentence in more than `max_articles` articles is boilerplate; `min_shared` is in units of
    log(articles). No article or one gives no pair.
    """
    statements = read_statements(articles)
    scopes = read_scopes(statements)
    n_sentences = len(statements.sentences)
    lexical = [
        find_candidates(statements, 2 * max_articles),
        pl.DataFrame({"left": np.arange(n_sentences, dtype=np.int32)}).with_columns(right="left"),
    ]
    vectors = like = wide = of_sentences = groups = None
    near = pl.DataFrame(schema=RANKED_SCHEMA)
    if len(scopes.forms) <= max_dense:
        vectors = encode([form.replace("#", _ANY_FIGURE) for form in scopes.forms])
        of_sentences = vectors[scopes.sentence_form]
        near = find_scope_neighbours(statements, scopes, vectors)
        like = find_neighbours(vectors, _LIKE_FORMS, MIN_COSINE)
        wide = find_neighbours(vectors, LIKE_FORMS, LIKE_COSINE)
        lexical.append(expand_forms(scopes, like))
        groups = group_forms(statements, scopes, vectors)
    pairs = (
        pl.concat(lexical)
        .unique()
        .join(near, on=["left", "right"], how="full", coalesce=True, validate="1:1")
        .sort("left", "right")
    )
    least = min_shared * float(np.log(len(statements.ids) + 1))
    aligned = align_sentences(statements, pairs, least, of_sentences)
    occurrences = pair_occurrences(statements, scopes, aligned, max_articles)
    contexts = measure_context(statements, scopes, vectors, like)
    compared = describe_conflicts(statements, scopes, occurrences, contexts, vectors, wide, groups)
    described, conflicts = describe_pairs(statements, scopes, compared, of_sentences)
    ids = pl.Series(statements.ids, dtype=pl.String)
    texts = pl.Series(statements.sentences, dtype=pl.String)
    numbered = described.select(*ARTICLES).with_row_index("owner")
    return Comparison(
        described.select(
            left_article_id=ids.gather(described["left_article"]),
            right_article_id=ids.gather(described["right_article"]),
            similar_left=texts.gather(described["similar_left"]),
            similar_right=texts.gather(described["similar_right"]),
            **{name: pl.col(name) for name in PAIR_FEATURES},
        ),
        conflicts.join(numbered, on=ARTICLES, how="left", validate="m:1", maintain_order="left").select(
            "owner",
            *CONFLICT_FEATURES,
            conflict_left=texts.gather(conflicts["conflict_left"]),
            conflict_right=texts.gather(conflicts["conflict_right"]),
        ),
        find_restatements(statements, scopes, compared),
    )
