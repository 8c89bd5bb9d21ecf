"""A data directory, an output directory, and which result tables in it belong together.

Where a task finds its input tables and where its results, models, index and manifests lie. What
is done with them is in `cxm/runs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from cxm import locks, store
from cxm.backends.cache import CachedEncoder
from cxm.backends.chat import CachedChat, OpenAIChat
from cxm.backends.encoder import Encoder, SentenceTransformerEncoder
from cxm.errors import CxmError
from cxm.methods.redaction import Redactor
from cxm.settings import read_settings
from cxm.stamp import check_stamp
from cxm.tables import TABLES
from cxm.task import Services


def json_digest(value: Any) -> str:
    """Hex digest of a JSON value, the same for the same content."""
    return blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def make_services(out: Path, encoder: Encoder | None = None) -> Services:
    """Encoder (or `encoder`) and language model as the settings name them, cached; the index's folder."""
    settings = read_settings()
    cached = encoder or CachedEncoder(SentenceTransformerEncoder(settings.encoder), settings.cache)
    chat = None
    if settings.chat_model:
        model = OpenAIChat(settings.chat_model, settings.chat_url, settings.chat_key.get_secret_value())
        chat = CachedChat(model, settings.cache)
    return Services(cached, Path(out).resolve() / "index", chat)


@dataclass
class Workspace:
    """One data directory and one output directory.

    `encoder` replaces the one the settings name (tests). Tables are read once and kept lazily.
    """

    data: Path
    out: Path
    encoder: Encoder | None = None
    _frames: dict[str, pl.LazyFrame] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.data, self.out = Path(self.data).resolve(), Path(self.out).resolve()
        store.check_directory(self.data)
        check_stamp(self.data)
        # A folder of its own inside the data directory is a user's choice: no table is touched.
        if self.out == self.data:
            raise CxmError(f"--out is the data directory {self.data}; results go elsewhere, e.g. --out out")

    @cached_property
    def services(self) -> Services:
        """The encoder behind its cache, and the folder of the search index."""
        return make_services(self.out, self.encoder)

    @contextmanager
    def hold(self, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
        """Let no other process change the tables or use the output directory meanwhile.

        As `locks.hold`: `InUse` if one does, or with `on_wait` it is waited for.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        with (
            locks.hold(self.out, on_wait=on_wait),
            locks.hold(self.data, exclusive=False, on_wait=on_wait),
        ):
            yield

    # ---------------------------------------------------------------- manifests

    def manifest_path(self, task: str) -> Path:
        """Where the manifest of a task's last run stands."""
        return self.out / "manifests" / f"{task}.json"

    def manifest(self, task: str) -> dict[str, Any] | None:
        """What the last run of a task was made from; None if it was none, or on other data."""
        try:
            manifest = json.loads(self.manifest_path(task).read_text())
        except (OSError, ValueError):
            return None
        is_whole = isinstance(manifest, dict) and {"data", "writes"} <= set(manifest)
        return manifest if is_whole and manifest["data"] == str(self.data) else None

    def write_manifest(self, task: str, manifest: dict[str, Any]) -> None:
        """Record a run; written last, so a killed run leaves no claim of a finished one."""
        with store.atomic_path(self.manifest_path(task)) as temporary:
            temporary.write_text(json.dumps({"data": str(self.data), **manifest}, indent=2, sort_keys=True))

    def _is_own_result(self, name: str) -> bool:
        manifests = (self.manifest(path.stem) for path in sorted(self.out.glob("manifests/*.json")))
        return any(name in manifest.get("writes", []) for manifest in manifests if manifest)

    def _own_parts(self, name: str) -> list[str]:
        parts = (path.stem for path in store.files(self.out, name))
        return [part for part in parts if name in (self.manifest(part) or {}).get("writes", [])]

    # ---------------------------------------------------------------- tables

    def directory_of(self, name: str) -> Path | None:
        """Where a table is read from: results from out, then data; None if it is nowhere."""
        if TABLES[name].kind == "result" and store.exists(self.out, name) and self._is_own_result(name):
            return self.out
        return self.data if store.exists(self.data, name) else None

    def has(self, name: str) -> bool:
        """Whether the table can be read."""
        return self.directory_of(name) is not None

    def read(self, name: str) -> pl.LazyFrame:
        """The table, checked; raises as `cxm.store.scan` does."""
        directory = self.directory_of(name) or self.data
        if directory == self.out and (self.out / name).is_dir():
            # Parts of several tasks; one made from other data may lie among them.
            return pl.concat(
                [store.scan_part(self.out, name, part) for part in self._own_parts(name)], how="diagonal"
            )
        key = f"{directory}/{name}"
        if key not in self._frames or TABLES[name].kind == "result":
            self._frames[key] = store.scan(directory, name)
        return self._frames[key]

    def read_all(self, names: Iterable[str]) -> dict[str, pl.LazyFrame]:
        """The tables that are there; `RowProblems` if keys between them point nowhere."""
        frames = {name: self.read(name) for name in names if self.has(name)}
        store.check_foreign_keys(frames, self.data)
        return frames

    @cached_property
    def redactor(self) -> Redactor:
        """Masks the personal data of this data directory; its key from the settings, else from the data."""
        turns = self.read("turns") if self.has("turns") else TABLES["turns"].empty().lazy()
        customers = self.read("customers") if self.has("customers") else None
        key = read_settings().mask_key.get_secret_value() or "mask" + self.digest(["turns"])
        return Redactor.learn(turns, customers, blake2b(key.encode()).digest())

    def digest(self, names: Iterable[str]) -> str:
        """Digest of the content of these tables, absent ones included as such."""
        found = {name: self.directory_of(name) for name in sorted(set(names))}
        return json_digest({name: store.digest(d, name) if d else None for name, d in found.items()})
