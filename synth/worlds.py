"""A whole world: every table, part by part, and the truth about it.

The one place where everything comes together. What a part holds belongs in its own module, how it
gets on disk in `disk`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from cxm import store
from synth import rows
from synth.catalog import draw_catalog
from synth.knobs import DAYS_PER_YEAR, END, Knobs
from synth.knowledge import base
from synth.knowledge.articles import write_knowledge
from synth.knowledge.queries import write_queries
from synth.lives import CustomerBlock, simulate_customers, simulate_strangers, truth_of_lives
from synth.lives.agents import hire_agents
from synth.lives.contacts import contact_values
from synth.packs import read_pack
from synth.setting import Setting
from synth.shortlists import Shortlists
from synth.talks.course import hold
from synth.talks.surfaces import distort_dialogue
from synth.truth import LISTS

CUSTOMERS_A_BLOCK, CONVERSATIONS_A_PART = 4000, 1000
_INCIDENT_SHARE = 0.3
"""More than the share of contacts any driver has."""


@dataclass(frozen=True)
class Part:
    """Rows of some tables, and records of the truth's long lists."""

    tables: dict[str, pl.DataFrame]
    truth: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def make_setting(knobs: Knobs) -> Setting:
    """What is there before anyone's life begins; `CxmError` for a pack that is not, or too small."""
    pack = read_pack(knobs.brand)
    catalog = draw_catalog(pack, knobs)
    return Setting(knobs, pack, catalog, write_knowledge(pack, catalog, knobs), hire_agents(pack, knobs))


def make_parts(setting: Setting) -> Iterator[Part]:
    """The world, part by part: the brand, then blocks of customers, their contacts, strangers."""
    yield Part(_brand_tables(setting))
    wanted, n_held = setting.knobs.conversations, 0
    edge, blocks = _lives(setting)
    for block in blocks:
        names = ("customers", "transactions", "events", "churn_labels", "segment_labels")
        yield Part({name: getattr(block, name) for name in names})
        contacts = block.contacts.filter(pl.col("mark") <= edge)
        n_held += contacts.height
        yield from _contact_parts(setting, contacts)
    for first, last in _blocks(wanted - n_held, CONVERSATIONS_A_PART):
        yield from _contact_parts(setting, simulate_strangers(setting, first, last))


def _blocks(n: int, size: int) -> Iterator[tuple[int, int]]:
    """Numbers 1 to n in blocks [first, last)."""
    for first in range(1, n + 1, size):
        yield first, min(first + size, n + 1)


def _lives(setting: Setting) -> tuple[float, Iterable[CustomerBlock]]:
    """The highest mark of the contacts that are kept, and all customers, block by block.

    Where customers alone make more contacts than wanted, those with the lowest marks are kept. To
    know that mark lives are simulated twice, as all of them may not fit into memory; but only where
    so many contacts are in reach at all.
    """
    knobs = setting.knobs
    places = list(_blocks(knobs.customers, CUSTOMERS_A_BLOCK))
    blocks: Iterable[CustomerBlock] = (simulate_customers(setting, *place) for place in places)
    if _most_contacts(knobs) <= knobs.conversations:
        return 1.0, blocks
    if len(places) == 1:
        blocks = list(blocks)
    first_time = blocks if len(places) == 1 else (simulate_customers(setting, *place) for place in places)
    marks = pl.concat(block.contacts["mark"] for block in first_time).sort()
    return (float(marks[knobs.conversations - 1]) if marks.len() > knobs.conversations else 1.0), blocks


def _most_contacts(knobs: Knobs) -> float:
    """More contacts than customers can be expected to make, by six standard deviations."""
    first = knobs.yearly_contacts * knobs.customers * 7 * knobs.weeks / DAYS_PER_YEAR
    incident = 1 + (knobs.incident_factor - 1) * _INCIDENT_SHARE / knobs.weeks
    chance = 0.6 * knobs.repeat_resolved + 0.3 * knobs.repeat_unresolved + 0.1 * knobs.repeat_misled
    expected = first * incident * (1 + knobs.launch_share) / (1 - chance)
    return expected + 6 * math.sqrt(expected)


def _brand_tables(setting: Setting) -> dict[str, pl.DataFrame]:
    pack, catalog, knowledge, knobs = setting.pack, setting.catalog, setting.knowledge, setting.knobs
    made = {"taxonomy": base.taxonomy_rows(pack), "scorecard": base.scorecard_rows(pack)}
    if not knobs.no_text:
        queries, qrels = write_queries(pack, catalog, knowledge, knobs)
        made |= {
            "articles": base.article_rows(pack, knowledge, knobs),
            "article_pair_labels": base.pair_rows(knowledge),
            "tools": base.tool_rows(pack, knobs),
            "queries": queries,
            "qrels": qrels,
        }
    return {name: rows.make_frame(name, made[name]) for name in made}


def _contact_parts(setting: Setting, contacts: pl.DataFrame) -> Iterator[Part]:
    for first in range(0, contacts.height, CONVERSATIONS_A_PART):
        some = contacts.slice(first, CONVERSATIONS_A_PART)
        tables = {
            "conversations": rows.conversation_frame(setting, some),
            "intent_labels": rows.intent_frame(setting, some),
        }
        truth = {"contacts": rows.contact_truth(setting, some)}
        if not setting.knobs.no_text:
            held = list(_hold_all(setting, some))
            labels = rows.label_rows(setting, _shortlists(setting), zip(held, some["split"], strict=True))
            tables |= {"turns": rows.turn_frame(held)}
            tables |= {name: rows.make_frame(name, labels[name]) for name in labels}
            truth |= rows.dialogue_truth(held)
        yield Part(tables, truth)


def _hold_all(setting: Setting, contacts: pl.DataFrame) -> Iterator[rows.Held]:
    for contact in contact_values(setting, contacts):
        yield contact, distort_dialogue(setting, contact, hold(setting, contact))


@cache
def _shortlists_of(brand: str, n_tools: int, seed: int) -> Shortlists:
    return Shortlists(base.tool_rows(read_pack(brand), Knobs(brand=brand, tools=n_tools, seed=seed)))


def _shortlists(setting: Setting) -> Shortlists:
    return _shortlists_of(setting.knobs.brand, setting.knobs.tools, setting.knobs.seed)


@dataclass(frozen=True)
class World:
    """Tables by name, and what was planted."""

    tables: dict[str, pl.DataFrame]
    truth: dict[str, Any]


def make_world(knobs: Knobs) -> World:
    """A world in memory; for tests and studies of moderate size."""
    setting = make_setting(knobs)
    parts = list(make_parts(setting))
    found: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        for name, frame in part.tables.items():
            found.setdefault(name, []).append(frame)
    tables = {name: store.checked(pl.concat(frames), name) for name, frames in found.items()}
    lists = {name: [r for part in parts for r in part.truth.get(name, [])] for name in LISTS}
    return World(tables, {**facts_of(setting, {n: f.height for n, f in tables.items()}), **lists})


def facts_of(setting: Setting, counts: dict[str, int]) -> dict[str, Any]:
    """What `truth.json` says once; `counts`: rows by table."""
    knobs, knowledge = setting.knobs, setting.knowledge
    return {
        "generator": generator_digest(knobs.brand),
        "knobs": asdict(knobs),
        "tables": counts,
        "observation": {"begins": str(knobs.observation_begins), "ends": str(END)},
        "out_of_scope": [i.intent for i in setting.pack.intents if i.is_stray or i.is_launch],
        "article_pairs": [asdict(pair) for pair in knowledge.pairs],
        "near_misses": [asdict(pair) for pair in knowledge.near_misses],
        "facts": {"stated": knowledge.stated, "misstated": knowledge.misstated},
        **truth_of_lives(setting),
    }


def generator_digest(brand: str) -> str:
    """Hex digest of the generator's own files and the pack's."""
    folder = Path(__file__).parent
    paths: Iterable[Path] = [*folder.rglob("*.py"), *folder.rglob("*.toml")]
    if Path(brand).is_dir():
        paths = [*paths, *Path(brand).glob("*.toml")]
    state = blake2b(digest_size=8)
    for path in sorted(paths):
        state.update(path.read_bytes())
    return state.hexdigest()
