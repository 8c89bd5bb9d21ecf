"""What a task is: a frozen value that names its tables, parameters, methods and metrics.

The mechanism; the eight tasks stand in `cxm/tasks/`. How a task is run and scored on a data
directory is in `cxm/runs.py`.

`fit` gets the tables and the `train` rows of the gold table (None without labels) and returns a
`Model`; `predict` gets the tables and the model. Neither is handed a `test` label. `score` alone is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.backends.chat import Chat
from cxm.backends.encoder import Encoder
from cxm.errors import CxmError
from cxm.metrics import Estimate
from cxm.store import atomic_directory

Tables = Mapping[str, pl.LazyFrame]
Results = dict[str, pl.DataFrame]


def param(default: Any, doc: str, low: float | None = None, high: float | None = None) -> Any:
    """A documented field of a task's `Params`; CLI flags and Dagster run config derive from it.

    `low` and `high` bound a number, or each number of a tuple.
    """
    return field(default=default, metadata={"help": doc, "low": low, "high": high})


@dataclass(frozen=True)
class Params:
    """Parameters every task has; a task adds its own in a subclass."""

    seed: int = param(7, "Seed of everything random.", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        for f in fields(self):
            value, low, high = getattr(self, f.name), f.metadata.get("low"), f.metadata.get("high")
            for number in value if isinstance(value, tuple | list) else [value]:
                is_below = low is not None and number is not None and not number >= low
                is_above = high is not None and number is not None and not number <= high
                if is_below or is_above:
                    bounds = f"from {low:,.15g}" if low is not None else ""
                    bounds += f" to {high:,.15g}" if high is not None else ""
                    raise CxmError(f"{f.name} is {number}; it must be a number {bounds.strip()}")


@dataclass(frozen=True)
class Services:
    """What methods may use besides their tables: the encoder, where the search index lies, a language model.

    `chat` is None unless the settings name a model; no method needs it.
    """

    encoder: Encoder
    index_directory: Path
    chat: Chat | None = None

    @property
    def digest(self) -> str:
        """Names what outside the tables and parameters a result depends on."""
        return self.encoder.digest + (f"+{self.chat.digest}" if self.chat else "")


@dataclass(frozen=True)
class Model:
    """What `fit` learned, in three forms that load without running code.

    `facts` is JSON, `arrays` safetensors, `boosters` LightGBM text.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    boosters: dict[str, str] = field(default_factory=dict)

    def save(self, directory: Path) -> None:
        """Write the model as a folder, by atomic replace."""
        from safetensors.numpy import save_file

        with atomic_directory(directory) as temporary:
            (temporary / "facts.json").write_text(json.dumps(self.facts, sort_keys=True, ensure_ascii=False))
            arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
            save_file(arrays, temporary / "arrays.safetensors")
            for name, text in self.boosters.items():
                (temporary / f"{name}.lightgbm.txt").write_text(text)

    @staticmethod
    def load(directory: Path) -> Model:
        """Read what `save` wrote; `CxmError` if it is not whole."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            facts = json.loads((directory / "facts.json").read_text())
            arrays = load_file(directory / "arrays.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            raise CxmError(f"model in {directory} cannot be read; delete the folder and run again") from error
        suffix = ".lightgbm.txt"
        boosters = {p.name.removesuffix(suffix): p.read_text() for p in sorted(directory.glob(f"*{suffix}"))}
        return Model(facts, arrays, boosters)


Fit = Callable[[Tables, pl.DataFrame | None, Any, Services], Model]
Predict = Callable[[Tables, Model, Any, Services], Results]
Settle = Callable[[Model, Model], Model]
Score = Callable[[Results, pl.DataFrame | None, Tables, Any], list[Estimate]]


@dataclass(frozen=True)
class Method:
    """A way to answer a task's question: learn from tables and train labels, then answer.

    `settle` (where there is one) makes of a model and the earlier one of the same data directory the model
    whose names people know already.
    """

    fit: Fit
    predict: Predict
    settle: Settle | None = None


@dataclass(frozen=True)
class Task:
    """A question, and everything needed to answer it and to know how well.

    `needs`: alternatives, each a tuple of tables that must all be there. `uses`: further tables,
    also results of earlier tasks, read where present. `writes`: result tables, the main one first.
    `metrics`: at least these, the main one first. `naive`: the method every score is shown beside.
    `score(results, gold, tables, params)` gets the whole gold table, None where it is absent; what it
    can do with instead of test rows is told in `scored_without`, empty where there is nothing.
    """

    name: str
    title: str
    question: str
    needs: tuple[tuple[str, ...], ...]
    writes: tuple[str, ...]
    metrics: tuple[str, ...]
    method: Method
    naive: Method
    naive_name: str
    score: Score
    uses: tuple[str, ...] = ()
    gold: str | None = None
    scored_without: str = ""
    params: type[Params] = Params

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every table that may be read, needed ones first, each once; never the gold table."""
        named = [table for alternative in self.needs for table in alternative]
        return tuple(dict.fromkeys(t for t in (*named, *self.uses) if t != self.gold))

    def missing(self, present: Callable[[str], bool]) -> list[str] | None:
        """None if an alternative of `needs` is all there, else what the closest one lacks."""
        lacks = [[t for t in alternative if not present(t)] for alternative in self.needs]
        return None if any(not lack for lack in lacks) else min(lacks, key=len)

    def needs_text(self) -> str:
        """`conversations, turns, taxonomy; or conversations, turns`."""
        return "; or ".join(", ".join(alternative) for alternative in self.needs)
