"""Answers to a scorecard's criteria, from how turns match them and from what reviewers said before.

One model over all pairs of conversation and criterion also answers criteria never seen; criteria
with many known answers have a model of their own (`cxm.methods.criterion_models`); the two are
mixed. Reading tables and wording explanations belongs in the task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.behaviour_answers import Talk, count_truths, heed_reviewers, show_behaviour
from cxm.methods.criteria import Criteria
from cxm.methods.criterion_matches import MATCH_FEATURES, Matches, Turns
from cxm.methods.criterion_models import CriterionModel, apply_criterion, fit_criterion, is_learnable
from cxm.methods.linear import Codes, Floats, LinearModel, choose_mix, fit_linear, mix_probabilities
from cxm.methods.phrases import Phrases, fit_phrases
from cxm.methods.readings import Reading, read_conversations
from cxm.tables.gold import ANSWERS

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]

# Every answer there is, in the order of the columns of probabilities.
ANSWERED = sorted(ANSWERS)
_N_FOLDS = 4
_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
# As strong as all matches together.
_RULE_WEIGHT = 10.0
# Answers of a criterion count against this many average ones.
_PRIOR_ROWS = 5.0
# Without labels: log-odds of yes. Found on train rows of a public set of
# judged replies and of the simulated brand, then rounded.
_UNLABELLED = {
    "guideline": 1.0,
    "best_step": 1.0,
    "overlap_share": 1.0,
    "elsewhere": 1.5,
    "relative_guideline": 0.5,
    "relative_overlap_share": 0.5,
}
# One given reply shows a thing less often than a whole conversation does.
_LAST_REPLY_START = -1.5
_TO_AVOID_START = 3.0


@dataclass(frozen=True)
class Labels:
    """Known answers, one row each: numbers of conversation, criterion, answer and group.

    Rows of one group (the same conversation, or one that differs only in its last reply) are held
    out together. `evidence`: turn indices, None where not known.
    """

    conversation: Rows
    criterion: Rows
    answer: Codes
    group: Rows
    evidence: Sequence[Sequence[int] | None]


@dataclass(frozen=True)
class AdherenceModel:
    """`pooled` sees scaled matches and the criterion's prior; `own` holds the criteria's own models.

    `prior` `(n_criteria, n_classes)`: log of an answer's share against its overall share. `phrases`
    and `prototypes` are what the own models read turns with. `reviewed` `(n_criteria, 3, 3)` corrects the
    rules of known behaviours (`behaviour_answers.count_truths`).
    """

    classes: list[str]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    pooled: LinearModel
    prior: Floats
    phrases: Phrases
    prototypes: Vectors
    reviewed: Floats
    mix: tuple[float, float] = (1.0, 0.0)
    own: dict[int, CriterionModel] = field(default_factory=dict)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(JSON facts, numpy arrays) from which `from_parts` makes the same model."""
        facts = {
            "classes": self.classes,
            "mix": list(self.mix),
            "phrases": self.phrases.names,
            "has_evidence": {str(column): own.has_evidence for column, own in self.own.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "centre": self.centre,
            "scale": self.scale,
            "prior": self.prior,
            "phrase_weights": self.phrases.weights,
            "prototypes": self.prototypes,
            "reviewed": self.reviewed,
            "pooled_weights": self.pooled.weights,
            "pooled_intercepts": self.pooled.intercepts,
        }
        for column, own in self.own.items():
            for part, linear in (("turns", own.on_turns), ("gist", own.on_gist)):
                arrays[f"{part}_{column}_weights"] = linear.weights
                arrays[f"{part}_{column}_intercepts"] = linear.intercepts
        return facts, arrays

    @staticmethod
    def from_parts(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> AdherenceModel:
        """The model that `to_parts` took apart."""

        def linear(name: str) -> LinearModel:
            return LinearModel(arrays[f"{name}_weights"], arrays[f"{name}_intercepts"])

        return AdherenceModel(
            classes=list(facts["classes"]),
            centre=arrays["centre"],
            scale=arrays["scale"],
            pooled=linear("pooled"),
            prior=arrays["prior"],
            phrases=Phrases(list(facts["phrases"]), arrays["phrase_weights"]),
            prototypes=arrays["prototypes"],
            reviewed=arrays["reviewed"],
            mix=(float(facts["mix"][0]), float(facts["mix"][1])),
            own={
                int(column): CriterionModel(linear(f"turns_{column}"), linear(f"gist_{column}"), answers)
                for column, answers in facts["has_evidence"].items()
            },
        )


@dataclass(frozen=True)
class Answers:
    """`probabilities` `(n_conversations, n_criteria, 3)` of `ANSWERED`.

    `shows[k]` `(n_agent_rows, 3)` says what each turn shows of criterion k, for those with a model of
    their own or a known behaviour; `has_evidence[k]`: its answers that always name a turn.
    """

    probabilities: Floats
    shows: dict[int, Floats]
    has_evidence: dict[int, list[str]]


# Of each criterion that asks for a known behaviour: the rule's probabilities, and the turns that show it.
Rules = dict[int, tuple[Floats, NDArray[np.bool_]]]


def apply_rules(turns: Turns, criteria: Criteria, prototypes: Vectors) -> Rules:
    """The rules of `cxm.methods.behaviour_answers`; no known behaviour, no rule."""
    known = {column: name for column, name in enumerate(criteria.behaviours) if name}
    if not known:
        return {}
    talk = Talk(turns, prototypes)
    return {column: talk.answer(name, talk.says(name)) for column, name in known.items()}


def answer_unlabelled(turns: Turns, matches: Matches, criteria: Criteria, prototypes: Vectors) -> Answers:
    """Answers by fixed rules: behaviours by what is said, other criteria by how turns match them."""
    answers = Answers(_match_probabilities(matches, criteria), {}, {})
    for column, (rule, shown) in apply_rules(turns, criteria, prototypes).items():
        _put_rule(answers, column, criteria, rule, shown)
    return answers


def _put_rule(
    answers: Answers, column: int, criteria: Criteria, probabilities: Floats, shown: NDArray[np.bool_]
) -> None:
    answers.probabilities[:, column] = probabilities
    answers.shows[column] = show_behaviour(str(criteria.behaviours[column]), shown)
    answers.has_evidence[column] = []


def _with_rules(scaled: Vectors, rules: Rules) -> Vectors:
    """Scaled matches with the rule's probabilities beside them, for the criteria's own models."""
    said = np.zeros((*scaled.shape[:2], len(ANSWERED)), dtype=np.float32)
    for column, (rule, _) in rules.items():
        said[:, column] = _RULE_WEIGHT * rule
    return np.concatenate([scaled, said], axis=2)


def _match_probabilities(matches: Matches, criteria: Criteria) -> Floats:
    """Probabilities of `ANSWERED` `(n_conversations, n_criteria, 3)`; that it applies is not doubted."""
    from scipy.special import expit

    weights = np.array([_UNLABELLED.get(name, 0.0) for name in MATCH_FEATURES])
    odds = matches.values @ weights + np.where(criteria.is_about_last_reply, _LAST_REPLY_START, 0.0)
    odds = np.where(criteria.is_to_avoid, _TO_AVOID_START - odds, odds)
    yes = np.asarray(expit(odds))
    return np.stack([1 - yes, np.zeros_like(yes), yes], axis=2)


def fit_adherence(
    turns: Turns,
    matches: Matches,
    criteria: Criteria,
    labels: Labels,
    classes: list[str],
    prototypes: Vectors,
    generator: np.random.Generator,
) -> tuple[AdherenceModel, Floats]:
    """Learn from known answers; at least one row. `prototypes`: `cxm.methods.feelings`.

    Beside the model, probabilities `(n_rows, 3)` of `ANSWERED` for each known answer's row, by models that
    have not seen its group (only how the two models are mixed has been chosen with it).
    """
    n_criteria, n_classes = matches.values.shape[1], len(classes)
    rows = matches.values[labels.conversation, labels.criterion]
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 1e-6, spread, 1.0).astype(np.float32)
    fold = _group_folds(labels.group, generator)
    prior = np.empty((len(rows), n_classes))
    for left_out in np.unique(fold):
        kept = fold != left_out
        found = _priors(labels.criterion[kept], labels.answer[kept], n_criteria, n_classes)
        prior[~kept] = found[labels.criterion[~kept]]
    features = np.hstack([(rows - centre) / scale, prior]).astype(np.float32)
    pooled, pooled_held_out = _fit_pooled(features, labels.answer, n_classes, fold)
    scaled = (matches.values - centre) / scale
    phrases = fit_phrases(turns.frame["text"].gather(matches.agent_rows).to_list())
    reading = read_conversations(turns, phrases, prototypes)
    rules = apply_rules(turns, criteria, prototypes)
    features_of_own = _with_rules(scaled, rules)
    own, own_held_out = _fit_own(turns, matches, reading, features_of_own, labels, classes, fold)
    learnt = np.isin(labels.criterion, list(own))
    mix = choose_mix((pooled_held_out[learnt], own_held_out[learnt]), labels.answer[learnt])
    found = np.exp(pooled_held_out)
    found[learnt] = mix_probabilities((pooled_held_out[learnt], own_held_out[learnt]), mix)
    held_out = np.zeros((len(found), len(ANSWERED)))
    held_out[:, [ANSWERED.index(name) for name in classes]] = found
    unlearnt = {column: rule for column, rule in rules.items() if column not in own}
    reviewed = _review_rules(unlearnt, len(criteria.names), labels, classes, fold, held_out)
    model = AdherenceModel(
        classes=classes,
        centre=centre.astype(np.float32),
        scale=scale,
        pooled=pooled,
        prior=_priors(labels.criterion, labels.answer, n_criteria, n_classes),
        phrases=phrases,
        prototypes=prototypes,
        reviewed=reviewed,
        mix=mix,
        own=own,
    )
    return model, held_out


def _review_rules(
    rules: Rules, n_criteria: int, labels: Labels, classes: list[str], fold: Codes, held_out: Floats
) -> Floats:
    """What reviewers say beside the rules `(n_criteria, 3, 3)`; their rows of `held_out` are filled in."""
    reviewed = np.zeros((n_criteria, len(ANSWERED), len(ANSWERED)))
    truth = np.array([ANSWERED.index(name) for name in classes])[labels.answer]
    for column, (probabilities, _) in rules.items():
        rows = np.flatnonzero(labels.criterion == column)
        rule = probabilities[labels.conversation[rows]]
        reviewed[column] = count_truths(rule, truth[rows])
        for left_out in np.unique(fold[rows]):
            inside, outside = fold[rows] != left_out, fold[rows] == left_out
            counts = count_truths(rule[inside], truth[rows[inside]])
            held_out[rows[outside]] = heed_reviewers(rule[outside], counts)
    return reviewed


def _group_folds(group: Rows, generator: np.random.Generator) -> Codes:
    names, inverse = np.unique(group, return_inverse=True)
    return np.asarray((generator.permutation(len(names)) % _N_FOLDS)[inverse], dtype=np.intp)


def _priors(criterion: Rows, answer: Codes, n_criteria: int, n_classes: int) -> Floats:
    """Log of each answer's share per criterion over its overall share, drawn towards 0."""
    counts = np.zeros((n_criteria, n_classes))
    np.add.at(counts, (criterion, answer), 1)
    overall = (counts.sum(axis=0) + 1) / (counts.sum() + n_classes)
    shares = (counts + _PRIOR_ROWS * overall) / (counts.sum(axis=1, keepdims=True) + _PRIOR_ROWS)
    return np.asarray(np.log(shares / overall))


def _fit_pooled(features: Vectors, codes: Codes, n_classes: int, fold: Codes) -> tuple[LinearModel, Floats]:
    """The model whose penalty predicts held-out groups best, and their log-probabilities."""
    best: tuple[float, float, Floats] | None = None
    for strength in _STRENGTHS:
        held_out = np.empty((len(codes), n_classes))
        for left_out in np.unique(fold):
            train, test = fold != left_out, fold == left_out
            part = fit_linear(features[train], codes[train], n_classes, strength)
            held_out[test] = part.log_probabilities(features[test])
        loss = -float(held_out[np.arange(len(codes)), codes].mean())
        if best is None or loss < best[0]:
            best = (loss, strength, held_out)
    assert best is not None
    return fit_linear(features, codes, n_classes, best[1]), best[2]


def _fit_own(
    turns: Turns,
    matches: Matches,
    reading: Reading,
    scaled: Vectors,
    labels: Labels,
    classes: list[str],
    fold: Codes,
) -> tuple[dict[int, CriterionModel], Floats]:
    own: dict[int, CriterionModel] = {}
    held_out = np.zeros((len(labels.answer), len(classes)))
    for column in range(matches.values.shape[1]):
        rows = np.flatnonzero(labels.criterion == column)
        if is_learnable(labels.answer[rows]):
            own[column], held_out[rows] = fit_criterion(
                turns,
                matches,
                reading,
                scaled[:, column],
                column,
                labels.conversation[rows],
                labels.answer[rows],
                [labels.evidence[int(row)] for row in rows],
                classes,
                fold[rows],
            )
    return own, held_out


def answer_criteria(model: AdherenceModel, turns: Turns, matches: Matches, criteria: Criteria) -> Answers:
    """Answers to all criteria for all conversations.

    A known behaviour with too few labels for a model of its own is answered as if there were none.
    """
    n_conversations, n_criteria, _ = matches.values.shape
    scaled = ((matches.values - model.centre) / model.scale).astype(np.float32)
    prior = np.broadcast_to(model.prior, (n_conversations, *model.prior.shape))
    rows = np.concatenate([scaled, prior], axis=2).reshape(-1, scaled.shape[2] + prior.shape[2])
    pooled = model.pooled.log_probabilities(rows).reshape(n_conversations, n_criteria, -1)
    learnt = np.exp(pooled)
    shows: dict[int, Floats] = {}
    rules = apply_rules(turns, criteria, model.prototypes)
    if model.own:
        of_own = _with_rules(scaled, rules)
        reading = read_conversations(turns, model.phrases, model.prototypes)
        for column, own in model.own.items():
            found, shows[column] = apply_criterion(
                own, reading, matches.similarity[:, column], of_own[:, column]
            )
            learnt[:, column] = mix_probabilities((pooled[:, column], found), model.mix)
    probabilities = np.zeros((n_conversations, n_criteria, len(ANSWERED)))
    probabilities[:, :, [ANSWERED.index(name) for name in model.classes]] = learnt
    answers = Answers(probabilities, shows, {column: own.has_evidence for column, own in model.own.items()})
    for column, (rule, shown) in rules.items():
        if column not in model.own:
            corrected = heed_reviewers(rule, model.reviewed[column])
            _put_rule(answers, column, criteria, corrected, shown)
    return answers
