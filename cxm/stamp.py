"""The version of the data dictionary a data directory was written for, in its `.cxm.json`.

A directory without the file is of version 1. When a table changes so that old files no longer fit,
`TABLES_VERSION` goes up and what brings older directories along stands here; a directory that is
newer than this installation is refused.
"""

from __future__ import annotations

import json
from pathlib import Path

from cxm import store
from cxm.errors import CxmError

TABLES_VERSION = 1
FILE = ".cxm.json"


def read_stamp(directory: Path) -> int:
    """The version of a directory's tables; `CxmError` if its stamp cannot be read."""
    path = directory / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return 1
    except (OSError, UnicodeDecodeError) as error:
        raise CxmError(f"{path} cannot be read: {error}; restore it from a backup") from None
    try:
        version = json.loads(text)["tables_version"]
    except (ValueError, TypeError, KeyError):
        version = None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CxmError(
            f"{path} is damaged; restore it from a backup, or delete it if the tables are of version 1"
        )
    return version


def check_stamp(directory: Path) -> None:
    """Raise `CxmError` if the directory's tables are newer than this installation knows."""
    version = read_stamp(directory)
    if version > TABLES_VERSION:
        raise CxmError(
            f"the tables in {directory} are of version {version}, this installation knows {TABLES_VERSION};"
            " use the newer cxm that wrote them"
        )


def write_stamp(directory: Path) -> None:
    """Mark the directory as written for this installation's tables."""
    text = json.dumps({"tables_version": TABLES_VERSION}) + "\n"
    if not (directory / FILE).exists() or (directory / FILE).read_text(encoding="utf-8") != text:
        with store.atomic_path(directory / FILE) as temporary:
            temporary.write_text(text, encoding="utf-8")
