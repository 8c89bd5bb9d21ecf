"""The `cxm` command: single tasks for a person at a terminal or a script.

Commands are thin shells over public functions and load lazily, so that `cxm --help` stays fast.
Add a command as a function in the module of its kind and a line below. No calculation here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cyclopts import App

from cxm import __version__
from cxm.entry import run_app, show_progress

app = App(
    name="cxm",
    version=__version__,
    help="Contact-center analytics: validate and import tables, run and score tasks, ask single questions.",
    help_epilogue="Example: cxm run sentiment --data data --out out && cxm score sentiment --data data",
)


@dataclass(frozen=True)
class _Command:
    """A command that loads when it is called; one without an example is a group with its own."""

    target: str
    name: str
    help: str
    example: str | None = None


_GROUPS = {
    "Tables": (
        _Command(
            "data:tables",
            "tables",
            "The data dictionary: every table, column, unit and rule.",
            "cxm tables --json",
        ),
        _Command(
            "data:import_",
            "import",
            "Bring an export into a data directory; bad rows go to its quarantine with their reasons.",
            "cxm import csv tickets.csv --to data --mapping tickets.toml",
        ),
        _Command(
            "data:validate",
            "validate",
            "List every problem of the tables in a directory; exit 1 if there is any.",
            "cxm validate data",
        ),
        _Command("labels:labels", "labels", "Send labels out for review and take them back."),
    ),
    "Tasks": (
        _Command(
            "tasks:tasks",
            "tasks",
            "The tasks: question, tables needed and written, metrics.",
            "cxm tasks --json",
        ),
        _Command("tasks:run", "run", "Run a task and write its result tables."),
        _Command("tasks:score", "score", "Score a task's results beside a naive method."),
    ),
    "Single questions": (
        _Command(
            "searches:search",
            "search",
            "Find the articles that answer a question.",
            'cxm search "how do I return a faulty drill" --data data',
        ),
        _Command(
            "shots:intent",
            "intent",
            "Why would a customer say this?",
            'cxm intent "my parcel never came" --data data',
        ),
        _Command(
            "shots:sentiment",
            "sentiment",
            "How does this text feel?",
            'cxm sentiment "third call and still no refund"',
        ),
        _Command(
            "shots:reply",
            "reply",
            "Prepare the next reply of a conversation.",
            "cxm reply conversation.jsonl --data data",
        ),
        _Command(
            "shots:show", "show", "A conversation with what was found in it.", "cxm show c-00017 --data data"
        ),
        _Command(
            "lookalikes:lookalike",
            "lookalike",
            "Customers most like a given set.",
            "cxm lookalike --seed ids.csv --data data",
        ),
        _Command("findings:kb", "kb", "Review findings in the knowledge base."),
    ),
}
for _group, _commands in _GROUPS.items():
    for _command in _commands:
        _more = {"help_epilogue": f"Example: {_command.example}"} if _command.example else {}
        app.command(
            f"cxm.cli.{_command.target}", name=_command.name, help=_command.help, group=_group, **_more
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 row-level problems, 2 the call cannot be answered."""
    show_progress()
    sys.exit(run_app(app, "cxm", arguments))
