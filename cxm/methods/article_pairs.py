"""From aligned sentences to pairs of articles: what speaks for a repeated or a contradicted passage.

A new feature of a pair belongs here (and in `FEATURES`). Finding the sentences is in
`cxm.methods.alignment`, judging the features in `cxm.methods.pair_judge`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cxm.methods.alignment import KINDS, MIN_OVERLAP
from cxm.methods.statements import Statements

FEATURES = (
    "n_aligned",
    "shared_sum",
    "shared_best",
    "closeness_best",
    "exact_best",
    "cosine_best",
    "scope_best",
    "spread_best",
    "covered_most",
    "covered_least",
    "run_best",
    "fit_least",
    "fit_most",
    "title_overlap",
    "title_quoted",
    "section_overlap",
    "conflict_best",
    "conflict_closeness",
    "conflict_likeness",
    "conflict_extra",
    "conflict_negation",
    "conflict_opposite",
    "conflict_number",
    "conflict_named",
    "conflict_scope",
    "conflict_cosine",
    "conflict_fit",
    "conflict_spread",
)

# Cosines of sentences on the same matter in other words: none below, all above.
_UNLIKE, _ALIKE = 0.55, 0.9


def pair_occurrences(statements: Statements, aligned: pl.DataFrame, max_articles: int) -> pl.DataFrame:
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
    columns = ["article", "place", "sentence", "spread"]
    rows = (
        aligned.lazy()
        .join(places.select(pl.col(columns).name.prefix("l_")), left_on="left", right_on="l_sentence")
        .join(places.select(pl.col(columns).name.prefix("r_")), left_on="right", right_on="r_sentence")
        .filter(pl.col("l_article") != pl.col("r_article"))
        # Two different common sentences would multiply: their product is bounded as well.
        .filter(pl.col("l_spread") * pl.col("r_spread") <= max_articles**2 // 2)
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
        **{kind: pl.col(kind) for kind in KINDS},
    )
    # A sentence paired with itself meets each pair of articles twice.
    distinct = turned.unique(["left_article", "right_article", "left_place", "right_place"], keep="any")
    close = distinct.filter(
        pl.col("shared") >= MIN_OVERLAP * (pl.col("shared") + pl.min_horizontal("only_left", "only_right"))
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
        distinct.with_columns(spread=pl.max_horizontal("left_partners", "right_partners").fill_null(1.0))
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


def measure_fit(statements: Statements) -> pl.DataFrame:
    """How much of each sentence's weight stands elsewhere in its article or in the title: `fit`, 0 to 1.

    A passage copied in from elsewhere shares few words with what stands around it. Columns article,
    place, fit.
    """
    places = statements.places.lazy()
    weight = pl.DataFrame(
        {"term": np.arange(len(statements.weights), dtype=np.int32), "weight": statements.weights}
    ).lazy()
    terms = statements.terms.lazy().select("sentence", "term").unique()
    in_title = statements.title_terms.lazy().with_columns(in_title=pl.lit(True))
    return (
        places.join(terms, on="sentence")
        .with_columns(n=pl.len().over("article", "term"))
        .join(in_title, on=["article", "term"], how="left")
        .join(weight, on="term")
        .group_by("article", "place")
        .agg(
            fit=pl.col("weight").filter((pl.col("n") > 1) | pl.col("in_title").fill_null(False)).sum()
            / pl.col("weight").sum()
        )
        .sort("article", "place")
        .collect()
    )


def describe_pairs(statements: Statements, occurrences: pl.DataFrame) -> pl.DataFrame:
    """One row for each pair of articles with aligned sentences: `FEATURES` and the decisive places.

    `similar_left`, `similar_right`: sentences of the heaviest agreement; `conflict_left`,
    `conflict_right`: those of the clearest conflict, null where there is none. Sorted by articles.
    """
    pair = ["left_article", "right_article"]
    rows = _with_context(statements, occurrences)
    best = (
        rows.sort(
            [*pair, "agreement", "left_place", "right_place"], descending=[False, False, True, False, False]
        )
        .unique(pair, keep="first", maintain_order=True)
        .select(
            *pair,
            similar_left="left",
            similar_right="right",
            shared_best="shared",
            closeness_best="closeness",
            cosine_best="cosine",
            scope_best="scope",
            exact_best=(pl.col("closeness") > 0.999).cast(pl.Float64),
            spread_best=pl.col("spread").log(),
            fit_least=pl.min_horizontal("left_fit", "right_fit"),
            fit_most=pl.max_horizontal("left_fit", "right_fit"),
            title_quoted="title_quoted",
        )
    )
    conflicts = (
        rows.filter(pl.col("n_facts") > 0)
        .sort([*pair, "conflict", "left_place", "right_place"], descending=[False, False, True, False, False])
        .unique(pair, keep="first", maintain_order=True)
        .select(
            *pair,
            conflict_left="left",
            conflict_right="right",
            conflict_best="conflict",
            conflict_closeness="containment",
            conflict_likeness="likeness",
            conflict_extra=pl.max_horizontal("only_left", "only_right"),
            conflict_scope="scope",
            conflict_cosine="cosine",
            conflict_spread=pl.col("spread").log(),
            conflict_fit=pl.min_horizontal("left_fit", "right_fit"),
            **{f"conflict_{kind}": pl.col(kind) for kind in KINDS},
        )
    )
    return (
        _sum_pairs(statements, rows)
        .join(best, on=pair, how="left", validate="1:1")
        .join(conflicts, on=pair, how="left", validate="1:1")
        .join(_compare_headings(statements, rows.select(pair).unique()), on=pair, how="left", validate="1:1")
        .with_columns(pl.col(FEATURES).cast(pl.Float64).fill_null(0.0))
        .sort(pair)
    )


def _with_context(statements: Statements, occurrences: pl.DataFrame) -> pl.DataFrame:
    """Occurrences with closeness, fit, headings quoted and the differing words that are headings."""
    fit = measure_fit(statements)
    titles = statements.articles.with_columns(
        n_title=pl.col("title").str.len_chars(), title=pl.col("title").str.to_lowercase()
    )
    texts = pl.DataFrame(
        {
            "sentence": np.arange(len(statements.sentences), dtype=np.int32),
            "lowered": pl.Series(statements.sentences, dtype=pl.String).str.to_lowercase(),
        }
    )
    rows = occurrences
    for side in ("left", "right"):
        rows = (
            rows.join(
                fit.rename({"article": f"{side}_article", "place": f"{side}_place", "fit": f"{side}_fit"}),
                on=[f"{side}_article", f"{side}_place"],
                how="left",
                validate="m:1",
                maintain_order="left",
            )
            .join(
                titles.select(
                    pl.col("article").alias(f"{side}_article"), pl.col("title").alias(f"{side}_title")
                ),
                on=f"{side}_article",
                how="left",
                validate="m:1",
                maintain_order="left",
            )
            .join(
                texts.rename({"sentence": side, "lowered": f"{side}_text"}),
                on=side,
                how="left",
                validate="m:1",
                maintain_order="left",
            )
        )
    lighter = pl.min_horizontal("only_left", "only_right")
    # A passage copied with its heading: the heading of the one stands before the text of the other.
    quoted = [
        (pl.col(f"{theirs}_title").str.len_chars() > 0)
        & pl.col(f"{ours}_text").str.starts_with(pl.col(f"{theirs}_title"))
        & (pl.col(f"{ours}_text").str.len_chars() > pl.col(f"{theirs}_text").str.len_chars())
        for ours, theirs in (("left", "right"), ("right", "left"))
    ]
    return (
        rows.with_columns(
            closeness=pl.col("shared") / (pl.col("shared") + pl.max_horizontal("only_left", "only_right")),
            containment=pl.col("shared") / (pl.col("shared") + lighter),
            title_quoted=pl.any_horizontal(*quoted).cast(pl.Float64),
        )
        .with_columns(
            likeness=pl.max_horizontal(
                "containment", ((pl.col("cosine") - _UNLIKE) / (_ALIKE - _UNLIKE)).clip(0, 1)
            ),
        )
        .with_columns(
            agreement=pl.col("shared") * pl.col("likeness") - 4.0 * pl.col("n_facts"),
            conflict=pl.col("shared") * pl.col("likeness") ** 4,
        )
        .drop("left_text", "right_text", "left_title", "right_title")
    )


def _sum_pairs(statements: Statements, rows: pl.DataFrame) -> pl.DataFrame:
    pair = ["left_article", "right_article"]
    weights = article_weights(statements)
    agreeing = rows
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
    joined = by_side[0].join(by_side[1], on=pair, validate="1:1")
    left, right = (weights[joined[column].to_numpy()] for column in pair)
    runs = _longest_runs(rows)
    return (
        joined.with_columns(
            left_cover=pl.Series(joined["left_sum"].to_numpy() / np.maximum(left, 1e-9)),
            right_cover=pl.Series(joined["right_sum"].to_numpy() / np.maximum(right, 1e-9)),
        )
        .join(runs, on=pair, how="left", validate="1:1")
        .select(
            *pair,
            n_aligned=pl.min_horizontal("left_n", "right_n"),
            shared_sum=pl.min_horizontal("left_sum", "right_sum"),
            covered_most=pl.max_horizontal("left_cover", "right_cover").clip(0, 1),
            covered_least=pl.min_horizontal("left_cover", "right_cover").clip(0, 1),
            run_best="run_best",
        )
    )


def _longest_runs(rows: pl.DataFrame) -> pl.DataFrame:
    """Weight of the heaviest run of aligned sentences that follow each other on both sides."""
    pair = ["left_article", "right_article"]
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


def _compare_headings(statements: Statements, pairs: pl.DataFrame) -> pl.DataFrame:
    """`title_overlap`: shared weight of the titles over their union; `section_overlap`: of the steps."""
    pair = ["left_article", "right_article"]
    weight = pl.DataFrame(
        {"term": np.arange(len(statements.weights), dtype=np.int32), "weight": statements.weights}
    )
    titles = statements.title_terms.join(weight, on="term", validate="m:1")
    totals = titles.group_by("article").agg(total=pl.col("weight").sum())
    steps = statements.articles.select("article", steps=pl.col("section").str.to_lowercase().str.split(">"))
    shared = (
        pairs.lazy()
        .join(titles.lazy().rename({"article": "left_article"}), on="left_article")
        .join(titles.lazy().select(right_article="article", term="term"), on=["right_article", "term"])
        .group_by(pair)
        .agg(common=pl.col("weight").sum())
        .collect()
    )
    rows = pairs.join(shared, on=pair, how="left", validate="1:1")
    for side in ("left", "right"):
        rows = rows.join(
            totals.rename({"article": f"{side}_article", "total": f"{side}_total"}),
            on=f"{side}_article",
            how="left",
            validate="m:1",
        ).join(
            steps.rename({"article": f"{side}_article", "steps": f"{side}_steps"}),
            on=f"{side}_article",
            how="left",
            validate="m:1",
        )
    rows = rows.with_columns(pl.col("common", "left_total", "right_total").fill_null(0.0))
    shared_steps = pl.col("left_steps").list.set_intersection("right_steps").list.len()
    all_steps = pl.col("left_steps").list.set_union("right_steps").list.len()
    return rows.select(
        *pair,
        title_overlap=(
            pl.col("common") / (pl.col("left_total") + pl.col("right_total") - pl.col("common"))
        ).fill_nan(0.0),
        section_overlap=(shared_steps / all_steps).fill_nan(0.0),
    )
