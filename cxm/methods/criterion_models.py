"""One model a criterion, where enough of its answers are known: which turns show it, and what follows.

Turns are judged first (evidence of yes, of no, of neither), then the conversation from its most
telling turns and its gist. What holds for criteria never seen is in `cxm.methods.adherence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxm.methods.criterion_matches import Matches, Turns, segment_max
from cxm.methods.linear import Codes, Floats, LinearModel, fit_linear
from cxm.methods.readings import Reading

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]

# What a turn can show, in the order of the turn model's classes.
NEITHER, SHOWS_YES, SHOWS_NO = 0, 1, 2
_SHOWS = {"yes": SHOWS_YES, "no": SHOWS_NO}
_TURN_STRENGTH = 0.3
_GIST_STRENGTH = 1.0
_MATCH_SCALE = 0.3  # matches are unbounded, vectors have length one
_MOST_LOG_ODDS = 8.0
FEWEST_LABELS = 40
_FEWEST_OF_CLASS = 5


@dataclass(frozen=True)
class CriterionModel:
    """`on_turns` judges turns, `on_gist` the conversation; `has_evidence`: answers that name turns."""

    on_turns: LinearModel
    on_gist: LinearModel
    has_evidence: list[str]


def is_learnable(codes: Codes) -> bool:
    """Whether a criterion has at least 40 answers, and five each of two different ones."""
    counts = np.bincount(codes) if len(codes) else np.zeros(1, dtype=np.intp)
    return len(codes) >= FEWEST_LABELS and int((counts >= _FEWEST_OF_CLASS).sum()) >= 2


def _turn_features(reading: Reading, similarity: Vectors) -> Any:
    """What a turn shows is judged by: the reading, and its likeness to what should be done."""
    from scipy.sparse import csr_matrix, hstack

    return csr_matrix(hstack([reading.turns, csr_matrix(similarity[:, None])], format="csr"))


def _gist_features(judged: Floats, owner: Rows, matches: Vectors, gist: Vectors) -> Vectors:
    """Most telling turn for yes and for no, matches and gist of each conversation."""
    odds = np.clip(judged[:, 1:] - judged[:, :1], -_MOST_LOG_ODDS, _MOST_LOG_ODDS)
    telling = segment_max(odds, owner, len(gist), empty=-_MOST_LOG_ODDS) / (_MOST_LOG_ODDS / 2)
    return np.hstack([telling, matches * _MATCH_SCALE, gist]).astype(np.float32)


def fit_criterion(
    turns: Turns,
    matches: Matches,
    reading: Reading,
    scaled: Vectors,
    column: int,
    labelled: Rows,
    codes: Codes,
    evidence: Sequence[Sequence[int] | None],
    classes: list[str],
    fold: Codes,
) -> tuple[CriterionModel, Floats]:
    """The model of one criterion, and held-out log-probabilities `(n_labelled, n_classes)`.

    `labelled`: conversation numbers; `codes`, `evidence` (turn indices; None: not known), `fold`
    are those of their answers. `scaled` are its scaled matches `(n_conversations, k)`. Where the
    evidence is not known, the turn nearest to the question stands in, then the most telling one.
    """
    owner = reading.owner
    features = _turn_features(reading, matches.similarity[:, column])
    fold_of = np.full(turns.n_conversations, -1, dtype=np.intp)
    fold_of[labelled] = fold
    turn_fold = fold_of[owner]
    answers = [classes[code] for code in codes]
    shows = _known_evidence(turns, matches, column, labelled, answers, evidence)
    judged = _judge_held_out(features, shows, turn_fold)
    unknown = [i for i, found in enumerate(evidence) if found is None and answers[i] == "yes"]
    if unknown:
        for i in unknown:
            said = np.flatnonzero(owner == labelled[i])
            if len(said):
                shows[said] = NEITHER
                shows[said[np.argmax(judged[said, SHOWS_YES])]] = SHOWS_YES
        judged = _judge_held_out(features, shows, turn_fold)
    rows = _gist_features(judged, owner, scaled, reading.gist)[labelled]
    held_out = np.empty((len(codes), len(classes)))
    for left_out in np.unique(fold):
        train, test = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
        part = fit_linear(rows[train], codes[train], len(classes), _GIST_STRENGTH)
        held_out[test] = part.log_probabilities(rows[test])
    known = turn_fold >= 0
    model = CriterionModel(
        on_turns=fit_linear(features[known], shows[known], 3, _TURN_STRENGTH),
        on_gist=fit_linear(rows, codes, len(classes), _GIST_STRENGTH),
        has_evidence=_answers_with_evidence(answers, evidence),
    )
    return model, held_out


def _known_evidence(
    turns: Turns,
    matches: Matches,
    column: int,
    labelled: Rows,
    answers: list[str],
    evidence: Sequence[Sequence[int] | None],
) -> Rows:
    """What each agent turn shows, `(n_agent_rows,)`."""
    shows = np.full(len(turns.owner), NEITHER, dtype=np.intp)
    turn_index = turns.frame["turn_index"].to_numpy()
    starts = np.searchsorted(turns.owner, labelled, side="left")
    ends = np.searchsorted(turns.owner, labelled, side="right")
    for conversation, start, end, answer, named in zip(
        labelled, starts, ends, answers, evidence, strict=True
    ):
        if named is None and answer == "yes":
            focus = matches.focus[conversation, column]
            if focus >= 0:
                shows[focus] = SHOWS_YES
        elif named and answer in _SHOWS:
            shows[start:end][np.isin(turn_index[start:end], list(named))] = _SHOWS[answer]
    return shows[matches.agent_rows]


def _judge_held_out(features: Any, shows: Rows, fold: Codes) -> Floats:
    judged = np.zeros((len(shows), 3))
    for left_out in np.unique(fold[fold >= 0]):
        train, test = (fold >= 0) & (fold != left_out), fold == left_out
        judged[test] = fit_linear(features[train], shows[train], 3, _TURN_STRENGTH).log_probabilities(
            features[test]
        )
    return judged


def _answers_with_evidence(answers: list[str], evidence: Sequence[Sequence[int] | None]) -> list[str]:
    """Answers for which at least half of the reviewers' rows name a turn (yes, if none was asked for)."""
    found = []
    for answer in _SHOWS:
        named = [turns for given, turns in zip(answers, evidence, strict=True) if given == answer]
        asked = [turns for turns in named if turns is not None]
        if 2 * sum(bool(turns) for turns in asked) >= len(asked) and (asked or answer == "yes"):
            found.append(answer)
    return found


def apply_criterion(
    model: CriterionModel, reading: Reading, similarity: Vectors, scaled: Vectors
) -> tuple[Floats, Floats]:
    """(log-probabilities `(n_conversations, n_classes)`, probabilities that a turn shows each thing).

    `similarity` `(n_agent_rows,)` and `scaled` `(n_conversations, k)` are the criterion's matches.
    """
    judged = model.on_turns.log_probabilities(_turn_features(reading, similarity))
    rows = _gist_features(judged, reading.owner, scaled, reading.gist)
    return model.on_gist.log_probabilities(rows), np.exp(judged)


def shown_by(answer: str, shows: Floats, has_evidence: Sequence[str]) -> Any:
    """Numbers of the turns `(n_turns, 3)` of one conversation that show `answer`, most telling first.

    At least one for answers in `has_evidence`.
    """
    if answer not in _SHOWS or not len(shows):
        return []
    probability = shows[:, _SHOWS[answer]]
    order = np.argsort(-probability, kind="stable")
    clear = [int(row) for row in order if probability[row] >= 0.5]
    return clear or ([int(order[0])] if answer in has_evidence else [])
