"""`truth.json`: what was planted in a world, written as it comes so that memory stays flat.

The long lists (`contacts`, `groundings`, `personal_data`) have a record a line. What they hold is
decided in `rows`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl

LISTS = ("contacts", "groundings", "personal_data")
TRUTH = "truth.json"

Records = pl.DataFrame | list[dict[str, Any]]
"""Of a long list; a frame where every record has the same fields, as it is written much faster."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _as_lines(records: Records) -> str:
    """A record a line, without an end of line after the last; empty for none."""
    if isinstance(records, pl.DataFrame):
        return records.write_ndjson().rstrip("\n")
    return "\n".join(map(_encode, records))


class TruthWriter:
    """Takes records of the long lists; `finish` puts them behind the rest."""

    def __init__(self, directory: Path, files: Mapping[str, IO[str]]) -> None:
        self.path = directory / TRUTH
        self._files = files
        self._is_begun = dict.fromkeys(files, False)

    def add(self, name: str, records: Records) -> None:
        """Append records to a list."""
        if lines := _as_lines(records):
            self._files[name].write(",\n" if self._is_begun[name] else "\n")
            self._files[name].write(lines.replace("\n", ",\n"))
            self._is_begun[name] = True

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the file: first what is said once, then the lists."""
        head = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).removesuffix("\n}")
        with self.path.open("w", encoding="utf-8") as out:
            out.write(head)
            for name, file in self._files.items():
                out.write(f',\n "{name}": [')
                file.seek(0)
                while block := file.read(1 << 20):
                    out.write(block)
                out.write("\n ]" if self._is_begun[name] else "]")
            out.write("\n}\n")


@contextmanager
def open_truth(directory: Path) -> Iterator[TruthWriter]:
    """A writer whose lists wait in files of the directory until it is finished."""
    with ExitStack() as stack:
        paths = {name: directory / f".{name}.jsonl" for name in LISTS}
        files = {name: stack.enter_context(path.open("w+", encoding="utf-8")) for name, path in paths.items()}
        yield TruthWriter(directory, files)
    for path in paths.values():
        path.unlink()


def read_truth(directory: Path) -> dict[str, Any] | None:
    """What `truth.json` says; None where there is none, or none that is whole."""
    try:
        truth = json.loads((directory / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return truth if isinstance(truth, dict) else None
