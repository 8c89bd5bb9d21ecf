"""How far each criterion's answers can be trusted: against reviewers, and against themselves.

Agreement is Cohen's kappa between held-out answers and reviewers' (an answer by a model that has not
seen the conversation). Repeatability is the share of answers that stay the same when a conversation is
answered again, written down as another channel would write it: capitals, spaces, line breaks, quotation
marks and full stops differ, words do not.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.metrics import estimate
from cxm.metrics.classification import cohen_kappa
from cxm.tables.results import CALIBRATIONS

# Below it agreement is at best fair (Landis & Koch 1977: .41 on is moderate).
LEAST_KAPPA = 0.4
CALIBRATED, UNCALIBRATED, TOO_FEW, ONE_ANSWER, NO_LABELS = CALIBRATIONS

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
_STOPS = re.compile(r"(?<=\w)[.]+(?=\s|$)")


def measure_agreement(
    criterion: NDArray[Any], truth: NDArray[Any], answer: NDArray[Any], unit: NDArray[Any], n_least: int
) -> dict[str, dict[str, Any]]:
    """n_labels, kappa, low, high, calibration of each criterion with an answer by a reviewer.

    All `(n_rows,)`; `truth` and `answer` are texts; `unit` names what was drawn independently, the
    conversation. kappa and its 95 % interval (bootstrap) are None with fewer than `n_least` rows, or
    where the reviewers gave one answer only: then chance alone would agree as often.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in np.unique(criterion):
        rows = np.flatnonzero(criterion == name)
        labels, codes = np.unique(np.concatenate([truth[rows], answer[rows]]), return_inverse=True)
        left, right = np.split(np.asarray(codes, dtype=np.intp), 2)
        record: dict[str, Any] = {"n_labels": len(rows), "kappa": None, "low": None, "high": None}
        if len(rows) < n_least:
            calibration = TOO_FEW
        elif len(labels) < 2 or len(np.unique(left)) < 2:
            calibration = ONE_ANSWER
        else:
            (kappa,) = estimate("cohen_kappa", _kappa_of(left, right), unit[rows])
            record |= {"kappa": kappa.value, "low": kappa.low, "high": kappa.high}
            calibration = CALIBRATED if kappa.value >= LEAST_KAPPA else UNCALIBRATED
        found[str(name)] = record | {"calibration": calibration}
    return found


def _kappa_of(left: NDArray[np.intp], right: NDArray[np.intp]) -> Any:
    return lambda drawn: cohen_kappa(left[drawn], right[drawn])


def write_differently(texts: pl.Series) -> pl.Series:
    """The same words as another channel would write them down."""

    def differently(text: str) -> str:
        plain = _STOPS.sub("", text.translate(_QUOTES))
        return f" {plain.lower().replace(' ', '  ')}\n"

    return pl.Series(texts.name, [differently(text) if text.strip() else text for text in texts], pl.String)


def repeated_shares(first: NDArray[Any], second: NDArray[Any]) -> list[float]:
    """Share of equal answers of each criterion, `(n_conversations, n_criteria)` each; at least one row."""
    return [float(share) for share in (first == second).mean(axis=0)]
