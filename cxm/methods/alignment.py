"""Which sentences of different articles say nearly the same, found without comparing all with all.

Sentences that share a rare run of neutral terms are candidates; those whose terms really overlap
are aligned, and the facts in which they differ are listed. What a pair of articles makes of its
aligned sentences is in `cxm.methods.article_pairs`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.facts import NUMBER
from cxm.methods.scopes import Scopes
from cxm.methods.statements import Statements

_RUN = 3
_RUNS_PER_SENTENCE = 16
_PAIRS_PER_SENTENCE = 8
_RARE_TERMS = 6
# Each block reads all terms once: a fixed number of blocks keeps the work in proportion.
_BLOCK, _MAX_BLOCKS = 200_000, 10
_ROWS = 1024
_RARE_FORM = 3
# Overlap of the terms' weights, of the shorter of two sentences, above which they are aligned.
MIN_OVERLAP = 0.6
# Cosine of two sentences above which they are aligned although their words differ.
MIN_COSINE = 0.7
# Sentences of one scope that are compared although few of their words agree.
N_NEIGHBOURS, _MIN_SCOPE_COSINE = 5, 0.3

ALIGNED_SCHEMA: dict[str, type[pl.DataType]] = {
    "left": pl.Int32,
    "right": pl.Int32,
    "shared": pl.Float64,
    "only_left": pl.Float64,
    "only_right": pl.Float64,
    "cosine": pl.Float64,
    "is_aligned": pl.Boolean,
    "rank_left": pl.Int32,
    "rank_right": pl.Int32,
    "n_agreed": pl.Int32,
    "scope": pl.Float64,
    "n_facts": pl.Int32,
    "negation": pl.Float64,
    "opposite": pl.Float64,
    "number": pl.Float64,
    "named": pl.Float64,
}
RANKED_SCHEMA: dict[str, type[pl.DataType]] = dict.fromkeys(
    ("left", "right", "rank_left", "rank_right"), pl.Int32
)
KINDS = ("number", "negation", "opposite", "named")


def index_runs(statements: Statements) -> pl.DataFrame:
    """Distinct (`run`, `sentence`): every run of three neutral terms, as one number.

    A sentence of one or two terms is one run.
    """
    sequence = statements.sequence
    term = (
        (sequence["term"].to_numpy().astype(np.uint64) + np.uint64(1))
        if sequence.height
        else np.zeros(0, np.uint64)
    )
    sentence = sequence["sentence"].to_numpy()
    if not len(term):
        return pl.DataFrame(schema={"run": pl.UInt64, "sentence": pl.Int32})
    starts = np.flatnonzero(np.r_[True, sentence[1:] != sentence[:-1]])
    ends = np.r_[starts[1:], len(sentence)]
    length = np.repeat(ends - starts, ends - starts)
    left = np.repeat(ends, ends - starts) - np.arange(len(sentence))
    code = np.zeros(len(term), np.uint64)
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    for step in range(_RUN):
        following = np.where(
            left > step, np.r_[term[step:], np.zeros(step, np.uint64)][: len(term)], np.uint64(0)
        )
        code = (code ^ following) * multiplier
        code ^= code >> np.uint64(29)
    first = np.r_[True, sentence[1:] != sentence[:-1]]
    keep = (left >= _RUN) | ((length < _RUN) & first)
    return pl.DataFrame({"run": code[keep], "sentence": sentence[keep]}).unique(maintain_order=True)


def index_term_pairs(statements: Statements) -> pl.DataFrame:
    """Distinct (`run`, `sentence`): every two of a sentence's rarest terms, as one number.

    It finds sentences that say the same in another order or other words.
    """
    weight = pl.Series(statements.weights)
    terms = statements.terms.select("sentence", "term").unique(maintain_order=True)
    rare = (
        terms.with_columns(weight=weight.gather(terms["term"]), n=pl.len().over("term"))
        .filter(pl.col("n") > 1)
        .sort("sentence", "weight", "term", descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("sentence") < _RARE_TERMS)
        .select("sentence", "term")
    )
    n_terms = max(len(statements.weights), 1)
    return (
        rare.lazy()
        .join(rare.lazy().rename({"term": "other"}), on="sentence")
        .filter(pl.col("term") < pl.col("other"))
        .select(
            run=pl.col("term").cast(pl.UInt64) * n_terms + pl.col("other").cast(pl.UInt64),
            sentence="sentence",
        )
        .sort("run", "sentence")
        .collect()
    )


def find_candidates(statements: Statements, max_sentences: int) -> pl.DataFrame:
    """Pairs of different sentences (`left` < `right`) with a rare run or rare terms in common, sorted.

    Runs in more than `max_sentences` sentences are skipped; rarest first until there are a fixed
    number of pairs a sentence, so that the work stays in proportion to the base.
    """
    found = [
        _pair_up(index, max_sentences, len(statements.sentences))
        for index in (index_runs(statements), index_term_pairs(statements))
    ]
    return pl.concat(found).unique().sort("left", "right")


def _pair_up(index: pl.DataFrame, max_sentences: int, n_sentences: int) -> pl.DataFrame:
    counted = (
        index.with_columns(n=pl.len().over("run"))
        .filter((pl.col("n") > 1) & (pl.col("n") <= max_sentences))
        .sort("sentence", "n", "run")
        .filter(pl.int_range(pl.len()).over("sentence") < _RUNS_PER_SENTENCE)
        .with_columns(n=pl.len().over("run"))
        .sort("n", "run", "sentence")
    )
    # A run in n sentences makes (n - 1) / 2 pairs for each of them.
    budget = _PAIRS_PER_SENTENCE * n_sentences
    kept = counted.filter(((pl.col("n") - 1) / 2).cum_sum() <= budget).select("run", "sentence").lazy()
    return (
        kept.rename({"sentence": "left"})
        .join(kept.rename({"sentence": "right"}), on="run")
        .filter(pl.col("left") < pl.col("right"))
        .select("left", "right")
        .unique()
        .collect()
    )


def find_neighbours(vectors: NDArray[np.float32], k: int = 8, min_cosine: float = MIN_COSINE) -> pl.DataFrame:
    """Pairs (`left` < `right`) of rows of `vectors` `(n, d)` that are among each other's `k` nearest.

    Exact and in blocks, so quadratic in time: for small bases. One side's neighbourhood is enough.
    """
    found = []
    for start in range(0, len(vectors), _ROWS):
        cosine = vectors[start : start + _ROWS] @ vectors.T
        rows = np.arange(len(cosine))
        cosine[rows, rows + start] = -1
        nearest = np.argpartition(-cosine, min(k, cosine.shape[1] - 1), axis=1)[:, :k]
        left = np.repeat(rows, nearest.shape[1])
        right = nearest.ravel()
        keep = cosine[left, right] >= min_cosine
        left, right = left[keep] + start, right[keep]
        found.append(np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2))
    return pl.DataFrame(
        {"left": pairs[:, 0], "right": pairs[:, 1]}, schema={"left": pl.Int32, "right": pl.Int32}
    )


def find_scope_neighbours(
    statements: Statements, scopes: Scopes, vectors: NDArray[np.float32]
) -> pl.DataFrame:
    """Pairs (`left` < `right`) of sentences of one scope but different articles that are near in form.

    `vectors` `(n_forms, d)`. `rank_left`: how many of the scope are nearer to the left one than the
    right one is, `rank_right` the other way round; the number of neighbours sought where it is not
    among them. At most `N_NEIGHBOURS` to each sentence of each article.
    """
    rows = (
        scopes.scopes.with_columns(sentence=statements.places["sentence"])
        .filter(pl.col("scope") >= 0)
        .unique(["scope", "article", "sentence"])
        .sort("scope", "article", "sentence")
    )
    scope, article, sentence = (rows[name].to_numpy() for name in ("scope", "article", "sentence"))
    if not len(scope):
        return pl.DataFrame(schema=RANKED_SCHEMA)
    starts = np.flatnonzero(np.r_[True, scope[1:] != scope[:-1]])
    found = [np.zeros((0, 3), dtype=np.int64)]
    for start, end in zip(starts, np.r_[starts[1:], len(scope)], strict=True):
        inside = vectors[scopes.sentence_form[sentence[start:end]]]
        of, what = article[start:end], sentence[start:end]
        for first in range(0, len(inside), _ROWS):
            cosine = inside[first : first + _ROWS] @ inside.T
            mine = slice(first, first + len(cosine))
            cosine[of[mine, None] == of[None, :]] = -1
            cosine[what[mine, None] == what[None, :]] = -1
            nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :N_NEIGHBOURS]
            near = np.take_along_axis(cosine, nearest, axis=1) >= _MIN_SCOPE_COSINE
            one, rank = np.nonzero(near)
            found.append(np.stack([what[mine][one], what[nearest[one, rank]], rank], axis=1))
    directed = np.concatenate(found)
    is_turned = directed[:, 0] > directed[:, 1]
    pairs = pl.DataFrame(
        {
            "left": directed[:, :2].min(axis=1),
            "right": directed[:, :2].max(axis=1),
            "rank_left": np.where(is_turned, N_NEIGHBOURS, directed[:, 2]),
            "rank_right": np.where(is_turned, directed[:, 2], N_NEIGHBOURS),
        },
        schema=RANKED_SCHEMA,
    )
    return pairs.group_by("left", "right").agg(pl.all().min()).sort("left", "right")


def expand_forms(scopes: Scopes, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs (`left` < `right`) of the sentences of rare forms, from `pairs` of their forms."""
    sentences = pl.DataFrame({"form": scopes.sentence_form}).with_row_index("sentence")
    rare = (
        sentences.select(pl.col("sentence").cast(pl.Int32), "form")
        .filter(pl.len().over("form") <= _RARE_FORM)
        .lazy()
    )
    one, other = (rare.rename({"sentence": side}) for side in ("one", "other"))
    return (
        pairs.lazy()
        .join(one, left_on="left", right_on="form")
        .join(other, left_on="right", right_on="form")
        .select(left=pl.min_horizontal("one", "other"), right=pl.max_horizontal("one", "other"))
        .collect()
    )


def align_sentences(
    statements: Statements,
    candidates: pl.DataFrame,
    min_shared: float,
    vectors: NDArray[np.float32] | None = None,
) -> pl.DataFrame:
    """The candidates that say nearly the same, with the facts in which they differ.

    `shared`, `only_left`, `only_right`: weight of the terms on both or one side; `cosine` of their
    `vectors` `(n_sentences, d)`, 0 without; `scope`: the lesser weight of names that stand on one
    side only (each speaks of something else); `n_facts`: terms with different values, and the weight
    of those of each kind. Aligned is what shares `min_shared` nats and `MIN_OVERLAP` of the lighter
    sentence, or half of `min_shared` with a cosine of `MIN_COSINE`; candidates that are neighbours
    in their scope (with ranks) are kept beside them if they share a term.
    """
    absent = [name for name in ("rank_left", "rank_right") if name not in candidates.columns]
    candidates = candidates.with_columns(pl.lit(None, pl.Int32).alias(name) for name in absent)
    size = max(_BLOCK, -(-candidates.height // _MAX_BLOCKS))
    terms = statements.terms.with_columns(total=pl.col("n").sum().over("sentence", "term"))
    blocks = [
        _align_block(statements, terms, candidates[start : start + size], min_shared, vectors)
        for start in range(0, candidates.height, size)
    ]
    return pl.concat(blocks) if blocks else pl.DataFrame(schema=ALIGNED_SCHEMA)


def _align_block(
    statements: Statements,
    all_terms: pl.DataFrame,
    pairs: pl.DataFrame,
    min_shared: float,
    vectors: NDArray[np.float32] | None,
) -> pl.DataFrame:
    weight = pl.DataFrame(
        {
            "term": np.arange(len(statements.weights), dtype=np.int32),
            "weight": statements.weights,
            "name_weight": statements.weights * statements.names,
        }
    )
    cosine = np.zeros(pairs.height)
    if vectors is not None:
        left, right = vectors[pairs["left"].to_numpy()], vectors[pairs["right"].to_numpy()]
        cosine = np.einsum("ij,ij->i", left, right).astype(np.float64)
    ranks = pairs.select("left", "right", pl.col("rank_left", "rank_right").fill_null(N_NEIGHBOURS))
    pairs = pairs.select("left", "right", cosine=pl.Series(cosine))
    terms = all_terms.lazy()
    total = pl.DataFrame(
        {
            "sentence": np.arange(len(statements.sentences), dtype=np.int32),
            "total": statements.sentence_weights,
            "names": statements.name_weights,
        }
    ).lazy()
    both = (
        pairs.lazy()
        .join(terms.rename({"sentence": "left"}), on="left")
        .join(
            terms.rename(
                {
                    "sentence": "right",
                    "value": "other",
                    "kind": "other_kind",
                    "n": "other_n",
                    "total": "other_total",
                }
            ),
            on=["right", "term"],
        )
        .group_by("left", "right", "term", "cosine")
        .agg(
            n_equal=pl.min_horizontal("n", "other_n").filter(pl.col("value") == pl.col("other")).sum(),
            n_least=pl.min_horizontal(pl.col("total").first(), pl.col("other_total").first()),
            kind=pl.max_horizontal(pl.col("kind").max(), pl.col("other_kind").max()),
            is_agreed=((pl.col("value") == pl.col("other")) & (pl.col("kind") == NUMBER)).any(),
        )
        .join(weight.lazy(), on="term")
    )
    # A fragment may lack some of a term's occurrences, but what it has must stand on the other side.
    differs = pl.col("n_equal") < pl.col("n_least")
    return (
        both.group_by("left", "right", "cosine")
        .agg(
            shared=pl.col("weight").sum(),
            shared_names=pl.col("name_weight").sum(),
            n_facts=differs.sum().cast(pl.Int32),
            n_agreed=pl.col("is_agreed").sum().cast(pl.Int32),
            **{
                name: pl.col("weight").filter(differs & (pl.col("kind") == code)).sum()
                for code, name in enumerate(KINDS, 1)
            },
        )
        .join(total.rename({"sentence": "left", "total": "left_total", "names": "left_names"}), on="left")
        .join(total.rename({"sentence": "right", "total": "right_total", "names": "right_names"}), on="right")
        .with_columns(
            share=pl.col("shared") / pl.min_horizontal("left_total", "right_total"),
            scope=(pl.min_horizontal("left_names", "right_names") - pl.col("shared_names")).clip(0).round(6),
        )
        .join(ranks.lazy(), on=["left", "right"])
        .with_columns(
            is_aligned=((pl.col("shared") >= min_shared) & (pl.col("share") >= MIN_OVERLAP))
            | ((pl.col("shared") >= min_shared / 2) & (pl.col("cosine") >= MIN_COSINE))
        )
        .filter(pl.col("is_aligned") | (pl.min_horizontal("rank_left", "rank_right") < N_NEIGHBOURS))
        .with_columns(
            only_left=(pl.col("left_total") - pl.col("shared")).clip(lower_bound=0).round(6),
            only_right=(pl.col("right_total") - pl.col("shared")).clip(lower_bound=0).round(6),
        )
        .select(*ALIGNED_SCHEMA)
        .cast(pl.Schema(ALIGNED_SCHEMA))
        .sort("left", "right")
        .collect()
    )
