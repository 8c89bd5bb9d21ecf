"""A whole world: every table, and the truth about it.

The one place where the parts come together. What a part holds belongs in its own module.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES
from synth.agents import hire_agents
from synth.brands import Brand, larkfield
from synth.contacts import INCIDENT_FACTOR, INCIDENT_INTENT, Contact, Setting, stranger_contact
from synth.conversations import Rows, conversation_tables
from synth.customers import HAZARD_RATIOS, MONTHLY_HAZARD, SEGMENTS, Customer, customer_tables, live
from synth.dialogues import Dialogue, hold
from synth.knobs import END, Knobs
from synth.knowledge import article_rows, pair_rows, write_knowledge
from synth.queries import write_queries

TRUTH = "truth.json"


@dataclass(frozen=True)
class World:
    """Tables by name, rows sorted by key, and what was planted."""

    tables: dict[str, pl.DataFrame]
    truth: dict[str, Any]


def make_world(
    seed: int = 7, conversations: int = 400, customers: int = 300, weeks: int = 12
) -> dict[str, pl.DataFrame]:
    """Every input and gold table of a world, by name; `CxmError` for an impossible size."""
    return simulate(Knobs(seed, conversations, customers, weeks)).tables


def write_world(
    directory: Path, seed: int = 7, conversations: int = 400, customers: int = 300, weeks: int = 12
) -> World:
    """Write the tables of a world and `truth.json` to a directory, which is made if need be.

    The same seed and sizes give the same bytes. Raises `CxmError` for an impossible size, and where
    the directory holds something that is not a simulated world.
    """
    world = simulate(Knobs(seed, conversations, customers, weeks))
    _check_target(directory)
    for name, frame in world.tables.items():
        store.write(frame, directory, name)
    with store.atomic_path(directory / TRUTH) as temporary:
        temporary.write_text(json.dumps(world.truth, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return world


def _check_target(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise CxmError(f"--out {directory} is a file; give a folder")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / TRUTH).exists():
        raise CxmError(f"--out {directory} holds other files than a simulated world; give a new folder")


def simulate(knobs: Knobs) -> World:
    """The world that these knobs and their seed determine."""
    brand = larkfield()
    knowledge = write_knowledge(brand, knobs.seed)
    setting = Setting(knobs, brand, knowledge, hire_agents(brand, knobs.seed))
    customers = [live(setting, number) for number in range(1, knobs.customers + 1)]
    held = [(contact, hold(setting, contact)) for contact in _sample(setting, customers)]
    queries, qrels = write_queries(brand, knowledge, knobs.seed)
    rows: Rows = {
        **_brand_rows(brand),
        **conversation_tables(setting, held),
        **customer_tables(customers, knobs.observation_begins),
        "articles": article_rows(knowledge),
        "article_pair_labels": pair_rows(knowledge),
        "queries": queries,
        "qrels": qrels,
    }
    tables = {name: _frame(name, rows[name]) for name in TABLES if name in rows}
    return World(tables, _truth(setting, customers, held))


def _sample(setting: Setting, customers: list[Customer]) -> list[Contact]:
    """As many contacts as wanted: members' own, and where they are too few, strangers'."""
    wanted = setting.knobs.conversations
    contacts = sorted((c for customer in customers for c in customer.contacts), key=lambda c: c.mark)[:wanted]
    strangers = (stranger_contact(setting, number) for number in count(1))
    contacts += [next(strangers) for _ in range(wanted - len(contacts))]
    return sorted(contacts, key=lambda contact: contact.conversation_id)


def _brand_rows(brand: Brand) -> Rows:
    return {
        "taxonomy": [
            {"intent": intent.intent, "parent": intent.parent, "description": intent.description}
            for intent in brand.intents
            if intent.parent
        ],
        "tools": [
            {
                "tool_name": tool.tool_name,
                "description": tool.description,
                "parameters": json.dumps(
                    {
                        "type": "object",
                        "properties": {
                            name: {"type": "string", "description": meaning}
                            for name, meaning in tool.arguments.items()
                        },
                        "required": list(tool.arguments),
                    }
                ),
            }
            for tool in brand.tools.values()
        ],
        "scorecard": [
            {
                "criterion": criterion.criterion,
                "question": criterion.question,
                "weight": criterion.weight,
                "is_critical": criterion.is_critical,
            }
            for criterion in brand.scorecard
        ],
    }


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame with the declared dtypes, in order of key (of all columns where there is none)."""
    table = TABLES[name]
    schema = {column: spec.dtype for column, spec in table.columns.items()}
    if not rows:
        return table.empty()
    frame = pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)
    return store.checked(frame, name).sort(table.key or frame.columns)


def _truth(
    setting: Setting, customers: list[Customer], held: list[tuple[Contact, Dialogue]]
) -> dict[str, Any]:
    knobs, knowledge = setting.knobs, setting.knowledge
    wrong = [
        {"conversation_id": contact.conversation_id, "fact": contact.fact, "is_resolved": contact.is_resolved}
        for contact, dialogue in held
        if dialogue.is_wrong
    ]
    incident = None
    if knobs.incident_begins:
        year, week, _ = knobs.incident_begins.isocalendar()
        incident = {"intent": INCIDENT_INTENT, "period": f"{year}-W{week:02d}", "factor": INCIDENT_FACTOR}
    return {
        "knobs": asdict(knobs),
        "observation": {"begins": str(knobs.observation_begins), "ends": str(END)},
        "monthly_hazard": MONTHLY_HAZARD,
        "hazard_ratios": HAZARD_RATIOS,
        "segments": [
            {**asdict(segment), "n_customers": sum(c.segment == segment for c in customers)}
            for segment in SEGMENTS
        ],
        "incident": incident,
        "out_of_scope": [intent.intent for intent in setting.brand.intents if not intent.parent],
        "skills": {agent.agent_id: agent.skill for agent in setting.agents},
        "article_pairs": [asdict(pair) for pair in knowledge.pairs],
        "near_misses": [asdict(pair) for pair in knowledge.near_misses],
        "facts": {"stated": knowledge.stated, "misstated": knowledge.misstated},
        "wrong_answers": wrong,
        "intents": dict(sorted(Counter(contact.intent.intent for contact, _ in held).items())),
    }
