"""Versions of an index: written beside each other, the pointer swapped, none removed while in use.

A reader holds a shared lock on its version for as long as it lives, so that a writer neither waits for
readers nor takes anything from them. Killed at any moment, the writer leaves the old version as it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from hashlib import blake2b
from pathlib import Path

import polars as pl

from cxm.store import atomic_path

SCHEMA_VERSION = 8
_POINTER = "CURRENT"
_FACTS, _LOCK = "facts.json", "lock"
_CONTENT = ("title", "section", "body", "body_format")
_FILTERED = ("article_id", "kind", "language", "updated_at")


def content_digests(articles: pl.DataFrame) -> pl.Series:
    """A digest of what is searched in each article: equal ones need to be read once."""
    rows = articles.select(_CONTENT).iter_rows()
    digests = [
        blake2b(json.dumps(row, ensure_ascii=False).encode(), digest_size=12).hexdigest() for row in rows
    ]
    return pl.Series("digest", digests, dtype=pl.String)


def name_version(articles: pl.DataFrame, encoder_digest: str) -> str:
    """The name of the version that holds these articles (with their digests), read by this encoder."""
    state = blake2b(f"{SCHEMA_VERSION} {encoder_digest}".encode(), digest_size=12)
    for row in articles.select(*_FILTERED, "section", "digest").iter_rows():
        state.update(json.dumps(row, ensure_ascii=False, default=str).encode())
    return state.hexdigest()


def write_facts(path: Path, encoder_digest: str) -> None:
    """Say last of all what a version holds, with the size of every file."""
    (path / _LOCK).touch()
    files = sorted(file for file in path.rglob("[!.]*") if file.is_file())
    sizes = {str(file.relative_to(path)): file.stat().st_size for file in files}
    facts = {"schema": SCHEMA_VERSION, "encoder": encoder_digest, "sizes": sizes}
    (path / _FACTS).write_text(json.dumps(facts))


def is_whole(path: Path, encoder_digest: str) -> bool:
    """Whether a version of this make stands there with every file as long as when it was written."""
    try:
        facts = json.loads((path / _FACTS).read_text())
        is_ours = facts["schema"] == SCHEMA_VERSION and facts["encoder"] == encoder_digest
        return is_ours and all((path / n).stat().st_size == size for n, size in facts["sizes"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def current(directory: Path) -> Path | None:
    """The version that the pointer names, None where it names none."""
    try:
        name = (directory / _POINTER).read_text().strip()
    except (OSError, ValueError):
        return None
    return directory / name if name and "/" not in name and not name.startswith(".") else None


def point_to(path: Path) -> None:
    """Make a whole version the current one, by atomic replace."""
    if current(path.parent) != path:
        with atomic_path(path.parent / _POINTER) as temporary:
            temporary.write_text(path.name)


def read_frame(path: Path) -> pl.DataFrame:
    """A frame that was written uncompressed, by memory map."""
    import pyarrow
    from pyarrow import ipc

    with pyarrow.memory_map(str(path)) as file:
        frame = pl.from_arrow(ipc.open_file(file).read_all())
    assert isinstance(frame, pl.DataFrame)
    return frame


class Hold:
    """A shared lock on a version, from now until nobody refers to this any more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path / _LOCK, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


def remove_others(path: Path) -> None:
    """Remove versions beside this one that nobody holds."""
    for other in sorted(path.parent.iterdir()):
        if other == path or not other.is_dir() or not (other / _FACTS).exists():
            continue
        try:
            descriptor = os.open(other / _LOCK, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # First what says that it is whole: a killed removal leaves nothing that looks so.
            (other / _FACTS).unlink(missing_ok=True)
            shutil.rmtree(other, ignore_errors=True)
        except OSError:  # held by a reader
            continue
        finally:
            os.close(descriptor)
