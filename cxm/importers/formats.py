"""The formats `cxm import` reads, by name.

A further format is one module that ends in a `Format`, and one line here.
"""

from __future__ import annotations

from cxm.importers.csv import CSV
from cxm.importers.jsonl import JSONL
from cxm.importers.parquet import PARQUET
from cxm.importers.source import Format

FORMATS: dict[str, Format] = {format.name: format for format in (PARQUET, CSV, JSONL)}
