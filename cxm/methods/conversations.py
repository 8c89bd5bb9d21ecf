"""A conversation in several views: what the customer needs, what agents replied, what systems did.

What a task learns from them belongs in the task; how turns become features belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.dialogues import customer_needs

Vectors = NDArray[np.float32]

CUSTOMER, NEED, AGENT, SYSTEM = "customer", "need", "agent", "system"
_VOICE = {"customer": CUSTOMER, "agent": AGENT, "bot": AGENT, "system": SYSTEM}
_WINDOW = 900  # characters that fit an encoder's 256 tokens
_NEXT_SPACE = 60


@dataclass(frozen=True)
class Conversations:
    """Conversations in the order of `ids` (sorted), seen in several views.

    `texts`: of each voice (customer, agent with bot, system) all it said, "" for nothing. `vectors`:
    `(n, d)`, the mean of the customer's turns, the first statement of the need, the mean of the
    agents' turns, each of length 1; zero where there are no words.
    """

    ids: pl.Series
    texts: dict[str, list[str]]
    vectors: dict[str, Vectors]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, kept: NDArray[np.bool_]) -> Conversations:
        """The conversations where `kept` is true."""
        where = np.flatnonzero(kept).tolist()
        return Conversations(
            self.ids.gather(where),
            {name: [texts[i] for i in where] for name, texts in self.texts.items()},
            {name: vectors[where] for name, vectors in self.vectors.items()},
        )


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
    vectors = {
        voice: _mean_vectors(said.filter(pl.col("voice") == voice), ids, encode)
        for voice in (CUSTOMER, AGENT)
    }
    vectors[NEED] = _mean_vectors(customer_needs(said), ids, encode)
    texts = {
        voice: _joined(said.filter(pl.col("voice") == voice), ids) for voice in (CUSTOMER, AGENT, SYSTEM)
    }
    return Conversations(ids, texts, vectors)


def _joined(said: pl.DataFrame, ids: pl.Series) -> list[str]:
    texts = said.group_by("conversation_id").agg(pl.col("text").str.join("\n"))
    frame = pl.DataFrame({"conversation_id": ids}).join(
        texts, on="conversation_id", how="left", validate="1:1", maintain_order="left"
    )
    return frame["text"].fill_null("").to_list()


def _mean_vectors(said: pl.DataFrame, ids: pl.Series, encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """Unit mean of the vectors of all pieces that an encoder can hold `(n_ids, d)`."""
    position = {conversation_id: i for i, conversation_id in enumerate(ids)}
    owners, pieces = [], []
    for conversation_id, text in said.select("conversation_id", "text").iter_rows():
        cut = pieces_of(text)
        pieces += cut
        owners += [position[conversation_id]] * len(cut)
    encoded = encode(pieces)
    mean = np.zeros((len(ids), encoded.shape[1]), dtype=np.float32)
    np.add.at(mean, owners, encoded)
    unit: Vectors = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    return unit


def pieces_of(text: str) -> list[str]:
    """A text cut at spaces into pieces of about 900 characters, which an encoder reads whole."""
    pieces = []
    while len(text) > _WINDOW:
        at = text.rfind(" ", _WINDOW - _NEXT_SPACE, _WINDOW)
        at = at if at > 0 else _WINDOW
        pieces.append(text[:at])
        text = text[at:].lstrip()
    return [*pieces, text] if text else pieces
