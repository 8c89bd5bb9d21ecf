"""Language models: questions in, short answers out. None is ever needed; without a setting there is none.

Another service belongs here, as a class with the `Chat` Protocol's members. What is asked stands in
`cxm.prompts`, what an answer means in `cxm.methods`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cxm.errors import CxmError

if TYPE_CHECKING:
    from openai import OpenAI

_LOG = logging.getLogger(__name__)
_AT_ONCE = 4
_RETRIES = 3
_SECONDS = 60.0
_MAX_TOKENS = 400
_LOCK_SECONDS = 60


class Chat(Protocol):
    """Anything that answers questions in words."""

    @property
    def digest(self) -> str:
        """Names service and model; an answer is kept under it."""
        ...

    def ask(self, system: str, questions: Sequence[str]) -> list[str | None]:
        """One answer a question, in their order; None where the service failed on that one.

        `system` says what to do; a question is data and may hold anything. `CxmError` where no
        question could be answered at all.
        """
        ...


class OpenAIChat:
    """A model behind the OpenAI interface, which many servers speak, also on one's own machine."""

    def __init__(self, model: str, url: str, key: str) -> None:
        self.model, self.url = model, url
        self._key = key

    @property
    def digest(self) -> str:
        return blake2b(f"{self.url}\n{self.model}".encode(), digest_size=8).hexdigest()

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        # Some servers of one's own want no key, but the client wants one.
        return OpenAI(api_key=self._key or "none", base_url=self.url, max_retries=_RETRIES, timeout=_SECONDS)

    def ask(self, system: str, questions: Sequence[str]) -> list[str | None]:
        if not questions:
            return []
        # Rate limits, time-outs and errors of the server are tried again by the client itself.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            replies = list(pool.map(lambda question: self._ask_one(system, question), questions))
        failures = [reply for reply in replies if isinstance(reply, Exception)]
        if failures:
            reason = f"{type(failures[0]).__name__}: {str(failures[0]).splitlines()[0][:200]}"
            what = f"language model '{self.model}' at {self.url}: {len(failures)} of {len(questions)} failed"
            if len(failures) == len(questions):
                raise CxmError(f"{what} ({reason}); see CXM_CHAT_URL, CXM_CHAT_MODEL and CXM_CHAT_KEY")
            _LOG.warning("%s (%s)", what, reason)
        return [None if isinstance(reply, Exception) else reply for reply in replies]

    def _ask_one(self, system: str, question: str) -> str | Exception:
        from openai import OpenAIError

        try:
            reply = self._client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
                temperature=0,
                max_tokens=_MAX_TOKENS,
            )
            return reply.choices[0].message.content or ""
        except (OpenAIError, IndexError, TypeError, AttributeError) as error:
            return error


class CachedChat:
    """A chat that remembers: nothing is asked twice, and a second run gives the same bytes."""

    def __init__(self, chat: Chat, directory: Path) -> None:
        self.chat = chat
        self.path = directory / f"chat-{chat.digest}.sqlite"

    @property
    def digest(self) -> str:
        return self.chat.digest

    def ask(self, system: str, questions: Sequence[str]) -> list[str | None]:
        keys = [blake2b(f"{system}\0{q}".encode("utf-8", "surrogatepass")).digest() for q in questions]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_LOCK_SECONDS)) as connection, connection:
                return self._ask(connection, system, dict(zip(keys, questions, strict=True)), keys)
        except (OSError, sqlite3.DatabaseError) as error:
            raise CxmError(
                f"cache of answers {self.path} cannot be used ({error}); delete it or set CXM_CACHE"
            ) from error

    def _ask(
        self, connection: sqlite3.Connection, system: str, wanted: dict[bytes, str], keys: list[bytes]
    ) -> list[str | None]:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS answers (digest BLOB PRIMARY KEY, answer TEXT NOT NULL)"
        )
        find = "SELECT answer FROM answers WHERE digest = ?"
        known = {key: row[0] for key in wanted for row in connection.execute(find, (key,))}
        missing = [key for key in wanted if key not in known]
        fresh = self.chat.ask(system, [wanted[key] for key in missing])
        answered = {key: answer for key, answer in zip(missing, fresh, strict=True) if answer is not None}
        connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", answered.items())
        return [known.get(key, answered.get(key)) for key in keys]
