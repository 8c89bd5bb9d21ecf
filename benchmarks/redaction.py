"""How much personal data the masking lets through, against the planted places of both brands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.figure import Figure
from cxm.methods.redaction import Redactor, leak_rates
from synth import Knobs, write_world

BRANDS = ("larkfield", "fennwick")
_MOST_LEAKED = 0.01


def run() -> Iterator[Figure]:
    """The share of planted places of each kind that leak."""
    for brand in BRANDS:
        with TemporaryDirectory() as directory:
            world = Path(directory)
            write_world(world, Knobs(brand=brand))
            places = json.loads((world / "truth.json").read_text(encoding="utf-8"))["personal_data"]
            turns = pl.read_parquet(world / "turns.parquet")
            redactor = Redactor.learn(turns.lazy(), pl.scan_parquet(world / "customers.parquet"), b"bench")
            rates = leak_rates(redactor, turns, pl.DataFrame(places))
        for row in rates.iter_rows(named=True):
            name = f"{brand}: {row['kind']} not masked"
            note = f"{row['n_leaked']} of {row['n']:,}"
            yield Figure(name, row["leak_share"], "", "<=", _MOST_LEAKED, note)
