"""From aligned sentences to pairs of articles: what speaks for a repeated or a contradicted passage.

A new feature of a pair belongs here (and in `FEATURES`). Finding the sentences is in
`cxm.methods.alignment`, judging the features in `cxm.methods.pair_judge`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.alignment import KINDS, MIN_OVERLAP
from cxm.methods.conflicts import CONFLICT_FEATURES, PAIR
from cxm.methods.contexts import CONTEXT_FEATURES
from cxm.methods.scopes import Scopes
from cxm.methods.statements import Statements

ARTICLE_FEATURES = (
    "n_aligned",
    "shared_sum",
    "covered_most",
    "covered_least",
    "alike_most",
    "alike_least",
    "run_best",
    "n_differing",
    "title_overlap",
    "title_scope",
    "section_overlap",
    "same_section",
    "same_subject",
    "kinship",
)
_AGREEMENT = (
    "shared",
    "closeness",
    "cosine",
    "scope",
    "spread",
    *CONTEXT_FEATURES,
    "form_spread_least",
    "subject",
    "title_quoted",
    "n_facts",
)
AGREEMENT_FEATURES = tuple(f"best_{name}" for name in _AGREEMENT)
PAIR_FEATURES = (*ARTICLE_FEATURES, *AGREEMENT_FEATURES)
# Cosine of two sentences of one scope that say about the same.
_ALIKE = 0.65
_CONFLICTS_PER_PAIR = 6
# A sentence in more articles states nothing about the scope they share.
_MOST_STATED = 3


def pair_occurrences(
    statements: Statements, scopes: Scopes, aligned: pl.DataFrame, max_articles: int
) -> pl.DataFrame:
    """One row for each two places in different articles whose sentences are aligned.

    Columns of `aligned` turned so that `left_article` < `right_article`, with `left_place`,
    `right_place` and `spread`: with how many articles the more common of the two is aligned. Sentences in
    more than `max_articles` articles are boilerplate and left out, so that no sentence makes
    more than about max_articles² / 2 pairs.
    """
    places = (
        statements.places.lazy()
        .unique(["article", "sentence"], keep="first", maintain_order=True)
        .with_columns(spread=pl.len().over("sentence"))
        .filter(pl.col("spread") <= max_articles)
    )
    places = places.join(scopes.scopes.lazy(), on=["article", "place"], how="left")
    columns = ["article", "place", "sentence", "spread", "scope"]
    rows = (
        aligned.lazy()
        .join(places.select(pl.col(columns).name.prefix("l_")), left_on="left", right_on="l_sentence")
        .join(places.select(pl.col(columns).name.prefix("r_")), left_on="right", right_on="r_sentence")
        .filter(pl.col("l_article") != pl.col("r_article"))
        # Two different common sentences would multiply: their product is bounded as well.
        .filter(pl.col("l_spread") * pl.col("r_spread") <= max_articles**2 // 2)
        .filter(
            pl.col("is_aligned")
            | (
                (pl.col("l_scope") == pl.col("r_scope"))
                & (pl.max_horizontal("l_spread", "r_spread") <= _MOST_STATED)
            )
        )
    )
    is_turned = pl.col("l_article") > pl.col("r_article")

    def pick(one: str, other: str) -> pl.Expr:
        return pl.when(is_turned).then(other).otherwise(one)

    turned = rows.select(
        left_article=pick("l_article", "r_article"),
        right_article=pick("r_article", "l_article"),
        left_place=pick("l_place", "r_place"),
        right_place=pick("r_place", "l_place"),
        left=pick("left", "right"),
        right=pick("right", "left"),
        only_left=pick("only_left", "only_right"),
        only_right=pick("only_right", "only_left"),
        shared="shared",
        n_facts="n_facts",
        cosine="cosine",
        scope="scope",
        is_aligned="is_aligned",
        rank_left=pick("rank_left", "rank_right"),
        rank_right=pick("rank_right", "rank_left"),
        n_agreed="n_agreed",
        **{kind: pl.col(kind) for kind in KINDS},
    )
    # A sentence paired with itself meets each pair of articles twice.
    distinct = turned.unique(["left_article", "right_article", "left_place", "right_place"], keep="any")
    close = distinct.filter(
        "is_aligned",
        pl.col("shared") >= MIN_OVERLAP * (pl.col("shared") + pl.min_horizontal("only_left", "only_right")),
    )
    partners = pl.concat(
        [
            close.select(article=f"{one}_article", place=f"{one}_place", other=f"{two}_article")
            for one, two in (("left", "right"), ("right", "left"))
        ]
    )
    n_partners = partners.group_by("article", "place").agg(n=pl.col("other").n_unique().cast(pl.Float64))
    for side in ("left", "right"):
        distinct = distinct.join(
            n_partners.rename(
                {"article": f"{side}_article", "place": f"{side}_place", "n": f"{side}_partners"}
            ),
            on=[f"{side}_article", f"{side}_place"],
            how="left",
        )
    return (
        distinct.with_columns(
            spread=pl.max_horizontal("left_partners", "right_partners").fill_null(1.0).log()
        )
        .drop("left_partners", "right_partners")
        .sort("left_article", "right_article", "left_place", "right_place")
        .collect()
    )


def article_weights(statements: Statements) -> np.ndarray:
    """Weight of each article's sentences together, `(n_articles,)`."""
    places = statements.places
    return np.bincount(
        places["article"].to_numpy(),
        statements.sentence_weights[places["sentence"].to_numpy()],
        minlength=len(statements.ids),
    )


def describe_pairs(
    statements: Statements, scopes: Scopes, rows: pl.DataFrame, vectors: NDArray[np.float32] | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs of articles with aligned or neighbouring sentences, and the sentences they may conflict in.

    `rows` as `describe_conflicts` gives them. The first frame has one row for each pair,
    `ARTICLE_FEATURES`, `AGREEMENT_FEATURES` and the heaviest agreement (`similar_left`,
    `similar_right`: sentences); the second a few rows at most for each pair, of sentences whose facts or
    values differ: `CONFLICT_FEATURES` and `conflict_left`, `conflict_right`. Both sorted by articles.
    `vectors` `(n_sentences, d)`.
    """
    agreement = pl.col("shared") * pl.col("likeness") - 4.0 * pl.col("n_facts")
    order = [*PAIR, "order", "left_place", "right_place"]
    descending = [False, False, True, False, False]
    best = (
        rows.with_columns(order=agreement)
        .sort(order, descending=descending)
        .unique(PAIR, keep="first", maintain_order=True)
        .select(
            *PAIR,
            similar_left="left",
            similar_right="right",
            **{f"best_{name}": pl.col(name) for name in _AGREEMENT},
        )
    )
    # What many articles say is boilerplate; what is each other's nearest speaks of one thing.
    promise = (
        pl.col("containment")
        + pl.col("cosine")
        + 0.4 * (pl.col("n_facts") > 0)
        + 0.3 * (pl.col("rank_most") == 0)
        + 0.5 * pl.col("homing")
        - 0.3 * pl.col("form_spread_most")
        + 3 * pl.col("doubt")
    )
    conflicts = (
        rows.filter((pl.col("n_facts") > 0) | (pl.col("doubt") > 0))
        .with_columns(order=promise)
        .sort(order, descending=descending)
        .filter(pl.int_range(pl.len()).over(PAIR) < _CONFLICTS_PER_PAIR)
        .select(*PAIR, pl.col(CONFLICT_FEATURES), conflict_left="left", conflict_right="right")
    )
    best = best.with_columns(kinship=pl.Series(_kinship(statements, rows, best, vectors)))
    pairs = (
        best.join(_sum_pairs(statements, rows), on=PAIR, how="left", validate="1:1")
        .join(_compare_headings(statements, scopes, best.select(PAIR)), on=PAIR, how="left", validate="1:1")
        .with_columns(
            pl.col((*ARTICLE_FEATURES, *AGREEMENT_FEATURES)).cast(pl.Float64).fill_nan(0.0).fill_null(0.0)
        )
        .sort(PAIR)
    )
    return pairs, conflicts


def _kinship(
    statements: Statements, rows: pl.DataFrame, pairs: pl.DataFrame, vectors: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    """Cosine of two articles without the sentences that are aligned between them, `(n_pairs,)`.

    Articles on other matters that share a passage word for word have it from each other.
    """
    if vectors is None or not pairs.height:
        return np.zeros(pairs.height)
    article, sentence = (statements.places[name].to_numpy() for name in ("article", "sentence"))
    sums = np.zeros((len(statements.ids), vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, article, vectors[sentence])
    numbered = pairs.select(PAIR).with_row_index("pair")
    rests = []
    for side in ("left", "right"):
        rest = sums[pairs[f"{side}_article"].to_numpy()]
        shared = (
            rows.filter("is_aligned")
            .select(*PAIR, f"{side}_place", side)
            .unique([*PAIR, f"{side}_place"])
            .join(numbered, on=PAIR, how="inner", validate="m:1")
            .sort("pair", f"{side}_place")
        )
        np.subtract.at(rest, shared["pair"].to_numpy(), vectors[shared[side].to_numpy()])
        rests.append(rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-3))
    kinship: NDArray[np.float64] = np.einsum("ij,ij->i", *rests).astype(np.float64).round(4)
    return kinship


def _sum_pairs(statements: Statements, rows: pl.DataFrame) -> pl.DataFrame:
    pair = PAIR
    weights = article_weights(statements)
    alike = [
        rows.filter(pl.col("cosine") >= _ALIKE)
        .group_by(pair)
        .agg((pl.col(f"{side}_place").n_unique()).alias(f"{side}_alike"))
        for side in ("left", "right")
    ]
    n_places = np.bincount(statements.places["article"].to_numpy(), minlength=len(statements.ids))
    agreeing = rows.filter("is_aligned")
    by_side = [
        agreeing.group_by(*pair, f"{side}_place")
        .agg(pl.col("shared").max())
        .group_by(pair)
        .agg(
            pl.col("shared").sum().alias(f"{side}_sum"),
            pl.len().alias(f"{side}_n"),
            pl.col("shared").max().alias(f"{side}_run"),
        )
        for side in ("left", "right")
    ]
    joined = (
        rows.group_by(pair)
        .agg(n_differing=(pl.col("is_aligned") & (pl.col("n_facts") > 0)).sum())
        .join(by_side[0], on=pair, how="left", validate="1:1")
        .join(by_side[1], on=pair, how="left", validate="1:1")
        .join(alike[0], on=pair, how="left", validate="1:1")
        .join(alike[1], on=pair, how="left", validate="1:1")
        .with_columns(pl.exclude(pair).fill_null(0))
    )
    left, right = (weights[joined[column].to_numpy()] for column in pair)
    n_left, n_right = (n_places[joined[column].to_numpy()] for column in pair)
    runs = _longest_runs(agreeing)
    return (
        joined.with_columns(
            left_cover=pl.Series(joined["left_sum"].to_numpy() / np.maximum(left, 1e-9)),
            right_cover=pl.Series(joined["right_sum"].to_numpy() / np.maximum(right, 1e-9)),
            left_alike=pl.Series(joined["left_alike"].to_numpy() / np.maximum(n_left, 1)),
            right_alike=pl.Series(joined["right_alike"].to_numpy() / np.maximum(n_right, 1)),
        )
        .join(runs, on=pair, how="left", validate="1:1")
        .select(
            *pair,
            n_aligned=pl.min_horizontal("left_n", "right_n"),
            shared_sum=pl.min_horizontal("left_sum", "right_sum"),
            covered_most=pl.max_horizontal("left_cover", "right_cover").clip(0, 1),
            covered_least=pl.min_horizontal("left_cover", "right_cover").clip(0, 1),
            alike_most=pl.max_horizontal("left_alike", "right_alike"),
            alike_least=pl.min_horizontal("left_alike", "right_alike"),
            n_differing="n_differing",
            run_best="run_best",
        )
    )


def _longest_runs(rows: pl.DataFrame) -> pl.DataFrame:
    """Weight of the heaviest run of aligned sentences that follow each other on both sides."""
    pair = PAIR
    step_left = pl.col("left_place") - pl.col("left_place").shift(1)
    step_right = pl.col("right_place") - pl.col("right_place").shift(1)
    goes_on = (step_left.is_between(0, 1) & step_right.is_between(0, 1)).over(pair).fill_null(False)
    return (
        rows.sort(*pair, "left_place", "right_place")
        .with_columns(run=(~goes_on).cum_sum())
        .group_by(*pair, "run")
        .agg(pl.col("shared").sum())
        .group_by(pair)
        .agg(run_best=pl.col("shared").max())
    )


def _compare_headings(statements: Statements, scopes: Scopes, pairs: pl.DataFrame) -> pl.DataFrame:
    """`title_overlap`: shared weight of the titles over their union; `section_overlap`: of the steps."""
    pair = PAIR
    weight = pl.DataFrame(
        {"term": np.arange(len(statements.weights), dtype=np.int32), "weight": statements.weights}
    )
    weight = weight.with_columns(name_weight=pl.Series(statements.weights * statements.names))
    titles = statements.title_terms.join(weight, on="term", validate="m:1")
    totals = titles.group_by("article").agg(total=pl.col("weight").sum(), names=pl.col("name_weight").sum())
    steps = statements.articles.select("article", steps=pl.col("section").str.to_lowercase().str.split(">"))
    shared = (
        pairs.lazy()
        .join(titles.lazy().rename({"article": "left_article"}), on="left_article")
        .join(titles.lazy().select(right_article="article", term="term"), on=["right_article", "term"])
        .group_by(pair)
        .agg(common=pl.col("weight").sum(), common_names=pl.col("name_weight").sum())
        .collect()
    )
    rows = pairs.join(shared, on=pair, how="left", validate="1:1")
    for side in ("left", "right"):
        rows = rows.join(
            totals.rename({"article": f"{side}_article", "total": f"{side}_total", "names": f"{side}_names"}),
            on=f"{side}_article",
            how="left",
            validate="m:1",
        ).join(
            steps.rename({"article": f"{side}_article", "steps": f"{side}_steps"}),
            on=f"{side}_article",
            how="left",
            validate="m:1",
        )
    rows = rows.with_columns(pl.col("^common.*$", "^.*_total$", "^.*_names$").fill_null(0.0))
    subjects = [scopes.article_subject[rows[column].to_numpy()] for column in pair]
    known = (subjects[0] >= 0) & (subjects[1] >= 0)
    is_same_section = pl.col("left_steps") == pl.col("right_steps")
    has_section = pl.col("left_steps").list.join("") != ""
    shared_steps = pl.col("left_steps").list.set_intersection("right_steps").list.len()
    all_steps = pl.col("left_steps").list.set_union("right_steps").list.len()
    return rows.select(
        *pair,
        title_overlap=(
            pl.col("common") / (pl.col("left_total") + pl.col("right_total") - pl.col("common"))
        ).fill_nan(0.0),
        title_scope=pl.min_horizontal("left_names", "right_names") - pl.col("common_names"),
        same_section=is_same_section & has_section,
        same_subject=pl.Series(np.where(known, np.where(subjects[0] == subjects[1], 1, -1), 0)),
        section_overlap=(shared_steps / all_steps).fill_nan(0.0),
    )
