"""A conversation in several views: what the customer needs, what agents replied, what systems did.

What a task learns from them belongs in the task; how turns become features belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import customer_needs

Vectors = NDArray[np.float32]

CUSTOMER, NEED, AGENT, SYSTEM = "customer", "need", "agent", "system"
VOICES = (CUSTOMER, AGENT, SYSTEM)
_AGENT_SHARE = 0.7  # of an agent's voice beside a customer's in what a conversation is about
_VOICE = {"customer": CUSTOMER, "agent": AGENT, "bot": AGENT, "system": SYSTEM}
_WINDOW = 900  # characters that fit an encoder's 256 tokens
_NEXT_SPACE = 60


@dataclass(frozen=True)
class Pieces:
    """All that was said, in order, cut into pieces that an encoder reads whole.

    `owners` `(n_pieces,)`: the row of the conversation, ascending; `turn_indexes`; `voices`: a code
    into `VOICES`; `vectors` `(n_pieces, d)`, of length 1.
    """

    owners: NDArray[np.intp]
    turn_indexes: NDArray[np.int32]
    voices: NDArray[np.int8]
    vectors: Vectors

    def of_rows(self, kept: NDArray[np.bool_]) -> Pieces:
        """The pieces of the conversations where `kept` is true, rows counted anew."""
        of_kept = kept[self.owners]
        row = np.cumsum(kept) - 1
        return Pieces(
            row[self.owners[of_kept]].astype(np.intp),
            self.turn_indexes[of_kept],
            self.voices[of_kept],
            self.vectors[of_kept],
        )


@dataclass(frozen=True)
class Conversations:
    """Conversations in the order of `ids` (sorted), seen in several views.

    `texts`: of each voice (customer, agent with bot, system) all it said, "" for nothing. `vectors`:
    `(n, d)`, the mean of the customer's turns, the first statement of the need, the mean of the
    agents' turns, each of length 1; zero where there are no words. `pieces`: the turns one by one.
    """

    ids: pl.Series
    texts: dict[str, list[str]]
    vectors: dict[str, Vectors]
    pieces: Pieces

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, kept: NDArray[np.bool_]) -> Conversations:
        """The conversations where `kept` is true."""
        where = np.flatnonzero(kept).tolist()
        return Conversations(
            self.ids.gather(where),
            {name: [texts[i] for i in where] for name, texts in self.texts.items()},
            {name: vectors[where] for name, vectors in self.vectors.items()},
            self.pieces.of_rows(kept),
        )

    def with_view(self, name: str, vectors: Vectors) -> Conversations:
        """The same conversations with one more view, `(n, d)`."""
        return replace(self, vectors={**self.vectors, name: vectors})

    def joined(self) -> Vectors:
        """All views of the words side by side `(n, d)`, of length 1; zero where nothing was said."""
        parts = [self.vectors[NEED], self.vectors[CUSTOMER], _AGENT_SHARE * self.vectors[AGENT]]
        return to_unit(np.hstack(parts))


def describe_conversations(
    conversations: pl.LazyFrame, turns: pl.LazyFrame, encode: Callable[[Sequence[str]], Vectors]
) -> Conversations:
    """Every conversation in its views; those without turns are there too."""
    ids = conversations.select("conversation_id").sort("conversation_id").collect()["conversation_id"]
    said = (
        turns.filter(pl.col("text").str.strip_chars() != "")
        .join(conversations.select("conversation_id"), on="conversation_id", how="semi")
        .select("conversation_id", "turn_index", "speaker", "text")
        .sort("conversation_id", "turn_index")
        .collect()
        .with_columns(voice=pl.col("speaker").replace_strict(_VOICE, return_dtype=pl.String))
    )
    pieces = _pieces(said, ids, encode)
    vectors = {
        voice: _mean_vectors(pieces, pieces.voices == VOICES.index(voice), len(ids))
        for voice in (CUSTOMER, AGENT)
    }
    needs = customer_needs(said).with_columns(turn_index=0, voice=pl.lit(CUSTOMER))
    stated = _pieces(needs, ids, encode)
    vectors[NEED] = _mean_vectors(stated, np.ones(len(stated.owners), dtype=bool), len(ids))
    texts = {voice: _joined(said.filter(pl.col("voice") == voice), ids) for voice in VOICES}
    return Conversations(ids, texts, vectors, pieces)


def _joined(said: pl.DataFrame, ids: pl.Series) -> list[str]:
    texts = said.group_by("conversation_id").agg(pl.col("text").str.join("\n"))
    frame = pl.DataFrame({"conversation_id": ids}).join(
        texts, on="conversation_id", how="left", validate="1:1", maintain_order="left"
    )
    return frame["text"].fill_null("").to_list()


def _pieces(said: pl.DataFrame, ids: pl.Series, encode: Callable[[Sequence[str]], Vectors]) -> Pieces:
    """The pieces of rows (conversation_id, turn_index, voice, text), which are sorted."""
    position = {conversation_id: i for i, conversation_id in enumerate(ids)}
    owners, indexes, voices, pieces = [], [], [], []
    rows = said.select("conversation_id", "turn_index", "voice", "text").iter_rows()
    for conversation_id, turn_index, voice, text in rows:
        cut = pieces_of(text)
        pieces += cut
        owners += [position[conversation_id]] * len(cut)
        indexes += [turn_index] * len(cut)
        voices += [VOICES.index(voice)] * len(cut)
    return Pieces(
        np.array(owners, dtype=np.intp),
        np.array(indexes, dtype=np.int32),
        np.array(voices, dtype=np.int8),
        encode(pieces),
    )


def _mean_vectors(pieces: Pieces, kept: NDArray[np.bool_], n_rows: int) -> Vectors:
    """Unit mean of the vectors of each conversation's pieces that are kept `(n_rows, d)`."""
    from scipy.sparse import csr_matrix

    where = np.flatnonzero(kept)
    ones = np.ones(len(where), dtype=np.float32)
    pooling = csr_matrix((ones, (pieces.owners[where], where)), shape=(n_rows, len(pieces.owners)))
    return to_unit(pooling @ pieces.vectors)


def to_unit(vectors: NDArray[Any]) -> Vectors:
    """Rows of length 1; zero rows stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)


def pieces_of(text: str) -> list[str]:
    """A text cut at spaces into pieces of about 900 characters, which an encoder reads whole."""
    pieces = []
    while len(text) > _WINDOW:
        at = text.rfind(" ", _WINDOW - _NEXT_SPACE, _WINDOW)
        at = at if at > 0 else _WINDOW
        pieces.append(text[:at])
        text = text[at:].lstrip()
    return [*pieces, text] if text else pieces
