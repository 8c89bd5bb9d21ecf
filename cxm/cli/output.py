"""How commands print: JSON for a program, a plain table for a person.

The only place that formats for a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from cxm.errors import CxmError

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON and nothing else.")]
Data = Annotated[Path, Parameter(help="Data directory; it is never written to.")]
Out = Annotated[Path, Parameter(help="Output directory.")]
# Every command takes --out, so that a script can pass it to all of them.
UnusedOut = Annotated[Path, Parameter(name="--out", show=False)]
OUT = Path("out")

_WIDTH_WITHOUT_TERMINAL = 160


def print_json(value: Any) -> None:
    """Print JSON on stdout, times in ISO format."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Print records as an aligned table; nothing where there are none."""
    if not rows:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(columns or rows[0])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        is_number = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in names))
    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    Console(width=width, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def note(message: str) -> None:
    """One line on stderr: progress or a remark, never part of the answer."""
    print(message, file=sys.stderr)


def answer_without_command(group: App) -> None:
    """Say in a line which commands a group has, where none is named or one that is not there."""

    @group.default
    def which(*words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
        """What happens without a command."""
        legal = [name for name in group if not name.startswith("-")]
        given = f"'{words[0]}'" if words else "nothing"
        name = group.name[0]
        raise CxmError(f"cxm {name} takes {' or '.join(legal)}, not {given}; see `cxm {name} --help`")
