"""A world on disk: written part by part with flat memory, put in place when it is whole.

What is written is decided in `worlds`.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import polars as pl

from cxm import store
from cxm.errors import CxmError
from cxm.locks import hold
from cxm.stamp import write_stamp
from cxm.tables import TABLES
from synth.knobs import Knobs
from synth.setting import Setting
from synth.truth import TRUTH, open_truth, read_truth
from synth.worlds import facts_of, generator_digest, make_parts, make_setting

_STAGING = ".world"
_MOST_PARTS, _MOST_ROWS = 4, 100_000
"""Of a table that wait in memory and become one file; no more is added to so many."""


class _TableWriter:
    """Takes parts of tables; few become one file, many a folder with a file for some of them each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.counts: dict[str, int] = {}
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._n_written: dict[str, int] = {}

    def add(self, name: str, frame: pl.DataFrame) -> None:
        self.counts[name] = self.counts.get(name, 0) + frame.height
        waiting = self._waiting.setdefault(name, [])
        if len(waiting) == _MOST_PARTS or sum(one.height for one in waiting) >= _MOST_ROWS:
            self._write(name, f"part-{self._n_written.get(name, 0):05d}")
            self._n_written[name] = self._n_written.get(name, 0) + 1
        waiting.append(frame)

    def _write(self, name: str, part: str | None) -> None:
        frames = self._waiting[name]
        store.write(pl.concat(frames), self.directory, name, part=part)
        frames.clear()

    def finish(self) -> None:
        for name in self._waiting:
            is_first = name not in self._n_written
            self._write(name, None if is_first else f"part-{self._n_written[name]:05d}")


def write_world(directory: Path, knobs: Knobs | None = None) -> dict[str, int]:
    """Write the tables of a world and `truth.json` to a directory; returns rows by table.

    The directory is made if need be; an earlier world in it is replaced, and stays whole until the
    new one is. The same knobs give the same bytes. Raises `CxmError` for a pack that cannot be
    read, where the directory holds something that is not a simulated world, and while another run
    uses it.
    """
    knobs = knobs or Knobs()
    _check_target(directory)
    setting = make_setting(knobs)
    directory.mkdir(parents=True, exist_ok=True)
    with hold(directory):
        return _write(directory, setting)


def _write(directory: Path, setting: Setting) -> dict[str, int]:
    staging = directory / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    tables = _TableWriter(staging)
    with open_truth(staging) as truth:
        for part in make_parts(setting, staging):
            for name, frame in part.tables.items():
                tables.add(name, frame)
            if part.contacts is not None:
                truth.add("contacts", part.contacts)
            for name, records in part.truth.items():
                truth.add(name, records)
        tables.finish()
        truth.finish(facts_of(setting, tables.counts))
    write_stamp(staging)
    _put_in_place(staging, directory)
    return tables.counts


def is_written(directory: Path, knobs: Knobs) -> bool:
    """Whether the directory holds this very world, made by this version of the generator."""
    truth = read_truth(directory) or {}
    there = set(store.tables_in(directory)[0]) if directory.is_dir() else set()
    return (
        truth.get("knobs") == asdict(knobs)
        and truth.get("generator") == generator_digest(knobs.brand)
        and set(truth.get("tables", {})) <= there
    )


def _check_target(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise CxmError(f"--out {directory} is a file; give a folder")
    if not directory.is_dir() or not any(directory.iterdir()):
        return
    if not ((directory / TRUTH).exists() or (directory / _STAGING).exists()):
        raise CxmError(f"--out {directory} holds other files than a simulated world; give a new folder")


def _put_in_place(staging: Path, directory: Path) -> None:
    """Move everything into the directory, the truth last: with it the world is whole."""
    (directory / TRUTH).unlink(missing_ok=True)
    for name in TABLES:
        (directory / f"{name}.parquet").unlink(missing_ok=True)
        shutil.rmtree(directory / name, ignore_errors=True)
    for path in sorted(staging.iterdir(), key=lambda path: path.name == TRUTH):
        path.replace(directory / path.name)
    staging.rmdir()
