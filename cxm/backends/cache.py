"""Vectors kept for good: a content-addressed cache before any encoder.

A vector is found by (model digest, text digest), so nothing is encoded twice and a new week costs
only its new texts. Stored in half precision in SQLite, safe under several processes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import numpy as np

from cxm.backends.encoder import Encoder, Vectors, as_unit
from cxm.backends.fine_tuning import Weights
from cxm.errors import CxmError

# Small enough that a killed run loses little, large enough that sorting by length pays.
_TEXTS_PER_COMMIT = 8192
_LOCK_SECONDS = 60


def _text_digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class CachedEncoder:
    """An encoder that remembers.

    Fresh vectors are rounded to half precision, so that a second run sees the same numbers.
    """

    def __init__(self, encoder: Encoder, directory: Path) -> None:
        self.encoder = encoder
        self.directory = directory
        self.n_encoded = 0
        self._asked: set[bytes] = set()

    @property
    def n_texts(self) -> int:
        """Distinct texts asked for; `n_encoded` of them were not in the cache."""
        return len(self._asked)

    @property
    def digest(self) -> str:
        return self.encoder.digest

    @property
    def n_dimensions(self) -> int:
        return self.encoder.n_dimensions

    def fine_tune(self, texts: Sequence[str], labels: Sequence[str], seed: int) -> Weights:
        return self.encoder.fine_tune(texts, labels, seed)

    def with_weights(self, weights: Weights) -> CachedEncoder:
        return CachedEncoder(self.encoder.with_weights(weights), self.directory)

    def encode(self, texts: Sequence[str]) -> Vectors:
        keys = [_text_digest(text) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        vectors = np.zeros((len(texts), self.n_dimensions), dtype=np.float32)
        if not wanted:
            return vectors
        with closing(self._connect()) as connection:
            found = self._find(connection, list(wanted))
            self._asked.update(wanted)
            missing = [key for key in wanted if key not in found]
            # Longest first over the whole job, so that every chunk is of one length.
            missing.sort(key=lambda key: -len(wanted[key]))
            for start in range(0, len(missing), _TEXTS_PER_COMMIT):
                chunk = missing[start : start + _TEXTS_PER_COMMIT]
                fresh = self.encoder.encode([wanted[key] for key in chunk]).astype(np.float16)
                self.n_encoded += len(chunk)
                rows = [(key, row.tobytes()) for key, row in zip(chunk, fresh, strict=True)]
                with connection:
                    connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
                found.update(rows)
        halves = np.frombuffer(b"".join(found[key] for key in keys), dtype=np.float16)
        vectors[:] = halves.reshape(len(keys), self.n_dimensions)
        return as_unit(vectors)

    def _connect(self) -> sqlite3.Connection:
        path = self.directory / f"{self.digest}.sqlite"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=_LOCK_SECONDS)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors"
                " (digest BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.DatabaseError) as error:
            raise CxmError(
                f"encoder cache {path} cannot be used ({error}); delete it or set CXM_CACHE to another folder"
            ) from error
        return connection

    def _find(self, connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
        connection.execute("CREATE TEMP TABLE wanted (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        connection.executemany("INSERT INTO wanted VALUES (?)", ((key,) for key in keys))
        size = self.n_dimensions * 2
        rows = connection.execute("SELECT digest, vector FROM wanted JOIN vectors USING (digest)")
        found = {key: vector for key, vector in rows if len(vector) == size}
        connection.execute("DROP TABLE wanted")
        connection.commit()
        return found
