"""How well agents keep to the scorecard: every criterion answered for every conversation, with evidence.

Matching and learning stand in `cxm.methods` (`criteria`, `criterion_matches`, `criterion_models`,
`adherence`, `criterion_answers`); tables in and out, and the scores, stand here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.encoder import Encoder
from cxm.methods.adherence import (
    AdherenceModel,
    Answers,
    Labels,
    answer_criteria,
    fit_adherence,
    unlabelled_probabilities,
)
from cxm.methods.criteria import Criteria, read_criteria
from cxm.methods.criterion_answers import word_answers
from cxm.methods.criterion_matches import (
    Turns,
    match_criteria,
    set_relative,
    typical_matches,
    word_rarity,
)
from cxm.methods.feelings import prototype_weights
from cxm.metrics import Estimate, estimate
from cxm.metrics.classification import calibration_error, cohen_kappa, encode, roc_auc
from cxm.metrics.intervals import mean_of
from cxm.metrics.ranking import set_f1
from cxm.tables import TABLES
from cxm.task import Method, Model, Params, Results, Services, Tables, Task, param

# Conversations looked at together, so that memory stays bounded.
_CHUNK = 2_000
# Turns before the last reply from which on two equal courses are no accident.
_SHARED_TURNS = 3


@dataclass(frozen=True)
class QualityParams(Params):
    """Parameters of `quality_adherence`."""

    max_labelled: int = param(10_000, "Most labelled conversations to learn from, drawn at random.", low=1)
    evidence_similarity: float = param(
        0.25,
        "Cosine with the question from which a turn counts as evidence where none was learnt.",
        low=-1,
        high=1,
    )


# ------------------------------------------------------------------ learning


def fit(tables: Tables, train: pl.DataFrame | None, params: QualityParams, services: Services) -> Model:
    """Learn from reviewers' answers; without any, only what is typical of each criterion."""
    criteria = read_criteria(tables["scorecard"].collect(), services.encoder.encode)
    generator = np.random.default_rng(params.seed)
    everyone = tables["conversations"].select("conversation_id").sort("conversation_id").collect()
    sample = _draw(everyone["conversation_id"], _CHUNK, generator)
    turns = _read_turns(tables["turns"], sample, services.encoder)
    rarity = word_rarity(turns.frame["text"].gather(turns.rows_of("agent")).to_list(), criteria)
    typical = typical_matches(match_criteria(turns, criteria, rarity))
    unlearnt = Model({"rarity": rarity}, {"typical": typical})
    if train is not None:
        train = train.join(tables["scorecard"].select("criterion").collect(), on="criterion", how="semi")
        train = train.join(everyone, on="conversation_id", how="semi")
    if train is None or not train.height:
        return unlearnt
    ids = _draw(train["conversation_id"].unique().sort(), params.max_labelled, generator)
    turns = _read_turns(tables["turns"], ids, services.encoder)
    matches = set_relative(match_criteria(turns, criteria, rarity), typical)
    train = train.filter(pl.col("conversation_id").is_in(ids.implode())).sort("conversation_id", "criterion")
    classes = train["answer"].unique().sort().to_list()
    labels = _labels(train, ids, criteria, classes, _groups(tables["turns"], ids))
    prototypes = prototype_weights(services.encoder.encode)
    facts, arrays = fit_adherence(turns, matches, labels, classes, prototypes, generator).to_parts()
    return Model({**unlearnt.facts, "learnt": facts}, {**unlearnt.arrays, **arrays})


def _draw(ids: pl.Series, n_most: int, generator: np.random.Generator) -> pl.Series:
    """At most `n_most` of the ids, in order."""
    if len(ids) <= n_most:
        return ids
    return ids.gather(np.sort(generator.choice(len(ids), n_most, replace=False)))


def _read_turns(turns: pl.LazyFrame, ids: pl.Series, encoder: Encoder) -> Turns:
    """The turns of the conversations `ids`, which are sorted, with vectors."""
    order = pl.LazyFrame({"conversation_id": ids}).with_row_index("owner")
    frame = (
        turns.select("conversation_id", "turn_index", "speaker", "text")
        .join(order, on="conversation_id", how="inner", validate="m:1")
        .sort("owner", "turn_index")
        .collect()
    )
    owner = frame["owner"].cast(pl.Int64).to_numpy().astype(np.intp)
    return Turns(frame.drop("owner"), encoder.encode(frame["text"].to_list()), owner, len(ids))


def _groups(turns: pl.LazyFrame, ids: pl.Series) -> pl.DataFrame:
    """Group of each conversation: those that differ only from the last reply on are one."""
    of_ids = turns.join(pl.LazyFrame({"conversation_id": ids}), on="conversation_id", how="semi")
    last = of_ids.filter(pl.col("speaker") == "agent").group_by("conversation_id")
    courses = (
        of_ids.join(last.agg(last=pl.col("turn_index").max()), on="conversation_id", how="inner")
        .filter(pl.col("turn_index") < pl.col("last"))
        .sort("conversation_id", "turn_index")
        .group_by("conversation_id")
        .agg(course=pl.col("text").str.join("\n"), n=pl.len())
        .filter(pl.col("n") >= _SHARED_TURNS)
        .collect()
    )
    return (
        pl.DataFrame({"conversation_id": ids})
        .join(courses, on="conversation_id", how="left", validate="1:1", maintain_order="left")
        .with_columns(group=pl.coalesce("course", "conversation_id"))
        .select("conversation_id", group=pl.col("group").rank("dense").cast(pl.Int64))
    )


def _labels(
    train: pl.DataFrame, ids: pl.Series, criteria: Criteria, classes: list[str], groups: pl.DataFrame
) -> Labels:
    group = train.select("conversation_id").join(
        groups, on="conversation_id", how="left", validate="m:1", maintain_order="left"
    )
    return Labels(
        conversation=np.searchsorted(ids.to_numpy(), train["conversation_id"].to_numpy()),
        criterion=np.searchsorted(criteria.names, train["criterion"].to_numpy()),
        answer=np.searchsorted(classes, train["answer"].to_numpy()),
        group=group["group"].to_numpy(),
        evidence=train["evidence_turns"].to_list(),
    )


# ------------------------------------------------------------------ answering


def predict(tables: Tables, model: Model, params: QualityParams, services: Services) -> Results:
    """An answer to every criterion for every conversation."""
    criteria = read_criteria(tables["scorecard"].collect(), services.encoder.encode)
    learnt = (
        AdherenceModel.from_parts(model.facts["learnt"], model.arrays) if "learnt" in model.facts else None
    )
    parts = [TABLES["quality_answers"].empty()]
    for ids in _chunks(tables["conversations"]):
        turns = _read_turns(tables["turns"], ids, services.encoder)
        matches = match_criteria(turns, criteria, model.facts["rarity"])
        matches = set_relative(matches, model.arrays["typical"])
        if learnt:
            classes, answers = learnt.classes, answer_criteria(learnt, turns, matches)
        else:
            classes, answers = ["no", "yes"], Answers(unlabelled_probabilities(matches, criteria), {})
        rows = word_answers(
            ids.to_list(), criteria, turns, matches, classes, answers, learnt, params.evidence_similarity
        )
        parts.append(pl.DataFrame(rows, schema=dict(parts[0].schema)))
    return {"quality_answers": pl.concat(parts)}


def _chunks(conversations: pl.LazyFrame) -> Iterator[pl.Series]:
    ids = conversations.select("conversation_id").sort("conversation_id").collect()["conversation_id"]
    for start in range(0, len(ids), _CHUNK):
        yield ids.slice(start, _CHUNK)


# ------------------------------------------------------------------ the naive method and the scores


def fit_majority(
    tables: Tables, train: pl.DataFrame | None, params: QualityParams, services: Services
) -> Model:
    """The commonest answer of each criterion and overall; without labels yes."""
    if train is None:
        return Model({"overall": ["yes", 0.5], "criteria": {}})
    ranked = (
        train.group_by("criterion", "answer")
        .len()
        .with_columns(share=pl.col("len") / pl.col("len").sum().over("criterion"))
        .sort(["criterion", "len", "answer"], descending=[False, True, False])
        .unique("criterion", keep="first", maintain_order=True)
    )
    overall = train["answer"].value_counts().sort(["count", "answer"], descending=[True, False]).row(0)
    criteria = {row["criterion"]: [row["answer"], row["share"]] for row in ranked.iter_rows(named=True)}
    return Model({"overall": [overall[0], overall[1] / train.height], "criteria": criteria})


def predict_majority(tables: Tables, model: Model, params: QualityParams, services: Services) -> Results:
    """The commonest answer, without evidence."""
    names = tables["scorecard"].select("criterion").sort("criterion").collect()["criterion"].to_list()
    chosen = [model.facts["criteria"].get(name, model.facts["overall"]) for name in names]
    answers = pl.LazyFrame(
        {
            "criterion": names,
            "answer": [answer for answer, _ in chosen],
            "probability": [float(share) for _, share in chosen],
        },
        schema={"criterion": pl.String, "answer": pl.String, "probability": pl.Float64},
    )
    rows = tables["conversations"].select("conversation_id").join(answers, how="cross")
    nothing = pl.lit([], dtype=pl.List(pl.Int32))
    return {
        "quality_answers": rows.with_columns(
            evidence_turns=nothing, explanation=pl.lit("The commonest answer.")
        ).collect()
    }


def score(
    results: Results, gold: pl.DataFrame | None, tables: Tables, params: QualityParams
) -> list[Estimate]:
    """Scores on the labelled test pairs; intervals over conversations."""
    if gold is None:
        return []
    key = ["conversation_id", "criterion"]
    rows = (
        gold.filter(pl.col("split") == "test")
        .rename({"answer": "truth", "evidence_turns": "named"})
        .join(results["quality_answers"], on=key, how="left", validate="1:1")
        .sort(key)
    )
    units = rows["conversation_id"].to_numpy()
    (truth, given), _ = encode(rows["truth"].to_numpy(), rows["answer"].fill_null("missing").to_numpy())
    right = truth == given
    has_answer = rows["answer"].is_not_null().to_numpy()
    probability = rows["probability"].fill_null(0.0).to_numpy()
    # A row whose given answer is not yes leaves at most the rest for yes; no answer counts as wrong.
    is_yes = (rows["answer"] == "yes").fill_null(False).to_numpy()
    truth_is_yes = (rows["truth"] == "yes").to_numpy()
    rest = np.where(has_answer, 1 - probability, ~truth_is_yes)
    chance_of_yes = np.where(is_yes, probability, rest)
    decided = np.isin(rows["truth"].to_numpy(), ["yes", "no"])

    def ranking(drawn: NDArray[Any]) -> float:
        known = drawn[decided[drawn]]
        return roc_auc(chance_of_yes[known], truth_is_yes[known])

    def calibration(drawn: NDArray[Any]) -> float:
        known = drawn[has_answer[drawn]]
        return calibration_error(probability[known], right[known])

    cases = pl.DataFrame({"unit": units, "right": right}).group_by("unit").agg(pl.col("right").all())
    cases = cases.sort("unit")
    evidence = rows.filter(pl.col("named").list.len() > 0)
    return [
        *estimate("question_accuracy", mean_of(right), units),
        *estimate("case_accuracy", mean_of(cases["right"].to_numpy()), cases["unit"].to_numpy()),
        *estimate("roc_auc", ranking, units, n=int(decided.sum())),
        *estimate("cohen_kappa", lambda drawn: cohen_kappa(truth[drawn], given[drawn]), units),
        *estimate("evidence_f1", mean_of(_evidence_f1(evidence)), evidence["conversation_id"].to_numpy()),
        *estimate("calibration_error", calibration, units),
        *estimate("coverage", mean_of(has_answer), units),
    ]


def _evidence_f1(rows: pl.DataFrame) -> NDArray[np.float64]:
    """F1 of the named turns of each row with gold evidence."""
    pairs = zip(rows["evidence_turns"].to_list(), rows["named"].to_list(), strict=True)
    return np.array([set_f1(given or [], named) for given, named in pairs], dtype=float)


TASK = Task(
    name="quality_adherence",
    title="Quality adherence",
    question="How well do agents keep to the scorecard, and which turn shows it?",
    needs=(("conversations", "turns", "scorecard"),),
    gold="quality_labels",
    writes=("quality_answers",),
    metrics=(
        "question_accuracy",
        "case_accuracy",
        "roc_auc",
        "cohen_kappa",
        "evidence_f1",
        "calibration_error",
        "coverage",
    ),
    method=Method(fit, predict),
    naive=Method(fit_majority, predict_majority),
    naive_name="majority answer",
    score=score,
    params=QualityParams,
)
