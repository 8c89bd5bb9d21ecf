"""Articles to passages: pieces short enough for one vector, each with its heading.

How an article is cut and what of its title and section each piece carries belongs here. Cleaning
markup is in `cxm.methods.documents`, keeping and searching the pieces in `cxm.index`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from cxm.methods.documents import plain_text, read_lines, sentence_spans
from cxm.methods.markup import Line

SCHEMA = {
    "article_id": pl.String,
    "passage_index": pl.Int32,
    "title": pl.String,
    "section": pl.String,
    "text": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
}

# About 90 tokens: longer pieces hold more than one subject, and their vector none of them.
PASSAGE_CHARACTERS = 400


def cut_text(text: str, size: int = PASSAGE_CHARACTERS) -> list[str]:
    """Consecutive sentences packed into pieces of at most `size` characters; empty text gives [""].

    A sentence that alone is longer is cut at a space, or anywhere if it has none.
    """
    return [text[start:end] for start, end in passage_spans(text, size)] or [""]


def passage_spans(text: str, size: int = PASSAGE_CHARACTERS) -> list[tuple[int, int]]:
    """Where the pieces of a clean text begin and end, in characters; empty text gives none."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        for part in _cut_long(text, start, end, size):
            if spans and part[1] - spans[-1][0] <= size:
                spans[-1] = (spans[-1][0], part[1])
            else:
                spans.append(part)
    return spans


def _cut_long(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    while end - start > size:
        space = text.rfind(" ", start + 1, start + size + 1)
        cut = space if space > 0 else start + size
        yield start, start + len(text[start:cut].rstrip())
        start = cut + (text[cut] == " ")  # A clean text has no two spaces in a row.
    if start < end:
        yield start, end


def cut_articles(articles: pl.DataFrame, size: int = PASSAGE_CHARACTERS) -> pl.DataFrame:
    """Passages of every article, sorted by article and place in it; an empty one has one empty passage.

    A heading ends a passage and becomes a step of the section path of what follows it. `start` and
    `end` are characters of the article's clean text (`plain_text`), whose slice a passage's text is.
    """
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA}
    rows = articles.sort("article_id").select("article_id", "title", "section", "body", "body_format")
    for article_id, title, section, body, body_format in rows.iter_rows():
        heading = plain_text(title).replace("\n", " ")
        pieces = _cut_lines(read_lines(body, body_format), size)
        for i, (headings, text, start, end) in enumerate(pieces or [([], "", 0, 0)]):
            path = section_path(section, heading, headings)
            for name, value in zip(SCHEMA, (article_id, i, heading, path, text, start, end), strict=True):
                columns[name].append(value)
    return pl.DataFrame(columns, schema=SCHEMA)


def _cut_lines(lines: Sequence[Line], size: int) -> list[tuple[list[str], str, int, int]]:
    """Headings above, text, start and end of each piece; a heading with nothing below it is a piece."""
    pieces: list[tuple[list[str], str, int, int]] = []
    above: list[Line] = []
    block: list[str] = []
    offset = at = 0
    is_bare = False
    for line in [*lines, Line("", 1)]:
        if line.level:
            text = "\n".join(block)
            path = [step.text for step in above]
            pieces += [(path, text[s:e], at + s, at + e) for s, e in passage_spans(text, size)]
            if is_bare and not block and (not line.text or line.level <= above[-1].level):
                bare = above[-1].text
                pieces += [
                    (path[:-1], bare[s:e], at - len(bare) - 1 + s, at - len(bare) - 1 + e)
                    for s, e in passage_spans(bare, size)
                ]
            above = [*(step for step in above if step.level < line.level), line]
            block, at, is_bare = [], offset + len(line.text) + 1, True
        else:
            block.append(line.text)
        offset += len(line.text) + 1
    return pieces


def section_path(section: str | None, title: str, headings: Sequence[str] = ()) -> str:
    """The section's steps and the headings below as clean text, without those that repeat the title."""
    steps = [plain_text(step).replace("\n", " ") for step in (section or "").split(">")]
    while steps and steps[-1].casefold() in ("", title.casefold()):
        steps.pop()
    steps += [step for step in headings if step.casefold() != title.casefold()]
    return " > ".join(step for step in steps if step)


def embedded_texts(passages: pl.DataFrame) -> list[str]:
    """What is encoded for each passage: title, section path and text, one a line."""
    parts = passages.select("title", "section", "text").iter_rows()
    return ["\n".join(part for part in row if part) for row in parts]
