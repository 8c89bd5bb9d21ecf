"""HTML and Markdown to lines: headings with their level, table rows as readable text.

What markup means for the order and kind of lines belongs here. What is done with clean lines is in
`cxm.methods.documents`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BLOCKS = (
    "address,article,blockquote,br,dd,div,dl,dt,figcaption,figure,footer,form,header,hr,li,main,nav,ol,p,"
    "pre,section,summary,table,ul"
)
_HEADINGS = "h1,h2,h3,h4,h5,h6"
_UNREAD = ["script", "style", "template", "noscript", "head"]
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)[^<>]*>")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track"}
_VOID |= {"wbr", "p", "li"}
# A browser stops at some depth too; building the tree is quadratic in it.
_MAX_DEPTH = 500
_MAX_SPAN = 50
_MAX_ROW = 1000
_SENTENCE_ENDS = (".", "!", "?")

# What stands for structure in the text of a tree: none of these can come from a document, whose
# control characters are taken out first.
_LINE, _HEADING, _TABLE, _TABLE_END, _ROW, _CELL, _HEAD_CELL = "\n\x01\x02\x03\x04\x05\x06"
_MARK = re.compile(r"([\n\x01\x02\x03\x04\x05\x06])(?:(\d+),(\d+)\x07)?")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Line:
    """A line of text; `level` is 1 to 6 for a heading, else 0."""

    text: str
    level: int = 0


def read_markdown(body: str) -> list[Line]:
    """The lines of a CommonMark text with tables; raw HTML in it is read like any other markup."""
    from markdown_it import MarkdownIt

    return read_html(MarkdownIt("commonmark").enable("table").render(body))


def read_html(markup: str) -> list[Line]:
    """The lines of a page, without scripts and styles; a row of a table is one line.

    Time is linear in the length, whatever is nested or left open: where more is open at once than
    any page needs, tags are only taken out.
    """
    if _depth(markup) > _MAX_DEPTH:
        return _lines(_TAG.sub(_LINE, markup))
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(markup)
    tree.strip_tags(_UNREAD)
    for node in tree.css(_BLOCKS):
        is_table = node.tag == "table"
        node.insert_before(_TABLE if is_table else _LINE)
        node.insert_after(_TABLE_END if is_table else _LINE)
    for node in tree.css(_HEADINGS):
        node.insert_before(f"{_HEADING}{(node.tag or 'h1')[1]},0\x07")
        node.insert_after(_LINE)
    for node in tree.css("tr"):
        node.insert_before(_ROW)
    for node in tree.css("td,th"):
        spans = ",".join(str(_span(node.attributes.get(name))) for name in ("colspan", "rowspan"))
        node.insert_before(f"{_CELL if node.tag == 'td' else _HEAD_CELL}{spans}\x07")
    return _lines(tree.root.text(deep=True) if tree.root else "")


def _depth(markup: str) -> int:
    """The most elements that are open at once, those that end by themselves apart."""
    depth = most = 0
    for closing, name in _TAG.findall(markup):
        if closing:
            depth = max(0, depth - 1)
        elif name.lower() not in _VOID:
            depth += 1
            most = max(most, depth)
    return most


def _span(value: str | None) -> int:
    return min(_MAX_SPAN, max(1, int(value))) if value and value.isascii() and value.isdigit() else 1


@dataclass
class _Cell:
    is_head: bool
    n_columns: int
    n_rows: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return ", ".join(self.lines)


def _lines(marked: str) -> list[Line]:
    """Marked text to lines. Only the outermost of nested tables is read as rows."""
    found: list[Line] = []
    rows: list[list[_Cell]] = []
    depth = level = at = 0
    for mark in [*_MARK.finditer(marked), None]:
        text = _SPACES.sub(" ", marked[at : mark.start() if mark else len(marked)]).strip()
        if text and depth and rows and rows[-1]:
            rows[-1][-1].lines.append(text)
        elif text:
            found.append(Line(text, level))
        if mark is None:
            break
        at, level = mark.end(), 0
        kind = mark.group(1)
        if kind == _HEADING:
            level = int(mark.group(2) or 1)
        elif kind == _TABLE:
            depth += 1
        elif kind == _TABLE_END and depth:
            depth -= 1
            if not depth:
                found += [Line(line) for line in _read_rows(rows)]
                rows = []
        elif kind == _ROW and depth == 1:
            rows.append([])
        elif kind in (_CELL, _HEAD_CELL) and depth == 1 and rows:
            rows[-1].append(_Cell(kind == _HEAD_CELL, int(mark.group(2) or 1), int(mark.group(3) or 1)))
    return found + [Line(line) for line in _read_rows(rows)]


def _read_rows(rows: list[list[_Cell]]) -> list[str]:
    """Rows as `Header: value; Header: value`; without a row of headers as `first: second`.

    A cell that is a sentence stands in a line of its own, so that it is read like any other sentence;
    what only counts the rows is left out. What is too long for a row of facts is a layout, whose
    cells are lines of their own.
    """
    lines: list[str] = []
    heads: list[str] = []
    hanging: dict[int, tuple[int, _Cell]] = {}
    n_read = 0
    for cells in rows:
        if sum(len(line) for cell in cells for line in cell.lines) > _MAX_ROW:
            lines += [line for cell in cells for line in cell.lines]
            continue
        columns = _columns(cells, hanging)
        if len(cells) > 1 and all(cell.is_head for cell in cells):
            heads = columns
            continue
        n_read += 1
        named = [*heads[: len(columns)], *[""] * (len(columns) - len(heads))]
        pairs = [(head, value) for head, value in zip(named, columns, strict=True) if value]
        facts = [(head, value) for head, value in pairs if not value.endswith(_SENTENCE_ENDS)]
        counted = facts and facts[0][1].rstrip(".)") == str(n_read) and len(pairs) > 1
        facts = facts[1:] if counted else facts
        said = [value for _, value in pairs if value.endswith(_SENTENCE_ENDS)]
        # Before a sentence a single cell is its heading; what its column is called adds nothing.
        lines += [facts[0][1] if said and len(facts) == 1 else _fact_line(facts), *said]
    return [line for line in lines if line] or ["; ".join(head for head in heads if head)]


def _fact_line(facts: list[tuple[str, str]]) -> str:
    if any(head for head, _ in facts):
        return "; ".join(f"{head}: {value}" if head else value for head, value in facts)
    values = list(dict.fromkeys(value for _, value in facts))
    return ": ".join(values) if len(values) == 2 else "; ".join(values)


def _columns(cells: list[_Cell], hanging: dict[int, tuple[int, _Cell]]) -> list[str]:
    """The text of each column of a row, with cells that hang over from rows above."""
    columns: list[str] = []
    waiting = list(cells)
    while waiting or len(columns) in hanging:
        left, cell = hanging.pop(len(columns), (0, None)) if len(columns) in hanging else (0, None)
        if cell is None:
            cell = waiting.pop(0)
            left = cell.n_rows
        if left > 1:
            hanging[len(columns)] = (left - 1, cell)
        columns += [cell.text] * cell.n_columns
    return columns
