"""Two sentences of different articles side by side: do they state one thing differently?

First whether they speak of the same thing (subject, heading, form), then whether they say something
else about it. A new feature of two sentences belongs here (and in `CONFLICT_FEATURES`); features of
their articles are in `cxm.methods.article_pairs`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.agreement import AGREEMENT_FEATURES, expect_agreement
from cxm.methods.alignment import KINDS, N_NEIGHBOURS
from cxm.methods.attributes import ATTRIBUTE_FEATURES, compare_forms
from cxm.methods.contexts import CONTEXT_FEATURES, Contexts, cross_nearness
from cxm.methods.facts import NUMBER
from cxm.methods.properties import Groups, compare_properties
from cxm.methods.scopes import PAGE, Scopes
from cxm.methods.statements import Statements

CONFLICT_FEATURES = (
    "shared",
    "closeness",
    "containment",
    "cosine",
    "likeness",
    "extra_least",
    "extra_most",
    "length_least",
    "n_facts",
    "n_agreed",
    *KINDS,
    "scope",
    "rank_least",
    "rank_most",
    "spread",
    "form_spread_least",
    "form_spread_most",
    "is_same_form",
    "subject",
    *CONTEXT_FEATURES,
    "together",
    "differ_elsewhere",
    "agree_elsewhere",
    "same_attribute",
    "attributes_known",
    "title_quoted",
    *ATTRIBUTE_FEATURES,
    "property",
    "units_shared",
    "units_apart",
    "words_shared",
    "rivalry",
    *AGREEMENT_FEATURES,
    "ratio_least",
    "ratio_most",
)
PAIR = ["left_article", "right_article"]
# Cosines of sentences on the same matter in other words: none below, all above.
_UNLIKE, _ALIKE = 0.55, 0.9
# Cosine of two forms that say the same where their figures agree.
_RESTATED = 0.6
_MOST_DIFFERING = 0.5
_SAME_WORDS = 0.9
# Of a line of a table no more amounts are compared: all with all would be the square of them.
_MOST_AMOUNTS = 6


def describe_conflicts(
    statements: Statements,
    scopes: Scopes,
    occurrences: pl.DataFrame,
    contexts: Contexts,
    vectors: NDArray[np.float32] | None,
    like: pl.DataFrame | None,
    groups: Groups | None,
) -> pl.DataFrame:
    """The occurrences with `CONFLICT_FEATURES`. `vectors` `(n_forms, d)`; `like`: forms that are near each
    other; `groups` of forms that state one property."""
    rows = _add_contexts(statements, scopes, occurrences, contexts, vectors)
    rows = _add_forms(statements, scopes, rows)
    rows = _add_titles(statements, rows)
    rows = _add_units(statements, rows)
    lighter = pl.min_horizontal("only_left", "only_right")
    heavier = pl.max_horizontal("only_left", "only_right")
    rows = rows.with_columns(
        closeness=pl.col("shared") / (pl.col("shared") + heavier),
        containment=pl.col("shared") / (pl.col("shared") + lighter),
        extra_least=lighter,
        extra_most=heavier,
        length_least=pl.col("shared") + lighter,
        rank_least=pl.min_horizontal("rank_left", "rank_right"),
        rank_most=pl.max_horizontal("rank_left", "rank_right"),
    ).with_columns(
        likeness=pl.max_horizontal(
            "containment", ((pl.col("cosine") - _UNLIKE) / (_ALIKE - _UNLIKE)).clip(0, 1)
        ),
    )
    rows = _compare_elsewhere(rows, len(scopes.forms))
    # Near in meaning in one scope, and not the same words: these may state one thing twice.
    is_restated = (
        (pl.col("rank_least") < N_NEIGHBOURS)
        & (pl.col("closeness") < _SAME_WORDS)
        & ~pl.col("is_same_form")
        & pl.col("is_stated")
    )
    rows = rows.with_columns(is_restated=is_restated, is_slot=is_restated & (pl.col("units_shared") == 0))
    rows = compare_forms(statements, scopes, like, vectors, rows)
    rows = rows.with_columns(compare_properties(groups, rows))
    rows = expect_agreement(_compare_amounts(statements, rows), like, vectors)
    return rows.with_columns(pl.col(CONFLICT_FEATURES).cast(pl.Float64).fill_nan(0.0).fill_null(0.0))


def _compare_amounts(statements: Statements, rows: pl.DataFrame) -> pl.DataFrame:
    """`ratio_least`, `ratio_most`: absolute log ratio of two different amounts of one unit, -1 without.

    Two statements of one property are of one magnitude; a weight and a load that is permitted need not be.
    """
    amounts = statements.amounts.group_by("sentence", "term", maintain_order=True).head(_MOST_AMOUNTS)
    pairs = (
        rows.select("left", "right")
        .unique()
        .join(amounts.rename({"sentence": "left"}), on="left")
        .join(amounts.select(right="sentence", term="term", other="amount"), on=["right", "term"])
        .filter(pl.col("amount") != pl.col("other"))
        .with_columns(least=pl.min_horizontal("amount", "other"), most=pl.max_horizontal("amount", "other"))
        .with_columns(
            ratio=pl.when(pl.col("least") > 0)
            .then((pl.col("most") / pl.col("least")).log().round(4))
            .otherwise(0.0)
        )
        .group_by("left", "right")
        .agg(ratio_least=pl.col("ratio").min(), ratio_most=pl.col("ratio").max())
    )
    return rows.join(
        pairs, on=["left", "right"], how="left", validate="m:1", maintain_order="left"
    ).with_columns(pl.col("ratio_least", "ratio_most").fill_null(-1.0))


def _add_contexts(
    statements: Statements,
    scopes: Scopes,
    rows: pl.DataFrame,
    contexts: Contexts,
    vectors: NDArray[np.float32] | None,
) -> pl.DataFrame:
    """`fit`, `near` and `home` of both sides, and `homing`: how much better one side's sentence would fit
    the other side's article than its own, by headings and by meaning."""
    names = ("fit", "near", "home", "cross_home", "cross_near")
    for side, other in (("left", "right"), ("right", "left")):
        sentence, article, elsewhere = (
            rows[name].to_numpy() for name in (side, f"{side}_article", f"{other}_article")
        )
        rows = rows.join(
            contexts.places.select(
                pl.col("article").alias(f"{side}_article"),
                pl.col("place").alias(f"{side}_place"),
                pl.col("fit").alias(f"{side}_fit"),
                pl.col("near").alias(f"{side}_near"),
            ),
            on=[f"{side}_article", f"{side}_place"],
            how="left",
            validate="m:1",
            maintain_order="left",
        ).with_columns(
            _home_of(scopes, contexts, sentence, article).alias(f"{side}_home"),
            _home_of(scopes, contexts, sentence, elsewhere).alias(f"{side}_cross_home"),
            pl.Series(f"{side}_cross_near", cross_nearness(statements, scopes, vectors, sentence, elsewhere)),
        )
    return rows.with_columns(
        *(pl.min_horizontal(f"left_{n}", f"right_{n}").alias(f"{n}_least") for n in names[:3]),
        *(pl.max_horizontal(f"left_{n}", f"right_{n}").alias(f"{n}_most") for n in names[:3]),
        near_gap=(pl.col("left_near") - pl.col("right_near")).abs(),
        homing=pl.max_horizontal(
            *(pl.col(f"{side}_cross_home") - pl.col(f"{side}_home") for side in ("left", "right"))
        ),
        homing_near=pl.max_horizontal(
            *(pl.col(f"{side}_cross_near") - pl.col(f"{side}_near") for side in ("left", "right"))
        ),
    ).drop([f"{side}_{name}" for side in ("left", "right") for name in names])


def _home_of(
    scopes: Scopes,
    contexts: Contexts,
    sentence: NDArray[np.int32],
    article: NDArray[np.int32],
) -> pl.Series:
    asked = pl.DataFrame({"form": scopes.sentence_form[sentence], "leaf": scopes.leaves[article]})
    found = asked.join(contexts.homes, on=["form", "leaf"], how="left", validate="m:1", maintain_order="left")
    return found["home"].fill_null(0.0)


def _add_forms(statements: Statements, scopes: Scopes, rows: pl.DataFrame) -> pl.DataFrame:
    """`form_spread_…`, `is_same_form`, `subject` (1 the same, -1 different, 0 unknown), `about` (-1 where it
    is not the same) and `is_stated`: neither points to a page, and not both are of articles that solve
    problems, whose steps need not agree."""
    article, sentence = (statements.places[name].to_numpy() for name in ("article", "sentence"))
    stated = pl.DataFrame({"form": scopes.sentence_form[sentence], "article": article})
    n_articles = np.zeros(len(scopes.forms))
    counts = stated.unique().group_by("form").len()
    n_articles[counts["form"].to_numpy()] = counts["len"].to_numpy()
    left, right = (rows[side].to_numpy() for side in ("left", "right"))
    subject = [
        np.where(scopes.sentence_subject[s] >= 0, scopes.sentence_subject[s], scopes.article_subject[a])
        for s, a in ((left, rows["left_article"].to_numpy()), (right, rows["right_article"].to_numpy()))
    ]
    known = (subject[0] >= 0) & (subject[1] >= 0)
    forms = np.stack([scopes.sentence_form[left], scopes.sentence_form[right]])
    spread = np.log(np.maximum(n_articles[forms], 1)) if len(left) else np.zeros((2, 0))
    is_pointer = np.array([PAGE in form for form in scopes.forms], dtype=bool)
    is_issue = (statements.articles["kind"] == "issue").fill_null(False).to_numpy()
    is_of_issue = is_issue[rows.select(PAIR).to_numpy().T]
    return rows.with_columns(
        form_one=pl.Series(forms.min(axis=0)),
        form_two=pl.Series(forms.max(axis=0)),
        form_spread_least=pl.Series(spread.min(axis=0)),
        form_spread_most=pl.Series(spread.max(axis=0)),
        is_same_form=pl.Series(forms[0] == forms[1]),
        is_stated=pl.Series(~is_pointer[forms].any(axis=0) & ~is_of_issue.all(axis=0)),
        subject=pl.Series(np.where(known, np.where(subject[0] == subject[1], 1, -1), 0)),
        about=pl.Series(np.where(known & (subject[0] == subject[1]), subject[0], -1)),
    )


def _add_titles(statements: Statements, rows: pl.DataFrame) -> pl.DataFrame:
    """`title_quoted`: a passage copied with its heading; that of one stands before the text of the other."""
    titles = statements.articles["title"].str.to_lowercase()
    texts = pl.Series(statements.sentences, dtype=pl.String).str.to_lowercase()
    read = pl.DataFrame(
        {
            "left_title": titles.gather(rows["left_article"]),
            "right_title": titles.gather(rows["right_article"]),
            "left_text": texts.gather(rows["left"]),
            "right_text": texts.gather(rows["right"]),
        }
    )
    quoted = [
        (pl.col(f"{theirs}_title") != "")
        & pl.col(f"{ours}_text").str.starts_with(pl.col(f"{theirs}_title"))
        & (pl.col(f"{ours}_text").str.len_chars() > pl.col(f"{theirs}_text").str.len_chars())
        for ours, theirs in (("left", "right"), ("right", "left"))
    ]
    return rows.with_columns(read.select(title_quoted=pl.any_horizontal(*quoted)))


def _add_units(statements: Statements, rows: pl.DataFrame) -> pl.DataFrame:
    """`units_shared`, `units_apart`: units of the numbers of both sentences, and of one alone;
    `words_shared`: share of the lighter sentence's weight, names and numbers apart, that the other has;
    `rivalry`: how much nearer in meaning another partner of either sentence in these articles is."""
    weights = pl.DataFrame(
        {
            "term": np.arange(len(statements.weights), dtype=np.int32),
            "weight": np.where(statements.names, 0.0, statements.weights),
        }
    )
    is_unit = pl.col("kind") == NUMBER
    terms = (
        statements.terms.group_by("sentence", "term")
        .agg(unit=is_unit.any())
        .join(weights, on="term", how="left", validate="m:1")
        .select("sentence", "term", unit="unit", word=pl.when("unit").then(0.0).otherwise("weight"))
    )
    of_sentence = terms.group_by("sentence").agg(
        units=pl.col("unit").sum().cast(pl.Float64), words=pl.col("word").sum()
    )
    both = (
        rows.lazy()
        .select("left", "right")
        .unique()
        .join(terms.lazy().rename({"sentence": "left"}), on="left")
        .join(terms.lazy().select(right="sentence", term="term"), on=["right", "term"])
        .group_by("left", "right")
        .agg(units_shared=pl.col("unit").sum().cast(pl.Float64), common=pl.col("word").sum())
        .collect()
    )
    rows = rows.join(both, on=["left", "right"], how="left", validate="m:1", maintain_order="left")
    for side in ("left", "right"):
        rows = rows.join(
            of_sentence.select(
                pl.col("sentence").alias(side),
                pl.col("units").alias(f"{side}_units"),
                pl.col("words").alias(f"{side}_words"),
            ),
            on=side,
            how="left",
            validate="m:1",
            maintain_order="left",
        )
    rows = rows.with_columns(pl.col("units_shared", "common", "^(left|right)_(units|words)$").fill_null(0.0))
    lighter = pl.min_horizontal("left_words", "right_words")
    return rows.with_columns(
        units_apart=pl.col("left_units") + pl.col("right_units") - 2 * pl.col("units_shared"),
        words_shared=(pl.col("common") / pl.max_horizontal(lighter, 1e-6)).round(4),
        rivalry=pl.max_horizontal(
            *(pl.col("cosine").max().over(*PAIR, f"{side}_place") for side in ("left", "right"))
        )
        - pl.col("cosine"),
    ).drop("common", "^(left|right)_(units|words)$")


def _compare_elsewhere(rows: pl.DataFrame, n_forms: int) -> pl.DataFrame:
    """What the base as a whole says of the two forms.

    `same_attribute`: forms that give equal figures of one subject elsewhere say the same, and so do
    those that say the same as a third. `differ_elsewhere`, `agree_elsewhere`, `together`: in how many
    other scopes what the two forms say differs, agrees or is said at all (logs). What differs for
    every product is two properties and no mistake.
    """
    is_agreed = (pl.col("n_facts") == 0) & (pl.col("n_agreed") > 0)
    one_scope = (
        pl.when(pl.col("about") >= 0)
        .then(pl.col("about").cast(pl.Int64))
        .otherwise(-1 - pl.struct(PAIR).rank("dense").cast(pl.Int64))
    )
    rows = rows.with_columns(scope_key=one_scope, differs=pl.col("n_facts") > 0, agrees=is_agreed)
    attribute = _find_attributes(rows, n_forms)
    ends = np.stack([attribute[rows["form_one"].to_numpy()], attribute[rows["form_two"].to_numpy()]])
    rows = rows.with_columns(
        attribute_one=pl.Series(ends.min(axis=0)), attribute_two=pl.Series(ends.max(axis=0))
    )
    pair = ["attribute_one", "attribute_two"]
    counts = (
        rows.group_by(*pair, "scope_key")
        .agg(pl.col("differs", "agrees").any())
        .group_by(pair)
        .agg(n=pl.len(), n_differ=pl.col("differs").sum(), n_agree=pl.col("agrees").sum())
    )
    n_in = np.bincount(attribute, minlength=n_forms)
    known = np.minimum(n_in[ends[0]], n_in[ends[1]]) if len(ends[0]) else np.zeros(0)
    return rows.join(counts, on=pair, how="left", validate="m:1", maintain_order="left").with_columns(
        together=pl.col("n").cast(pl.Float64).log(),
        differ_elsewhere=(pl.col("n_differ").cast(pl.Int64) - pl.col("differs")).cast(pl.Float64).log1p(),
        agree_elsewhere=(pl.col("n_agree").cast(pl.Int64) - pl.col("agrees")).cast(pl.Float64).log1p(),
        same_attribute=pl.Series(ends[0] == ends[1]),
        attributes_known=pl.Series(np.log(np.maximum(known, 1))),
    )


def _find_attributes(rows: pl.DataFrame, n_forms: int) -> NDArray[np.int64]:
    """Number of the attribute that each form speaks of, `(n_forms,)`: connected forms have one."""
    if not n_forms:
        return np.zeros(0, dtype=np.int64)
    links = (
        rows.filter((pl.col("rank_least") == 0) & (pl.col("cosine") >= _RESTATED) & (pl.col("subject") >= 0))
        .group_by("form_one", "form_two", "scope_key")
        .agg(pl.col("differs", "agrees").any())
        .group_by("form_one", "form_two")
        .agg(n_differ=pl.col("differs").sum(), n_agree=pl.col("agrees").sum())
        .filter((pl.col("n_agree") > 0) & (pl.col("n_agree") >= pl.col("n_differ")))
    )
    attribute = _connect(links, n_forms)
    # One figure that two properties share by chance joins them: then they differ for most subjects.
    ends = [pl.Series(attribute[rows[name].to_numpy()]) for name in ("form_one", "form_two")]
    within = (
        rows.select("scope_key", "differs", "agrees", one=ends[0], two=ends[1])
        .filter((pl.col("one") == pl.col("two")) & (pl.col("scope_key") >= 0))
        .group_by("one")
        .agg(pl.col("differs", "agrees").sum())
        .filter(pl.col("differs") > _MOST_DIFFERING * pl.col("agrees"))
    )
    is_mixed = np.isin(attribute[links["form_one"].to_numpy()], within["one"].to_numpy())
    return _connect(links.filter(~pl.Series(is_mixed) | (pl.col("n_agree") > 1)), n_forms)


def _connect(links: pl.DataFrame, n_forms: int) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, two = links["form_one"].to_numpy(), links["form_two"].to_numpy()
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(n_forms, n_forms))
    number: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return number
