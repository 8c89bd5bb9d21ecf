"""Queries made out of the knowledge base itself, of several kinds, each with the article it came from.

They stand in for people's queries where none are labelled. A further kind of query belongs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from cxm.methods.dialogues import content_words
from cxm.methods.documents import plain_text, sentences

SCHEMA: dict[str, Any] = {
    "query_id": pl.String,
    "kind": pl.String,
    "text": pl.String,
    "article_ids": pl.List(pl.String),
}

KINDS = ("question", "keywords", "claim", "symptom")
_OPENINGS = ("How", "What about", "When", "Can I", "Do you", "Is it true that")
_FRAMES = ("is it right that {}", "I heard: {}", "{} - is that so?")
_LEAST_WORDS = 4
_MAX_WORDS = 30
_KEPT_SHARE = 0.6
_SLIP_SHARE = 0.15


def make_queries(articles: pl.DataFrame, n_queries: int, seed: int) -> pl.DataFrame:
    """At most `n_queries` queries, one an article and of each kind as many; columns of `SCHEMA`.

    Question: a sentence with words left out and an opening; keywords: a few of its words of content;
    claim: the sentence as somebody asks whether it is true; symptom: what is quoted in an article, or
    the title in other order. Some words have a slip of the pen. A sentence that several articles
    share names none of them, and is passed over, as are articles without a sentence of a few words.
    """
    generator = np.random.default_rng(seed)
    rows = articles.sort("article_id").select("article_id", "title", "body", "body_format").rows()
    chosen = np.sort(generator.permutation(len(rows))[: 2 * n_queries])
    texts = {int(i): sentences(plain_text(rows[i][2], rows[i][3])) for i in chosen}
    owners: dict[str, int] = {}
    for said in texts.values():
        for sentence in set(said):
            owners[sentence] = owners.get(sentence, 0) + 1
    made: list[tuple[str, str, str, list[str]]] = []
    for i, said in texts.items():
        own = [s for s in said if owners[s] == 1 and _LEAST_WORDS <= len(s.split()) <= _MAX_WORDS]
        if not own or len(made) >= n_queries:
            continue
        kind = KINDS[len(made) % len(KINDS)]
        sentence = own[int(generator.integers(len(own)))]
        text = _slip(_make(kind, rows[i][1], sentence, said, generator), generator)
        if content_words(text):
            made.append((f"made_{len(made):05}", kind, text, [rows[i][0]]))
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


def _make(kind: str, title: str, sentence: str, said: Sequence[str], generator: Any) -> str:
    words = sentence.rstrip(".!?").split()
    if kind == "claim":
        return _FRAMES[int(generator.integers(len(_FRAMES)))].format(sentence.rstrip("."))
    if kind == "symptom":
        quoted = [s.split('"')[1] for s in said if s.count('"') >= 2 and len(s.split('"')[1].split()) > 2]
        if quoted:
            return quoted[int(generator.integers(len(quoted)))]
    if kind == "keywords":
        content = content_words(f"{title} {sentence}") or words
        drawn = np.sort(generator.permutation(len(content))[: int(generator.integers(2, 6))])
        return " ".join(content[k] for k in drawn)
    kept = [word for word in words if generator.random() < _KEPT_SHARE] or words[:1]
    opening = _OPENINGS[int(generator.integers(len(_OPENINGS)))]
    return f"{opening} {' '.join(kept)}?" if kind == "question" else " ".join(kept)


def _slip(text: str, generator: Any) -> str:
    """The text, now and then with two letters of a longer word swapped."""
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word) > _LEAST_WORDS and word.isalpha()]
    if long and generator.random() < _SLIP_SHARE:
        i = long[int(generator.integers(len(long)))]
        at = int(generator.integers(1, len(words[i]) - 2))
        word = words[i]
        words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
