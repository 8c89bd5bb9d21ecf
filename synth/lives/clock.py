"""When contacts begin and end: opening hours, waits, handling, patience.

Days are decided in `causes`, what comes of a contact in `outcomes`. Seconds here count from the
midnight of the contact's day; live channels end the same day, e-mail within three days, all before
observation ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synth.lives.drivers import Booleans, Drivers
from synth.lives.moments import DAY_SECONDS
from synth.streams import Floats, Kind, normals, stream

if TYPE_CHECKING:
    from synth.setting import Setting

CHANNELS = ("voice", "chat", "email", "messaging", "social")
_IS_LIVE = np.array([True, True, False, False, False])
_OPEN_HOURS = np.array([[8.0, 20.0], [8.0, 22.0], [5.0, 21.0], [7.0, 21.0], [7.0, 21.0]])
_SUNDAY_VOICE_HOURS = (10.0, 18.0)
# Share of a day's contacts up to tenths of the opening time: a peak before noon, another after work.
_THROUGH_THE_DAY = np.array([0.0, 0.09, 0.22, 0.36, 0.47, 0.56, 0.64, 0.73, 0.83, 0.93, 1.0])
_WAIT_SECONDS = np.array([110.0, 45.0, 9000.0, 500.0, 1500.0])
_PATIENCE_SECONDS = np.array([1700.0, 1400.0, np.inf, np.inf, np.inf])
_INCIDENT_WAITS = 2.5
"""How many times as long callers wait in the incident week."""
_TALK_SECONDS = np.array([250.0, 420.0, 330.0, 360.0, 240.0])
_PER_TOOL, _PER_TROUBLE, _PER_TRANSFER = 0.22, 0.35, 0.5
_BY_PERSONA = {"polite": 1.0, "terse": 0.85, "confused": 1.2, "chatty": 1.25, "angry": 1.05}
_TALK_SPREAD, _TALK_LIMITS = 0.35, (45.0, 2700.0)
_ELAPSED_SECONDS = np.array([0.0, 0.0, 50_000.0, 4800.0, 7200.0])
_LONGEST_WAIT, _LONGEST_EMAIL = 2400.0, 2.9 * DAY_SECONDS


def start_times(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """Adds `start` (seconds), `wait_seconds` and `is_abandoned`; reads `key`, `day`, `channel` (a number)."""
    keys, days = contacts["key"].to_numpy(), contacts["day"].to_numpy()
    channels = contacts["channel"].to_numpy()
    drawn = stream(setting.knobs.seed, Kind.OUTCOME, keys)

    opens, closes = _OPEN_HOURS[channels].T
    is_short = (channels == 0) & (days % 7 == 6)
    opens = np.where(is_short, _SUNDAY_VOICE_HOURS[0], opens)
    closes = np.where(is_short, _SUNDAY_VOICE_HOURS[1], closes)
    through = np.interp(drawn(0), _THROUGH_THE_DAY, np.linspace(0, 1, len(_THROUGH_THE_DAY)))
    usual = _WAIT_SECONDS[channels]
    if setting.knobs.incident_day is not None:
        usual = np.where(
            (channels == 0) & (days >= setting.knobs.incident_day), usual * _INCIDENT_WAITS, usual
        )
    longest = np.where(_IS_LIVE[channels], _LONGEST_WAIT, np.inf)
    waits = np.minimum(-0.5 * usual * (np.log1p(-drawn(1)) + np.log1p(-drawn(2))), longest)
    patience = -_PATIENCE_SECONDS[channels] * np.log1p(-np.maximum(drawn(3), 1e-9))
    return contacts.with_columns(
        start=np.floor(3600 * (opens + (closes - opens) * through)),
        wait_seconds=np.ceil(np.minimum(waits, patience)),
        is_abandoned=patience < waits,
    )


def end_times(setting: Setting, drivers: Drivers, contacts: pl.DataFrame) -> pl.DataFrame:
    """Adds `end` (seconds), `handle_seconds`, `hold_seconds`, `acw_seconds`; fits `wait_seconds` into it.

    A live contact lasts its wait, talk and hold; an unhurried one at least as long as the work on
    it. No one handles what a bot settles or what is abandoned.
    """
    keys = contacts["key"].to_numpy()
    channels = contacts["channel"].to_numpy()
    is_live = _IS_LIVE[channels]
    drawn = stream(setting.knobs.seed, Kind.OUTCOME, keys)

    is_bot, is_abandoned = contacts["is_bot_only"].to_numpy(), contacts["is_abandoned"].to_numpy()
    talk = _talk_seconds(setting, drivers, contacts)
    hold = np.where((channels == 0) & (drawn(5) < 0.3), np.floor(15 + 165 * drawn(6)), 0.0)
    after = np.floor(15 + 60 * drawn(7) + 25 * drivers.n_tools[contacts["intent"].to_numpy()])
    waits = np.where(is_bot, 0.0, contacts["wait_seconds"].to_numpy())
    start = contacts["start"].to_numpy()
    work = np.where(is_abandoned, 0.0, np.where(is_bot, np.floor(30 + 150 * drawn(8)), talk + hold))
    pauses = -0.5 * _ELAPSED_SECONDS[channels] * (np.log1p(-drawn(9)) + np.log1p(-drawn(10)))
    length = waits + work + np.where(is_bot, 0.0, np.floor(pauses))
    length = np.where(is_live, length, np.minimum(length, _time_left(setting, contacts, channels)))
    no_one = is_bot | is_abandoned
    return contacts.with_columns(
        wait_seconds=_where_known(~is_bot, np.minimum(waits, np.maximum(length - work, 0))),
        end=start + length,
        handle_seconds=_where_known(~no_one, talk + hold + after),
        hold_seconds=_where_known(~no_one, hold),
        acw_seconds=_where_known(~no_one, after),
    )


def _talk_seconds(setting: Setting, drivers: Drivers, contacts: pl.DataFrame) -> Floats:
    intents = contacts["intent"].to_numpy()
    noise = normals(setting.knobs.seed, Kind.OUTCOME, contacts["key"].to_numpy(), 4)
    persona = contacts["persona"].replace_strict(_BY_PERSONA, return_dtype=pl.Float64).to_numpy()
    matter = 1 + _PER_TOOL * drivers.n_tools[intents]
    matter += _PER_TROUBLE * contacts["trouble"].is_not_null().to_numpy()
    matter += _PER_TRANSFER * contacts["is_transferred"].to_numpy()
    usual = _TALK_SECONDS[contacts["channel"].to_numpy()] * persona * matter
    talk: Floats = np.round(np.clip(usual * np.exp(_TALK_SPREAD * noise), *_TALK_LIMITS))
    return talk


def _time_left(setting: Setting, contacts: pl.DataFrame, channels: NDArray[np.intp]) -> Floats:
    """Seconds until an unhurried contact must have ended."""
    until_end = (setting.knobs.n_days - contacts["day"].to_numpy()) * DAY_SECONDS - 60
    start = contacts["start"].to_numpy()
    left: Floats = np.where(
        channels == CHANNELS.index("email"),
        np.minimum(until_end - start, _LONGEST_EMAIL),
        DAY_SECONDS - 60 - start,
    )
    return left


def _where_known(is_known: Booleans, values: Floats) -> pl.Series:
    return pl.Series(values).set(~pl.Series(is_known), None)
