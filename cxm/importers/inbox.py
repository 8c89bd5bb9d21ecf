"""The inbox: a folder whose files are imported by themselves; what waits in it, what has settled.

A file is taken once its size and time have stood still from one look to the next, and with it the
others of its folder: an export of several files is not torn apart. Nothing is imported or moved
here; that is `intake`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxm import store
from cxm.errors import CxmError

MAPPING = "mapping.toml"
DONE, FAILED, STATE = "done", "failed", ".inbox"
_LOOKS = 2
_UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".download")


@dataclass(frozen=True)
class Waiting:
    """An entry of the inbox: its path within it, size in bytes, time of last change, kind of entry."""

    name: str
    size: int
    changed_ns: int
    is_file: bool

    @property
    def folder(self) -> str:
        """The folder it lies in, within the inbox."""
        return os.path.dirname(self.name)  # noqa: PTH120 - a name, not a path on disk

    @property
    def is_unfinished(self) -> bool:
        """Whether its name says that it is still being written."""
        return self.name.lower().endswith(_UNFINISHED)


def check_inbox(inbox: Path, data: Path) -> None:
    """Raise `CxmError` unless `inbox` is a folder that can be written, apart from the data directory."""
    if not inbox.is_dir():
        raise CxmError(f"no inbox at {inbox}; make the folder, or unset CXM_INBOX")
    if not os.access(inbox, os.R_OK | os.W_OK | os.X_OK):
        raise CxmError(f"inbox {inbox} cannot be written; files are moved from it once they are imported")
    inside, outside = inbox.resolve(), data.resolve()
    if inside == outside or inside in outside.parents or outside in inside.parents:
        raise CxmError(f"inbox {inbox} and data directory {data} lie in each other; keep them apart")


def list_waiting(inbox: Path) -> list[Waiting]:
    """What lies in the inbox, in the order of its last change; hidden names and mappings left out.

    A link is listed as what it is and never followed, so nothing outside the inbox is read.
    """
    return sorted(_walk(inbox, ""), key=lambda entry: (entry.changed_ns, entry.name))


def _walk(inbox: Path, folder: str) -> Iterator[Waiting]:
    with os.scandir(inbox / folder) as entries:
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name == MAPPING or name in (DONE, FAILED):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(inbox, name)
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Waiting(name, found.st_size, found.st_mtime_ns, stat.S_ISREG(found.st_mode))


def look(inbox: Path) -> list[Waiting]:
    """What can be taken now; remembers what it saw, so that the next look can tell what stood still.

    Raises `OSError` if the inbox cannot be read or written.
    """
    now, before = list_waiting(inbox), _last_look(inbox)
    looks = {}
    for entry in now:
        size, changed_ns, n_looks = before.get(entry.name, (0, 0, 0))
        is_still = (size, changed_ns) == (entry.size, entry.changed_ns)
        looks[entry.name] = (entry.size, entry.changed_ns, n_looks + 1 if is_still else 1)
    if looks != before:
        with store.atomic_path(inbox / STATE / "seen.json") as temporary:
            temporary.write_text(json.dumps(looks), encoding="ascii")
    return _settled(now, looks)


def settled(inbox: Path) -> list[Waiting]:
    """What could be taken at the last look and is still as it was then."""
    return _settled(list_waiting(inbox), _last_look(inbox))


def _last_look(inbox: Path) -> dict[str, tuple[int, int, int]]:
    """(size, time of last change, number of looks it was so) by name."""
    try:
        seen = json.loads((inbox / STATE / "seen.json").read_text(encoding="ascii"))
        return {name: (int(size), int(changed), int(n)) for name, (size, changed, n) in seen.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _settled(now: list[Waiting], looks: Mapping[str, tuple[int, int, int]]) -> list[Waiting]:
    def stands_still(entry: Waiting) -> bool:
        size, changed_ns, n_looks = looks.get(entry.name, (0, 0, 0))
        return (size, changed_ns) == (entry.size, entry.changed_ns) and n_looks >= _LOOKS

    moving = {entry.folder for entry in now if not stands_still(entry)}
    return [entry for entry in now if entry.folder not in moving and not entry.is_unfinished]
