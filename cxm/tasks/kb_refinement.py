"""Which articles repeat or contradict each other, and in which sentences?

Sentences are aligned across articles, pairs of articles are described by them and judged. The
algorithms are in `cxm.methods` (`copies`, `statements`, `alignment`, `article_pairs`, `pair_judge`,
`defects`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.chat import Chat
from cxm.backends.encoder import Encoder
from cxm.methods.alignment import find_neighbours
from cxm.methods.article_comparison import Comparison, compare_articles
from cxm.methods.article_pairs import PAIR_FEATURES
from cxm.methods.conflicts import CONFLICT_FEATURES
from cxm.methods.copies import link_copies, split_copies
from cxm.methods.defects import plant_defects
from cxm.methods.dismissals import drop_dismissed
from cxm.methods.documents import plain_text
from cxm.methods.pair_judge import CLASSES, RELATIONS, Examples, Judge, fit_judge, judge_pairs, key_pairs
from cxm.methods.passages import cut_text
from cxm.methods.second_opinion import judge_candidates
from cxm.metrics import Estimate, estimate
from cxm.prompts import article_pairs
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

_PAIR = ["left_article_id", "right_article_id"]
# Where planted defects stand beside labelled ones, they count for less.
_PLANTED_WEIGHT = 0.3
# Of each relation; a small base is planted several times over, each time differently.
_LEAST_PLANTED, _MOST_PLANTED, _ENOUGH_PLANTED, _MOST_ROUNDS = 6, 300, 100, 8
_NAIVE_THRESHOLD, _NAIVE_PER_ARTICLE = 0.9, 20


@dataclass(frozen=True)
class RefinementParams(Params):
    """Parameters of `kb_refinement`."""

    min_score: float = param(0.5, "Report pairs with at least this probability.", low=0, high=1)
    max_articles: int = param(30, "A sentence in more articles than this is boilerplate.", low=1)
    min_shared: float = param(
        1.2, "Shared rarity of two aligned sentences, in units of log(articles).", low=0
    )
    max_dense_sentences: int = param(
        20_000, "Up to so many different forms of sentences, neighbours in meaning are sought too.", low=0
    )
    max_copies: int = param(3, "Of more near copies of one article, the rest are linked to the first.", low=1)
    max_planted_articles: int = param(
        3_000, "Articles of a sample in which defects are planted to learn from.", low=1
    )


# ------------------------------------------------------------------ pairs


def _read_articles(tables: Tables) -> pl.DataFrame:
    columns = ("article_id", "title", "section", "kind", "body", "body_format")
    return tables["articles"].select(columns).sort("article_id").collect()


def _find_pairs(articles: pl.DataFrame, params: RefinementParams, encoder: Encoder) -> Comparison:
    return compare_articles(
        articles, encoder.encode, params.max_articles, params.min_shared, params.max_dense_sentences
    )


def _label(found: Comparison, labels: pl.DataFrame, weight: float, is_counted: bool) -> pl.DataFrame:
    """Ids, `label` (an index of `CLASSES`; 0 where not labelled), `weight` and `is_counted` of the pairs."""
    known = labels.select(*_PAIR, "relation")
    codes = {name: i for i, name in enumerate(CLASSES)}
    return found.articles.join(known, on=_PAIR, how="left", validate="1:1", maintain_order="left").select(
        *_PAIR,
        label=pl.col("relation").replace_strict(codes, default=0, return_dtype=pl.Int64),
        weight=pl.lit(weight),
        is_counted=pl.lit(is_counted),
    )


# ------------------------------------------------------------------ fit, predict


def _fit(tables: Tables, train: pl.DataFrame | None, params: RefinementParams, services: Services) -> Model:
    articles, _ = split_copies(_read_articles(tables), params.max_copies)
    known = train.select(*_PAIR, "relation") if train is not None else None
    found = _find_pairs(articles, params, services.encoder)
    parts = _planted(articles, known, found.restated, params, services.encoder)
    if known is not None:
        parts.append((found, _label(found, known, 1.0, True)))
    examples = _as_examples(parts)
    if not examples.labels.any() or examples.labels.all():
        return Model({"thresholds": None})
    judge = fit_judge(examples, params.seed)
    return Model({"thresholds": judge.thresholds}, boosters=judge.boosters)


def _as_examples(parts: list[tuple[Comparison, pl.DataFrame]]) -> Examples:
    sizes = np.cumsum([0, *(labels.height for _, labels in parts)])
    rows = pl.concat([labels for _, labels in parts])
    return Examples(
        np.vstack([found.articles.select(PAIR_FEATURES).to_numpy() for found, _ in parts]),
        np.vstack([found.conflicts.select(CONFLICT_FEATURES).to_numpy() for found, _ in parts]),
        np.concatenate(
            [
                found.conflicts["owner"].to_numpy().astype(np.intp) + start
                for (found, _), start in zip(parts, sizes, strict=False)
            ]
        ),
        np.concatenate([found.conflicts["doubt"].to_numpy() for found, _ in parts]),
        rows["label"].to_numpy().astype(np.intp),
        rows["weight"].to_numpy(),
        key_pairs(*rows.select(_PAIR).get_columns()),
        rows["is_counted"].to_numpy(),
    )


def _planted(
    articles: pl.DataFrame,
    known: pl.DataFrame | None,
    restated: dict[str, list[str]],
    params: RefinementParams,
    encoder: Encoder,
) -> list[tuple[Comparison, pl.DataFrame]]:
    """Pairs of a base in which defects were planted, with labels; one part a round."""
    generator = np.random.default_rng(params.seed)
    if articles.height > params.max_planted_articles:
        # Neighbours in the order of ids stay together: they are often about the same thing.
        start = int(generator.integers(articles.height - params.max_planted_articles))
        articles = articles[start : start + params.max_planted_articles]
    n = min(max(articles.height // 5, _LEAST_PLANTED), _MOST_PLANTED)
    rounds = []
    for _ in range(min(-(-_ENOUGH_PLANTED // n), _MOST_ROUNDS)):
        planted, labels = plant_defects(articles, n, n, generator, restated)
        if known is not None:
            labels = pl.concat([labels, known.join(labels, on=_PAIR, how="anti")])
        weight = _PLANTED_WEIGHT if known is not None else 1.0
        found = _find_pairs(planted, params, encoder)
        rounds.append((found, _label(found, labels, weight, known is None)))
    return rounds


def _predict(tables: Tables, model: Model, params: RefinementParams, services: Services) -> Results:
    articles = _read_articles(tables)
    kept, copies = split_copies(articles, params.max_copies)
    links = link_copies(articles, copies).filter(pl.col("score") >= params.min_score)
    found = [links]
    if model.facts["thresholds"] is not None:
        judge = Judge(model.boosters, model.facts["thresholds"])
        findings = _findings(_find_pairs(kept, params, services.encoder), judge, params.min_score)
        # What was compared sentence by sentence is known better.
        found = [links.join(findings, on=_PAIR, how="anti")]
        found.append(_ask_again(findings, services.chat) if services.chat else findings)
    findings = pl.concat(found).sort(_PAIR)
    if "dismissed_findings" in tables:
        findings = drop_dismissed(findings, tables["dismissed_findings"].collect())
    return {"article_findings": findings}


def _ask_again(findings: pl.DataFrame, chat: Chat) -> pl.DataFrame:
    """What a language model leaves of the findings, where the settings name one."""

    def ask(quotes: Sequence[tuple[str, str]]) -> list[str | None]:
        questions = [article_pairs.QUESTION.format(left=left, right=right) for left, right in quotes]
        return chat.ask(article_pairs.SYSTEM, questions)

    return judge_candidates(findings, ask)


def _findings(pairs: Comparison, judge: Judge, min_score: float) -> pl.DataFrame:
    kinds, scores, conflict = judge_pairs(
        judge,
        pairs.articles.select(PAIR_FEATURES).to_numpy(),
        pairs.conflicts.select(CONFLICT_FEATURES).to_numpy(),
        pairs.conflicts["owner"].to_numpy().astype(np.intp),
        pairs.conflicts["doubt"].to_numpy(),
        key_pairs(*pairs.articles.select(_PAIR).get_columns()),
    )
    place = pl.Series(conflict)
    place = place.set(place < 0, None) if len(place) else place
    rows = pairs.articles.select(
        *_PAIR,
        "similar_left",
        "similar_right",
        conflict_left=pairs.conflicts["conflict_left"].gather(place),
        conflict_right=pairs.conflicts["conflict_right"].gather(place),
        relation=pl.Series(np.array(CLASSES)[kinds], dtype=pl.String),
        score=pl.Series(scores, dtype=pl.Float64),
    )

    def quote(side: str) -> pl.Expr:
        is_conflict = pl.col("relation") == "contradictory"
        return pl.when(is_conflict).then(f"conflict_{side}").otherwise(f"similar_{side}")

    return rows.filter(pl.col("score") >= min_score).select(
        *_PAIR, "relation", left_quote=quote("left"), right_quote=quote("right"), score="score"
    )


# ------------------------------------------------------------------ the naive method


def _article_vectors(articles: pl.DataFrame, encoder: Encoder) -> NDArray[np.float32]:
    """One unit vector an article: the mean of its pieces', `(n_articles, d)`."""
    pieces = [
        cut_text(plain_text(body, kind)) for body, kind in articles.select("body", "body_format").iter_rows()
    ]
    owner = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    vectors = encoder.encode([piece for article in pieces for piece in article])
    sums = np.zeros((len(pieces), encoder.n_dimensions), dtype=np.float32)
    np.add.at(sums, owner, vectors)
    unit: NDArray[np.float32] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return unit


def _near_articles(
    tables: Tables, min_cosine: float, params: RefinementParams, encoder: Encoder
) -> pl.DataFrame:
    """Pairs of articles with a cosine of at least `min_cosine`: the 20 nearest of each."""
    articles, _ = split_copies(_read_articles(tables), params.max_copies)
    vectors = _article_vectors(articles, encoder)
    pairs = find_neighbours(vectors, _NAIVE_PER_ARTICLE, min_cosine)
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    ids = articles["article_id"]
    cosine = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(float)
    return pl.DataFrame(
        {
            "left_article_id": ids.gather(pairs["left"]),
            "right_article_id": ids.gather(pairs["right"]),
            "score": np.clip(cosine, 0, 1),
        }
    )


def _fit_cosine(
    tables: Tables, train: pl.DataFrame | None, params: RefinementParams, services: Services
) -> Model:
    """The threshold with the best F1 on the similar pairs of `train`."""
    similar = train.filter(pl.col("relation") == "similar") if train is not None else None
    if similar is None or not similar.height:
        return Model({"threshold": _NAIVE_THRESHOLD})
    pairs = _near_articles(tables, 0.5, params, services.encoder).sort(
        "score", *_PAIR, descending=[True, False, False]
    )
    marked = pairs.join(similar.select(*_PAIR, "relation"), on=_PAIR, how="left", maintain_order="left")
    n_right = marked["relation"].is_not_null().cum_sum().to_numpy()
    if not len(n_right):
        return Model({"threshold": _NAIVE_THRESHOLD})
    f1 = 2 * n_right / (np.arange(1, len(n_right) + 1) + similar.height)
    return Model({"threshold": float(marked["score"][int(f1.argmax())])})


def _predict_cosine(tables: Tables, model: Model, params: RefinementParams, services: Services) -> Results:
    pairs = _near_articles(tables, model.facts["threshold"], params, services.encoder)
    findings = pairs.select(
        *_PAIR,
        relation=pl.lit("similar"),
        left_quote=pl.lit(""),
        right_quote=pl.lit(""),
        score="score",
    )
    return {"article_findings": findings}


# ------------------------------------------------------------------ score


def _score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: RefinementParams
) -> list[Estimate]:
    if gold is None:
        return []
    test, train = (gold.filter(pl.col("split") == split) for split in ("test", "train"))
    found = results["article_findings"].select(*_PAIR, answer="relation").join(train, on=_PAIR, how="anti")
    rows = (
        test.select(*_PAIR, truth="relation")
        .join(found, on=_PAIR, how="full", coalesce=True, validate="1:1")
        .with_columns(pl.col("truth", "answer").fill_null(CLASSES[0]))
        .sort(_PAIR)
    )
    return [one for relation in RELATIONS for one in _estimates(rows, relation)]


def _estimates(rows: pl.DataFrame, relation: str) -> list[Estimate]:
    """F1, precision and recall of a relation over pairs; nothing where no test pair has it."""
    truth, answer = ((rows[name] == relation).to_numpy() for name in ("truth", "answer"))
    n = int(truth.sum())
    if not n:
        return []
    units = np.arange(rows.height)

    def ratio(part: Any, whole: Any, none: float) -> float:
        return float(part / whole) if whole else none

    # With nothing found there is no right finding: precision 0, not unknown.
    statistics = {
        "f1": lambda i: ratio(2 * (truth[i] & answer[i]).sum(), truth[i].sum() + answer[i].sum(), np.nan),
        "precision": lambda i: ratio((truth[i] & answer[i]).sum(), answer[i].sum(), 0.0),
        "recall": lambda i: ratio((truth[i] & answer[i]).sum(), truth[i].sum(), np.nan),
    }
    return [
        one
        for name, statistic in statistics.items()
        for one in estimate(f"{relation}_{name}", statistic, units, n=n)
    ]


TASK = Task(
    name="kb_refinement",
    title="Knowledge-base refinement",
    question="Which articles repeat or contradict each other, and in which sentences?",
    needs=(("articles",),),
    uses=("dismissed_findings",),
    gold="article_pair_labels",
    writes=("article_findings",),
    metrics=tuple(f"{relation}_{part}" for relation in RELATIONS for part in ("f1", "precision", "recall")),
    params=RefinementParams,
    method=Method(_fit, _predict),
    naive=Method(_fit_cosine, _predict_cosine),
    naive_name="whole-article cosine, all pairs above the best threshold called similar",
    score=_score,
)
