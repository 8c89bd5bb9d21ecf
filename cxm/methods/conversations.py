"""A conversation as one text and one vector, from the turns that carry the customer's need.

What a task learns from it belongs in the task; how turns become features belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def customer_turns(turns: pl.LazyFrame, conversation_ids: pl.LazyFrame) -> pl.DataFrame:
    """Customers' turns with words in them, in order: conversation_id, turn_index, text."""
    return (
        turns.filter((pl.col("speaker") == "customer") & (pl.col("text").str.strip_chars() != ""))
        .join(conversation_ids.select("conversation_id"), on="conversation_id", how="semi")
        .select("conversation_id", "turn_index", "text")
        .sort("conversation_id", "turn_index")
        .collect()
    )


def describe_conversations(
    conversations: pl.LazyFrame, turns: pl.LazyFrame, encode: Callable[[Sequence[str]], Vectors]
) -> tuple[pl.DataFrame, Vectors]:
    """Every conversation's customer text, and its vector `(n_conversations, 2 d)`.

    The frame has conversation_id (sorted) and text (empty where the customer said nothing). The
    vector joins the first customer turn and the mean of all, each a unit vector (zero without
    words): the reason is mostly stated first, but not always.
    """
    ids = conversations.select("conversation_id").sort("conversation_id").collect()
    said = customer_turns(turns, conversations)
    vectors = encode(said["text"].to_list())
    texts = said.group_by("conversation_id").agg(pl.col("text").str.join("\n"))
    frame = ids.join(texts, on="conversation_id", how="left", validate="1:1").with_columns(
        pl.col("text").fill_null("")
    )
    position = pl.DataFrame({"conversation_id": ids["conversation_id"]}).with_row_index("position")
    owner = (
        said.select("conversation_id")
        .join(position, on="conversation_id", how="left", validate="m:1", maintain_order="left")["position"]
        .to_numpy()
    )
    n_dimensions = vectors.shape[1]
    mean = np.zeros((ids.height, n_dimensions), dtype=np.float32)
    np.add.at(mean, owner, vectors)
    first = np.zeros_like(mean)
    owners, first_rows = np.unique(owner, return_index=True)
    first[owners] = vectors[first_rows]
    return frame, np.hstack([_unit(first), _unit(mean)])


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
