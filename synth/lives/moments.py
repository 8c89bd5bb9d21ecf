"""Days of observation and seconds of a day as times, and rows in their order.

Lives are drawn in days since the beginning of observation; only tables have dates. When things
happen is decided elsewhere: contacts in `clock`, purchases in `purchases`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    from synth.setting import Setting

Integers = NDArray[np.int64]

DAY_SECONDS = 86_400
_MOST_DAYS = 8192


def moment(setting: Setting, day: pl.Expr, second: pl.Expr | int = 0) -> pl.Expr:
    """The time that lies this many seconds after the midnight at which a day of observation begins."""
    whole = day.cast(pl.Int64) * DAY_SECONDS
    whole += second.cast(pl.Int64) if isinstance(second, pl.Expr) else second
    begin = int(setting.knobs.observation_begins.timestamp())
    return ((whole + begin) * 1_000_000).cast(pl.Datetime("us", "UTC"))


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by `row` (of the customer), `day` (>= 0) and `second`; equals keep their order."""
    day = rows["row"].to_numpy() * _MOST_DAYS + rows["day"].to_numpy()
    place: Integers = day * DAY_SECONDS + rows["second"].to_numpy()
    return rows[np.argsort(place, kind="stable")]
