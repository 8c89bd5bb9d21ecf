"""Which sentences of different articles say nearly the same, found without comparing all with all.

Sentences that share a rare run of neutral terms are candidates; those whose terms really overlap
are aligned, and the facts in which they differ are listed. What a pair of articles makes of its
aligned sentences is in `cxm.methods.article_pairs`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.methods.statements import Statements

_RUN = 3
_RUNS_PER_SENTENCE = 16
_PAIRS_PER_SENTENCE = 24
_BLOCK = 200_000
# Overlap of the terms' weights, of the shorter of two sentences, above which they are aligned.
MIN_OVERLAP = 0.6

ALIGNED_SCHEMA = {
    "left": pl.Int32,
    "right": pl.Int32,
    "shared": pl.Float64,
    "only_left": pl.Float64,
    "only_right": pl.Float64,
    "n_facts": pl.Int32,
    "negation": pl.Float64,
    "opposite": pl.Float64,
    "number": pl.Float64,
    "named": pl.Float64,
}
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


def find_candidates(statements: Statements, max_sentences: int) -> pl.DataFrame:
    """Pairs of different sentences (`left` < `right`) that share a rare run, sorted.

    Runs in more than `max_sentences` sentences are skipped; rarest first until there are a fixed
    number of pairs a sentence, so that the work stays in proportion to the base.
    """
    runs = index_runs(statements)
    counted = (
        runs.with_columns(n=pl.len().over("run"))
        .filter((pl.col("n") > 1) & (pl.col("n") <= max_sentences))
        .sort("sentence", "n", "run")
        .filter(pl.int_range(pl.len()).over("sentence") < _RUNS_PER_SENTENCE)
        .with_columns(n=pl.len().over("run"))
        .sort("n", "run", "sentence")
    )
    # A run of n sentences makes n - 1 pairs a sentence, halved.
    budget = _PAIRS_PER_SENTENCE * max(len(statements.sentences), 1)
    counted = counted.filter(((pl.col("n") - 1) / 2).cum_sum() <= budget).select("run", "sentence")
    lazy = counted.lazy()
    return (
        lazy.rename({"sentence": "left"})
        .join(lazy.rename({"sentence": "right"}), on="run")
        .filter(pl.col("left") < pl.col("right"))
        .select("left", "right")
        .unique()
        .sort("left", "right")
        .collect()
    )


def align_sentences(statements: Statements, candidates: pl.DataFrame, min_shared: float) -> pl.DataFrame:
    """The candidates that say nearly the same, with the facts in which they differ.

    `shared`, `only_left`, `only_right`: weight of the terms on both or one side; `n_facts`: terms
    with different values, and the weight of those of each kind. At least `min_shared` nats are
    shared, and `MIN_OVERLAP` of the lighter sentence.
    """
    blocks = [
        _align_block(statements, candidates[start : start + _BLOCK], min_shared)
        for start in range(0, candidates.height, _BLOCK)
    ]
    return pl.concat(blocks) if blocks else pl.DataFrame(schema=ALIGNED_SCHEMA)


def _align_block(statements: Statements, pairs: pl.DataFrame, min_shared: float) -> pl.DataFrame:
    weight = pl.DataFrame(
        {"term": np.arange(len(statements.weights), dtype=np.int32), "weight": statements.weights}
    )
    terms = statements.terms.lazy()
    total = pl.DataFrame(
        {
            "sentence": np.arange(len(statements.sentences), dtype=np.int32),
            "total": statements.sentence_weights,
        }
    ).lazy()
    both = (
        pairs.lazy()
        .join(terms.rename({"sentence": "left"}), on="left")
        .join(
            terms.rename({"sentence": "right", "value": "other", "kind": "other_kind"}), on=["right", "term"]
        )
        .group_by("left", "right", "term")
        .agg(
            is_equal=(pl.col("value") == pl.col("other")).any(),
            kind=pl.max_horizontal(pl.col("kind").max(), pl.col("other_kind").max()),
        )
        .join(weight.lazy(), on="term")
    )
    differs = ~pl.col("is_equal")
    return (
        both.group_by("left", "right")
        .agg(
            shared=pl.col("weight").sum(),
            n_facts=differs.sum().cast(pl.Int32),
            **{
                name: pl.col("weight").filter(differs & (pl.col("kind") == code)).sum()
                for code, name in enumerate(KINDS, 1)
            },
        )
        .join(total.rename({"sentence": "left", "total": "left_total"}), on="left")
        .join(total.rename({"sentence": "right", "total": "right_total"}), on="right")
        .filter(
            (pl.col("shared") >= min_shared)
            & (pl.col("shared") >= MIN_OVERLAP * pl.min_horizontal("left_total", "right_total"))
        )
        .with_columns(
            only_left=(pl.col("left_total") - pl.col("shared")).clip(lower_bound=0),
            only_right=(pl.col("right_total") - pl.col("shared")).clip(lower_bound=0),
        )
        .select(*ALIGNED_SCHEMA)
        .cast(ALIGNED_SCHEMA)
        .sort("left", "right")
        .collect()
    )
