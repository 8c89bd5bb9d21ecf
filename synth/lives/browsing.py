"""Steps of customers on the web and in the app: before buying, contacting us, leaving.

Recorded since the first week with conversations; a new step is a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.moments import DAY_SECONDS, Integers, in_order, moment
from synth.streams import Kind, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

_BEFORE_BUYING = {"view_product": 900, "add_to_cart": 240, "checkout": 40}
"""Steps, and how many seconds before the purchase they lie at most."""
_BEFORE_CONTACT = {"search_help": 1500, "open_contact_page": 120}
_BEFORE_LEAVING = {"view_plans": 80_000, "start_cancellation": 70_000}
_ONLINE, _LOOKS_FOR_HELP, _CANCELS_ONLINE = 0.7, 0.45, 0.6


def event_rows(
    setting: Setting,
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    contacts: pl.DataFrame,
    left_days: Integers,
) -> pl.DataFrame:
    """Rows of `events`: customers' steps up to leaving, by customer and time."""
    begin, n_days = setting.knobs.first_contact_day, setting.knobs.n_days
    left = left_days[purchases["row"].to_numpy()]
    bought = purchases.filter((pl.col("day") >= begin) & (pl.col("day") < pl.Series(left)))
    asked = contacts.select("row", "day", slot="key", second=pl.col("start").cast(pl.Int64))
    gone = pl.DataFrame({"row": np.arange(people.height), "day": left_days}).filter(
        (pl.col("day") > begin) & (pl.col("day") <= n_days)
    )
    gone = gone.with_columns(day=pl.col("day") - 1, slot=pl.lit(0), second=pl.lit(DAY_SECONDS - 1))
    steps = in_order(
        pl.concat(
            [
                _steps(setting, people, bought, _BEFORE_BUYING, _ONLINE, 0),
                _steps(setting, people, asked, _BEFORE_CONTACT, _LOOKS_FOR_HELP, 10),
                _steps(setting, people, gone, _BEFORE_LEAVING, _CANCELS_ONLINE, 20),
            ]
        )
    )
    return steps.select(
        customer_id=people["customer_id"].gather(steps["row"]),
        occurred_at=moment(setting, pl.col("day"), pl.col("second")),
        event="event",
    )


def _steps(
    setting: Setting,
    people: pl.DataFrame,
    causes: pl.DataFrame,
    steps: dict[str, int],
    chance: float,
    place: int,
) -> pl.DataFrame:
    """The steps before each cause (`row`, `slot`, `day`, `second`), where there are any."""
    numbers = people["number"].to_numpy()[causes["row"].to_numpy()]
    slots = causes["slot"].to_numpy()
    seed = setting.knobs.seed
    some = causes.filter(pl.Series(uniforms(seed, Kind.EVENT, numbers, slots, place) < chance))
    numbers, slots = people["number"].to_numpy()[some["row"].to_numpy()], some["slot"].to_numpy()
    parts = []
    limits = [*steps.values(), 5]
    for nth, (event, longest) in enumerate(steps.items()):
        shortest = limits[nth + 1]
        drawn = uniforms(seed, Kind.EVENT, numbers, slots, place + 1 + nth)
        ago = np.floor(shortest + drawn * (longest - shortest)).astype(np.int64)
        parts.append(some.select("row", "day", second=pl.col("second") - pl.Series(ago), event=pl.lit(event)))
    return pl.concat(parts)
