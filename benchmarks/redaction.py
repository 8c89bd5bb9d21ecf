"""How much personal data the masking lets through, and how much other text it takes with it.

Against the planted places of both brands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.figure import Figure
from cxm.methods.redaction import Redactor, leak_rates
from synth import Knobs, write_world
from synth.packs import read_pack

BRANDS = ("larkfield", "fennwick")
_MOST_LEAKED = 0.01


def run() -> Iterator[Figure]:
    """The share of planted places of each kind that leak, and of other letters that are masked."""
    for brand in BRANDS:
        with TemporaryDirectory() as directory:
            world = Path(directory)
            write_world(world, Knobs(brand=brand))
            places = json.loads((world / "truth.json").read_text(encoding="utf-8"))["personal_data"]
            turns = pl.read_parquet(world / "turns.parquet")
            redactor = Redactor.learn(turns.lazy(), pl.scan_parquet(world / "customers.parquet"), b"bench")
        for row in leak_rates(redactor, turns, pl.DataFrame(places)).iter_rows(named=True):
            name = f"{brand}: {row['kind']} not masked"
            note = f"{row['n_leaked']} of {row['n']:,}"
            yield Figure(name, row["leak_share"], "", "<=", _MOST_LEAKED, note)
        n_masked, n_letters = _count_others(redactor, turns, places, read_pack(brand).people.agents)
        note = f"{n_masked:,} of {n_letters:,} letters and digits; agents' names are not counted as harmless"
        yield Figure(f"{brand}: harmless text masked", n_masked / n_letters, "", note=note)


def _count_others(
    redactor: Redactor, turns: pl.DataFrame, places: list[dict[str, Any]], agents: Sequence[str]
) -> tuple[int, int]:
    """Letters and digits outside planted places: how many are masked, of how many."""
    planted: dict[tuple[str, int], set[int]] = {}
    for place in places:
        at = place["conversation_id"], place["turn_index"]
        planted.setdefault(at, set()).update(range(place["start"], place["end"]))
    persons = {word.casefold() for name in agents for word in name.split()}
    n_masked = n_letters = 0
    talks = turns.sort("conversation_id", "turn_index").group_by("conversation_id", maintain_order=True)
    for (id_,), talk in talks:
        texts = talk["text"].to_list()
        for index, text, spans in zip(talk["turn_index"], texts, redactor.find_all(texts), strict=True):
            own = planted.get((str(id_), index), set())
            n_letters += sum(c.isalnum() for i, c in enumerate(text) if i not in own)
            for span in spans:
                if text[span.start : span.end].casefold() not in persons:
                    n_masked += sum(text[i].isalnum() for i in range(span.start, span.end) if i not in own)
    return n_masked, n_letters
