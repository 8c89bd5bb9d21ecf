"""Why a conversation was given its intent: the words of the turn that decided.

Which turn decided is found by `cxm.methods.prototypes`; words that tell intents apart by
`cxm.methods.discovery`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

_WORD = re.compile(r"[^\W\d_]{3,}")
_MOST_WORDS = 4


def deciding_words(text: str, weights: Mapping[str, float]) -> list[str]:
    """The up to four words of `text` that tell its intent best, heaviest first; none known gives []."""
    said = {word for word in _WORD.findall(text.lower()) if word in weights}
    return sorted(said, key=lambda word: (-weights[word], word))[:_MOST_WORDS]


def explain(
    decided: pl.DataFrame, turns: pl.LazyFrame, words: Mapping[str, Mapping[str, float]]
) -> pl.DataFrame:
    """Columns conversation_id, deciding_turn_index, deciding_words of conversations with a turn.

    `decided` has conversation_id, intent, turn_index; `words` of each intent how much a word tells it.
    """
    rows = decided.join(
        turns.select("conversation_id", "turn_index", "text").collect(),
        on=["conversation_id", "turn_index"],
        how="inner",
        validate="1:1",
        maintain_order="left",
    )
    found: Sequence[list[str]] = [
        deciding_words(text, words.get(intent, {})) for intent, text in rows.select("intent", "text").rows()
    ]
    return rows.select(
        "conversation_id",
        deciding_turn_index=pl.col("turn_index").cast(pl.Int32),
        deciding_words=pl.Series(found, dtype=pl.List(pl.String)),
    )
