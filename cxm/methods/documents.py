"""Marked-up documents to clean text, and clean text to sentences.

What is clean and where a sentence ends belongs here; markup is read in `cxm.methods.markup`, and
documents are cut into passages for search in `cxm.methods.passages`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from cxm.methods.markup import Line, read_html, read_markdown

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile(r"\s+")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|etc|vs|Mr|Mrs|Ms|Dr|Inc|Ltd|No|St|approx)\.$")
_TAIL = 16
# Many scripts know no capitals, and some no spaces: there any letter may begin a sentence.
_OPENING = "\"'(["
_END = re.compile(r"(?<=[.!?؟۔।])[\"')\]]*\s+(?=[\"'(\[]?[^\W_])|(?<=[。！？])(?=\w)")


def plain_text(body: str, body_format: str = "text") -> str:
    """The words of a document, one block or table row a line, without markup or control characters.

    `body_format` is `text`, `markdown` or `html`; an empty body gives an empty text.
    """
    return "\n".join(line.text for line in read_lines(body, body_format))


def read_lines(body: str, body_format: str = "text") -> list[Line]:
    """The lines of `plain_text`, none of them empty, each with its level if it is a heading."""
    text = _CONTROL.sub(" ", body)
    if body_format == "markdown":
        lines = read_markdown(text)
    elif body_format == "html":
        lines = read_html(text)
    else:
        lines = [Line(line) for line in text.splitlines()]
    cleaned = (replace(line, text=_clean(line.text)) for line in lines)
    return [line for line in cleaned if line.text]


def _clean(text: str) -> str:
    # Entities such as &#1; bring control characters back.
    return _SPACES.sub(" ", unicodedata.normalize("NFC", _CONTROL.sub(" ", text))).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a clean text, in order; a line end always ends one. Empty text gives []."""
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a clean text begin and end, in characters, without space around them."""
    found: list[tuple[int, int]] = []
    offset = 0
    for line in text.splitlines(keepends=True):
        start = 0
        for end in _END.finditer(line):
            # Only the tail can be an abbreviation; a whole line of them must not be read again and again.
            tail = line[max(start, end.start() - _TAIL) : end.start()]
            head = line[end.end() : end.end() + 2].lstrip(_OPENING)
            if head[:1].islower() or _ABBREVIATION.search(tail.rstrip("\"')]")):
                continue
            found.append((offset + start, offset + end.start()))
            start = end.end()
        found.append((offset + start, offset + len(line)))
        offset += len(line)
    trimmed = ((start, end, text[start:end]) for start, end in found)
    return [
        (end - len(part.lstrip()), start + len(part.rstrip())) for start, end, part in trimmed if part.strip()
    ]
