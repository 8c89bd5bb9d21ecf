"""Articles to passages: pieces short enough for one vector, each with its heading.

How an article is cut and what of its title and section each piece carries belongs here. Cleaning
markup is in `cxm.methods.documents`, keeping and searching the pieces in `cxm.index`.
"""

from __future__ import annotations

import polars as pl

from cxm.methods.documents import plain_text, sentences

SCHEMA = {
    "article_id": pl.String,
    "passage_index": pl.Int32,
    "title": pl.String,
    "section": pl.String,
    "text": pl.String,
}

# About 90 tokens: longer pieces hold more than one subject, and their vector none of them.
PASSAGE_CHARACTERS = 400


def cut_text(text: str, size: int = PASSAGE_CHARACTERS) -> list[str]:
    """Consecutive sentences packed into pieces of at most `size` characters; empty text gives [""].

    A sentence that alone is longer is cut at a space, or anywhere if it has none.
    """
    pieces: list[str] = []
    piece = ""
    for sentence in sentences(text):
        for part in _cut_long(sentence, size):
            if piece and len(piece) + 1 + len(part) > size:
                pieces.append(piece)
                piece = ""
            piece = f"{piece}\n{part}" if piece else part
    return [*pieces, piece] if piece or not pieces else pieces


def _cut_long(sentence: str, size: int) -> list[str]:
    parts = []
    while len(sentence) > size:
        end = sentence.rfind(" ", 1, size + 1)
        end = end if end > 0 else size
        parts.append(sentence[:end].strip())
        sentence = sentence[end:].strip()
    return [*parts, sentence] if sentence else parts


def cut_articles(articles: pl.DataFrame, size: int = PASSAGE_CHARACTERS) -> pl.DataFrame:
    """Passages of every article, sorted by article and place in it; an empty one has one empty passage."""
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA}
    rows = articles.sort("article_id").select("article_id", "title", "section", "body", "body_format")
    for article_id, title, section, body, body_format in rows.iter_rows():
        heading = plain_text(title).replace("\n", " ")
        path = section_path(section, heading)
        for i, text in enumerate(cut_text(plain_text(body, body_format), size)):
            for name, value in zip(SCHEMA, (article_id, i, heading, path, text), strict=True):
                columns[name].append(value)
    return pl.DataFrame(columns, schema=SCHEMA)


def section_path(section: str | None, title: str) -> str:
    """The section's steps as clean text, without the last one where it only repeats the title."""
    steps = [plain_text(step).replace("\n", " ") for step in (section or "").split(">")]
    steps = [step for step in steps if step]
    if steps and steps[-1].casefold() == title.casefold():
        steps.pop()
    return " > ".join(steps)


def embedded_texts(passages: pl.DataFrame) -> list[str]:
    """What is encoded for each passage: title, section path and text, one a line."""
    parts = passages.select("title", "section", "text").iter_rows()
    return ["\n".join(part for part in row if part) for row in parts]
