"""What customers answer in the survey after a contact, and who answers at all.

The very pleased and the very displeased answer more often than others: means of the answers are not
means of what customers felt, which stays in `felt_csat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.streams import Floats, Kind, normals, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

EXTREMES = (1, 5)
"""Values of csat at which the response bias works."""
_SETTLED, _NOT_SETTLED = 4.3, 2.3
_UPSET, _SOOTHED, _TRANSFERRED, _ENDS_BADLY, _LONG_WAIT = -0.4, 0.3, -0.3, -0.7, -0.3
_LONG_WAIT_SECONDS, _NOISE = 300, 0.7


def survey(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """Adds `felt_csat` (null where abandoned), and `csat`, `nps`, `ces` of those who answer.

    Half of those who answer are asked for nps, the others for ces.
    """
    knobs, keys = setting.knobs, contacts["key"].to_numpy()

    def flag(name: str) -> np.ndarray:
        return contacts[name].to_numpy()

    felt: Floats = np.where(flag("is_resolved"), _SETTLED, _NOT_SETTLED).astype(np.float64)
    felt += _UPSET * flag("is_upset") + _SOOTHED * (flag("is_upset") & flag("does_empathy"))
    felt += _TRANSFERRED * flag("is_transferred") + _ENDS_BADLY * flag("ends_badly")
    is_live = contacts["channel"].is_in(["voice", "chat"]).to_numpy()
    felt += _LONG_WAIT * (is_live & (contacts["wait_seconds"].fill_null(0).to_numpy() > _LONG_WAIT_SECONDS))
    felt += _NOISE * normals(knobs.seed, Kind.SURVEY, keys, 0)
    csat = np.clip(np.round(felt), 1, 5)
    rate = knobs.response_rate * np.where(np.isin(csat, EXTREMES), knobs.response_bias, 1.0)
    answers = ~flag("is_abandoned") & (uniforms(knobs.seed, Kind.SURVEY, keys, 1) < rate)
    is_asked_nps = uniforms(knobs.seed, Kind.SURVEY, keys, 2) < 0.5
    noise = [normals(knobs.seed, Kind.SURVEY, keys, place) for place in (3, 4)]
    nps = np.clip(np.round(2.3 * felt - 1.2 + noise[0]), 0, 10)
    ces = np.clip(np.round(1.35 * felt + 0.3 + 0.8 * noise[1]), 1, 7)
    return contacts.with_columns(
        felt_csat=_answers(csat, ~flag("is_abandoned")),
        csat=_answers(csat, answers),
        nps=_answers(nps, answers & is_asked_nps),
        ces=_answers(ces, answers & ~is_asked_nps),
    )


def _answers(values: Floats, is_given: np.ndarray) -> pl.Series:
    return pl.Series(values).cast(pl.Int32).set(~pl.Series(is_given), None)
