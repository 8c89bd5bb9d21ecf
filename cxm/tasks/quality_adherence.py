"""How well agents keep to the scorecard: every criterion answered for every conversation, with evidence.

Matching, learning and scoring stand in `cxm.methods` (`criteria`, `criterion_matches`, `criterion_models`,
`adherence`, `criterion_answers`, `criterion_agreement`, `quality_scores`); tables in and out stand here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from cxm.backends.encoder import Encoder
from cxm.methods.adherence import (
    ANSWERED,
    AdherenceModel,
    Answers,
    Labels,
    answer_criteria,
    answer_unlabelled,
    fit_adherence,
)
from cxm.methods.agent_comparison import compare_agents
from cxm.methods.criteria import Criteria, read_criteria
from cxm.methods.criterion_agreement import (
    NO_LABELS,
    measure_agreement,
    repeated_shares,
    write_differently,
)
from cxm.methods.criterion_answers import speak_foreign, word_answers
from cxm.methods.criterion_matches import (
    Matches,
    Turns,
    match_criteria,
    set_relative,
    typical_matches,
    word_rarity,
)
from cxm.methods.feelings import prototype_weights
from cxm.methods.quality_scores import score_answers
from cxm.methods.scorecards import score_quality
from cxm.methods.smuggled import drop_smuggled, drop_strange, usual_words
from cxm.metrics import Estimate
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
    fewest_labels: int = param(
        30, "Fewest reviewers' answers from which a criterion's agreement is told.", low=2
    )
    n_repeated: int = param(
        60, "Conversations answered a second time, written differently, to see what stays the same.", low=0
    )
    fewest_conversations: int = param(
        30, "Fewest scored conversations from which an agent is compared with the others.", low=2
    )


# ------------------------------------------------------------------ learning


def fit(tables: Tables, train: pl.DataFrame | None, params: QualityParams, services: Services) -> Model:
    """Learn from reviewers' answers; without any, only what is typical of each criterion."""
    criteria = read_criteria(tables["scorecard"].collect(), services.encoder.encode)
    generator = np.random.default_rng(params.seed)
    everyone = tables["conversations"].select("conversation_id").sort("conversation_id").collect()
    sample = _draw(everyone["conversation_id"], _CHUNK, generator)
    usual = _usual_words(tables["turns"], sample)
    turns = _read_turns(tables["turns"], sample, usual, services.encoder)
    rarity = word_rarity(turns.frame["text"].gather(turns.rows_of("agent")).to_list(), criteria)
    typical = typical_matches(match_criteria(turns, criteria, rarity))
    prototypes = prototype_weights(services.encoder.encode)
    model = Model(
        {"rarity": rarity, "usual_words": usual, "agreement": {}, "knows_other_languages": False},
        {"typical": typical, "prototypes": prototypes},
    )
    if train is not None:
        train = train.join(tables["scorecard"].select("criterion").collect(), on="criterion", how="semi")
        train = train.join(everyone, on="conversation_id", how="semi")
        if train.height:
            model = _learn(tables, train, criteria, model, params, services, generator)
    repeated = _draw(everyone["conversation_id"], params.n_repeated, generator)
    return Model(
        {
            **model.facts,
            "n_repeated": len(repeated),
            "repeated": _repeat(tables, repeated, criteria, model, services),
        },
        model.arrays,
    )


def _learn(
    tables: Tables,
    train: pl.DataFrame,
    criteria: Criteria,
    unlearnt: Model,
    params: QualityParams,
    services: Services,
    generator: np.random.Generator,
) -> Model:
    """The model with what reviewers' answers teach, and how far held-out answers agree with theirs."""
    rarity, typical = unlearnt.facts["rarity"], unlearnt.arrays["typical"]
    ids = _draw(train["conversation_id"].unique().sort(), params.max_labelled, generator)
    turns = _read_turns(tables["turns"], ids, unlearnt.facts["usual_words"], services.encoder)
    matches = set_relative(match_criteria(turns, criteria, rarity), typical)
    train = train.filter(pl.col("conversation_id").is_in(ids.implode())).sort("conversation_id", "criterion")
    classes = train["answer"].unique().sort().to_list()
    labels = _labels(train, ids, criteria, classes, _groups(tables["turns"], ids))
    prototypes = unlearnt.arrays["prototypes"]
    learnt, held_out = fit_adherence(turns, matches, criteria, labels, classes, prototypes, generator)
    agreement = measure_agreement(
        train["criterion"].to_numpy(),
        train["answer"].to_numpy(),
        np.array(ANSWERED)[held_out.argmax(axis=1)],
        train["conversation_id"].to_numpy(),
        params.fewest_labels,
    )
    facts, arrays = learnt.to_parts()
    known = {
        "learnt": facts,
        "agreement": agreement,
        "knows_other_languages": bool(speak_foreign(turns).any()),
    }
    return Model({**unlearnt.facts, **known}, {**unlearnt.arrays, **arrays})


def _repeat(
    tables: Tables, ids: pl.Series, criteria: Criteria, model: Model, services: Services
) -> dict[str, float]:
    """Share of answers of each criterion that stay the same when the turns are written differently."""
    turns = _read_turns(tables["turns"], ids, model.facts["usual_words"], services.encoder)
    if not len(ids) or not turns.frame.height:
        return {}
    frame = turns.frame.with_columns(write_differently(turns.frame["text"]))
    again = replace(turns, frame=frame, vectors=services.encoder.encode(frame["text"].to_list()))
    first, second = (
        _answer(some, criteria, model)[1].probabilities.argmax(axis=2) for some in (turns, again)
    )
    return dict(zip(criteria.names, repeated_shares(first, second), strict=True))


def _draw(ids: pl.Series, n_most: int, generator: np.random.Generator) -> pl.Series:
    """At most `n_most` of the ids, in order."""
    if len(ids) <= n_most:
        return ids
    return ids.gather(np.sort(generator.choice(len(ids), n_most, replace=False)))


def _usual_words(turns: pl.LazyFrame, ids: pl.Series) -> list[str]:
    """The words that more than one of these conversations holds."""
    of_ids = turns.join(pl.LazyFrame({"conversation_id": ids}), on="conversation_id", how="semi")
    return usual_words(
        of_ids.group_by("conversation_id").agg(pl.col("text").str.join("\n")).collect()["text"]
    )


def _read_turns(turns: pl.LazyFrame, ids: pl.Series, usual: list[str], encoder: Encoder) -> Turns:
    """The turns of the conversations `ids`, which are sorted, with vectors, without what is smuggled in."""
    order = pl.LazyFrame({"conversation_id": ids}).with_row_index("owner")
    frame = (
        turns.select("conversation_id", "turn_index", "speaker", "text")
        .join(order, on="conversation_id", how="inner", validate="m:1")
        .sort("owner", "turn_index")
        .collect()
    )
    heard = pl.Series(drop_smuggled(frame["text"].to_list()), dtype=pl.String)
    of_agent = pl.Series(drop_strange(heard.to_list(), usual), dtype=pl.String)
    is_agent = pl.col("speaker") == "agent"
    frame = frame.with_columns(text=pl.when(is_agent).then(of_agent).otherwise(heard))
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
    """An answer to every criterion for every conversation, and what follows from them."""
    scorecard = tables["scorecard"].collect()
    criteria = read_criteria(scorecard, services.encoder.encode)
    knows_exceptions = "not_applicable" in model.facts.get("learnt", {}).get("classes", ())
    silent = "not_applicable" if knows_exceptions else "no"
    parts = [TABLES["quality_answers"].empty()]
    for ids in _chunks(tables["conversations"]):
        turns = _read_turns(tables["turns"], ids, model.facts["usual_words"], services.encoder)
        matches, answers = _answer(turns, criteria, model)
        is_foreign = speak_foreign(turns) & (not model.facts["knows_other_languages"])
        rows = word_answers(
            ids.to_list(), criteria, turns, matches, answers, silent, is_foreign, params.evidence_similarity
        )
        parts.append(pl.DataFrame(rows, schema=dict(parts[0].schema)))
    answered = pl.concat(parts)
    quality = score_quality(answered.lazy(), scorecard.lazy()).collect()
    agents = tables["conversations"].select("conversation_id", "agent_id").collect()
    return {
        "quality_answers": answered,
        "conversation_quality": quality,
        "agent_quality": compare_agents(quality, agents, params.fewest_conversations),
        "criterion_agreement": _agreement(criteria, model),
    }


def _answer(turns: Turns, criteria: Criteria, model: Model) -> tuple[Matches, Answers]:
    """How the turns match the criteria, and what follows."""
    matches = set_relative(match_criteria(turns, criteria, model.facts["rarity"]), model.arrays["typical"])
    if "learnt" in model.facts:
        learnt = AdherenceModel.from_parts(model.facts["learnt"], model.arrays)
        return matches, answer_criteria(learnt, turns, matches, criteria)
    return matches, answer_unlabelled(turns, matches, criteria, model.arrays["prototypes"])


def _agreement(criteria: Criteria, model: Model) -> pl.DataFrame:
    unknown = {"n_labels": 0, "kappa": None, "low": None, "high": None, "calibration": NO_LABELS}
    rows = [
        {
            "criterion": name,
            **model.facts["agreement"].get(name, unknown),
            "n_repeated": model.facts["n_repeated"],
            "repeated_share": model.facts["repeated"].get(name),
        }
        for name in criteria.names
    ]
    return pl.DataFrame(rows, schema=dict(TABLES["criterion_agreement"].empty().schema))


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
    test = gold.filter(pl.col("split") == "test")
    return score_answers(results["quality_answers"], test, params.fewest_labels)


TASK = Task(
    name="quality_adherence",
    title="Quality adherence",
    question="How well do agents keep to the scorecard, and which turn shows it?",
    needs=(("conversations", "turns", "scorecard"),),
    gold="quality_labels",
    writes=("quality_answers", "conversation_quality", "agent_quality", "criterion_agreement"),
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
