"""The `cxm` command: single tasks for a person at a terminal or a script.

Commands are thin shells over public functions and load lazily, so that `cxm --help` stays fast.
Add a command as a function in the module of its kind and a line below. No calculation here.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from cxm import __version__
from cxm.errors import CxmError

app = App(
    name="cxm",
    version=__version__,
    help="Contact-center analytics: validate and import tables, run and score tasks, ask single questions.",
    help_epilogue="Example: cxm run sentiment --data data --out out && cxm score sentiment --data data",
)
_DATA, _TASKS, _SHOTS = "Tables", "Tasks", "Single questions"
for _target, _name, _group, _help in (
    ("cxm.cli.data:tables", "tables", _DATA, "The data dictionary: every table, column, unit and rule."),
    ("cxm.cli.data:import_", "import", _DATA, "Bring an export into a data directory."),
    ("cxm.cli.data:validate", "validate", _DATA, "List every problem of the tables in a directory."),
    ("cxm.cli.data:labels", "labels", _DATA, "Send labels out for review and take them back."),
    ("cxm.cli.tasks:tasks", "tasks", _TASKS, "The tasks: question, tables needed and written, metrics."),
    ("cxm.cli.tasks:run", "run", _TASKS, "Run a task and write its result tables."),
    ("cxm.cli.tasks:score", "score", _TASKS, "Score a task's results beside a naive method."),
    ("cxm.cli.shots:search", "search", _SHOTS, "Find the articles that answer a question."),
    ("cxm.cli.shots:intent", "intent", _SHOTS, "Why would a customer say this?"),
    ("cxm.cli.shots:sentiment", "sentiment", _SHOTS, "How does this text feel?"),
    ("cxm.cli.shots:reply", "reply", _SHOTS, "Prepare the next reply of a conversation."),
    ("cxm.cli.shots:show", "show", _SHOTS, "A conversation with what was found in it."),
    ("cxm.cli.shots:lookalike", "lookalike", _SHOTS, "Customers most like a given set."),
    ("cxm.cli.shots:kb", "kb", _SHOTS, "Review findings in the knowledge base."),
):
    app.command(_target, name=_name, help=_help, group=_group)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 row-level problems, 2 the call cannot be answered."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("cxm").setLevel(logging.INFO)
    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        _fail(f"{_without_stop(str(error))}; see `cxm --help`", 2)
    except CxmError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 2)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    print("cxm: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _without_stop(sentence: str) -> str:
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")
