"""A whole world: every table, part by part, and the truth about it.

The one place where everything comes together. What a part holds belongs in its own module, how it
gets on disk in `disk`.
"""

from __future__ import annotations

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
from synth.knobs import END, Knobs
from synth.knowledge import base
from synth.knowledge.articles import write_knowledge
from synth.knowledge.queries import write_queries
from synth.lives import simulate_customers, simulate_strangers, truth_of_lives
from synth.lives.agents import hire_agents
from synth.lives.contacts import contact_values
from synth.packs import read_pack
from synth.setting import Setting
from synth.shortlists import Shortlists
from synth.talks.course import hold
from synth.talks.surfaces import distort_dialogue

PEOPLE_A_BLOCK, CONVERSATIONS_A_PART = 2000, 1000
_WITHOUT_WORDS = 6
"""How many times as large blocks are that need no room for words: the larger, the faster."""
_OF_CUSTOMERS = ("customers", "transactions", "events", "churn_labels", "segment_labels")


@dataclass(frozen=True)
class Part:
    """Rows of some tables, and records of the truth's long lists: of contacts, and of other things."""

    tables: dict[str, pl.DataFrame]
    contacts: pl.DataFrame | None = None
    truth: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def make_setting(knobs: Knobs) -> Setting:
    """What is there before anyone's life begins; `CxmError` for a pack that is not, or too small."""
    pack = read_pack(knobs.brand)
    catalog = draw_catalog(pack, knobs)
    return Setting(knobs, pack, catalog, write_knowledge(pack, catalog, knobs), hire_agents(pack, knobs))


def make_parts(setting: Setting, folder: Path | None = None) -> Iterator[Part]:
    """The world, part by part: the brand, then blocks of customers, their contacts, strangers.

    With a folder, what has to wait does so in files there, and memory stays flat.
    """
    yield Part(_brand_tables(setting))
    waiting = _WaitingContacts(folder)
    size = PEOPLE_A_BLOCK * (_WITHOUT_WORDS if setting.knobs.no_text else 1)
    for place in _blocks(setting.knobs.customers, size):
        block = simulate_customers(setting, *place)
        waiting.add(block.contacts)
        yield Part({name: getattr(block, name) for name in _OF_CUSTOMERS})
    n_held = 0
    for contacts in waiting.lowest(setting.knobs.conversations):
        n_held += contacts.height
        yield from _contact_parts(setting, contacts)
    for first, last in _blocks(setting.knobs.conversations - n_held, size):
        yield from _contact_parts(setting, simulate_strangers(setting, first, last))


def _blocks(n: int, size: int) -> Iterator[tuple[int, int]]:
    """Numbers 1 to n in blocks [first, last)."""
    for first in range(1, n + 1, size):
        yield first, min(first + size, n + 1)


class _WaitingContacts:
    """Contacts of customers, until it is known which of them are kept.

    Only when all lives are lived is it known whether customers alone make more contacts than wanted;
    those with the lowest marks are kept then.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._waiting: list[pl.DataFrame | Path] = []
        self._marks: list[pl.Series] = []

    def add(self, contacts: pl.DataFrame) -> None:
        """Have the contacts of a block wait, in a file where there is a folder."""
        self._marks.append(contacts["mark"])
        if self._folder is None:
            self._waiting.append(contacts)
        else:
            path = self._folder / f".contacts-{len(self._waiting)}.arrow"
            contacts.write_ipc(path)
            self._waiting.append(path)

    def lowest(self, n: int) -> Iterator[pl.DataFrame]:
        """At most `n` contacts, those with the lowest marks, block by block."""
        marks = pl.concat(self._marks).sort()
        edge = marks[n - 1] if marks.len() > n else 1.0
        for one in self._waiting:
            contacts = one if isinstance(one, pl.DataFrame) else pl.read_ipc(one.read_bytes())
            yield contacts.filter(pl.col("mark") <= edge)
            if isinstance(one, Path):
                one.unlink()


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
    for some in contacts.iter_slices(contacts.height or 1 if setting.knobs.no_text else CONVERSATIONS_A_PART):
        tables = {
            "conversations": rows.conversation_frame(setting, some),
            "intent_labels": rows.intent_frame(setting, some),
        }
        truth: rows.Rows = {}
        if not setting.knobs.no_text:
            held = list(_hold_all(setting, some))
            labels = rows.label_rows(setting, _shortlists(setting), zip(held, some["split"], strict=True))
            tables |= {"turns": rows.turn_frame(held)}
            tables |= {name: rows.make_frame(name, labels[name]) for name in labels}
            truth = rows.dialogue_truth(held)
        yield Part(tables, rows.contact_truth(setting, some), truth)


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
    """Tables by name, what was planted, and as a frame what was decided about each contact."""

    tables: dict[str, pl.DataFrame]
    truth: dict[str, Any]
    contacts: pl.DataFrame


def make_world(knobs: Knobs) -> World:
    """A world in memory; for tests and studies of moderate size."""
    setting = make_setting(knobs)
    frames: dict[str, list[pl.DataFrame]] = {}
    contacts: list[pl.DataFrame] = []
    lists: dict[str, list[dict[str, Any]]] = {"groundings": [], "personal_data": []}
    for part in make_parts(setting):
        for name, frame in part.tables.items():
            frames.setdefault(name, []).append(frame)
        contacts += [part.contacts] if part.contacts is not None else []
        for name, records in part.truth.items():
            lists[name] += records
    tables = {name: store.checked(pl.concat(found), name) for name, found in frames.items()}
    facts = facts_of(setting, {name: frame.height for name, frame in tables.items()})
    return World(tables, facts | lists, pl.concat(contacts))


def facts_of(setting: Setting, counts: dict[str, int]) -> dict[str, Any]:
    """What `truth.json` says once; `counts`: rows by table."""
    knobs, knowledge = setting.knobs, setting.knowledge
    return {
        "generator": generator_digest(knobs.brand),
        "knobs": asdict(knobs),
        "tables": counts,
        "observation": {"begins": str(knobs.observation_begins), "ends": str(END)},
        "out_of_scope": [i.intent for i in setting.pack.intents if i.is_stray or i.is_launch],
        "article_pairs": [dict(vars(pair)) for pair in knowledge.pairs],
        "near_misses": [dict(vars(pair)) for pair in knowledge.near_misses],
        "facts": {"stated": knowledge.stated, "misstated": knowledge.misstated},
        **truth_of_lives(setting),
    }


@cache
def generator_digest(brand: str) -> str:
    """Hex digest of the generator's own files and the pack's, as they were when first asked for.

    Like the pack itself they are read once in a process.
    """
    folder = Path(__file__).parent
    paths: Iterable[Path] = [*folder.rglob("*.py"), *folder.rglob("*.toml")]
    if Path(brand).is_dir():
        paths = [*paths, *Path(brand).glob("*.toml")]
    state = blake2b(digest_size=8)
    for path in sorted(paths):
        state.update(path.read_bytes())
    return state.hexdigest()
