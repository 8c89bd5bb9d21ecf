"""Marked-up documents to clean text, and clean text to sentences.

What is said of a document's form belongs here; cutting it into passages for search is in
`cxm.methods.passages`.
"""

from __future__ import annotations

import re
import unicodedata

_BLOCKS = (
    "address,article,blockquote,br,dd,div,dl,dt,figure,footer,form,h1,h2,h3,h4,h5,h6,header,hr,li,ol,p,"
    "pre,section,table,tr,ul"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile(r"[ \t\u00a0]+")
_EMPTY_LINES = re.compile(r"\n\s*\n+")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|etc|vs|Mr|Mrs|Ms|Dr|Inc|Ltd|No|St|approx)\.$")
_TAIL = 16
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


def plain_text(body: str, body_format: str = "text") -> str:
    """The words of a document, one block a line, without markup or control characters.

    `body_format` is `text`, `markdown` or `html`; an empty body gives an empty text.
    """
    if body_format == "markdown":
        from markdown_it import MarkdownIt

        # Raw HTML inside Markdown is passed on and then stripped like any other markup.
        body = MarkdownIt("commonmark").enable("table").render(body)
    if body_format in ("markdown", "html"):
        body = _strip_html(body)
    text = unicodedata.normalize("NFC", _CONTROL.sub(" ", body))
    lines = (_SPACES.sub(" ", line).strip() for line in text.splitlines())
    return _EMPTY_LINES.sub("\n", "\n".join(lines)).strip()


def _strip_html(markup: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(markup)
    tree.strip_tags(["script", "style", "template", "noscript", "head"])
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    for node in tree.css("td,th"):
        node.insert_after(" ")
    return tree.root.text(deep=True) if tree.root else ""


def sentences(text: str) -> list[str]:
    """The sentences of a clean text, in order; a line end always ends one. Empty text gives []."""
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for end in _END.finditer(line):
            # Only the tail can be an abbreviation; a whole line of them must not be read again and again.
            tail = line[max(start, end.start() - _TAIL) : end.start()]
            if _ABBREVIATION.search(tail.rstrip("\"')]")):
                continue
            found.append(line[start : end.start()].strip())
            start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]
