"""Taking what has settled in the inbox: import, move to `done/` or `failed/`, remember.

Every file is moved by one rename and only after its rows are in the tables, so a killed intake loses
nothing: the next one takes up the file again, and importing twice changes nothing. What can be
taken is found in `inbox`; what an import does stands in `run`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from cxm import locks
from cxm.errors import CxmError
from cxm.importers.formats import FORMATS
from cxm.importers.inbox import DONE, FAILED, MAPPING, STATE, Waiting, check_inbox, settled
from cxm.importers.run import import_source
from cxm.importers.summary import ImportSummary
from cxm.tables import TABLES

log = logging.getLogger(__name__)
_MOST_TRIES = 3


@dataclass(frozen=True)
class Taken:
    """What became of one file: `imported`, `known` (the same bytes were imported before) or `failed`."""

    name: str
    outcome: str
    reason: str = ""
    summary: ImportSummary | None = None


@dataclass
class Intake:
    """What one intake did, and where it put the files."""

    taken: list[Taken] = field(default_factory=list)
    moved_to: list[str] = field(default_factory=list)

    def of(self, outcome: str) -> list[Taken]:
        """The files with this outcome."""
        return [taken for taken in self.taken if taken.outcome == outcome]


def take_settled(inbox: Path, data: Path, on_wait: Callable[[str], None] | None = None) -> Intake:
    """Import every settled file of the inbox into `data`, the one changed last coming last.

    A file whose bytes (and mapping) were imported there before is not imported again. One that cannot
    be imported goes to `failed/<time>/`, its reasons to `failed/<time>.txt`; the others to
    `done/<time>/`. Raises `CxmError` for an inbox that cannot be used and `InUse` (or waits, see
    `locks.hold`) while another process reads or changes the tables.
    """
    check_inbox(inbox, data)
    data.mkdir(parents=True, exist_ok=True)
    intake = Intake()
    with locks.hold(inbox, on_wait=on_wait), locks.hold(data, on_wait=on_wait):
        ledger = _Ledger(inbox / STATE / "ledger.jsonl", data)
        batch = _new_batch(inbox)
        for entry in settled(inbox):
            taken = _take(inbox, data, entry, ledger)
            if taken is None:
                continue
            where = f"{FAILED if taken.outcome == 'failed' else DONE}/{batch}"
            if taken.outcome == "failed":
                _tell_reason(inbox / f"{where}.txt", taken)
            _move(inbox, entry, inbox / where)
            intake.taken.append(taken)
            if where not in intake.moved_to:
                intake.moved_to.append(where)
            log.info("%s: %s %s", shown(taken.name), taken.outcome, taken.reason)
    return intake


def shown(name: str) -> str:
    """A file's name as text that can be printed and stored, whatever bytes and controls it holds."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# ------------------------------------------------------------------ one file


def _take(inbox: Path, data: Path, entry: Waiting, ledger: _Ledger) -> Taken | None:
    """What became of an entry; None if it is gone or changed meanwhile."""
    if fault := _fault(inbox, entry):
        return Taken(entry.name, "failed", fault)
    path = inbox / entry.name
    mapping = _mapping_of(inbox, entry)
    try:
        digest = _digest(path, mapping)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Taken(entry.name, "failed", f"cannot be read: {error.strerror}")
    if before := ledger.imported(digest):
        return Taken(entry.name, "known", f"the same file was imported on {before}")
    if ledger.tries(digest) >= _MOST_TRIES:
        ledger.note(digest, entry.name, "failed")
        return Taken(entry.name, "failed", f"{_MOST_TRIES} imports of it were broken off; is it too large?")
    ledger.note(digest, entry.name, "begun")
    format = next(f.name for f in FORMATS.values() if path.suffix.lower() in f.suffixes)
    try:
        summary = import_source(format, path, data, mapping)
    except CxmError as error:
        ledger.note(digest, entry.name, "failed")
        # It may quote the file's name, or bytes of it.
        return Taken(entry.name, "failed", shown(" ".join(str(error).split())))
    ledger.note(digest, entry.name, "imported")
    return Taken(entry.name, "imported", "", summary)


def _fault(inbox: Path, entry: Waiting) -> str:
    """Why an entry is not even opened; empty if it may be."""
    if not entry.is_file or (inbox / entry.name).is_symlink():
        return "is a link, a pipe or a device; only files are taken"
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    endings = sorted(suffix for format in FORMATS.values() for suffix in format.suffixes)
    if Path(entry.name).suffix.lower() not in endings:
        return f"its ending is none of {', '.join(endings)}"
    return ""


def _mapping_of(inbox: Path, entry: Waiting) -> Path | None:
    """The mapping in the entry's folder, else in the nearest folder around it."""
    folder = inbox / entry.folder
    for place in (folder, *folder.parents):
        if (place / MAPPING).is_file():
            return place / MAPPING
        if place == inbox:
            return None
    return None


def _digest(path: Path, mapping: Path | None) -> str:
    state = blake2b(digest_size=16)
    for file in filter(None, (mapping, path)):
        state.update(str(file.stat().st_size).encode() + b"\n")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                state.update(block)
    if mapping is None:
        # Without a mapping the name says which table it is.
        state.update(os.fsencode(path.stem if path.stem in TABLES else path.parent.name))
    return state.hexdigest()


# ------------------------------------------------------------------ where files go


def _new_batch(inbox: Path) -> str:
    """A name for this intake's folders that neither `done` nor `failed` has, the time first."""
    start = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [start, *(f"{start}-{i}" for i in range(1, 1000))]
    places = [inbox / DONE, inbox / FAILED]
    return next(name for name in names if not any((place / name).exists() for place in places))


def _move(inbox: Path, entry: Waiting, to: Path) -> None:
    """Move what was taken; what was put in its place meanwhile stays, to be taken by itself."""
    path, target = inbox / entry.name, to / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(target)
    except FileNotFoundError:
        return
    moved = target.lstat()
    if (moved.st_size, moved.st_mtime_ns) != (entry.size, entry.changed_ns) and not path.exists():
        target.rename(path)


def _tell_reason(path: Path, taken: Taken) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{shown(taken.name)}: {taken.reason}\n")


# ------------------------------------------------------------------ what was taken before


class _Ledger:
    """What was imported into one data directory, by digest; a line is added for each step."""

    def __init__(self, path: Path, data: Path) -> None:
        self._path, self._data = path, str(data.resolve())
        self._imported: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        for record in _records(path):
            if record.get("data") == self._data:
                self._count(record)

    def _count(self, record: dict[str, Any]) -> None:
        digest, step = str(record.get("digest")), record.get("step")
        if step == "begun":
            self._tries[digest] = self._tries.get(digest, 0) + 1
        else:
            self._tries.pop(digest, None)
            if step == "imported":
                self._imported[digest] = str(record.get("at"))

    def imported(self, digest: str) -> str | None:
        """When these bytes were imported; None if never."""
        return self._imported.get(digest)

    def tries(self, digest: str) -> int:
        """How many imports were begun since the last one that ended."""
        return self._tries.get(digest, 0)

    def note(self, digest: str, name: str, step: str) -> None:
        """Add a line and see to it that it is on disk."""
        record = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "step": step,
            "file": shown(name),
            "digest": digest,
            "data": self._data,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._count(record)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of the ledger; one that a crash cut off is passed over."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record
