"""What becomes of a contact: who answers, how well, whether it is settled, how it ends; and follow-ups.

The probabilities are planted here and told in `truth`. When things happen is in `clock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from synth.lives.causes import keys_of
from synth.lives.clock import CHANNELS, end_times, start_times
from synth.lives.contact import PERSONAS
from synth.lives.drivers import Booleans, Drivers
from synth.lives.moments import DAY_SECONDS, Integers
from synth.packs import BEHAVIOURS
from synth.streams import Floats, Kind, choose, stream, uniforms

if TYPE_CHECKING:
    from synth.setting import Setting

MOST_FOLLOW_UPS = 3
"""A matter is followed up at most so often."""
REPEAT_DAYS = 10
"""A follow-up comes 1 to so many days after the contact before it ended."""
RESOLVED = 0.9
"""Chance that an agent who does everything right settles a matter."""
RESOLUTION_FACTORS = {
    "misled": 0.35,
    "inaccurate": 0.45,
    "no_probing": 0.85,
    "no_promise": 0.92,
    "transferred": 0.92,
    "launched": 0.2,
}
"""What that chance is multiplied by."""
_OWN_PERSONA, _SAME_CHANNEL = 0.7, 0.7
_UPSET_BY_ANGER, _UPSET_BY_REPEAT, _UPSET_BY_INCIDENT = 1.8, 0.25, 0.15
_BOT_CHANNELS, _BOT_SHARE = (CHANNELS.index("chat"), CHANNELS.index("messaging")), 0.35
_TRANSFERRED = 0.08
_BAD_ENDING = {"always": -3.0, "unresolved": 2.2, "upset": 1.0, "without_empathy": 0.7, "angry": 0.8}
"""Log odds of negative last words; `without_empathy` counts for the upset."""


def settle(
    setting: Setting,
    drivers: Drivers,
    contacts: pl.DataFrame,
    personas: Integers,
    follow_ups: int = MOST_FOLLOW_UPS,
) -> list[pl.DataFrame]:
    """First contacts and their follow-ups, generation by generation, with all that is decided of them.

    `contacts` has the columns of `causes.first_contacts`; `personas` `(n,)` numbers each customer's
    own. Every frame has the same columns; `parent` is the key of the contact before (-1: none).
    """
    named = _name_matters(setting, contacts).with_columns(
        generation=pl.lit(0, pl.Int64), parent=pl.lit(-1, pl.Int64), before=pl.lit(-1, pl.Int64), own=personas
    )
    generations = [_decide(setting, drivers, named)]
    for _ in range(follow_ups):
        generations.append(_decide(setting, drivers, _follow_up(setting, generations[-1])))
    return generations


def _name_matters(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """Adds `fact` and `trouble`: which of those an intent can be about it is, by key."""
    drawn = uniforms(setting.knobs.seed, Kind.OUTCOME, contacts["key"].to_numpy(), 20).tolist()
    products = {product.number: product for product in setting.catalog.products}
    intents = setting.pack.intents
    facts_of = [setting.covered(intent.facts) for intent in intents]
    problems_of = [setting.covered(intent.problems) for intent in intents]
    facts: list[str | None] = []
    troubles: list[str | None] = []
    for number, product_number, u in zip(
        contacts["intent"].to_list(), contacts["product"].to_list(), drawn, strict=True
    ):
        intent, product = intents[number], products[product_number]
        fact = trouble = None
        if intent.facts:
            fact = facts_of[number][int(u * len(facts_of[number]))]
        elif intent.properties:
            fact = product.facts[intent.properties[int(u * len(intent.properties))]].key
        elif intent.faults:
            faults = tuple(product.troubles) if "*" in intent.faults else intent.faults
            trouble = product.troubles[faults[int(u * len(faults))]].key
        elif intent.problems:
            trouble = problems_of[number][int(u * len(problems_of[number]))]
        facts.append(fact)
        troubles.append(trouble)
    return contacts.with_columns(
        fact=pl.Series(facts, dtype=pl.String), trouble=pl.Series(troubles, dtype=pl.String)
    )


def _decide(setting: Setting, drivers: Drivers, contacts: pl.DataFrame) -> pl.DataFrame:
    """One generation of contacts with their outcome, beginning and end."""
    keys, intents = contacts["key"].to_numpy(), contacts["intent"].to_numpy()
    drawn = stream(setting.knobs.seed, Kind.OUTCOME, keys)

    contacts = contacts.with_columns(
        channel=_channels(setting, contacts, drawn(21), drawn(22)),
        persona=_personas(contacts, drawn(23), drawn(24)),
        **_who_answers(setting, drawn(25), drawn(26)),
    )
    contacts = start_times(setting, contacts)
    channels = contacts["channel"].to_numpy()
    is_answered = ~contacts["is_abandoned"].to_numpy()
    is_bot = is_answered & np.isin(channels, _BOT_CHANNELS) & drivers.is_easy[intents]
    is_bot &= drawn(27) < _BOT_SHARE
    is_angry = (contacts["persona"] == "angry").to_numpy()
    chance = drivers.upset[intents] * np.where(is_angry, _UPSET_BY_ANGER, 1.0)
    chance += _UPSET_BY_REPEAT * (contacts["generation"].to_numpy() > 0)
    chance += _UPSET_BY_INCIDENT * contacts["is_incident"].to_numpy()
    is_misled = (
        is_answered
        & contacts["fact"].is_in(list(setting.knowledge.misstated)).fill_null(value=False).to_numpy()
        & (drawn(28) < setting.knobs.misled_share)
    )
    does = _behaviour(setting, contacts, keys)
    does["accuracy"] = (does["accuracy"] | is_bot) & ~is_misled
    is_transferred = is_answered & ~is_bot & ~drivers.is_stray[intents] & (drawn(29) < _TRANSFERRED)
    settled = _resolution(is_bot, is_misled, does, is_transferred, drivers.is_launch[intents])
    is_resolved = is_answered & (drawn(30) < settled)
    is_upset = drawn(31) < chance
    odds = _BAD_ENDING["always"] + _BAD_ENDING["unresolved"] * ~is_resolved
    odds += is_upset * (_BAD_ENDING["upset"] + _BAD_ENDING["without_empathy"] * ~does["empathy"])
    odds += _BAD_ENDING["angry"] * is_angry
    contacts = contacts.with_columns(
        is_upset=is_upset,
        is_bot_only=is_bot,
        is_transferred=is_transferred,
        is_resolved=is_resolved,
        is_misled=is_misled,
        ends_badly=drawn(32) < 1 / (1 + np.exp(-odds)),
        **{f"does_{behaviour}": does[behaviour] for behaviour in BEHAVIOURS},
    )
    return end_times(setting, drivers, contacts)


def _channels(setting: Setting, contacts: pl.DataFrame, drawn: Floats, staying: Floats) -> Integers:
    """Channel numbers; a follow-up often keeps to the channel before."""
    shares = setting.pack.channels
    fresh = choose(drawn, [shares.get(channel, 0.0) for channel in CHANNELS])  # type: ignore[call-overload]
    before = contacts["before"].to_numpy()
    return np.where((before >= 0) & (staying < _SAME_CHANNEL), before, fresh).astype(np.int64)


def _personas(contacts: pl.DataFrame, drawn: Floats, staying: Floats) -> pl.Series:
    """Mostly the customer's own, sometimes as the day makes it."""
    fresh = choose(drawn, list(PERSONAS.values()))
    numbers = np.where(staying < _OWN_PERSONA, contacts["own"].to_numpy(), fresh)
    return pl.Series(list(PERSONAS), dtype=pl.String).gather(numbers)


def _who_answers(setting: Setting, drawn: Floats, other: Floats) -> dict[str, Integers]:
    """The agent and a colleague who is someone else."""
    n = len(setting.agents)
    agents = np.floor(drawn * n).astype(np.int64)
    return {"agent": agents, "colleague": (agents + 1 + np.floor(other * (n - 1)).astype(np.int64)) % n}


def _behaviour(setting: Setting, contacts: pl.DataFrame, keys: Integers) -> dict[str, Booleans]:
    skills = np.array([[agent.skill[b] for b in BEHAVIOURS] for agent in setting.agents])
    agents = contacts["agent"].to_numpy()
    drawn = uniforms(setting.knobs.seed, Kind.OUTCOME, keys[:, None], 40 + np.arange(len(BEHAVIOURS)))
    does = drawn < skills[agents]
    return {behaviour: does[:, place] for place, behaviour in enumerate(BEHAVIOURS)}


def _resolution(
    is_bot: Booleans,
    is_misled: Booleans,
    does: dict[str, Booleans],
    is_transferred: Booleans,
    is_launch: Booleans,
) -> Floats:
    """The chance that each contact is settled, were it answered."""
    by_agent = ~is_bot
    factors = {
        "misled": is_misled,
        "inaccurate": ~does["accuracy"] & ~is_misled,
        "no_probing": ~does["probing"] & by_agent,
        "no_promise": ~does["promise"] & by_agent,
        "transferred": is_transferred,
        "launched": is_launch,
    }
    chances = np.full(len(is_bot), RESOLVED)
    for name, applies in factors.items():
        chances = np.where(applies, chances * RESOLUTION_FACTORS[name], chances)
    return chances


def _follow_up(setting: Setting, contacts: pl.DataFrame) -> pl.DataFrame:
    """The next contacts on the same matters, as they are before anything is decided of them."""
    knobs, keys = setting.knobs, contacts["key"].to_numpy()
    is_misled, is_resolved = contacts["is_misled"].to_numpy(), contacts["is_resolved"].to_numpy()
    usual = np.where(is_resolved, knobs.repeat_resolved, knobs.repeat_unresolved)
    chances = np.where(is_misled, knobs.repeat_misled, usual)
    drawn = stream(knobs.seed, Kind.CONTACT, keys)
    comes = drawn(7) < chances
    pause = 1 + np.floor(drawn(8) ** 1.5 * REPEAT_DAYS)
    day = end_days(contacts) + pause.astype(np.int64)
    again = contacts.with_columns(
        parent="key",
        before="channel",
        key=keys_of(drawn(9)),
        generation=pl.col("generation") + 1,
        day=day,
    ).filter(comes & (day < knobs.n_days))
    return again.select(
        "row", "number", "key", "day", "intent", "is_incident", "slot", "product", "amount", "ordered_day",
        "fact", "trouble", "generation", "parent", "before", "own",
    )  # fmt: skip


def end_days(contacts: pl.DataFrame) -> Integers:
    """The day on which each contact ended."""
    later = contacts["end"].to_numpy() // DAY_SECONDS
    days: Integers = contacts["day"].to_numpy() + later.astype(np.int64)
    return days
