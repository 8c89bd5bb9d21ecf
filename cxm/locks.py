"""Locks: two runs at once on one directory do not damage each other.

A lock is the kernel's, on the directory itself: nothing is left on disk, a directory that may only be
read can be locked too, and a process that is killed frees what it held. Who holds which directory
for how long is decided by the callers (`workspace`, `importers`).
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxm.errors import CxmError

log = logging.getLogger(__name__)


class InUse(CxmError):
    """Another process uses the directory."""


@dataclass
class _Hold:
    file: int
    is_exclusive: bool
    count: int = 0


# What this process holds, by device and inode: a run may ask again for what it has.
_held: dict[tuple[int, int], _Hold] = {}
_guard = threading.Lock()


@contextmanager
def hold(
    directory: Path, exclusive: bool = True, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Keep other processes off a directory: all of them, or (not `exclusive`) those that would change it.

    If another process has it: `InUse`, or with `on_wait` that is given the reason once and the lock is
    waited for. The directory has to exist. Where its file system knows no locks a warning is logged.
    """
    key = _acquire(directory, exclusive, on_wait)
    try:
        yield
    finally:
        _release(key)


def is_held(directory: Path) -> bool:
    """Whether any process, this one too, has the directory to itself."""
    try:
        file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return not _lock(file, directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(file)


def _acquire(directory: Path, exclusive: bool, on_wait: Callable[[str], None] | None) -> tuple[int, int]:
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    with _guard:
        while True:
            found = directory.stat()
            key = (found.st_dev, found.st_ino)
            held = _held.get(key)
            if held is None or (exclusive and not held.is_exclusive):
                file = held.file if held else os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
                if not _lock(file, directory, mode | fcntl.LOCK_NB):
                    reason = f"{directory} is in use by another run"
                    if on_wait is None:
                        if held is None:
                            os.close(file)
                        raise InUse(f"{reason}; try again when it has ended, or name another directory")
                    on_wait(f"{reason}; waiting until it has ended")
                    _lock(file, directory, mode)
                if held is None and os.fstat(file).st_ino != _inode(directory):
                    # The directory was replaced meanwhile: what was locked is not there any more.
                    os.close(file)
                    continue
                held = _held.setdefault(key, _Hold(file, exclusive))
                held.is_exclusive = exclusive
            held.count += 1
            return key


def _release(key: tuple[int, int]) -> None:
    with _guard:
        held = _held[key]
        held.count -= 1
        if not held.count:
            os.close(held.file)
            del _held[key]


def _inode(directory: Path) -> int:
    try:
        return directory.stat().st_ino
    except FileNotFoundError:
        return -1


def _lock(file: int, directory: Path, operation: int) -> bool:
    """Whether the lock was got; True with a warning where the file system has none."""
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        return False
    except OSError as error:
        log.warning("%s cannot be locked (%s); let no other run use it", directory, error.strerror)
    return True
